/* Writing into tensors that exist already. Such a write is not recorded. Where backward reads the old
 * value, the version of the storage tells; where it reads nothing, only the history would be wrong:
 * the gradient would silently stay that of the value before. So a write into a recorded result is
 * refused, and so is one that would drop the history of its source. */
#include "common/error.h"
#include "worker/engine/autograd/graph.h"

rt_status rt__may_write(const char *what, const rt_tensor *dst)
{
    const rt_node *n = rt__node_of(dst);
    if (!rt__has_value(what, dst))
        return rt_error_code();
    bool in_a_result = atomic_load_explicit(&dst->storage->results, memory_order_relaxed) > 0;
    if (n && n->call.op && in_a_result)
        return RT_FAIL(ARG,
                       "%s: %s is a result of %s, whose gradient would stay that of the old value: "
                       "use rt_where or rt_cat, or write into rt_clone(rt_detach(x))",
                       what, rt_describe(dst), n->call.op->name);
    if (n && n->call.op)
        return RT_FAIL(ARG,
                       "%s: %s is a recorded view (%s): view a parameter after rt_no_grad_begin to "
                       "write into it, anything else is written into rt_clone(rt_detach(x))",
                       what, rt_describe(dst), n->call.op->name);
    if (in_a_result)
        return RT_FAIL(ARG,
                       "%s: %s shares its memory with a result whose gradient would stay that of "
                       "the old value: write into rt_clone(x)",
                       what, rt_describe(dst));
    return RT_OK;
}

rt_status rt_copy_into(rt_tensor *dst, const rt_tensor *src)
{
    if (!rt__takes("copy_into", dst) || !rt__object_is(src, &rt__tensor_type, "copy_into", 2))
        return rt_error_code();
    RT_TRY(rt__may_write("copy_into", dst));
    if (!rt__has_value("copy_into", src))
        return rt_error_code();
    if (src->node && !rt__thread.no_grad)
        return RT_FAIL(ARG,
                       "copy_into: the source %s wants a gradient, which a copy in place would "
                       "lose: pass rt_detach(src), or use rt_where or rt_cat",
                       rt_describe(src));
    return rt__copy_into(dst, src);
}

rt_status rt_fill(rt_tensor *dst, double value)
{
    if (!rt__takes("fill", dst))
        return rt_error_code();
    RT_TRY(rt__may_write("fill", dst));
    return rt__fill(dst, value);
}
