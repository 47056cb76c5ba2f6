/* Cross-entropy of logits and class numbers, label smoothing e (Szegedy et al. 2016):
 *     loss_i = lse_i - (1-e) * x[i,target] - e * mean_j x[i,j],   lse_i = log sum_j exp x[i,j]
 *     d x[i,j] = d loss_i * (p[i,j] - t[i,j]),   p = softmax(x),   t = (1-e) * [j == target] + e /
 * classes */
#include <math.h>
#include "common/error.h"
#include "worker/engine/ops/ops.h"

typedef struct entropy_args {
    rt_tensor *x, *dloss; /* dloss: gradient only, [n] */
    rt_tensor *target;    /* int64 [n]; contiguous, checked; saved, not an input */
    rt_cross_entropy_shape s;
} entropy_args;

static rt_rows rows_of(const rt_tensor *x)
{
    return (rt_rows){x->dims.d[0], x->dims.d[1]};
}

/* ---- dx = dloss * (p - t) ---- */

static rt_tensor *entropy_grad(rt_tensor *x, rt_tensor *dloss, rt_tensor *target,
                               const rt_cross_entropy_shape *s);

static rt_tensor *grad_forward(rt_call *c)
{
    const entropy_args *a = c->args;
    rt_tensor *x = rt__tensor_contiguous(a->x), *dloss = rt__tensor_contiguous(a->dloss);
    rt_tensor *dx = x && dloss ? rt_out(c, x->dims, RT_F32) : NULL;
    if (!dx)
        return NULL;
    rt_cpu()->cross_entropy_dx[RT_F32](rows_of(x), a->s, x->data, a->target->data, dloss->data,
                                       dx->data);
    c->saved[0] = a->target;
    return dx;
}

static void grad_backward(rt_call *c, rt_tensor *g, rt_tensor **dx)
{
    const entropy_args *a = c->args;
    rt_tensor *x = c->in[0], *dloss = c->in[1], *target = c->saved[0];
    if (rt_needs(c, 0)) { /* the softmax's derivative, except in rows that count nothing */
        rt_tensor *ignored = rt_full(rt_shape(), (double)a->s.ignore_index, RT_I64);
        rt_tensor *weight = rt_mul(dloss, rt_to(rt_ne(target, ignored), RT_F32));
        dx[0] = rt_mul(rt_unsqueeze(weight, 1), rt__softmax_grad(rt_softmax(x, 1), g));
    }
    if (rt_needs(c, 1))
        dx[1] = rt_sum(rt_mul(g, entropy_grad(x, rt_ones_like(dloss), target, &a->s)), rt_shape(1));
}

static const rt_op grad_op = {"cross_entropy_grad", 2,
                              grad_forward,         grad_backward,
                              .dtypes = RT_FLOATS,  .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

static rt_tensor *entropy_grad(rt_tensor *x, rt_tensor *dloss, rt_tensor *target,
                               const rt_cross_entropy_shape *s)
{
    return rt_apply(&grad_op, &(entropy_args){x, dloss, target, *s}, sizeof(entropy_args));
}

/* ---- the loss of each row ---- */

static rt_tensor *rows_forward(rt_call *c)
{
    const entropy_args *a = c->args;
    rt_tensor *x = rt__tensor_contiguous(a->x);
    rt_tensor *loss = x ? rt_out(c, rt_shape(x->dims.d[0]), RT_F32) : NULL;
    if (!loss)
        return NULL;
    rt_cpu()->cross_entropy[RT_F32](rows_of(x), a->s, x->data, a->target->data, loss->data);
    c->saved[0] = a->target;
    return loss;
}

static void rows_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const entropy_args *a = c->args;
    dx[0] = entropy_grad(c->in[0], dy, c->saved[0], &a->s);
}

static const rt_op rows_op = {
    "cross_entropy", 1, rows_forward, rows_backward, .dtypes = RT_FLOATS, .saves = RT_SAVES_IN(0)};

/* ---- the public function ---- */

/* Checks all targets and counts those that are not ignored; -1 on failure. */
static int64_t count_targets(const rt_cross_entropy_args *a, const rt_tensor *target)
{
    const int64_t *v = target->data;
    int64_t classes = a->logits->dims.d[1], count = 0;
    for (int64_t i = 0; i < target->numel; i++) {
        if (a->ignore && v[i] == a->ignore_index)
            continue;
        if (v[i] < 0 || v[i] >= classes)
            return RT_FAIL(RANGE, "cross_entropy: target %lld in row %lld, expected 0 to %lld",
                           (long long)v[i], (long long)i, (long long)classes - 1),
                   -1;
        count++;
    }
    return count;
}

static rt_status check(const rt_cross_entropy_args *a)
{
    if (a->logits->dims.n != 2 || a->target->dims.n != 1 ||
        a->target->dims.d[0] != a->logits->dims.d[0])
        return RT_FAIL(SHAPE,
                       "cross_entropy: logits %s and target %s, expected [n,classes] and [n]",
                       rt_dims_text(a->logits->dims), rt_dims_text(a->target->dims));
    if (a->target->dtype != RT_I64)
        return RT_FAIL(DTYPE, "cross_entropy: target %s, expected int64", rt_describe(a->target));
    if (!(a->label_smoothing >= 0 && a->label_smoothing <= 1))
        return RT_FAIL(RANGE, "cross_entropy: label smoothing %g, expected 0 to 1",
                       (double)a->label_smoothing);
    return RT_OK;
}

rt_tensor *rt_cross_entropy_(rt_cross_entropy_args a)
{
    if (!rt__takes("cross_entropy", a.logits) ||
        !rt__object_is(a.target, &rt__tensor_type, "cross_entropy", 2))
        return NULL;
    rt_tensor *target = check(&a) == RT_OK ? rt__tensor_contiguous(a.target) : NULL;
    int64_t count = target ? count_targets(&a, target) : -1;
    if (count < 0)
        return NULL;
    entropy_args rows = {.x = a.logits,
                         .target = target,
                         .s = {a.label_smoothing, a.ignore ? a.ignore_index : INT64_MIN}};
    rt_tensor *loss = rt_apply(&rows_op, &rows, sizeof rows);
    if (a.reduction == RT_NONE)
        return loss;
    loss = rt_sum(loss);
    return a.reduction == RT_SUM ? loss : rt_mul_scalar(loss, 1.0 / (double)count);
}
