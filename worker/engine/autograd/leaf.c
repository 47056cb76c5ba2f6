/* Leaves: tensors that want their gradient, and where it lies. */
#include "common/error.h"
#include "worker/engine/autograd/graph.h"

rt_tensor *rt_param(rt_tensor *x)
{
    if (!rt__takes("param", x))
        return NULL;
    if (x->dtype != RT_F32)
        return RT_FAIL_NULL(DTYPE, "param: %s, expected float32", rt_describe(x));
    if (x->node && rt__node_of(x)->call.op)
        return RT_FAIL_NULL(ARG, "param: %s is a result of %s: detach it first", rt_describe(x),
                            rt__node_of(x)->call.op->name);
    if (!x->node) {
        rt_node *leaf = rt__node_leaf();
        if (!leaf)
            return NULL;
        x->node = &leaf->object;
    }
    return rt_keep(x);
}

bool rt_requires_grad(const rt_tensor *x)
{
    return rt__sees("requires_grad", x) && x->node;
}

rt_tensor *rt_grad_of(const rt_tensor *x)
{
    const rt_node *n = rt__sees("grad_of", x) ? rt__node_of(x) : NULL;
    if (!n)
        return NULL;
    return n->place ? (n->placed ? n->place : NULL) : n->grad;
}

void rt_grad_clear(rt_tensor *x)
{
    rt_node *n = rt__sees("grad_clear", x) ? rt__node_of(x) : NULL;
    if (!n)
        return;
    n->placed = false;
    rt_free(n->grad);
    n->grad = NULL;
}

rt_status rt_grad_place(rt_tensor *leaf, rt_tensor *view)
{
    if (!rt__takes("grad_place", leaf) || !rt__object_is(view, &rt__tensor_type, "grad_place", 2))
        return rt_error_code();
    rt_node *n = rt__node_of(leaf);
    if (!n || n->call.op)
        return RT_FAIL(ARG, "grad_place: %s is no parameter: make it with rt_param",
                       rt_describe(leaf));
    if (!view->contiguous || view->dtype != leaf->dtype || !rt__dims_equal(view->dims, leaf->dims))
        return RT_FAIL(SHAPE, "grad_place: %s, expected a contiguous %s", rt_describe(view),
                       rt_describe(leaf));
    RT_TRY(rt__may_write("grad_place", view));
    rt_tensor *old = rt_grad_of(leaf);
    if (old)
        rt__copy(view, old);
    n->placed = old != NULL;
    rt_keep(view);
    rt_free(n->place);
    n->place = view;
    rt_free(n->grad);
    n->grad = NULL;
    return RT_OK;
}
