/* AdamW (Loshchilov and Hutter 2019), with the formulas of torch.optim.AdamW; see
 * kernels/ref/update.c. */
#include "worker/engine/optim/rule.h"

enum { EXP_AVG, EXP_AVG_SQ };

static void update(rt_optimizer_part *u)
{
    const rt_optimizer_adamw_values *v = u->values;
    rt_adamw_shape s = {.lr = u->lr,
                        .beta1 = v->beta1,
                        .beta2 = v->beta2,
                        .eps = v->eps,
                        .weight_decay = v->weight_decay,
                        .grad_scale = u->grad_scale,
                        .step = u->t};
    u->exec->kernels->adamw[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[EXP_AVG],
                                    u->state[EXP_AVG_SQ]);
}

const rt_optimizer_row rt__rule_adamw = {.update = update};
