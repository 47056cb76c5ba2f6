/* Leaves: tensors that want a gradient, and where their values and gradients lie. */
#include "common/base/error.h"
#include "worker/engine/autograd/graph.h"

/* Gives x the node of a leaf, unless it has one. */
static rt_status make_leaf(rt_tensor *x)
{
    if (x->leaf) {
        x->node = x->leaf;
        x->leaf = NULL;
    } else if (!x->node) {
        RT_TRY(rt__tensor_claim(x));
        rt_node *leaf = rt__node_leaf();
        x->node = leaf ? &leaf->object : NULL;
    }
    return x->node ? RT_OK : rt_error_code();
}

rt_tensor *rt_param(rt_tensor *x)
{
    if (!rt__takes("param", x))
        return NULL;
    if (rt__view_refresh(x) != RT_OK)
        return NULL;
    if (rt__thread.inference)
        return RT_FAIL_NULL(ARG, "param: no gradients are computed in RT_GRAD_INFERENCE");
    if (!rt__dtype_has_gradient(x->dtype))
        return RT_FAIL_NULL(DTYPE,
                            "param: %s, expected a type of floating-point or complex numbers",
                            rt_describe(x));
    if (x->node && rt__node_of(x)->call.op)
        return RT_FAIL_NULL(ARG, "param: %s is a result of %s: detach it first", rt_describe(x),
                            rt__node_of(x)->call.op->name);
    rt__view_detach(x); /* no longer a view */
    return make_leaf(x) == RT_OK ? rt_keep(x) : NULL;
}

static rt_status check_param(const char *what, const rt_tensor *param)
{
    if (!rt__object_is(param, &rt__tensor_type, what, 1))
        return rt_error_code();
    return rt__leaf_of(param) ? RT_OK
                              : RT_FAIL(ARG, "%s: %s is no parameter: make it with rt_param", what,
                                        rt_describe(param));
}

rt_status rt_set_requires_grad(rt_tensor *param, bool wanted)
{
    if (rt_failed())
        return rt_error_code();
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
    uint32_t version = rt__tensor_version(param);
    rt__tensor_hide(param);
    param->earlier = version;
    return RT_OK;
}

/* Makes a parameter show other memory. If it has a home, the home's change count continues, else its own. */
static void show(rt_tensor *param, const rt_tensor *value)
{
    const rt_tensor *home = rt__home_of(param);
    uint32_t version = rt__tensor_version(home ? home : param);
    rt__tensor_show(param, value);
    rt__tensor_set_version(param, version);
}

rt_status rt_param_present(rt_tensor *param, const rt_tensor *value)
{
    if (rt_failed())
        return rt_error_code();
    RT_TRY(check_param("param_present", param));
    if (!rt__object_is(value, &rt__tensor_type, "param_present", 2) ||
        !rt__has_value("param_present", value))
        return rt_error_code();
    if (!rt__dims_same(&param->dims, &value->dims) || param->dtype != value->dtype ||
        !param->contiguous || !value->contiguous)
        return RT_FAIL(SHAPE, "param_present: %s, expected a contiguous %s", rt_describe(value),
                       rt_describe(param));
    rt_leaf *leaf = (rt_leaf *)rt__leaf_of(param);
    if (leaf->node.place && !rt__same_device(leaf->node.place, value))
        return RT_FAIL(DEVICE, "param_present: %s, but its gradient has a fixed place in %s",
                       rt_describe(value), rt_describe(leaf->node.place));
    RT_TRY(rt__tensor_own(value));
    if (leaf->blank)
        RT_TRY(rt__param_assign(param, value));
    show(param, value);
    return leaf->home && leaf->home->storage == value->storage ? RT_OK : rt__tensor_claim(param);
}

bool rt_param_is_present(const rt_tensor *param)
{
    return rt__sees("param_is_present", param) && param->storage;
}

/* ---- homes ---- */

rt_tensor *rt__param_value(rt_tensor *x)
{
    const rt_leaf *leaf = (const rt_leaf *)rt__leaf_of(x);
    return leaf && leaf->home && !leaf->blank ? leaf->home : x;
}

rt_tensor *rt_param_home(const rt_tensor *param)
{
    if (check_param("param_home", param) != RT_OK)
        return NULL;
    rt_tensor *value = rt__param_value((rt_tensor *)param);
    return value == param ? NULL : value;
}

rt_status rt__may_move(const char *what, const char *name, rt_tensor *x)
{
    const rt_tensor *value = rt__param_value(x);
    int32_t views = rt__tensor_sharers(value) - (value != x && value->storage == x->storage);
    if (views <= 0)
        return RT_OK;
    return RT_FAIL(ARG,
                   "%s: %s must move, but %d other tensor%s its memory and would keep showing the "
                   "old values: free such views first, and results computed from them, for example "
                   "with a scope around them",
                   what, name, views, views == 1 ? " shows" : "s show");
}

void rt__param_set_home(rt_tensor *param, rt_tensor *home)
{
    rt_leaf *leaf = (rt_leaf *)rt__leaf_of(param);
    const rt_tensor *value = rt__param_value(param);
    leaf->blank = !value->storage;
    if (value->storage) {
        rt__copy(home, value);
        rt__tensor_set_version(home, rt__tensor_version(value));
    }
    rt__leaf_clear_home(leaf);
    leaf->home = rt_keep(home);
    home->is_home = true;
    if (param->storage)
        show(param, home);
}

void rt__param_clear_home(rt_tensor *param)
{
    rt_leaf *leaf = (rt_leaf *)rt__leaf_of(param);
    rt__leaf_clear_home(leaf);
    rt_free(leaf->node.place);
    leaf->node.place = NULL;
    leaf->node.placed = leaf->blank = false;
}

void rt__param_touch(rt_tensor *param)
{
    rt_tensor *home = rt__home_of(param);
    if (home)
        rt__tensor_touch(home);
    if (param->storage && !(home && home->version == param->version))
        rt__tensor_touch(param);
}

rt_status rt__param_assign(rt_tensor *x, const rt_tensor *value)
{
    rt_tensor *home = rt__home_of(x);
    if (!home)
        return rt_copy_into(x, value);
    rt_leaf *leaf = (rt_leaf *)rt__leaf_of(x);
    RT_TRY(rt__copy_into(home, value)); /* no history to check: a home has none */
    leaf->blank = false;
    return RT_OK;
}

/* ---- twins ---- */

rt_status rt__leaf_twin(const rt_tensor *param, rt_node **twin)
{
    const rt_leaf *leaf = (const rt_leaf *)rt__leaf_of(param);
    if (!*twin)
        *twin = rt__node_leaf();
    rt_leaf *second = (rt_leaf *)*twin;
    if (!second)
        return rt_error_code();
    second->twin = true;
    second->blank = leaf->blank;
    if (second->home != leaf->home) {
        rt__object_drop(second->home);
        second->home = rt_keep(leaf->home);
    }
    return RT_OK;
}

void rt__leaf_swap(rt_tensor *param, rt_node **twin)
{
    rt_object *node = param->node;
    if (!node)
        return;
    param->node = &(*twin)->object;
    *twin = (rt_node *)node;
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

void rt__grad_filled(rt_tensor *leaf)
{
    rt_node *n = rt__node_of(leaf);
    if (n && n->place)
        n->placed = true;
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
