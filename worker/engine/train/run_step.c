/* One step's arithmetic: gradients of slices, their sums in tree order, the update. See docs on
 * exactness: everything here depends on (parameters, seed, step, slice) only, never on which
 * process does it. */
#include <math.h>
#include <string.h>
#include <ringtorch/random.h>
#include "common/error.h"
#include "kernels/kernels.h"
#include "worker/engine/tensor/tensor.h"
#include "worker/engine/train/run_inside.h"

void rt__run_phase(const rt_run *r, const char *phase, int64_t slice)
{
    if (r->on_phase)
        r->on_phase(r->on_phase_ctx, phase, slice);
}

/* ---- one slice ---- */

/* Forward and backward of a batch; *loss becomes the sum over its samples, *weight what they count. */
static rt_status differentiate(rt_run *r, int64_t slice, const rt__filled *f, double *loss,
                               double *weight)
{
    rt_batch batch;
    RT_TRY(rt__filled_wrap(f, r->train, &batch));
    rt__run_phase(r, "forward", slice);
    rt_tensor *outputs = rt_forward(r->net, rt_to_device(batch.field[0], r->mirror.device));
    rt_tensor *sum = r->task.row->loss(&r->task, outputs, &batch, weight);
    *loss = rt_item(sum);
    rt__run_phase(r, "backward", slice);
    return rt_backward(sum);
}

/* What no slice of mine has given a gradient is not updated. Which parameters these are is a matter of the net, so it is the same for
 * all workers. */
static void note_gradients(rt_run *r, const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++)
        if (rt_grad_of(flat->entry[i].param))
            rt_optim_set_skipped(r->optim, i, false);
}

rt_status rt__run_slice(rt_run *r, int64_t step, int64_t slice, const rt__filled *f,
                        const rt__place *place, double *loss)
{
    const rt_flat *flat = rt_run_flat(r);
    float *buffer = place->buffer->data, tail[RT_FLAT_SCALARS] = {0};
    RT_TRY(rt__place_use(place, flat));
    if (flat->small > 0) /* which is on the CPU alone */
        memset(buffer + flat->count, 0, (size_t)(flat->tail - flat->count) * sizeof *buffer);
    rt_random_seek(r->seed, (uint64_t)step, (uint32_t)slice);
    rt_scope s = rt_scope_begin();
    double weight = 0;
    const rt__nn_observer *former = rt__observed_begin(&r->observed, buffer, f->n);
    rt_status status = differentiate(r, slice, f, loss, &weight);
    rt__observed_end(&r->observed, former);
    rt_scope_end(s);
    RT_TRY(status);
    note_gradients(r, flat);
    rt__place_complete(place, flat);
    tail[RT_SCALAR_LOSS] = (float)*loss;
    tail[RT_SCALAR_COUNT] = (float)f->n;
    tail[RT_SCALAR_WEIGHT] = (float)weight;
    return rt__run_set_tail(r, place, tail);
}

/* One of my slices of the step. */
static rt_status compute_slice(rt_run *r, int64_t step, int64_t slice, const rt__place *place)
{
    const rt__filled *f;
    double loss = 0;
    rt__run_phase(r, "load", slice);
    RT_TRY(rt__batches_take(r->batches, step, slice, &f));
    RT_TRY(rt__run_slice(r, step, slice, f, place, &loss));
    if (!isfinite((float)loss) && r->bad_slice < 0) {
        r->bad_slice = slice;
        r->bad_loss = loss;
    }
    rt__run_tell_audit(r, step, slice, true, place);
    return RT_OK;
}

/* ---- sums of slices ---- */

/* The buffer at a depth of the stack, made when it is first needed. */
static rt_status need_place(rt_run *r, int depth)
{
    RT_ASSERT(depth < RT_TREE_NODES_MAX);
    if (r->place[depth].buffer)
        return RT_OK;
    return rt__place_init(&r->place[depth], rt_run_flat(r));
}

/* Are these the two halves of a node of T[0,S)? */
static bool are_siblings(const rt_run *r, rt_range low, rt_range high)
{
    rt_range node[RT_TREE_NODES_MAX];
    return rt_tree_split(low.begin, high.end) == low.end &&
           rt_tree_nodes(r->slices, low.begin, high.end, node) == 1;
}

/* Adds the two topmost partial sums for as long as they are siblings: what carrying is in a binary
 * counter. */
static int carry(rt_run *r, int depth)
{
    for (; depth >= 2 && are_siblings(r, r->node[depth - 2], r->node[depth - 1]); depth--) {
        float *low = r->place[depth - 2].buffer->data;
        const float *high = r->place[depth - 1].buffer->data;
        rt_exec *e = rt__exec_on(r->mirror.gpu);
        e->kernels->axpy[RT_F32](e, rt_run_flat(r)->length, 1, high, low);
        r->node[depth - 2].end = r->node[depth - 1].end;
    }
    return depth;
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
    for (int32_t i = 0; i < rt_run_flat(r)->entries; i++)
        rt_optim_set_skipped(r->optim, i, true);
    rt__observed_forget(&r->observed);
    int depth = 0;
    for (int64_t s = slices.begin; s < slices.end; s++) {
        RT_TRY(need_place(r, depth));
        RT_TRY(compute_slice(r, step, s, &r->place[depth]));
        r->node[depth] = (rt_range){s, s + 1};
        depth = carry(r, depth + 1);
    }
    for (int i = 0; i < depth; i++)
        parts[i] = (rt_run_partial){.node = r->node[i],
                                    .data = r->mirror.gpu ? r->mirror.flat.grad
                                                          : rt_f32(r->place[i].buffer)};
    *count = depth;
    return rt__run_take_tail(r);
}
