/* Activations that are made of other operations. */
#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/ops/pointwise/composites.h"
#include <float.h>
#include <math.h>

RT_COMPOSITE(relu6, rt_one_args, RT_ONE_FIELDS, "y = min(max(x, 0), 6)")
{
    return rt_hardtanh(a->x, 0, 6);
}

RT_COMPOSITE(relu6_, rt_one_args, RT_ONE_FIELDS, "x = min(max(x, 0), 6)", .writes = true)
{
    return rt_hardtanh_inplace(a->x, 0, 6);
}

/* The numbers of Klambauer et al. 2017, which keep the mean 0 and the variance 1. */
#define SELU_ALPHA 1.6732632423543772848170429916717
#define SELU_SCALE 1.0507009873554804934193349852946

RT_COMPOSITE(selu, rt_one_args, RT_ONE_FIELDS, "y = scale * elu(x, alpha)", .derivatives = 2)
{
    return rt_elu(a->x, SELU_ALPHA, SELU_SCALE);
}

RT_COMPOSITE(selu_, rt_one_args, RT_ONE_FIELDS, "x = scale * elu(x, alpha)", .derivatives = 2,
             .writes = true)
{
    return rt_elu_inplace(a->x, SELU_ALPHA, SELU_SCALE);
}

RT_COMPOSITE(logsigmoid, rt_one_args, RT_ONE_FIELDS, "y = log(sigmoid(x))", .derivatives = 2)
{
    return rt_neg(rt_softplus(rt_neg(a->x), .threshold = INFINITY));
}

RT_COMPOSITE(softsign, rt_one_args, RT_ONE_FIELDS, "y = x / (1 + |x|)")
{
    return rt_div(a->x, rt_add_scalar(rt_abs(a->x), 1));
}

RT_COMPOSITE(tanhshrink, rt_one_args, RT_ONE_FIELDS, "y = x - tanh(x)", .derivatives = 2)
{
    return rt_sub(a->x, rt_tanh(a->x));
}

/* ---- with a gate ---- */

static rt_tensor *gated(rt_tensor *x, int gate)
{
    switch ((rt_gate)gate) {
    case RT_GATE_SILU:
        return rt_silu(x);
    case RT_GATE_GELU:
        return rt_gelu(x);
    case RT_GATE_GELU_TANH:
        return rt_gelu_tanh(x);
    case RT_GATE_RELU:
        return rt_relu(x);
    default:
        return rt_sigmoid(x);
    }
}

RT_COMPOSITE(glu, rt_glu_args, RT_FIELDS_glu,
             "y = a * gate(b) for the halves a and b of x along the axis", .derivatives = 2)
{
    int axis = (int)a->axis;
    int64_t size = rt_size(a->x, axis);
    if (rt_failed())
        return NULL;
    if (size % 2 != 0) {
        RT_FAIL(SHAPE, "glu: x %s: axis %d has %lld elements, expected two halves",
                rt_dims_text(a->x->dims), axis, (long long)size);
        return NULL;
    }
    return rt_mul(rt_narrow(a->x, axis, 0, size / 2),
                  gated(rt_narrow(a->x, axis, size / 2, size / 2), a->gate));
}

/* ---- with slopes ---- */

#define PRELU_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n,c,...], or any shape for one weight")                    \
    F(INPUT, weight, RT_NEEDED, RT_FLOATS, "[c], or one for all channels")
typedef struct RT_DESIGNATED prelu_args {
    RT_STRUCT(PRELU_FIELDS)
} prelu_args;

RT_COMPOSITE(prelu, prelu_args, PRELU_FIELDS, "y = x where x > 0, else weight[channel] * x")
{
    const rt_dims *x = &a->x->dims;
    int64_t channels = x->n > 1 ? x->d[1] : 1, weights = a->weight->numel;
    if (a->weight->dims.n > 1 || (weights != 1 && weights != channels)) {
        RT_FAIL(SHAPE, "prelu: weight %s, expected [%lld], one for each channel of x %s, or [1]",
                rt_dims_text(a->weight->dims), (long long)channels, rt_dims_text(*x));
        return NULL;
    }
    rt_dims shape = {.n = x->n};
    for (int i = 0; i < x->n; i++)
        shape.d[i] = i == 1 ? weights : 1;
    return rt_leaky_relu_by(a->x, rt_reshape(a->weight, shape));
}

static rt_status slopes_run(rt_call *c)
{
    const rt_rrelu_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->uniform[y->dtype](e, rt__next_stream(), y->numel, a->lower, a->upper, y->data);
    return RT_OK;
}

/* Random slopes; uses only the shape and type of x. */
static const rt_op slopes_op = {
    .name = "rrelu_slopes",
    RT_ARGS(rt_rrelu_args, RT_FIELDS_rrelu),
    .infer = rt__infer_like_first,
    .run = slopes_run,
    .shapes_in = 1,
    .strided = true,
};

/* Returns the slopes of rrelu: random ones in training, else their mean. */
static rt_tensor *slopes_of(const rt_rrelu_args *a)
{
    if (!(a->lower <= a->upper && fabs(a->lower) <= FLT_MAX && fabs(a->upper) <= FLT_MAX)) {
        RT_FAIL(RANGE, "rrelu: slopes from %g to %g, expected finite ones, the lower first",
                a->lower, a->upper);
        return NULL;
    }
    return a->training ? rt_apply(&slopes_op, a)
                       : rt_full(rt_shape(), (a->lower + a->upper) / 2, a->x->dtype);
}

RT_COMPOSITE(rrelu, rt_rrelu_args, RT_FIELDS_rrelu,
             "y = x where x > 0, else x times a slope in [lower, upper)")
{
    rt_tensor *slopes = slopes_of(a);
    return slopes ? rt_leaky_relu_by(a->x, slopes) : NULL;
}

RT_COMPOSITE(rrelu_, rt_rrelu_args, RT_FIELDS_rrelu,
             "x = x where x > 0, else x times a slope in [lower, upper)", .writes = true)
{
    rt_tensor *slopes = slopes_of(a);
    return slopes ? rt_leaky_relu_by_inplace(a->x, slopes) : NULL;
}

/* ---- calls ---- */

RT_CALLS_ONE(relu6)
RT_CALLS_ONE_INPLACE(relu6)
RT_CALLS_ONE(selu)
RT_CALLS_ONE_INPLACE(selu)
RT_CALLS_ONE(logsigmoid)
RT_CALLS_ONE(softsign)
RT_CALLS_ONE(tanhshrink)

RT_CALLS(glu)
RT_CALLS(rrelu)
RT_CALLS_INPLACE(rrelu)

rt_tensor *rt_prelu(rt_tensor *x, rt_tensor *weight)
{
    return rt_apply(&rt__op_prelu, &(prelu_args){.x = x, .weight = weight});
}
