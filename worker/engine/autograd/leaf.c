/* Leaves: tensors that want their gradient, and where it lies. */
#include "common/error.h"
#include "worker/engine/autograd/graph.h"

/* Gives x the node of a leaf, unless it has one. */
static rt_status make_leaf(rt_tensor *x)
{
    if (x->leaf) {
        x->node = x->leaf;
        x->leaf = NULL;
    } else if (!x->node) {
        rt_node *leaf = rt__node_leaf();
        x->node = leaf ? &leaf->object : NULL;
    }
    return x->node ? RT_OK : rt_error_code();
}

rt_tensor *rt_param(rt_tensor *x)
{
    if (!rt__takes("param", x))
        return NULL;
    if (rt__view_freshen(x) != RT_OK)
        return NULL;
    if (!rt__dtype_is_float(x->dtype))
        return RT_FAIL_NULL(DTYPE, "param: %s, expected a type of floating-point numbers",
                            rt_describe(x));
    if (x->node && rt__node_of(x)->call.op)
        return RT_FAIL_NULL(ARG, "param: %s is a result of %s: detach it first", rt_describe(x),
                            rt__node_of(x)->call.op->name);
    rt__view_leave(x); /* its own from now on */
    return make_leaf(x) == RT_OK ? rt_keep(x) : NULL;
}

static rt_status check_param(const char *what, const rt_tensor *param)
{
    if (!rt__takes(what, param))
        return rt_error_code();
    return rt__leaf_of(param) ? RT_OK
                              : RT_FAIL(ARG, "%s: %s is no parameter: make it with rt_param", what,
                                        rt_describe(param));
}

rt_status rt_set_requires_grad(rt_tensor *param, bool wanted)
{
    RT_TRY(check_param("set_requires_grad", param));
    if (wanted)
        return make_leaf(param);
    if (param->node) {
        rt_grad_clear(param);
        param->leaf = param->node;
        param->node = NULL;
    }
    return RT_OK;
}

/* ---- values that are elsewhere ---- */

rt_status rt_param_absent(rt_tensor *param)
{
    RT_TRY(check_param("param_absent", param));
    rt__tensor_hide(param);
    return RT_OK;
}

rt_status rt_param_present(rt_tensor *param, const rt_tensor *value)
{
    RT_TRY(check_param("param_present", param));
    if (!rt__object_is(value, &rt__tensor_type, "param_present", 2) ||
        !rt__has_value("param_present", value))
        return rt_error_code();
    if (!rt__dims_same(&param->dims, &value->dims) || param->dtype != value->dtype ||
        !param->contiguous || !value->contiguous)
        return RT_FAIL(SHAPE, "param_present: %s, expected a contiguous %s", rt_describe(value),
                       rt_describe(param));
    RT_TRY(rt__tensor_own(value));
    rt__tensor_show(param, value);
    return RT_OK;
}

bool rt_param_is_present(const rt_tensor *param)
{
    return rt__sees("param_is_present", param) && param->storage;
}

/* ---- gradients ---- */

bool rt_requires_grad(const rt_tensor *x)
{
    if (!rt__sees("requires_grad", x))
        return false;
    return x->node || (x->base && x->base->epoch != x->epoch && x->base->node);
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
    rt_node *n = rt__leaf_of(leaf);
    if (!n)
        return RT_FAIL(ARG, "grad_place: %s is no parameter: make it with rt_param",
                       rt_describe(leaf));
    if (!view->contiguous || view->dtype != leaf->dtype ||
        !rt__dims_equal(view->dims, leaf->dims) || !rt__same_device(view, leaf))
        return RT_FAIL(SHAPE, "grad_place: %s, expected a contiguous %s", rt_describe(view),
                       rt_describe(leaf));
    RT_TRY(rt__may_write("grad_place", view, false));
    RT_TRY(rt__tensor_own(view));
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
