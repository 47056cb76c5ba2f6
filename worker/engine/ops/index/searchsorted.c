/* Places in sorted rows, by binary search. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* What rt_searchsorted takes, sorted. */
#define SEARCH_FIELDS(F)                                                                           \
    F(INPUT, sorted, RT_NEEDED, RT_SAME | RT_FLOATS | RT_INTEGERS, "")                             \
    F(INPUT, values, RT_NEEDED, RT_SAME | RT_FLOATS | RT_INTEGERS, "")
typedef struct search_args {
    rt_tensor *sorted, *values;
    bool right;
} search_args;

static rt_status search_infer(rt_call *c)
{
    const rt_tensor *sorted = c->in[0], *values = c->in[1];
    int n = sorted->dims.n;
    bool fits = n == 1 || n == values->dims.n;
    for (int i = 0; i < n - 1 && fits; i++)
        fits = sorted->dims.d[i] == values->dims.d[i];
    if (n == 0 || !fits)
        return RT_FAIL(SHAPE,
                       "searchsorted: sorted %s and values %s, expected [n], or two of the same "
                       "shape but for the last axis",
                       rt_describe(sorted), rt_describe(values));
    return rt_result(c, 0, values->dims, RT_I64);
}

static rt_status search_run(rt_call *c)
{
    const rt_tensor *sorted = c->in[0], *values = c->in[1];
    bool right = ((const search_args *)c->args)->right;
    int64_t len = sorted->dims.d[sorted->dims.n - 1], rows = 1;
    for (int i = 0; i < sorted->dims.n - 1; i++)
        rows *= sorted->dims.d[i];
    int64_t m = rows > 0 ? values->numel / rows : 0;
    rt_exec *e = rt_exec_of(c);
    e->kernels->searchsorted[values->dtype](e, (rt_rows){rows, len}, m, right, sorted->data,
                                            values->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op search_op = {
    .name = "searchsorted",
    RT_INTERNAL_ARGS(search_args, SEARCH_FIELDS),
    .infer = search_infer,
    .run = search_run,
};

static rt_tensor *search(rt_tensor *sorted, rt_tensor *values, bool right, bool out_int32)
{
    rt_tensor *at = rt_apply(&search_op, &(search_args){sorted, values, right});
    return out_int32 ? rt_to(at, RT_I32) : at;
}

RT_COMPOSITE(searchsorted, rt_searchsorted_args, RT_SEARCHSORTED_FIELDS,
             "how many elements of the sorted row are less than each value",
             .derivatives = RT_CONSTANT)
{
    rt_tensor *sorted = a->sorter ? rt_gather(a->sorted, -1, a->sorter) : a->sorted;
    return search(sorted, a->values, a->right, a->out_int32);
}

rt_tensor *rt_searchsorted_(rt_searchsorted_args a)
{
    return rt_apply(&rt__op_searchsorted, &a);
}

RT_COMPOSITE(bucketize, rt_bucketize_args, RT_BUCKETIZE_FIELDS,
             "in which of the buckets between the boundaries each x lies",
             .derivatives = RT_CONSTANT)
{
    if (a->boundaries->dims.n != 1)
        return RT_FAIL_NULL(SHAPE, "bucketize: the boundaries are %s, expected [n]",
                            rt_describe(a->boundaries));
    return search(a->boundaries, a->x, a->right, a->out_int32);
}

rt_tensor *rt_bucketize_(rt_bucketize_args a)
{
    return rt_apply(&rt__op_bucketize, &a);
}
