/* Moves a net's parameters, gradients and buffers into flat buffers. */
#include "worker/engine/optim/flat.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/autograd.h>
#include <string.h>

/* ---- places ---- */

/* Returns the part of a flat buffer that belongs to entry i, with its tensor's shape; owned by the scope. */
static rt_tensor *part_of(const rt_tensor *buffer, const rt_flat *flat, int32_t i)
{
    const rt_flat_entry *e = &flat->entry[i];
    return buffer ? rt__tensor_carve(buffer, rt_dims_of(e->param), e->begin) : NULL;
}

rt_status rt__place_init(rt__place *p, const rt_flat *flat)
{
    *p = (rt__place){.entries = flat->entries};
    p->view = rt_calloc((size_t)flat->entries, sizeof *p->view);
    if (!p->view)
        return rt_error_code();
    rt_scope s = rt_scope_begin();
    p->buffer = rt_keep(rt_zeros(rt_shape(flat->length), .device = flat->device));
    for (int32_t i = 0; i < flat->entries; i++)
        p->view[i] = rt_keep(part_of(p->buffer, flat, i));
    rt_scope_end(s);
    if (rt_failed())
        rt__place_release(p);
    return rt_error_code();
}

void rt__place_release(rt__place *p)
{
    for (int32_t i = 0; p->view && i < p->entries; i++)
        rt_free(p->view[i]);
    rt_mem_free(p->view);
    rt_free(p->buffer);
    *p = (rt__place){0};
}

rt_status rt__place_use(const rt__place *p, const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++) {
        rt_grad_clear(flat->entry[i].param);
        RT_TRY(rt_grad_place(flat->entry[i].param, p->view[i]));
    }
    return RT_OK;
}

void rt__place_complete(const rt__place *p, const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++)
        if (!rt_grad_of(flat->entry[i].param))
            rt__fill(p->view[i], 0);
}

/* ---- the layout ---- */

/* Appends an entry. */
static rt_status add_entry(rt_flat *flat, const char *kind, const char *name, rt_tensor *tensor,
                           int64_t elements)
{
    char *copy = name ? rt_strdup(name) : NULL;
    if (!copy)
        return rt_error_code();
    flat->entry[flat->entries + flat->small++] = (rt_flat_entry){.name = copy,
                                                                 .kind = kind,
                                                                 .param = rt_keep(tensor),
                                                                 .begin = flat->tail,
                                                                 .end = flat->tail + elements};
    flat->tail += elements;
    return RT_OK;
}

static rt_status check_param(const char *owner, const rt_tensor *param, const char *name)
{
    if (param->dtype != RT_F32)
        return RT_FAIL(DTYPE, "%s: %s is %s, expected float32: optimisers update no other type",
                       owner, name, rt_describe(param));
    if (!param->contiguous)
        return RT_FAIL(ARG, "%s: %s is a view with gaps, expected what rt_contiguous gives", owner,
                       name);
    return RT_OK;
}

/* Lists the parameters, one after the other. */
static rt_status list_params(rt_flat *flat, const char *owner, const rt_module *net)
{
    int64_t count = rt_nn_param_count(net);
    for (int64_t i = 0; i < count; i++) {
        const char *name;
        rt_tensor *param = rt_nn_param_at(net, i, &name);
        if (!param)
            return rt_error_code();
        RT_TRY(check_param(owner, param, name));
        RT_TRY(add_entry(flat, "param", name, param, rt_numel(param)));
        const rt_tensor *first = flat->entry[0].param;
        if (!rt__same_device(first, param))
            return RT_FAIL(DEVICE, "%s: %s is %s, but %s is %s: move the net with rt_nn_to_device",
                           owner, flat->entry[0].name, rt_describe(first), name,
                           rt_describe(param));
        flat->device = first->device;
    }
    flat->entries = flat->small;
    flat->small = 0;
    flat->count = flat->tail;
    return RT_OK;
}

