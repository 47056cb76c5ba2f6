/* Layers one after the other, alone or beside their input. */
#include "worker/engine/nn/sequential.h"

#include <stdio.h>
#include "common/error.h"
#include "worker/engine/base/object.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"

/* Runs the first `count` children. Lets go of each layer's input as soon as its output is there, so that memory no gradient needs is
 * used again at once, while it is still in cache. */
static rt_tensor *run_children(rt_module *m, int32_t count, rt_tensor *x)
{
    rt_keep(x);
    for (int32_t i = 0; i < count; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *y = rt_keep(rt_forward(m->inside->slot[i].child, x));
        rt_scope_end(s);
        rt_free(x);
        x = y;
        if (!x)
            return NULL;
    }
    return rt__scope_own(x);
}

rt__child_name rt__nn_next_name(const rt_module *m)
{
    rt__child_name name;
    snprintf(name.text, sizeof name.text, "%d", (int)m->inside->count);
    return name;
}

rt_module *rt__nn_append(rt_module *m, rt_module *layer)
{
    rt__child_name name = rt__nn_next_name(m);
    if (!layer && !rt_failed())
        return RT_FAIL_NULL(ARG, "%s: layer %s is NULL", m->type->name, name.text);
    return rt_nn_child(m, name.text, layer);
}

/* Adds the layers; NULL on failure, of which no m is one. */
static rt_module *with_layers(rt_module *m, rt_module *const *layers, int count)
{
    if (rt_failed() || (count > 0 && !rt__given(layers, m->type->name, "list of layers")))
        return NULL;
    for (int i = 0; i < count; i++)
        if (!rt__nn_append(m, layers[i]))
            return NULL;
    return m;
}

static rt_tensor *sequential_forward(rt_module *m, rt_tensor *x)
{
    return run_children(m, m->inside->count, x);
}

rt_module *rt_nn_sequential_(rt_module *const *layers, int count)
{
    static const rt_module_type type = {"sequential", sizeof(rt_module), sequential_forward, NULL};
    return with_layers(rt_failed() ? NULL : rt_nn_new(&type), layers, count);
}

/* ---- residual ---- */

typedef struct residual {
    rt_module base;
    rt_module *shortcut; /* the last child; NULL: none */
} residual;

/* x + f(x) (He et al. 2015). */
static rt_tensor *residual_forward(rt_module *m, rt_tensor *x)
{
    rt_module *shortcut = ((residual *)m)->shortcut;
    rt_tensor *f = run_children(m, m->inside->count - (shortcut != NULL), x);
    rt_tensor *straight = shortcut ? rt_forward(shortcut, x) : x;
    if (f && straight && !rt__dims_equal(rt_dims_of(f), rt_dims_of(straight)))
        return RT_FAIL_NULL(SHAPE,
                            "residual: its layers give %s and %s %s: expected the same shape",
                            rt_dims_text(rt_dims_of(f)), shortcut ? "the shortcut" : "the input is",
                            rt_dims_text(rt_dims_of(straight)));
    return rt_add(f, straight);
}

rt_module *rt__nn_close_residual(rt_module *m, rt_module *shortcut)
{
    return ((residual *)m)->shortcut = rt_nn_child(m, "shortcut", shortcut);
}

rt_module *rt_nn_residual_(rt_module *const *layers, int count, rt_module *shortcut)
{
    static const rt_module_type type = {"residual", sizeof(residual), residual_forward, NULL};
    rt_module *m = with_layers(rt_failed() ? NULL : rt_nn_new(&type), layers, count);
    return m && shortcut && !rt__nn_close_residual(m, shortcut) ? NULL : m;
}
