/* The maximum of each window. Forward saves the position of each maximum; the gradient goes there, and the gradient's gradient
 * gathers from there. */
#include "common/base/error.h"
#include "worker/engine/ops/pool/pool.h"

/* ---- the gradient ---- */

#define GRAD_FIELDS(F)                                                                             \
    F(INPUT, dy, RT_NEEDED, RT_FLOATS, "of the result's shape")                                    \
    F(INPUT, at, RT_NEEDED, RT_TYPE(I32), "where the maxima are in their planes")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
    rt_dims dims; /* of x */
    rt_pool_shape s;
} grad_args;

static rt_status grad_infer(rt_call *c)
{
    return rt_result(c, 0, ((const grad_args *)c->args)->dims, c->in[0]->dtype);
}

static rt_status grad_run(rt_call *c)
{
    const grad_args *a = c->args;
    const rt_tensor *dy = c->in[0], *at = c->in[1];
    rt_exec *e = rt_exec_of(c);
    e->kernels->max_pool_dx[dy->dtype](e, &a->s, dy->data, at->data, c->out[0]->data);
    return RT_OK;
}

/* Gathers g at the positions of the maxima. */
static void grad_backward(rt_call *c, rt_tensor *const *g, rt_tensor **dx)
{
    const rt_pool_shape *s = &((const grad_args *)c->args)->s;
    int64_t in = s->in[0] * s->in[1] * s->in[2], out = s->out[0] * s->out[1] * s->out[2];
    rt_tensor *at = rt_reshape(rt_to(c->in[1], RT_I64), rt_shape(s->planes, out));
    rt_tensor *planes = rt_reshape(g[0], rt_shape(s->planes, in));
    dx[0] = rt_reshape(rt_gather(planes, 1, at), c->in[0]->dims);
}

static const rt_op grad_op = {
    .name = "max_pool_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .infer = grad_infer,
    .run = grad_run,
    .backward = grad_backward,
    .saves_in = 1 << 1,
};

/* ---- the maxima, and with two results their positions, too ---- */

#define WINDOWS_FIELDS(F)                                                                          \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS, "of planes as the shape says")
typedef struct RT_DESIGNATED max_args {
    RT_STRUCT(WINDOWS_FIELDS)
    rt_dims dims; /* of the results */
    rt_pool_shape s;
} max_args;

static rt_status max_infer(rt_call *c)
{
    const max_args *a = c->args;
    if (c->n_out == 2)
        RT_TRY(rt_result(c, 1, a->dims, RT_I64));
    return rt_result(c, 0, a->dims, c->in[0]->dtype);
}

static rt_status max_run(rt_call *c)
{
    const max_args *a = c->args;
    const rt_tensor *x = c->in[0], *y = c->out[0];
    rt_tensor *at = rt__tensor_new(y->dims, RT_I32);
    if (!at)
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->max_pool[x->dtype](e, &a->s, x->data, y->data, at->data);
    c->saved[0] = at;
    return c->n_out == 2 ? rt__convert_into(c->out[1], at) : RT_OK;
}

static void max_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const max_args *a = c->args;
    dx[0] = rt_apply(
        &grad_op, &(grad_args){.dy = dy[0], .at = c->saved[0], .dims = c->in[0]->dims, .s = a->s});
}

#define MAX                                                                                        \
    .name = "max_pool", RT_INTERNAL_ARGS(max_args, WINDOWS_FIELDS), .infer = max_infer,            \
    .run = max_run, .backward = max_backward, .n_saved = 1

static const rt_op max_op = {MAX}, max_with_indices_op = {MAX, .n_out = 2};

/* Sets the results of a composite, which has one or two, for windows that were found. */
static void maxima(rt_call *c, rt_status found, max_args *a)
{
    int64_t volume;
    if (found != RT_OK)
        return;
    a->x = c->in[0];
    if (__builtin_mul_overflow(a->s.in[0], a->s.in[1], &volume) ||
        __builtin_mul_overflow(volume, a->s.in[2], &volume) || volume > INT32_MAX)
        RT_FAIL(RANGE, "%s: x %s: expected planes of less than 2^31 elements", c->op->name,
                rt_dims_text(a->x->dims)); /* positions of maxima are int32 */
    else
        rt_apply_all(c->n_out == 2 ? &max_with_indices_op : &max_op, a, c->out, c->n_out);
}

static void by_windows(rt_call *c, const rt_windows *w)
{
    max_args a = {};
    maxima(c, rt__pool_windows(c->op->name, c->in[0], w, &a.s, &a.dims), &a);
}

static void adaptive(rt_call *c, int axes, const int64_t *size)
{
    max_args a = {};
    maxima(c, rt__pool_adaptive(c->op->name, c->in[0], axes, size, &a.s, &a.dims), &a);
}

static rt_max_pool_results both(const rt_op *op, const void *args)
{
    rt_tensor *out[2];
    rt_apply_all(op, args, out, 2);
    return (rt_max_pool_results){out[0], out[1]};
}

/* ---- windows of one size ---- */

#define WINDOWS(axes, first)                                                                       \
    &(rt_windows)                                                                                  \
    {                                                                                              \
        RT_STEPS(axes, first), .padding = first a->padding, .dilation = first a->dilation,         \
                               .ceil_mode = a->ceil_mode                                           \
    }