static rt_status list_buffers(rt_flat *flat, const rt_module *net)
{
    int64_t count = rt_nn_buffer_count(net);
    for (int64_t i = 0; i < count; i++) {
        const char *name;
        bool persistent;
        rt_tensor *buffer = rt_nn_buffer_at(net, i, &name, &persistent);
        if (persistent)
            RT_TRY(add_entry(flat, "buffer", name, buffer, rt_numel(buffer)));
    }
    return RT_OK;
}

static rt_status list_state(rt_flat *flat, const rt_optimizer_state *s)
{
    for (int32_t i = 0; i < flat->entries && s->layout != RT_STATE_LIKE_PARAM; i++) {
        rt_dims shape;
        const rt_flat_entry *of = &flat->entry[i];
        if (rt_state_shape(s->layout, rt_dims_of(of->param), i, &shape))
            RT_TRY(add_entry(flat, s->name, of->name, NULL, rt__dims_numel(shape, "optimiser")));
    }
    return RT_OK;
}

static rt_status list_entries(rt_flat *flat, const char *owner, const rt_module *net,
                              const rt_optimizer_state *state, int states)
{
    int64_t params = rt_nn_param_count(net), most = params * (1 + states) + rt_nn_buffer_count(net);
    if (params < 1)
        return RT_FAIL(ARG, "%s: the net has no parameters", owner);
    flat->entry = rt_calloc((size_t)most, sizeof *flat->entry);
    if (!flat->entry)
        return rt_error_code();
    RT_TRY(list_params(flat, owner, net));
    RT_TRY(list_buffers(flat, net));
    for (int i = 0; i < states; i++)
        RT_TRY(list_state(flat, &state[i]));
    flat->length = flat->tail + RT_FLAT_SCALARS;
    return RT_OK;
}

/* Moves parameter i, and its gradient if it already has one. */
static rt_status move_param(const rt__flat *f, int32_t i)
{
    const rt_flat_entry *e = &f->flat.entry[i];
    rt__param_set_home(e->param, f->home.view[i]);
    return rt_grad_place(e->param, f->grad.view[i]);
}

static rt_status move_all(rt__flat *f, const char *owner)
{
    rt_flat *flat = &f->flat;
    RT_TRY(rt__place_init(&f->home, flat));
    RT_TRY(rt__place_init(&f->grad, flat));
    flat->param = f->home.buffer->data;
    flat->grad = f->grad.buffer->data;
    for (int32_t i = 0; i < flat->entries + flat->small; i++)
        if (flat->entry[i].param)
            RT_TRY(rt__may_move(owner, flat->entry[i].name, flat->entry[i].param));
    for (int32_t i = 0; i < flat->entries; i++)
        RT_TRY(move_param(f, i));
    rt_scope s = rt_scope_begin();
    for (int32_t i = flat->entries; i < flat->entries + flat->small && !rt_failed(); i++)
        if (flat->entry[i].param)
            rt__tensor_move(flat->entry[i].param, part_of(f->home.buffer, flat, i));
    rt_scope_end(s);
    return rt_error_code();
}

rt_status rt__flat_init(rt__flat *f, const char *owner, const rt_module *net,
                        const rt_optimizer_state *state, int states)
{
    *f = (rt__flat){0};
    rt_status status = list_entries(&f->flat, owner, net, state, states);
    if (status == RT_OK)
        status = move_all(f, owner);
    if (status != RT_OK)
        rt__flat_release(f);
    return status;
}

bool rt__flat_is_home(const rt__flat *f, int32_t i)
{
    return rt__home_of(f->flat.entry[i].param) == f->home.view[i];
}

void rt__flat_release(rt__flat *f)
{
    for (int32_t i = 0; i < f->flat.entries + f->flat.small; i++) {
        rt_mem_free((char *)f->flat.entry[i].name);
        rt_free(f->flat.entry[i].param);
    }
    rt_mem_free(f->flat.entry);
    rt__place_release(&f->grad);
    rt__place_release(&f->home);
    *f = (rt__flat){0};
}
