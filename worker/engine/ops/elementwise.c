/* Operations on single elements: all of kernels/elementwise.def and the two with a number.
 *
 * Each row of UNARY becomes three operations, so that gradients can be differentiated:
 *     y = f(x)              dx  = dy * f'(x)
 *     dx = dy * f'(x)       d dy = g * f'(x),   dx = dy * g * f''(x)
 *     dxx = dy * v * f''(x) linear in dy and v; its gradient by x, a third derivative, is refused.
 */
#include "common/error.h"
#include "worker/engine/ops/ops.h"

/* ---- y = f(x) ---- */

/* What the three operations of one row share. */
typedef struct unary {
    rt_op op, grad, grad2;
    size_t kernels; /* offset in rt_kernels */
    bool linear;    /* f'' is zero */
} unary;

/* The operation's place in its row gives the row. */
#define ROW(call, member) ((const unary *)((const char *)(call)->op - offsetof(unary, member)))

static const rt_unary_kernels *unary_kernels(const unary *row)
{
    return (const rt_unary_kernels *)((const char *)rt_cpu() + row->kernels);
}

typedef struct unary_grad_args {
    rt_tensor *dy, *x;
    rt_tensor *y; /* f(x) as computed; saved, not an input: its dependence on x is in f'' */
} unary_grad_args;

typedef struct unary_grad2_args {
    rt_tensor *dy, *v, *x;
    rt_tensor *y;
} unary_grad2_args;

static rt_tensor *unary_grad(const unary *row, rt_tensor *dy, rt_tensor *x, rt_tensor *y)
{
    return rt_apply(&row->grad, &(unary_grad_args){dy, x, y}, sizeof(unary_grad_args));
}

static rt_tensor *unary_grad2(const unary *row, rt_tensor *dy, rt_tensor *v, rt_tensor *x,
                              rt_tensor *y)
{
    return rt_apply(&row->grad2, &(unary_grad2_args){dy, v, x, y}, sizeof(unary_grad2_args));
}

static rt_tensor *unary_forward(rt_call *c)
{
    rt_tensor *x = rt__tensor_contiguous(c->in[0]);
    if (!x)
        return NULL;
    rt_unary_fn *f = unary_kernels(ROW(c, op))->f[x->dtype];
    if (!f)
        return RT_FAIL_NULL(DTYPE, "%s: %s is not supported, convert it with rt_to", c->op->name,
                            rt_describe(x));
    rt_tensor *y = rt_out(c, x->dims, x->dtype);
    if (y)
        f(x->numel, x->data, y->data);
    return y;
}

static void unary_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    dx[0] = unary_grad(ROW(c, op), dy, c->in[0], c->out);
}

/* Returns x with its elements in order; one that was not saved has no value and stays as it is. */
static rt_tensor *packed(rt_tensor *x)
{
    return x->storage ? rt__tensor_contiguous(x) : x;
}

/* Kernels take x and y whether their formula reads them or not. For one without value any memory of
 * that size will do: dy's. */
static const void *value(const rt_tensor *x, const rt_tensor *dy)
{
    return x->storage ? x->data : dy->data;
}

static rt_tensor *unary_grad_forward(rt_call *c)
{
    const unary_grad_args *a = c->args;
    rt_tensor *dy = packed(a->dy), *x = packed(a->x), *y = packed(a->y);
    rt_tensor *dx = rt_out(c, a->dy->dims, RT_F32);
    if (!dy || !x || !y || !dx)
        return NULL;
    unary_kernels(ROW(c, grad))
        ->dx[RT_F32](dy->numel, dy->data, value(x, dy), value(y, dy), dx->data);
    c->saved[0] = a->y;
    return dx;
}

static void unary_grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const unary *row = ROW(c, grad);
    rt_tensor *dy = c->in[0], *x = c->in[1], *y = c->saved[0];
    if (rt_needs(c, 0))
        dx[0] = unary_grad(row, g, x, y);
    if (rt_needs(c, 1) && !row->linear)
        dx[1] = unary_grad2(row, dy, g, x, y);
}

static rt_tensor *unary_grad2_forward(rt_call *c)
{
    const unary_grad2_args *a = c->args;
    rt_tensor *dy = packed(a->dy), *v = packed(a->v), *x = packed(a->x), *y = packed(a->y);
    rt_tensor *dxx = rt_out(c, a->dy->dims, RT_F32);
    if (!dy || !v || !x || !y || !dxx)
        return NULL;
    unary_kernels(ROW(c, grad2))
        ->dxx[RT_F32](dy->numel, dy->data, v->data, value(x, dy), value(y, dy), dxx->data);
    c->saved[0] = a->y;
    return dxx;
}

static void unary_grad2_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const unary *row = ROW(c, grad2);
    rt_tensor *dy = c->in[0], *v = c->in[1], *x = c->in[2], *y = c->saved[0];
    if (rt_needs(c, 0))
        dx[0] = unary_grad2(row, g, v, x, y);
    if (rt_needs(c, 1))
        dx[1] = unary_grad2(row, dy, g, x, y);
    if (rt_needs(c, 2))
        RT_FAIL(UNSUPPORTED, "%s: third derivatives are not supported", row->op.name);
}

/* A formula that does not name x needs no x: so relu, tanh and the like keep their result only. The
 * letter also occurs in exp_, which costs memory, not correctness. Both fold to constants. */
#define READS_X(f) (__builtin_strchr(f, 'x') ? RT_SAVES_IN(0) : 0)
#define READS_Y(f) (__builtin_strchr(f, 'y') ? RT_SAVES_OUT : 0)

