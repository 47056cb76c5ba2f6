/* What layers have in common: their table, their parameters, windows over planes. */
#include "worker/engine/nn/layers.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/added.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/random.h>
#include <stdio.h>
#include <string.h>

#define LAYER(id, ...) [RT_LAYER_##id] = &rt__layer_##id,
static const rt_layer_row *const own[RT_LAYER_KINDS] = {RT_LAYERS(LAYER, LAYER, RT__NO_LAYER)};
#undef LAYER

const rt_layer_row *rt__layer_of(int id)
{
    char what[64];
    if (id < RT_LAYER_KINDS)
        return own[id];
    const rt__layer_row *row = &rt__layer_rows[id];
    snprintf(what, sizeof what, "layer %s", row->name);
    return rt__added_check(&row->added, what) == RT_OK ? row->added.code : NULL;
}

bool rt__layer_fits(rt_layer_id id, const void *args)
{
    return !rt_failed() && rt__schema_check(&rt__layer_rows[id].schema, args) == RT_OK;
}

/* ---- parameters ---- */

static _Thread_local rt__making *making;

rt__making *rt__nn_set_making(rt__making *how)
{
    rt__making *former = making;
    making = how;
    return former;
}

/* Returns the parameter of that name in the layer that the current one is tied to. NULL if there is none, or with an error if its shape
 * differs. */
static rt_tensor *find_tied(const char *name, rt_dims shape)
{
    const rt__slot *s = making->like ? rt__nn_slot(making->like, name, strlen(name)) : NULL;
    if (!s || s->kind != RT__PARAM)
        return NULL;
    if (!rt__dims_equal(s->tensor->dims, shape))
        return RT_FAIL_NULL(SHAPE, "%s is %s here, but %s in the layer that it is tied to", name,
                            rt_dims_text(shape), rt_dims_text(s->tensor->dims));
    making->taken++;
    return s->tensor;
}

/* Adds a parameter as rt__nn_set_making says. NULL if the parameter must be made as usual, or on failure. */
static rt_tensor *make_as_set(rt_module *m, const char *name, rt_dims shape)
{
    if (!making)
        return NULL;
    rt_tensor *other = find_tied(name, shape);
    if (other)
        return rt_nn_tie(m, name, other);
    rt_tensor *x = making->hollow ? rt__tensor_hollow(shape, RT_F32) : NULL;
    return x ? rt_nn_param(m, name, x) : NULL;
}

/* Returns whether a parameter can be added. */
static bool takes(const char *what, const rt_module *m, const char *name)
{
    return !rt_failed() && rt__is_module(what, m) && rt__given(name, what, "name");
}

rt_tensor *rt_nn_param_uniform(rt_module *m, const char *name, rt_dims shape, double bound)
{
    if (!takes("nn_param_uniform", m, name))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *p = make_as_set(m, name, shape);
    if (!p)
        p = rt_nn_param(m, name, rt_uniform(shape, -bound, bound));
    rt_scope_end(s);
    return p;
}

rt_tensor *rt_nn_param_normal(rt_module *m, const char *name, rt_dims shape, double std)
{
    if (!takes("nn_param_normal", m, name))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *p = make_as_set(m, name, shape);
    if (!p)
        p = rt_nn_param(m, name, rt_normal(shape, 0, std));
    rt_scope_end(s);
    return p;
}

rt_tensor *rt_nn_param_constant(rt_module *m, const char *name, rt_dims shape, double value)
{
    if (!takes("nn_param_constant", m, name))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *p = make_as_set(m, name, shape);
    if (!p)
        p = rt_nn_param(m, name, rt_full(shape, value, RT_F32));
    rt_scope_end(s);
    return p;
}

const rt_module *rt__nn_like_child(const char *name)
{
    const rt_module *former = making ? making->like : NULL;
    const rt__slot *s = former ? rt__nn_slot(former, name, strlen(name)) : NULL;
    rt__nn_like(s ? s->child : NULL);
    return former;
}

void rt__nn_like(const rt_module *former)
{
    if (making)
        making->like = former;
}

/* ---- sequences ---- */

rt_status rt__nn_check_sequence(rt_dims shape)
{
    return shape.n == 2
               ? RT_OK
               : RT_FAIL(CONFIG, "needs an input [places, features], got %s", rt_dims_text(shape));
}

