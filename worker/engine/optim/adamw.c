/* AdamW (Loshchilov and Hutter 2019), formulas of torch.optim.AdamW; see kernels.def. */
#include <math.h>
#include "common/error.h"
#include "worker/engine/optim/rule.h"

static void adamw_update(rt__range_update *u)
{
    rt_adamw_shape s = u->hyper.adamw;
    s.lr = u->lr;
    s.grad_scale = u->grad_scale;
    s.step = u->t;
    u->exec->kernels->adamw[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[0], u->state[1]);
}

rt_optim *rt__optim_adamw(rt_module *net, rt_adamw_shape s)
{
    static const rt__rule rule = {"adamw", {"exp_avg", "exp_avg_sq"}, adamw_update};
    if (!(s.eps > 0 && s.weight_decay >= 0))
        return RT_FAIL_NULL(RANGE,
                            "adamw: eps %g, weight_decay %g: expected eps above 0 and no "
                            "weight_decay below it",
                            s.eps, s.weight_decay);
    if (!(s.beta1 >= 0 && s.beta1 < 1 && s.beta2 >= 0 && s.beta2 < 1))
        return RT_FAIL_NULL(RANGE, "adamw: beta1 %g and beta2 %g: expected at least 0 and below 1",
                            s.beta1, s.beta2);
    return rt__optim_new(net, &rule, 2, (rt__hyper){.adamw = s}, s.lr);
}

rt_optim *rt_optim_adamw_(rt_adamw_args a)
{
    return rt__optim_adamw(a.net, (rt_adamw_shape){.lr = a.lr,
                                                   .beta1 = a.beta1,
                                                   .beta2 = a.beta2,
                                                   .eps = a.eps,
                                                   .weight_decay = a.weight_decay});
}
