/* One step's arithmetic: gradients of slices, their sums in tree order, the update. See docs on exactness: everything here depends
 * only on (parameters, seed, step, slice), never on which process computes it. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "kernels/kernels.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/lockstep.h"
#include <math.h>
#include <ringtorch/autograd.h>
#include <ringtorch/random.h>
#include <string.h>

void rt__run_phase(const rt_run *r, rt_phase phase, int64_t slice)
{
    if (r->lockstep)
        rt__lockstep_set_phase(r->lockstep, phase);
    if (r->on_phase)
        r->on_phase(r->on_phase_ctx, phase, slice);
}

/* ---- one slice ---- */

rt_status rt__run_forward(rt_run *r, const rt_batch *b, rt_tensor **results)
{
    const rt__net *net = &r->about;
    rt_tensor *in[RT_NN_TENSORS];
    for (int i = 0; i < net->inputs.count; i++)
        in[i] = rt_to_device(b->field[net->inputs.field[i]], r->mirror.device);
    return rt_forward_all(r->net, in, net->inputs.count, results, net->results);
}

/* Runs forward and backward on a batch. *loss: the sum over its samples, on the device; *weight: their total weight. */
static rt_status differentiate(rt_run *r, int64_t slice, const rt__filled *f, rt_tensor **loss,
                               double *weight)
{
    rt_batch batch;
    rt_tensor *results[RT_NN_TENSORS];
    RT_TRY(rt__filled_wrap(f, r->train, &batch));
    rt__run_phase(r, RT_PHASE_FORWARD, slice);
    RT_TRY(rt__run_forward(r, &batch, results));
    *loss = r->task.row->loss(&r->task, results, &batch, weight);
    RT_TRY(rt__task_check_loss(&r->task, batch.n, *loss, *weight));
    rt__run_phase(r, RT_PHASE_BACKWARD, slice);
    return rt_backward(*loss);
}

/* Writes a slice's gradient and scalars into `place`. */
static rt_status fill_place(rt_run *r, int64_t slice, const rt__filled *f, const rt__place *place)
{
    rt_tensor *loss;
    double weight = NAN;
    RT_TRY(differentiate(r, slice, f, &loss, &weight));
    rt__place_complete(place, rt_run_flat(r));
    float tail[RT_FLAT_SCALARS] = {
        [RT_SCALAR_COUNT] = (float)f->n, [RT_SCALAR_WEIGHT] = (float)weight};
    return rt__run_set_tail(r, place, tail, loss);
}

/* Parameters for which no local slice has a gradient are not updated. Which ones these are depends only on the net, so it is the same
 * for all workers. */
static void note_gradients(rt_run *r, const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++)
        if (rt_grad_of(flat->entry[i].param))
            rt_optim_set_skipped(r->optim, i, false);
}

/* Warns once, after the first step of this process, of parameters that want a gradient and got none: they will not be trained. */
static void warn_of_missing_gradients(rt_run *r)
{
    const rt_flat *flat = rt_run_flat(r);
    rt_text names = {0};
    int wanted = 0, missing = 0;
    for (int32_t i = 0; i < flat->entries && !r->looked_at_gradients; i++) {
        bool wants = rt_requires_grad(flat->entry[i].param);
        wanted += wants;
        if (wants && r->optim->skipped[i])
            rt_text_add(&names, "%s%s", missing++ ? ", " : "", flat->entry[i].name);
    }
    r->looked_at_gradients = true;
    if (missing > 0 && names.data)
        rt_log_warn("%d of %d parameters got no gradient and are not trained: %.600s: an operation "
                    "behind them may have no .backward; model.freeze says that it is meant",
                    missing, wanted, names.data);
    rt_mem_free(names.data);
}

rt_status rt__run_slice(rt_run *r, int64_t step, int64_t slice, const rt__filled *f,
                        const rt__place *place)
{
    const rt_flat *flat = rt_run_flat(r);
    float *buffer = place->buffer->data;
    rt__observing seen;
    RT_TRY(rt__place_use(place, flat));
    if (flat->small > 0) /* nets with buffers train on the CPU only */
        memset(buffer + flat->count, 0, (size_t)(flat->tail - flat->count) * sizeof *buffer);
    rt_random_seek(r->seed, (uint64_t)step, (uint32_t)slice);
    rt_scope s = rt_scope_begin();
    rt_status status = rt__observed_begin(&seen, &r->observed, buffer, f->n);
    if (status == RT_OK) {
        status = fill_place(r, slice, f, place);
        rt__observed_end(&seen);
    }
    rt_scope_end(s);
    RT_TRY(status);
    note_gradients(r, flat);
    return RT_OK;
}

