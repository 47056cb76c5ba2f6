/* Whether all elements, or any, are different from 0, and how many are. */
#include "common/base/error.h"
#include "worker/engine/ops/reduce/fold.h"

#define TRUTH_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    RT_REDUCE_VALUES(F)

static rt_status truth_infer(rt_call *c, bool empty)
{
    ((rt_fold_plan *)c->plan)->empty = empty;
    return rt__fold_infer(c, c->in[0]->dtype == RT_U8 ? RT_U8 : RT_BOOL);
}

/* Folds x as bool. */
static rt_status truth_run(rt_call *c, rt_fold_fn *f)
{
    rt_tensor *y = c->out[0], *to = y->dtype == RT_BOOL ? y : rt__tensor_new(y->dims, RT_BOOL);
    const rt_tensor *x = rt_to(c->in[0], RT_BOOL);
    if (!x || !to)
        return rt_error_code();
    RT_TRY(rt__fold_into(c, x, f, to));
    return to == y ? RT_OK : rt__convert_into(y, to);
}

static rt_status all_infer(rt_call *c)
{
    return truth_infer(c, true);
}

static rt_status any_infer(rt_call *c)
{
    return truth_infer(c, false);
}

static rt_status all_run(rt_call *c)
{
    return truth_run(c, rt_exec_of(c)->kernels->min[RT_BOOL]);
}

static rt_status any_run(rt_call *c)
{
    return truth_run(c, rt_exec_of(c)->kernels->max[RT_BOOL]);
}

const rt_op rt__op_all = {
    .name = "all",
    .help = "y = whether all x over the axes are different from 0",
    RT_ARGS(rt_reduce_args, TRUTH_FIELDS),
    .infer = all_infer,
    .run = all_run,
    .plan_size = sizeof(rt_fold_plan),
};

const rt_op rt__op_any = {
    .name = "any",
    .help = "y = whether any x over the axes is different from 0",
    RT_ARGS(rt_reduce_args, TRUTH_FIELDS),
    .infer = any_infer,
    .run = any_run,
    .plan_size = sizeof(rt_fold_plan),
};

RT_COMPOSITE(count_nonzero, rt_reduce_args, TRUTH_FIELDS,
             "y = how many x over the axes are different from 0")
{
    return rt_sum(rt_to(a->x, RT_BOOL), a->axes, a->keep_dim);
}

rt_tensor *rt_all_(rt_reduce_args a)
{
    return rt_apply(&rt__op_all, &a);
}

rt_tensor *rt_any_(rt_reduce_args a)
{
    return rt_apply(&rt__op_any, &a);
}

rt_tensor *rt_count_nonzero_(rt_reduce_args a)
{
    return rt_apply(&rt__op_count_nonzero, &a);
}