#define UNARY(name, f, df, ddf, lo, hi)                                                            \
    static const unary name##_row = {                                                              \
        .op = {#name, 1, unary_forward, unary_backward,                                            \
               .saves = READS_X(#df) | READS_Y(#df) | READS_X(#ddf) | READS_Y(#ddf)},              \
        .grad = {#name "_grad", 2, unary_grad_forward, unary_grad_backward, .dtypes = RT_FLOATS,   \
                 .saves = RT_SAVES_IN(0) | (READS_X(#df) | READS_X(#ddf)) << 1},                   \
        .grad2 = {#name "_grad2", 3, unary_grad2_forward, unary_grad2_backward,                    \
                  .dtypes = RT_FLOATS,                                                             \
                  .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1) | READS_X(#ddf) << 2},                  \
        .kernels = offsetof(rt_kernels, name),                                                     \
        .linear = __builtin_strcmp(#ddf, "C(0)") == 0,                                             \
    };                                                                                             \
    rt_tensor *rt_##name(rt_tensor *x)                                                             \
    {                                                                                              \
        return rt_apply(&name##_row.op, &x, sizeof x);                                             \
    }
#include "kernels/elementwise.def"
#undef UNARY

/* ---- y = f(a, b) ---- */

typedef struct binary {
    rt_op op;
    size_t kernels; /* offset in rt_kernels */
    bool compare;   /* the result is bool */
} binary;

static rt_status same_dtype(const rt_op *op, const rt_tensor *a, const rt_tensor *b)
{
    if (a->dtype == b->dtype)
        return RT_OK;
    return RT_FAIL(DTYPE, "%s: %s and %s, expected one element type: convert with rt_to", op->name,
                   rt_describe(a), rt_describe(b));
}

/* By zero fails for integers, instead of the signal that the processor would raise. */
static rt_status no_zero_divisor(const rt_op *op, rt_tensor *b)
{
    rt_tensor *divisor = rt__tensor_contiguous(b);
    const int64_t *v = divisor ? divisor->data : NULL;
    for (int64_t i = 0; v && i < divisor->numel; i++)
        if (v[i] == 0)
            return RT_FAIL(RANGE, "%s: integer division by zero at element %lld", op->name,
                           (long long)i);
    return rt_error_code();
}

static rt_tensor *binary_forward(rt_call *c)
{
    const binary *row = (const binary *)c->op;
    rt_tensor *a = c->in[0], *b = c->in[1];
    rt_dims dims;
    if (same_dtype(c->op, a, b) != RT_OK ||
        rt__broadcast(c->op->name, a->dims, b->dims, &dims) != RT_OK)
        return NULL;
    const rt_binary_kernels *k = (const rt_binary_kernels *)((const char *)rt_cpu() + row->kernels);
    rt_binary_fn *f = k->f[a->dtype];
    if (!f)
        return RT_FAIL_NULL(DTYPE, "%s: %s is not supported, convert it with rt_to", c->op->name,
                            rt_describe(a));
    if (k == &rt_cpu()->div && a->dtype == RT_I64 && no_zero_divisor(c->op, b) != RT_OK)
        return NULL;
    rt_tensor *y = rt_out(c, dims, row->compare ? RT_BOOL : a->dtype);
    size_t size = y ? rt_dtype_size(y->dtype) : 0;
    rt_loop l;
    for (bool more = y && rt__loop_begin(&l, dims, c->in, 2); more; more = rt__loop_next(&l))
        f(&l.grid, l.at[0], l.at[1], (char *)y->data + l.done * (int64_t)size);
    return y;
}

/* Which operands a gradient's formula reads, again from its text. */
#define READS(letter, i, da, db)                                                                   \
    (__builtin_strchr(da, letter) || __builtin_strchr(db, letter) ? RT_SAVES_IN(i) : 0)

#define BINARY(name, f, da, db)                                                                    \
    static void name##_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)                         \
    {                                                                                              \
        rt_tensor *a = c->in[0], *b = c->in[1];                                                    \
        (void)dy;                                                                                  \
        if (rt_needs(c, 0))                                                                        \
            dx[0] = rt__sum_to(da, a->dims);                                                       \
        if (rt_needs(c, 1))                                                                        \
            dx[1] = rt__sum_to(db, b->dims);                                                       \
    }                                                                                              \
    static const binary name##_row = {                                                             \
        .op = {#name, 2, binary_forward, name##_backward,                                          \
               .saves = READS('a', 0, #da, #db) | READS('b', 1, #da, #db)},                        \
        .kernels = offsetof(rt_kernels, name),                                                     \
    };                                                                                             \
    rt_tensor *rt_##name(rt_tensor *a, rt_tensor *b)                                               \
    {                                                                                              \
        rt_tensor *in[] = {a, b};                                                                  \
        return rt_apply(&name##_row.op, in, sizeof in);                                            \
    }
#define COMPARE(name, f)                                                                           \
    static const binary name##_row = {                                                             \
        .op = {#name, 2, binary_forward},                                                          \
        .kernels = offsetof(rt_kernels, name),                                                     \
        .compare = true,                                                                           \
    };                                                                                             \
    rt_tensor *rt_##name(rt_tensor *a, rt_tensor *b)                                               \
    {                                                                                              \
        rt_tensor *in[] = {a, b};                                                                  \
        return rt_apply(&name##_row.op, in, sizeof in);                                            \
    }
#include "kernels/elementwise.def"
#undef BINARY
#undef COMPARE
