/* Stochastic gradient descent with momentum (Sutskever et al. 2013), with the formulas of
 * torch.optim.SGD; see kernels/ref/update.c. */
#include "common/base/error.h"
#include "worker/engine/optim/rule.h"

enum { MOMENTUM_BUFFER };

static void update(rt_optimizer_part *u)
{
    const rt_optimizer_sgd_values *v = u->values;
    rt_sgd_shape s = {.lr = u->lr,
                      .momentum = v->momentum,
                      .dampening = v->dampening,
                      .weight_decay = v->weight_decay,
                      .grad_scale = u->grad_scale,
                      .nesterov = v->nesterov,
                      .first = u->t == 1};
    u->exec->kernels->sgd[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[MOMENTUM_BUFFER]);
}

static rt_status check(const char *name, const void *values)
{
    const rt_optimizer_sgd_values *v = values;
    if (v->nesterov && (v->momentum == 0 || v->dampening != 0))
        return RT_FAIL(RANGE, "%s: .nesterov needs .momentum above 0 and no .dampening", name);
    return RT_OK;
}

const rt_optimizer_row rt__rule_sgd = {.update = update, .check = check};
