/* Reductions over any set of axes, each a series of folds [outer, red, inner] -> [outer, inner].
 * d sum: dy everywhere; d mean: dy / n; d max, min: dy shared by all elements that are equal to the
 * result. */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct reduce_args {
    rt_tensor *x;
    uint32_t axes; /* bit i: axis i is reduced */
    bool keep_dim;
} reduce_args;

typedef void fold_fn(rt_fold f, const void *x, void *y);

/* Shape of the result, with the reduced axes kept as 1 or dropped. */
static rt_dims reduced_dims(rt_dims x, uint32_t axes, bool keep_dim)
{
    rt_dims y = {0};
    for (int i = 0; i < x.n; i++)
        if (!(axes >> i & 1))
            y.d[y.n++] = x.d[i];
        else if (keep_dim)
            y.d[y.n++] = 1;
    return y;
}

/* Joins neighbouring axes of one kind. Returns how many; kind[i] is 1 for a reduced one. */
static int join_axes(rt_dims x, uint32_t axes, int64_t *size, int *kind)
{
    int n = 0;
    for (int i = 0; i < x.n; i++) {
        int k = axes >> i & 1;
        if (x.d[i] == 1)
            continue;
        if (n > 0 && kind[n - 1] == k) {
            size[n - 1] *= x.d[i];
        } else {
            size[n] = x.d[i];
            kind[n++] = k;
        }
    }
    return n;
}

/* Folds the last group of reduced axes, then the one before, ... : every pass but the first reads a
 * small result. */
static rt_tensor *fold_all(rt_call *c, rt_dims dims, fold_fn *f)
{
    const reduce_args *a = c->args;
    const rt_tensor *x = rt__tensor_contiguous(a->x);
    int64_t size[RT_MAX_DIMS];
    int kind[RT_MAX_DIMS], n = join_axes(a->x->dims, a->axes, size, kind), folds = 0;
    for (int i = 0; i < n; i++)
        folds += kind[i];
    if (x && folds == 0) { /* nothing but axes of size 1: one fold over one of them */
        rt_tensor *y = rt_out(c, dims, x->dtype);
        if (y)
            f((rt_fold){x->numel, 1, 1}, x->data, y->data);
        return y;
    }
    int64_t inner = 1, outer = x ? x->numel : 0;
    for (int i = n - 1; i >= 0 && x; i--) {
        outer = 1;
        for (int k = 0; k < i; k++)
            outer *= size[k];
        if (!kind[i]) {
            inner *= size[i];
            continue;
        }
        rt_tensor *y = --folds == 0 ? rt_out(c, dims, x->dtype)
                                    : rt__tensor_new(rt_shape(outer, inner), x->dtype);
        if (y)
            f((rt_fold){outer, size[i], inner}, x->data, y->data);
        x = y;
    }
    return (rt_tensor *)x;
}

/* Number of elements that make one element of the result. */
static int64_t reduced_count(const rt_tensor *x, uint32_t axes)
{
    int64_t n = 1;
    for (int i = 0; i < x->dims.n; i++)
        n *= axes >> i & 1 ? x->dims.d[i] : 1;
    return n;
}

/* Makes dy look as if keep_dim had been given, then broadcasts it over x. */
static rt_tensor *spread(rt_call *c, rt_tensor *dy)
{
    const reduce_args *a = c->args;
    rt_dims x = c->in[0]->dims;
    return rt_expand(rt_reshape(dy, reduced_dims(x, a->axes, true)), x);
}

/* ---- sum and mean ---- */

static rt_tensor *sum_forward(rt_call *c)
{
    const reduce_args *a = c->args;
    return fold_all(c, reduced_dims(a->x->dims, a->axes, a->keep_dim), rt_cpu()->sum[a->x->dtype]);
}

static void sum_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = spread(c, dy);
}

static const rt_op sum_op = {"sum", 1, sum_forward, sum_backward,
                             .dtypes = RT_FLOATS | 1u << RT_I64};

static rt_tensor *mean_forward(rt_call *c)
{
    const reduce_args *a = c->args;
    rt_tensor *y = sum_forward(c);
    if (y)
        rt_cpu()->scale[RT_F32](y->numel, 1.0 / (double)reduced_count(a->x, a->axes), y->data,
                                y->data);
    return y;
}

/* The mean of nothing has a gradient without elements; dividing by 0 for it would still reach the second derivative. */
static void mean_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const reduce_args *a = c->args;
    int64_t count = reduced_count(c->in[0], a->axes);
    dx[0] = spread(c, rt_mul_scalar(dy, 1.0 / (double)(count ? count : 1)));
}

static const rt_op mean_op = {"mean", 1, mean_forward, mean_backward, .dtypes = RT_FLOATS};

/* ---- max and min ---- */

static rt_tensor *extreme(rt_call *c, fold_fn *f)
{
    const reduce_args *a = c->args;
    if (reduced_count(a->x, a->axes) == 0)
        return RT_FAIL_NULL(SHAPE, "%s: %s has no elements along the reduced axes", c->op->name,
                            rt_describe(a->x));
    return fold_all(c, reduced_dims(a->x->dims, a->axes, a->keep_dim), f);
}

