/* Consecutive indices of an axis, all of which must exist. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define NARROW_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "one axis or more")                                        \
    F(INT, axis, RT_NEEDED, RT_ANY_AXIS, "the axis that is cut")                                   \
    F(INT, start, RT_NEEDED, RT_ANY, "the first index; a negative one counts from the end")        \
    F(INT, length, RT_NEEDED, RT_FROM(0), "how many; all must be there")
typedef struct RT_DESIGNATED narrow_args {
    RT_STRUCT(NARROW_FIELDS)
} narrow_args;

rt_tensor *rt_narrow(rt_tensor *x, int axis, int64_t start, int64_t length)
{
    int i = rt__takes("narrow", x) ? rt__axis("narrow", axis, x->dims.n) : -1;
    if (i < 0)
        return NULL;
    int64_t size = x->dims.d[i], from = start < 0 ? start + size : start;
    if (from < 0 || length < 0 || length > size || from > size - length)
        return RT_FAIL_NULL(RANGE, "narrow: %lld elements from %lld do not lie in axis %d of %s",
                            (long long)length, (long long)start, axis, rt_describe(x));
    return rt_slice(x, i, from, from + length, 1);
}

static void narrow_compose(rt_call *c)
{
    const narrow_args *a = c->args;
    c->out[0] = rt_narrow(a->x, (int)a->axis, a->start, a->length);
}

const rt_op rt__op_narrow = {
    .name = "narrow",
    .help = "y = x[start:start+length] along an axis",
    RT_ARGS(narrow_args, NARROW_FIELDS),
    .compose = narrow_compose,
};
