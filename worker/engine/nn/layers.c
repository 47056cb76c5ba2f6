/* What layers have in common: their table, their parameters, windows over planes. */
#include "worker/engine/nn/layers.h"

#include <string.h>
#include <ringtorch/random.h>
#include "common/error.h"
#include "worker/engine/tensor/tensor.h"

#define LAYER(id, ...) [RT_LAYER_##id] = &rt__layer_##id,
const rt__layer *const rt__layers[RT_LAYER_KINDS] = {RT_LAYERS(LAYER, LAYER, RT__NO_LAYER)};
#undef LAYER

bool rt__layer_fits(rt_layer_id id, const void *args)
{
    return !rt_failed() && rt__schema_check(&rt_layer_rows[id].schema, args) == RT_OK;
}

/* ---- parameters ---- */

static _Thread_local rt__making *making;

rt__making *rt__nn_make_so(rt__making *how)
{
    rt__making *former = making;
    making = how;
    return former;
}

/* Returns the parameter of that name of the layer that the present one is to be like; NULL: there is none, or it does not fit, which is
 * an error. */
static rt_tensor *other_of(const char *name, rt_dims shape)
{
    const rt__slot *s = making->like ? rt__nn_slot(making->like, name, strlen(name)) : NULL;
    if (!s || s->kind != RT__PARAM)
        return NULL;
    if (!rt__dims_equal(s->tensor->dims, shape))
        return RT_FAIL_NULL(SHAPE, "%s is %s here, and %s there", name, rt_dims_text(shape),
                            rt_dims_text(s->tensor->dims));
    making->taken++;
    return s->tensor;
}

/* Adds a parameter in the way that was set; NULL: it is to be made as usual, or that failed. */
static rt_tensor *made_so(rt_module *m, const char *name, rt_dims shape)
{
    if (!making)
        return NULL;
    rt_tensor *other = other_of(name, shape);
    if (other)
        return rt_nn_tie(m, name, other);
    rt_tensor *x = making->hollow ? rt__tensor_hollow(shape, RT_F32) : NULL;
    return x ? rt_nn_param(m, name, x) : NULL;
}

rt_tensor *rt__nn_uniform(rt_module *m, const char *name, rt_dims shape, double bound)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *p = made_so(m, name, shape);
    if (!p)
        p = rt_nn_param(m, name, rt_uniform(shape, -bound, bound));
    rt_scope_end(s);
    return p;
}

rt_tensor *rt__nn_normal(rt_module *m, const char *name, rt_dims shape, double std)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *p = made_so(m, name, shape);
    if (!p)
        p = rt_nn_param(m, name, rt_normal(shape, 0, std));
    rt_scope_end(s);
    return p;
}

rt_tensor *rt__nn_constant(rt_module *m, const char *name, rt_dims shape, double value)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *p = made_so(m, name, shape);
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
