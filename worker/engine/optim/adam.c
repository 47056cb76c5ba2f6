/* Adam (Kingma and Ba 2015) and AMSGrad (Reddi et al. 2018), with the formulas of torch.optim.Adam; see
 * kernels/ref/update.c. */
#include "worker/engine/optim/rule.h"

enum { EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ };

static void update(rt_optimizer_part *u)
{
    const rt_optimizer_adam_values *v = u->values;
    rt_adam_shape s = {.lr = u->lr,
                       .beta1 = v->beta1,
                       .beta2 = v->beta2,
                       .eps = v->eps,
                       .weight_decay = v->weight_decay,
                       .grad_scale = u->grad_scale,
                       .step = u->t};
    u->exec->kernels->adam[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[EXP_AVG],
                                   u->state[EXP_AVG_SQ], u->state[MAX_EXP_AVG_SQ], NULL);
}

const rt_optimizer_row rt__rule_adam = {.update = update};