const rt_nn_field *rt_nn_take(rt_nn_sample *at, const char *name)
{
    rt_text there = {0};
    if (!rt__given(at, "nn_take", "sample") || !rt__given(name, "nn_take", "name of the field"))
        return NULL;
    for (int i = 0; i < at->fields; i++) {
        if (strcmp(at->field[i].name, name) == 0 && at->taken < RT_NN_TENSORS - 1) {
            rt_mem_free(there.data);
            at->takes[at->taken++] = (uint8_t)i;
            return &at->field[i];
        }
        rt_text_add(&there, "%s%s", i ? ", " : "", at->field[i].name);
    }
    char *names = rt_text_take(&there);
    if (names)
        RT_FAIL(CONFIG, "samples have no field '%.60s'%s%s", name, at->fields ? ", only " : "",
                names);
    rt_mem_free(names);
    return NULL;
}

/* Returns whether the field holds lengths, or one number for each of `places` positions. */
static bool is_mask(const rt_nn_field *f, int64_t places, bool vary)
{
    if (f->dtype == RT_I64)
        return f->dims.n == 0 && f->classes == 0;
    return f->dtype == RT_F32 && f->dims.n == 1 && f->dims.d[0] == places && f->varies == vary;
}

rt_status rt__nn_connect_mask(rt_nn_sample *at, const char *name, bool needed)
{
    if (name && name[0]) {
        const rt_nn_field *f = rt_nn_take(at, name);
        if (!f)
            return rt_error_prefix("mask");
        if (is_mask(f, at->dims.d[0], at->varies))
            return RT_OK;
        return RT_FAIL(CONFIG,
                       "mask: field %s is %s %s: expected int64 [], the length of a sample, or "
                       "float32 [%lld], a number for each place",
                       f->name, rt_dtype_name(f->dtype), rt_dims_text(f->dims),
                       (long long)at->dims.d[0]);
    }
    if (!at->varies || !needed)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "samples have different lengths, and the layer must not see their padding: add "
                   "mask: %s.length",
                   at->field[0].name);
}

static rt_tensor *present_of_lengths(rt_tensor *lengths, int64_t places)
{
    rt_tensor *place = rt_arange(0, (double)places, 1, RT_I64);
    return rt_lt(rt_to_device(place, rt_device_of(lengths)), rt_unsqueeze(lengths, 1));
}

rt_tensor *rt__nn_present(const char *what, rt_tensor *mask, int64_t n, int64_t places)
{
    bool lengths = mask->dtype == RT_I64 && rt__dims_equal(mask->dims, rt_shape(n));
    if (!lengths && !(mask->dtype == RT_F32 && rt__dims_equal(mask->dims, rt_shape(n, places))))
        return RT_FAIL_NULL(SHAPE,
                            "%s: mask %s, expected int64[%lld], the length of each sample, or "
                            "float32[%lld,%lld]",
                            what, rt_describe(mask), (long long)n, (long long)n, (long long)places);
    rt_tensor *there = lengths ? present_of_lengths(mask, places)
                               : rt_ne(mask, rt_zeros(rt_shape(), .device = mask->device));
    return rt_to(there, RT_F32);
}

/* ---- planes ---- */

rt_status rt__nn_slide(const rt__window *w, rt_dims *shape)
{
    if (shape->n != 3)
        return RT_FAIL(CONFIG, "needs an input [channels, height, width], got %s",
                       rt_dims_text(*shape));
    const int64_t size[] = {w->height, w->width};
    rt_dims out = *shape;
    for (int i = 0; i < 2; i++) {
        int64_t room = shape->d[i + 1] + 2 * w->padding - w->dilation * (size[i] - 1) - 1;
        if (room < 0)
            return RT_FAIL(CONFIG,
                           "a kernel of %lld x %lld (dilation %lld, padding %lld) does not fit "
                           "into an input of %lld x %lld",
                           (long long)w->height, (long long)w->width, (long long)w->dilation,
                           (long long)w->padding, (long long)shape->d[1], (long long)shape->d[2]);
        out.d[i + 1] = room / w->stride + 1;
    }
    *shape = out;
    return RT_OK;
}
