/* A run on a device other than the CPU. Parameters, gradients and states lie on the device. Code that exchanges, saves or restores them
 * works on the CPU, so they have a mirror there, which is updated when it is read. The tail of the flat buffers, the sums of a step, lies
 * only in the mirror between steps. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/phase.h"
#include "worker/engine/base/trace.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/run_inside.h"
#include <math.h>
#include <string.h>

/* The parts of a mirror's memory: parameters, gradients, a copy of any other flat buffer, and the states. */
enum { PARAM, GRAD, OTHER, STATES };

static float *part(const rt_run *r, int i)
{
    return r->mirror.memory + i * r->mirror.flat.length;
}

static size_t losses_bytes(const rt_run *r)
{
    return (size_t)r->slices * sizeof *r->mirror.losses;
}

static rt_status refuse(const rt_run *r, const char *what)
{
    return RT_FAIL(UNSUPPORTED, "device: %s: %s", r->mirror.gpu->name, what);
}

/* Compiling is published in this thread's trace, and logged whenever a new family begins: from the outside, a worker that waits for a
 * compiler looks like one that hangs. */
static void on_compiling(const rt_gpu *d, const char *family)
{
    static _Thread_local const char *before;
    static const char *logged;
    const rt_op_trace *trace = rt__thread.trace;
    if (family && logged != family)
        rt_log_info("%s: " RT_WHAT_COMPILING " of %s.gpu", d->name, logged = family);
    if (family)
        before = trace ? atomic_load(&trace->name) : NULL;
    rt__trace_op(&rt__thread, family ? RT_WHAT_COMPILING : before);
}

rt_status rt__mirror_find(rt_run *r, const rt_config *cfg)
{
    if (strcmp(cfg->device, "auto") == 0)
        return RT_OK;
    rt_gpu_on_compiling(on_compiling);
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
    if (r->about.exchanges)
        return refuse(r, "nets whose slices exchange values train on the cpu");
    int buffers = STATES + r->optim->states;
    m->memory = rt_calloc((size_t)(buffers * m->flat.length), sizeof *m->memory);
    if (!m->memory)
        return rt_error_code();
    m->flat.param = part(r, PARAM);
    m->flat.grad = part(r, GRAD);
    m->losses = rt_gpu_alloc(m->gpu, losses_bytes(r));
    m->stale = true;
    return m->losses ? RT_OK : rt_error_code();
}

void rt__mirror_release(rt_run *r)
{
    rt__mirror *m = &r->mirror;
    rt_mem_free(m->memory);
    if (m->losses)
        rt_gpu_free(m->gpu, m->losses, losses_bytes(r));
    *m = (rt__mirror){0};
}

/* ---- the host's view ---- */

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

/* ---- for steps ---- */

const float *rt__run_read(const rt_run *r, const rt__place *place)
{
    if (!r->mirror.gpu)
        return rt_f32(place->buffer);
    return rt_copy_out(place->buffer, part(r, OTHER)) == RT_OK ? part(r, OTHER) : NULL;
}

/* Records the first slice of the step whose loss is not finite. */
static void note_loss(rt_run *r, int64_t slice, float loss)
{
    if (isfinite(loss) || r->bad_slice >= 0 || r->tainted)
        return;
    r->bad_slice = slice;
    r->bad_loss = loss;
}

rt_status rt__run_note_loss(rt_run *r, int64_t slice, const rt__place *place)
{
    const float *loss = (const float *)place->buffer->data + rt_run_flat(r)->tail + RT_SCALAR_LOSS;
    if (r->mirror.gpu)
        return rt_gpu_copy(r->mirror.gpu, r->mirror.losses + slice, loss, sizeof *loss);
    note_loss(r, slice, *loss);
    return RT_OK;
}

rt_status rt__run_set_tail(const rt_run *r, const rt__place *place, float *tail,
                           const rt_tensor *loss)
{
    rt_gpu *gpu = r->mirror.gpu;
    size_t bytes = RT_FLAT_SCALARS * sizeof *tail;
    float *to = (float *)place->buffer->data + rt_run_flat(r)->tail;
    if (gpu) {
        RT_TRY(rt_gpu_put(gpu, to, tail, bytes));
        return rt_gpu_copy(gpu, to + RT_SCALAR_LOSS, loss->data, sizeof *to);
    }
    tail[RT_SCALAR_LOSS] = *(const float *)loss->data;
    memcpy(to, tail, bytes);
    return RT_OK;
}

/* Finds the slice when the sum of losses is not finite; it may also have overflowed without any loss being bad. */
static rt_status find_bad_loss(rt_run *r, rt_range slices)
{
    size_t bytes = losses_bytes(r);
    float *loss = rt_malloc(bytes);
    if (!loss)
        return rt_error_code();
    rt_status status = rt_gpu_get(r->mirror.gpu, loss, r->mirror.losses, bytes);
    for (int64_t s = slices.begin; s < slices.end && status == RT_OK; s++)
        note_loss(r, s, loss[s]);
    rt_mem_free(loss);
    return status;
}

rt_status rt__run_fetch_tail(rt_run *r, rt_range slices)
{
    const rt_flat *flat = rt_run_flat(r), *there = &r->optim->flat.flat;
    if (!r->mirror.gpu)
        return RT_OK;
    RT_TRY(rt_gpu_get(r->mirror.gpu, flat->grad + flat->tail, there->grad + flat->tail,
                      RT_FLAT_SCALARS * sizeof *flat->grad));
    return isfinite(flat->grad[flat->tail + RT_SCALAR_LOSS]) ? RT_OK : find_bad_loss(r, slices);
}
