/* Sorting along an axis. The gradient of each value goes to its index. */
#include "common/base/error.h"
#include "worker/engine/ops/sort/rows.h"

static rt_status sort_infer(rt_call *c)
{
    int *axis = c->plan;
    *axis =
        rt__axis_or_scalar(c->op->name, ((const rt_sort_args *)c->args)->axis, c->in[0]->dims.n);
    if (*axis < 0)
        return rt_error_code();
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    return rt_result(c, 1, c->in[0]->dims, RT_I64);
}

static void sort_rows(const rt_call *c, const rt_tensor *x, rt_tensor *const *out)
{
    bool descending = ((const rt_sort_args *)c->args)->descending;
    rt_exec *e = rt_exec_of(c);
    e->kernels->sort[x->dtype](e, rt__rows_of(x), descending, x->data, out[0]->data, out[1]->data);
}

static rt_status sort_run(rt_call *c)
{
    return rt__along_last(c, *(const int *)c->plan, sort_rows);
}

static void sort_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__scatter_add(dy[0], *(const int *)c->plan, c->out[1], c->in[0]->dims);
}

const rt_op rt__op_sort = {
    .name = "sort",
    .help = "x in ascending (or descending) order along the axis, and its index; equal elements "
            "keep their order",
    RT_ARGS(rt_sort_args, RT_SORT_FIELDS),
    .n_out = 2,
    .infer = sort_infer,
    .run = sort_run,
    .backward = sort_backward,
    .saves_out = 1 << 1,
    .plan_size = sizeof(int),
    .strided = true,
};

rt_sort_results rt_sort_(rt_sort_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_sort, &a, out, 2);
    return (rt_sort_results){out[0], out[1]};
}

RT_COMPOSITE(argsort, rt_sort_args, RT_SORT_FIELDS, "the index that sorts x along the axis",
             .derivatives = RT_CONSTANT)
{
    return rt_sort_((rt_sort_args){rt_detach(a->x), a->axis, a->descending}).index;
}

#define MSORT_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_REAL_TYPES, "any shape")
typedef struct RT_DESIGNATED msort_args {
    RT_STRUCT(MSORT_FIELDS)
} msort_args;

RT_COMPOSITE(msort, msort_args, MSORT_FIELDS, "x in ascending order along its first axis")
{
    return rt_sort(a->x, 0).values;
}

rt_tensor *rt_argsort_(rt_sort_args a)
{
    return rt_apply(&rt__op_argsort, &a);
}

rt_tensor *rt_msort(rt_tensor *x)
{
    return rt_apply(&rt__op_msort, &(msort_args){.x = x});
}
