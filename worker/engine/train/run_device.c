/* A run on another device than the CPU. Parameters, gradients and states lie there; whoever exchanges, saves or restores them reads and
 * writes them on the CPU, so they have a mirror here, which is brought up to date when it is looked at. The tail of the flat buffers, the
 * sums of a step, lies in the mirror alone between steps. */
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/run_inside.h"

/* Of the one block that a mirror is: parameters, gradients, a copy of any other flat buffer, and the states. */
enum { PARAM, GRAD, OTHER, STATES };

static float *part(const rt_run *r, int i)
{
    return r->mirror.memory + i * r->mirror.flat.length;
}

static rt_status refuse(const rt_run *r, const char *what)
{
    return RT_FAIL(UNSUPPORTED, "device: %s: %s", r->mirror.gpu->name, what);
}

rt_status rt__mirror_find(rt_run *r, const rt_config *cfg)
{
    if (strcmp(cfg->device, "auto") == 0)
        return RT_OK;
    if (rt_device_named(cfg->device, &r->mirror.device) != RT_OK)
        return rt_error_prefix("device");
    r->mirror.gpu = r->mirror.device.kind == RT_CPU ? NULL : rt_gpu_open(r->mirror.device);
    rt_allow_fallback(cfg->device_fallback == RT_CFG_FALLBACK_CPU);
    if (r->mirror.gpu && *r->mirror.gpu->inexact)
        return RT_FAIL(DEVICE, "device: %s (%s) does not give the CPU's bits: %s", cfg->device,
                       r->mirror.gpu->about, r->mirror.gpu->inexact);
    return r->mirror.gpu && r->audit > 0 ? refuse(r, "run.audit needs the cpu") : RT_OK;
}

rt_status rt__mirror_init(rt_run *r)
{
    rt__mirror *m = &r->mirror;
    m->flat = r->optim->flat.flat;
    if (!m->gpu)
        return RT_OK;
    if (m->flat.small > 0)
        return refuse(r, "nets with statistics over batches train on the cpu");
    int buffers = STATES + r->optim->states;
    m->memory = rt_calloc((size_t)(buffers * m->flat.length), sizeof *m->memory);
    if (!m->memory)
        return rt_error_code();
    m->flat.param = part(r, PARAM);
    m->flat.grad = part(r, GRAD);
    m->stale = true;
    return RT_OK;
}

void rt__mirror_release(rt__mirror *m)
{
    rt_mem_free(m->memory);
    *m = (rt__mirror){0};
}

/* ---- what the host sees ---- */

const rt_flat *rt_run_flat(const rt_run *r)
{
    return &r->mirror.flat;
}

const char *rt_run_device(const rt_run *r)
{
    return r->mirror.gpu ? r->mirror.gpu->name : "cpu";
}

float *rt_run_state(const rt_run *r, int i, const char **name)
{
    float *there = rt_optim_state(r->optim, i, name);
    return there && r->mirror.gpu ? part(r, STATES + i) : there;
}

static size_t param_bytes(const rt_run *r)
{
    return (size_t)r->mirror.flat.count * sizeof(float);
}

rt_status rt_run_fetch(rt_run *r)
{
    rt_gpu *gpu = r->mirror.gpu;
    if (!gpu || !r->mirror.stale)
        return RT_OK;
    RT_TRY(rt_gpu_get(gpu, part(r, PARAM), r->optim->flat.flat.param, param_bytes(r)));
    for (int i = 0; i < r->optim->states; i++)
        RT_TRY(rt_gpu_get(gpu, part(r, STATES + i), r->optim->state[i]->data, param_bytes(r)));
    r->mirror.stale = false;
    return RT_OK;
}

rt_status rt_run_send(rt_run *r)
{
    rt_gpu *gpu = r->mirror.gpu;
    if (!gpu)
        return RT_OK;
    RT_TRY(rt_gpu_put(gpu, r->optim->flat.flat.param, part(r, PARAM), param_bytes(r)));
    for (int i = 0; i < r->optim->states; i++)
        RT_TRY(rt_gpu_put(gpu, r->optim->state[i]->data, part(r, STATES + i), param_bytes(r)));
    r->mirror.stale = false;
    return RT_OK;
}

void rt_run_changed(rt_run *r)
{
    r->mirror.stale = true;
}

/* ---- what a step needs ---- */

const float *rt__run_read(const rt_run *r, const rt__place *place)
{
    if (!r->mirror.gpu)
        return rt_f32(place->buffer);
    return rt_copy_out(place->buffer, part(r, OTHER)) == RT_OK ? part(r, OTHER) : NULL;
}

rt_status rt__run_set_tail(const rt_run *r, const rt__place *place, const float *tail)
{
    const rt_flat *flat = rt_run_flat(r);
    size_t bytes = RT_FLAT_SCALARS * sizeof *tail;
    float *to = (float *)place->buffer->data + flat->tail;
    if (r->mirror.gpu)
        return rt_gpu_put(r->mirror.gpu, to, tail, bytes);
    memcpy(to, tail, bytes);
    return RT_OK;
}

rt_status rt__run_take_tail(const rt_run *r)
{
    const rt_flat *flat = rt_run_flat(r), *there = &r->optim->flat.flat;
    if (!r->mirror.gpu)
        return RT_OK;
    return rt_gpu_get(r->mirror.gpu, flat->grad + flat->tail, there->grad + flat->tail,
                      RT_FLAT_SCALARS * sizeof *flat->grad);
}
