/* Layers in sequence, alone or with a residual connection. */
#include "worker/engine/nn/sequential.h"

#include "common/base/error.h"
#include "worker/engine/base/object.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/tensor/tensor.h"
#include <stdio.h>
#include <string.h>

/* A module of layers: its first input flows from layer to layer; further inputs go to each layer that takes them. */
#define OF_LAYERS .n_in = 1, .n_optional = RT_NN_TENSORS - 1

/* Returns how many of `extra` inputs a layer takes after its first. */
static int most_of(const rt_module_type *t, int extra)
{
    int most = t->n_in == RT_MANY ? extra : (t->n_in ? t->n_in : 1) + t->n_optional - 1;
    return most < extra ? most : extra;
}

/* Runs a child on x and those of its parent's other inputs that it was assigned. */
static rt_tensor *run_child(const rt__slot *s, rt_tensor *x, rt_tensor *const *in, int n_in)
{
    rt_tensor *mine[RT_NN_TENSORS] = {x}, *y;
    int extra = s->picks < 0 ? most_of(s->child->type, n_in - 1) : s->picks;
    for (int i = 0; i < extra; i++) {
        int which = s->picks < 0 ? i + 1 : s->pick[i];
        mine[i + 1] = which < n_in ? in[which] : NULL;
    }
    if (extra <= 0)
        return rt_forward(s->child, x);
    return rt_forward_all(s->child, mine, 1 + extra, &y, 1) == RT_OK ? y : NULL;
}

static bool has_layers(const rt_module *m)
{
    for (int32_t i = 0; i < m->inside->count; i++)
        if (m->inside->slot[i].child)
            return true;
    return false;
}

/* Names both layers where the second cannot take what the first returned: the first one may be at fault. What a plugin's row has made names
 * itself. */
static void name_both(const rt__slot *before, const rt__slot *s)
{
    bool misfit = rt_error_code() == RT_E_SHAPE || rt_error_code() == RT_E_DTYPE;
    if (misfit && !s->child->inside->from_row && !has_layers(s->child))
        rt_error_prefix("layer %s (%s), given what layer %s (%s) returned", s->name,
                        s->child->type->name, before->name, before->child->type->name);
}

/* Runs the first `count` children. Drops each layer's input as soon as its output exists, so that memory that no gradient needs is
 * reused immediately, while it is still in cache. */
static rt_tensor *run_children(rt_module *m, int32_t count, rt_tensor *const *in, int n_in)
{
    rt_tensor *x = rt_keep(in[0]);
    for (int32_t i = 0; i < count; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *y = rt_keep(run_child(&m->inside->slot[i], x, in, n_in));
        rt_scope_end(s);
        rt_free(x);
        x = y;
        if (!x && i > 0)
            name_both(&m->inside->slot[i - 1], &m->inside->slot[i]);
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

void rt__nn_pick(rt_module *m, const uint8_t *pick, int picks)
{
    rt__slot *s = &m->inside->slot[m->inside->count - 1];
    s->picks = picks;
    memcpy(s->pick, pick, (size_t)picks * sizeof *pick);
}

/* Adds the layers; NULL on failure, also if m is NULL. */
static rt_module *with_layers(rt_module *m, rt_module *const *layers, int count)
{
    if (rt_failed() || (count > 0 && !rt__given(layers, m->type->name, "list of layers")))
        return NULL;
    for (int i = 0; i < count; i++)
        if (!rt__nn_append(m, layers[i]))
            return NULL;
    return m;
}

static void sequential_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                               int n_out)
{
    (void)n_out;
    out[0] = run_children(m, m->inside->count, in, n_in);
}

rt_module *rt_nn_sequential_(rt_module *const *layers, int count)
{
    static const rt_module_type type = {"sequential", sizeof(rt_module),
                                        .forward_all = sequential_forward, OF_LAYERS};
    return with_layers(rt_failed() ? NULL : rt_nn_new(&type), layers, count);
}

/* ---- residual ---- */

typedef struct residual {
    rt_module base;
    rt_module *shortcut; /* the last child; NULL: none */
} residual;

/* x + f(x) (He et al. 2015). */
static void residual_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                             int n_out)
{
    (void)n_out;
    bool shortcut = ((residual *)m)->shortcut != NULL;
    int32_t layers = m->inside->count - (shortcut ? 1 : 0);
    rt_tensor *f = run_children(m, layers, in, n_in);
    rt_tensor *straight = shortcut ? run_child(&m->inside->slot[layers], in[0], in, n_in) : in[0];
    if (f && straight && !rt__dims_equal(rt_dims_of(f), rt_dims_of(straight)))
        RT_FAIL(SHAPE, "residual: its layers give %s and %s %s: expected the same shape",
                rt_dims_text(rt_dims_of(f)), shortcut ? "the shortcut" : "the input is",
                rt_dims_text(rt_dims_of(straight)));
    else
        out[0] = rt_add(f, straight);
}

rt_module *rt__nn_close_residual(rt_module *m, rt_module *shortcut)
{
    return ((residual *)m)->shortcut = rt_nn_child(m, "shortcut", shortcut);
}

rt_module *rt_nn_residual_(rt_module *const *layers, int count, rt_module *shortcut)
{
    static const rt_module_type type = {"residual", sizeof(residual),
                                        .forward_all = residual_forward, OF_LAYERS};
    rt_module *m = with_layers(rt_failed() ? NULL : rt_nn_new(&type), layers, count);
    return m && shortcut && !rt__nn_close_residual(m, shortcut) ? NULL : m;
}
