/* Dropout: x times a mask of zeros and 1/(1-p). */
#include "worker/engine/base/thread.h"
#include "worker/engine/ops/ops.h"

#define DROPOUT_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX, "any shape")                                    \
    F(NUMBER, p, RT_NEEDED, RT_WITHIN(0, 1), "probability that an element becomes zero")
typedef struct RT_DESIGNATED dropout_args {
    RT_STRUCT(DROPOUT_FIELDS)
} dropout_args;

/* ---- the mask ---- */

#define MASK_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")
typedef struct RT_DESIGNATED mask_args {
    RT_STRUCT(MASK_FIELDS)
    double p;
    rt_rng rng;
} mask_args;

static rt_status mask_run(rt_call *c)
{
    const mask_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->dropout_mask[y->dtype](e, a->rng, y->numel, a->p, y->data);
    return RT_OK;
}

/* Uses only the shape of x. */
static const rt_op mask_op = {
    .name = "dropout_mask",
    RT_INTERNAL_ARGS(mask_args, MASK_FIELDS),
    .infer = rt__infer_like_first,
    .run = mask_run,
    .shapes_in = 1,
    .strided = true,
};

rt_tensor *rt__dropout_mask(rt_tensor *x, double p, rt_rng rng)
{
    return rt_apply(&mask_op, &(mask_args){.x = x, .p = p, .rng = rng});
}

/* ---- the product ---- */

RT_COMPOSITE(dropout, dropout_args, DROPOUT_FIELDS, "y = 0 with probability p, else x / (1 - p)")
{
    if (a->p == 1)
        return rt_mul_scalar(a->x, 0);
    rt_tensor *like = rt__dtype_is_complex(a->x->dtype) ? rt_real(a->x) : a->x;
    return rt_mul(a->x, rt__dropout_mask(like, a->p, rt__next_stream()));
}

rt_tensor *rt_dropout(rt_tensor *x, double p)
{
    return rt_apply(&rt__op_dropout, &(dropout_args){.x = x, .p = p});
}
