/* First-order recurrences along an axis, by which the gradients of running products, and logcumsumexp, are computed:
 * y[i] = a[i] y[i - 1] + b[i]. db is the recurrence from the end with the a of the next place, and da = db y[i - 1]. */
#include "worker/engine/ops/reduce/fold.h"
#include "worker/engine/ops/scan/scan.h"

#define RECURRENCE_FIELDS(F)                                                                       \
    F(INPUT, a, RT_NEEDED, RT_FLOATS | RT_COMPLEX | RT_SAME, "one axis or more")                   \
    F(INPUT, b, RT_NEEDED, RT_FLOATS | RT_COMPLEX | RT_SAME, "as a")
typedef struct recurrence_args {
    rt_tensor *a, *b;
    int axis;
    bool reverse;
} recurrence_args;

static rt_status recurrence_run(rt_call *c)
{
    const recurrence_args *r = c->args;
    const rt_tensor *a = c->in[0], *b = c->in[1], *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    if (y->numel > 0)
        e->kernels->recurrence[y->dtype](e, rt__fold_of(y->dims, r->axis), r->reverse, a->data,
                                         b->data, y->data);
    return RT_OK;
}

static void recurrence_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const recurrence_args *r = c->args;
    int next = r->reverse ? 1 : -1;
    rt_tensor *db =
        rt__recurrence(rt_conj(rt__shift(c->in[0], r->axis, next, 0)), dy[0], r->axis, !r->reverse);
    if (rt_needs(c, 0))
        dx[0] = rt_mul(db, rt_conj(rt__shift(c->out[0], r->axis, -next, 0)));
    dx[1] = db;
}

static const rt_op recurrence_op = {
    .name = "recurrence",
    RT_INTERNAL_ARGS(recurrence_args, RECURRENCE_FIELDS),
    .infer = rt__infer_like_first,
    .run = recurrence_run,
    .backward = recurrence_backward,
    .saves_in = 1,
    .saves_out = 1,
};

rt_tensor *rt__recurrence(rt_tensor *a, rt_tensor *b, int axis, bool reverse)
{
    return rt_apply(&recurrence_op, &(recurrence_args){a, b, axis, reverse});
}

rt_tensor *rt__shift(rt_tensor *x, int axis, int by, double value)
{
    int64_t size = x ? rt_size(x, axis) : 0;
    if (size == 0)
        return x;
    rt_dims edge = x->dims;
    edge.d[axis < 0 ? axis + edge.n : axis] = 1;
    rt_tensor *free_place = rt_full(edge, value, x->dtype);
    rt_tensor *rest = rt_narrow(x, axis, by > 0 ? 0 : 1, size - 1);
    return rt_cat(by > 0 ? (rt_tensor *[]){free_place, rest} : (rt_tensor *[]){rest, free_place}, 2,
                  axis);
}