static rt_tensor *amax_forward(rt_call *c)
{
    return extreme(c, rt_cpu()->max[RT_F32]);
}

static rt_tensor *amin_forward(rt_call *c)
{
    return extreme(c, rt_cpu()->min[RT_F32]);
}

static void extreme_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const reduce_args *a = c->args;
    rt_tensor *x = c->in[0];
    rt_tensor *chosen = rt_to(rt_eq(x, spread(c, c->out)), RT_F32);
    rt_reduce_args count = {chosen, {0}, true};
    for (int i = 0; i < x->dims.n; i++)
        if (a->axes >> i & 1)
            count.axes.d[count.axes.n++] = i;
    dx[0] = rt_mul(spread(c, dy), x->dims.n ? rt_div(chosen, rt_sum_(count)) : chosen);
}

static const rt_op amax_op = {"amax",
                              1,
                              amax_forward,
                              extreme_backward,
                              .dtypes = RT_FLOATS,
                              .saves = RT_SAVES_IN(0) | RT_SAVES_OUT};
static const rt_op amin_op = {"amin",
                              1,
                              amin_forward,
                              extreme_backward,
                              .dtypes = RT_FLOATS,
                              .saves = RT_SAVES_IN(0) | RT_SAVES_OUT};

/* ---- the public functions ---- */

static rt_tensor *reduce(const rt_op *op, rt_reduce_args a)
{
    if (!rt__takes(op->name, a.x))
        return NULL;
    reduce_args r = {a.x, 0, a.keep_dim};
    int n = a.x->dims.n;
    if (a.axes.n == 0)
        r.axes = (1u << n) - 1;
    for (int i = 0; i < a.axes.n; i++) {
        int axis = rt__axis_or_scalar(op->name, a.axes.d[i], n);
        if (axis < 0)
            return NULL;
        if (r.axes >> axis & 1)
            return RT_FAIL_NULL(ARG, "%s: axis %d is named twice", op->name, axis);
        r.axes |= 1u << axis;
    }
    return rt_apply(op, &r, sizeof r);
}

rt_tensor *rt_sum_(rt_reduce_args a)
{
    rt_dtype t = rt__takes("sum", a.x) ? a.x->dtype : RT_F32;
    if (t == RT_BOOL || t == RT_U8 || t == RT_I32) /* counts are int64, as in PyTorch */
        a.x = rt_to(a.x, RT_I64);
    return reduce(&sum_op, a);
}

rt_tensor *rt_mean_(rt_reduce_args a)
{
    return reduce(&mean_op, a);
}

rt_tensor *rt_amax_(rt_reduce_args a)
{
    return reduce(&amax_op, a);
}

rt_tensor *rt_amin_(rt_reduce_args a)
{
    return reduce(&amin_op, a);
}

rt_tensor *rt__sum_to(rt_tensor *x, rt_dims dims)
{
    if (!x || rt__dims_equal(x->dims, dims))
        return x;
    rt_reduce_args a = {x};
    int lead = x->dims.n - dims.n;
    for (int i = 0; i < x->dims.n; i++)
        if (i < lead || (dims.d[i - lead] == 1 && x->dims.d[i] != 1))
            a.axes.d[a.axes.n++] = i;
    return rt_reshape(a.axes.n ? rt_sum_(a) : x, dims);
}

/* ---- argmax ---- */

typedef struct argmax_args {
    rt_tensor *x;
    int axis;
} argmax_args;

static rt_tensor *argmax_forward(rt_call *c)
{
    const argmax_args *a = c->args;
    rt_dims dims = reduced_dims(a->x->dims, 1u << a->axis, false);
    int64_t len = a->x->dims.d[a->axis];
    if (len == 0)
        return RT_FAIL_NULL(SHAPE, "argmax: %s has no elements along axis %d", rt_describe(a->x),
                            a->axis);
    rt_dims last = {.n = a->x->dims.n}; /* the order of axes that puts the reduced one last */
    for (int i = 0; i < last.n; i++)
        last.d[i] = i == last.n - 1 ? a->axis : i < a->axis ? i : i + 1;
    rt_tensor *x = rt__tensor_contiguous(rt_permute(a->x, last));
    rt_tensor *y = x ? rt__tensor_new(dims, RT_I64) : NULL;
    if (y)
        rt_cpu()->argmax[RT_F32]((rt_rows){y->numel, len}, x->data, y->data);
    return y;
}

static const rt_op argmax_op = {"argmax", 1, argmax_forward, NULL, .dtypes = RT_FLOATS};

rt_tensor *rt_argmax(rt_tensor *x, int axis)
{
    int i = rt__takes("argmax", x) ? rt__axis_or_scalar("argmax", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    if (x->dims.n == 0)
        x = rt_reshape(x, rt_shape(1));
    return rt_apply(&argmax_op, &(argmax_args){x, i}, sizeof(argmax_args));
}
