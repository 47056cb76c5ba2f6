/* One index of an axis; the axis is dropped. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define SELECT_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that goes")                                     \
    F(INT, index, RT_NEEDED, RT_ANY, "which of it; a negative one counts from the end")
typedef struct RT_DESIGNATED select_args {
    RT_STRUCT(SELECT_FIELDS)
} select_args;

rt_tensor *rt_select(rt_tensor *x, int axis, int64_t index)
{
    int i = rt__takes("select", x) ? rt__axis("select", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i], from = index < 0 ? index + size : index;
    if (index < -size || index >= size)
        return RT_FAIL_NULL(RANGE, "select: index %lld is not in axis %d of %s", (long long)index,
                            axis, rt_describe(x));
    return rt_squeeze(rt_slice(x, i, from, from + 1, 1), i);
}

static void select_compose(rt_call *c)
{
    const select_args *a = c->args;
    c->out[0] = rt_select(a->x, (int)a->axis, a->index);
}

const rt_op rt__op_select = {
    .name = "select",
    .help = "y = x[index] along an axis, which is dropped",
    RT_ARGS(select_args, SELECT_FIELDS),
    .compose = select_compose,
};
