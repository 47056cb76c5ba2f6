/* y = the n-th derivative of digamma. */
#include "worker/engine/ops/ops.h"

#define POLYGAMMA_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_PROMOTE | RT_FLOATS, "any shape")                                    \
    F(INT, n, RT_NEEDED, RT_WITHIN(0, 1000000), "how many times digamma is differentiated")
typedef struct RT_DESIGNATED polygamma_args {
    RT_STRUCT(POLYGAMMA_FIELDS)
} polygamma_args;

static rt_status polygamma_run(rt_call *c)
{
    const polygamma_args *a = c->args;
    const rt_tensor *x = c->in[0];
    rt_exec *e = rt_exec_of(c);
    if (a->n == 0)
        e->kernels->digamma.f[x->dtype](e, (rt_numbers){{0}}, x->numel, x->data, c->out[0]->data);
    else
        e->kernels->polygamma[x->dtype](e, a->n, x->numel, x->data, c->out[0]->data);
    return RT_OK;
}

static void polygamma_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const polygamma_args *a = c->args;
    dx[0] = rt_mul(dy[0], rt_polygamma(c->in[0], a->n + 1));
}

const rt_op rt__op_polygamma = {
    .name = "polygamma",
    .help = "y = the n-th derivative of digamma at x",
    RT_ARGS(polygamma_args, POLYGAMMA_FIELDS),
    .infer = rt__infer_like_first,
    .run = polygamma_run,
    .backward = polygamma_backward,
    .saves_in = 1 << 0,
};

rt_tensor *rt_polygamma(rt_tensor *x, int64_t n)
{
    return rt_apply(&rt__op_polygamma, &(polygamma_args){.x = x, .n = n});
}