RT_COMPOSITE_OF(max_pool1d, 1, rt_max_pool1d_args, RT_MAX_POOL1D_FIELDS,
                "y = max over each window; ties: the first; NaN wins")
{
    by_windows(c, WINDOWS(1, &));
}

RT_COMPOSITE_OF(max_pool1d_with_indices, 2, rt_max_pool1d_args, RT_MAX_POOL1D_FIELDS,
                "max_pool1d, and where each maximum is in its sequence")
{
    by_windows(c, WINDOWS(1, &));
}

RT_COMPOSITE_OF(max_pool2d, 1, rt_max_pool2d_args, RT_MAX_POOL2D_FIELDS,
                "y = max over each window; ties: the first; NaN wins")
{
    by_windows(c, WINDOWS(2, ));
}

RT_COMPOSITE_OF(max_pool2d_with_indices, 2, rt_max_pool2d_args, RT_MAX_POOL2D_FIELDS,
                "max_pool2d, and where each maximum is in its image")
{
    by_windows(c, WINDOWS(2, ));
}

RT_COMPOSITE_OF(max_pool3d, 1, rt_max_pool3d_args, RT_MAX_POOL3D_FIELDS,
                "y = max over each window; ties: the first; NaN wins")
{
    by_windows(c, WINDOWS(3, ));
}

RT_COMPOSITE_OF(max_pool3d_with_indices, 2, rt_max_pool3d_args, RT_MAX_POOL3D_FIELDS,
                "max_pool3d, and where each maximum is in its volume")
{
    by_windows(c, WINDOWS(3, ));
}

rt_tensor *rt_max_pool1d_(rt_max_pool1d_args a)
{
    return rt_apply(&rt__op_max_pool1d, &a);
}

rt_tensor *rt_max_pool2d_(rt_max_pool2d_args a)
{
    return rt_apply(&rt__op_max_pool2d, &a);
}

rt_tensor *rt_max_pool3d_(rt_max_pool3d_args a)
{
    return rt_apply(&rt__op_max_pool3d, &a);
}

rt_max_pool_results rt_max_pool1d_with_indices_(rt_max_pool1d_args a)
{
    return both(&rt__op_max_pool1d_with_indices, &a);
}

rt_max_pool_results rt_max_pool2d_with_indices_(rt_max_pool2d_args a)
{
    return both(&rt__op_max_pool2d_with_indices, &a);
}

rt_max_pool_results rt_max_pool3d_with_indices_(rt_max_pool3d_args a)
{
    return both(&rt__op_max_pool3d_with_indices, &a);
}

/* ---- a given number of windows ---- */

RT_COMPOSITE_OF(adaptive_max_pool1d, 1, rt_adaptive_pool1d_args, RT_ADAPTIVE_POOL1D_FIELDS,
                "y = max over each of `size` windows that cover x")
{
    adaptive(c, 1, &a->size);
}

RT_COMPOSITE_OF(adaptive_max_pool1d_with_indices, 2, rt_adaptive_pool1d_args,
                RT_ADAPTIVE_POOL1D_FIELDS,
                "adaptive_max_pool1d, and where each maximum is in its sequence")
{
    adaptive(c, 1, &a->size);
}

RT_COMPOSITE_OF(adaptive_max_pool2d, 1, rt_adaptive_pool2d_args, RT_ADAPTIVE_POOL2D_FIELDS,
                "y = max over each of `size` windows that cover x")
{
    adaptive(c, 2, a->size);
}

RT_COMPOSITE_OF(adaptive_max_pool2d_with_indices, 2, rt_adaptive_pool2d_args,
                RT_ADAPTIVE_POOL2D_FIELDS,
                "adaptive_max_pool2d, and where each maximum is in its image")
{
    adaptive(c, 2, a->size);
}

RT_COMPOSITE_OF(adaptive_max_pool3d, 1, rt_adaptive_pool3d_args, RT_ADAPTIVE_POOL3D_FIELDS,
                "y = max over each of `size` windows that cover x")
{
    adaptive(c, 3, a->size);
}

RT_COMPOSITE_OF(adaptive_max_pool3d_with_indices, 2, rt_adaptive_pool3d_args,
                RT_ADAPTIVE_POOL3D_FIELDS,
                "adaptive_max_pool3d, and where each maximum is in its volume")
{
    adaptive(c, 3, a->size);
}

rt_tensor *rt_adaptive_max_pool1d_(rt_adaptive_pool1d_args a)
{
    return rt_apply(&rt__op_adaptive_max_pool1d, &a);
}

rt_tensor *rt_adaptive_max_pool2d_(rt_adaptive_pool2d_args a)
{
    return rt_apply(&rt__op_adaptive_max_pool2d, &a);
}

rt_tensor *rt_adaptive_max_pool3d_(rt_adaptive_pool3d_args a)
{
    return rt_apply(&rt__op_adaptive_max_pool3d, &a);
}

rt_max_pool_results rt_adaptive_max_pool1d_with_indices_(rt_adaptive_pool1d_args a)
{
    return both(&rt__op_adaptive_max_pool1d_with_indices, &a);
}

rt_max_pool_results rt_adaptive_max_pool2d_with_indices_(rt_adaptive_pool2d_args a)
{
    return both(&rt__op_adaptive_max_pool2d_with_indices, &a);
}

rt_max_pool_results rt_adaptive_max_pool3d_with_indices_(rt_adaptive_pool3d_args a)
{
    return both(&rt__op_adaptive_max_pool3d_with_indices, &a);
}
