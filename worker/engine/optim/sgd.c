/* Stochastic gradient descent with momentum (Sutskever et al. 2013), formulas of torch.optim.SGD;
 * see kernels.def. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/optim/rule.h"

static void sgd_update(rt__range_update *u)
{
    rt_sgd_shape s = u->hyper.sgd;
    s.lr = u->lr;
    s.grad_scale = u->grad_scale;
    s.first = u->t == 1;
    u->exec->kernels->sgd[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[0]);
}

rt_optim *rt__optim_sgd(rt_module *net, rt_sgd_shape s)
{
    static const rt__rule rule = {"sgd", {"momentum_buffer"}, sgd_update};
    if (!(s.momentum >= 0 && s.momentum < 1 && s.weight_decay >= 0))
        return RT_FAIL_NULL(
            RANGE, "sgd: momentum %g, weight_decay %g: expected none below 0 and momentum below 1",
            s.momentum, s.weight_decay);
    if (s.nesterov && (s.momentum == 0 || s.dampening != 0))
        return RT_FAIL_NULL(RANGE, "sgd: .nesterov needs .momentum above 0 and no .dampening");
    return rt__optim_new(net, &rule, s.momentum > 0 ? 1 : 0, (rt__hyper){.sgd = s}, s.lr);
}

rt_optim *rt_optim_sgd_(rt_sgd_args a)
{
    if (isnan(a.lr))
        return RT_FAIL_NULL(ARG, "sgd: .lr is missing or no number: there is no default");
    return rt__optim_sgd(a.net, (rt_sgd_shape){.lr = a.lr,
                                               .momentum = a.momentum,
                                               .dampening = a.dampening,
                                               .weight_decay = a.weight_decay,
                                               .nesterov = a.nesterov});
}