rt_status rt__run_compute_slice(rt_run *r, int64_t step, int64_t slice, const rt__place *place)
{
    const rt__filled *f;
    rt__run_phase(r, RT_PHASE_LOAD, slice);
    RT_TRY(rt__batches_take(r->batches, step, slice, &f));
    RT_TRY(rt__run_slice(r, step, slice, f, place));
    RT_TRY(rt__run_note_loss(r, slice, place));
    rt__run_report_audit(r, step, slice, true, place);
    return RT_OK;
}

/* ---- sums of slices ---- */

/* Makes the buffer at a depth of the stack when it is first needed. */
static rt_status need_place(rt_run *r, int depth)
{
    RT_ASSERT(depth < RT_TREE_NODES_MAX);
    if (r->place[depth].buffer)
        return RT_OK;
    return rt__place_init(&r->place[depth], rt_run_flat(r));
}

static void add_sums(void *run, int low)
{
    rt_run *r = run;
    rt_exec *e = rt__exec_on(r->mirror.gpu);
    e->kernels->axpy[RT_F32](e, rt_run_flat(r)->length, 1, r->sum[low + 1]->buffer->data,
                             r->sum[low]->buffer->data);
}

/* Pushes a slice's gradients on the stack; returns the new depth. */
static int push(rt_run *r, int depth, int64_t slice, const rt__place *place)
{
    r->sum[depth] = place;
    return rt_tree_push(r->slices, r->node, depth, slice, add_sums, r);
}

static rt_status refuse_exchange(rt__exchange *self, const rt__request *q)
{
    (void)self, (void)q;
    return RT_FAIL(UNSUPPORTED, "exchange: the slices of this net are not computed together: a "
                                "layer that exchanges values needs RT_LAYER_EXCHANGES in its row");
}

static rt_status compute_one_by_one(rt_run *r, int64_t step, rt_range slices, int *depth)
{
    rt_status status = RT_OK;
    r->no_exchange = (rt__exchange){.slices = r->slices, .ask = refuse_exchange};
    rt__thread.exchange = &r->no_exchange;
    for (int64_t s = slices.begin; s < slices.end && status == RT_OK; s++) {
        r->no_exchange.slice = s;
        status = need_place(r, *depth);
        if (status == RT_OK)
            status = rt__run_compute_slice(r, step, s, &r->place[*depth]);
        if (status == RT_OK)
            *depth = push(r, *depth, s, &r->place[*depth]);
    }
    rt__thread.exchange = NULL;
    return status;
}

static rt_status compute_together(rt_run *r, int64_t step, rt_range slices, int *depth)
{
    RT_TRY(rt__lockstep_compute(r->lockstep, step, slices));
    for (int64_t s = slices.begin; s < slices.end; s++)
        *depth = push(r, *depth, s, rt__lockstep_place(r->lockstep, s));
    return RT_OK;
}

bool rt_run_exchanges(const rt_run *r)
{
    return r->lockstep != NULL;
}

void rt_run_set_peers(rt_run *r, const rt_peers *peers)
{
    if (r->lockstep)
        rt__lockstep_set_peers(r->lockstep, peers);
}

void rt_run_prefetch(rt_run *r, int64_t step, rt_range slices)
{
    rt__batches_hint(r->batches, step, slices);
}

rt_status rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                           int *count)
{
    if (step < 0 || step >= r->steps || slices.begin < 0 || slices.end <= slices.begin ||
        slices.end > r->slices)
        return RT_FAIL(
            RANGE,
            "step %lld, slices [%lld, %lld): expected a step below %lld and some of %lld slices",
            (long long)step, (long long)slices.begin, (long long)slices.end, (long long)r->steps,
            (long long)r->slices);
    if (r->mirror.gpu && slices.end - slices.begin != r->slices)
        return RT_FAIL(UNSUPPORTED, "device: %s: one worker computes all slices of a step",
                       r->mirror.gpu->name);
    RT_TRY(rt__batches_hint(r->batches, step, slices));
    r->bad_slice = -1;
    r->tainted = false;
    for (int32_t i = 0; i < rt_run_flat(r)->entries; i++)
        rt_optim_set_skipped(r->optim, i, true);
    rt__observed_begin_step(&r->observed);
    int depth = 0;
    RT_TRY(r->lockstep ? compute_together(r, step, slices, &depth)
                       : compute_one_by_one(r, step, slices, &depth));
    warn_of_missing_gradients(r);
    for (int i = 0; i < depth; i++)
        parts[i] = (rt_run_partial){.node = r->node[i],
                                    .data = r->mirror.gpu ? r->mirror.flat.grad
                                                          : rt_f32(r->sum[i]->buffer)};
    *count = depth;
    return rt__run_fetch_tail(r, slices);
}
