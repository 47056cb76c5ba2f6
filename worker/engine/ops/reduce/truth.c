/* Folds of truth values. */
#include "worker/engine/ops/reduce/truth.h"

#include "common/base/error.h"

rt_status rt__truth_infer(rt_call *c, bool empty)
{
    ((rt_fold_plan *)c->plan)->empty = empty;
    return rt__fold_infer(c, c->in[0]->dtype == RT_U8 ? RT_U8 : RT_BOOL);
}

rt_status rt__truth_run(rt_call *c, rt_fold_fn *f)
{
    rt_tensor *y = c->out[0], *to = y->dtype == RT_BOOL ? y : rt__tensor_new(y->dims, RT_BOOL);
    const rt_tensor *x = rt_to(c->in[0], RT_BOOL);
    if (!x || !to)
        return rt_error_code();
    RT_TRY(rt__fold_into(c, x, f, to));
    return to == y ? RT_OK : rt__convert_into(y, to);
}

RT_COMPOSITE(count_nonzero, rt_reduce_args, RT_TRUTH_FIELDS,
             "y = how many x over the axes are different from 0", .derivatives = RT_CONSTANT)
{
    return rt_sum(rt_to(a->x, RT_BOOL), a->axes, a->keep_dim);
}

rt_tensor *rt_count_nonzero_(rt_reduce_args a)
{
    return rt_apply(&rt__op_count_nonzero, &a);
}
