/* One step's arithmetic: gradients of slices, their sums in tree order, the update. See docs on
 * exactness: everything here depends on (parameters, seed, step, slice) only, never on which
 * process does it. */
#include <math.h>
#include <string.h>
#include <ringtorch/random.h>
#include "common/error.h"
#include "kernels/kernels.h"
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
    rt_tensor *outputs = rt_forward(r->net, batch.field[0]);
    rt_tensor *sum = r->task.row->loss(&r->task, outputs, &batch, weight);
    *loss = rt_item(sum);
    rt__run_phase(r, "backward", slice);
    return rt_backward(sum);
}

rt_status rt__run_slice(rt_run *r, int64_t step, int64_t slice, const rt__filled *f,
                        const rt__place *place, double *loss)
{
    const rt_flat *flat = rt_run_flat(r);
    RT_TRY(rt__place_use(place, flat));
    rt_random_seek(r->seed, (uint64_t)step, (uint32_t)slice);
    rt_scope s = rt_scope_begin();
    double weight = 0;
    rt_status status = differentiate(r, slice, f, loss, &weight);
    rt_scope_end(s);
    RT_TRY(status);
    /* Nets of configurations are chains, in which all parameters have a gradient. One without would have to look the same
     * to those who get these sums from another worker: it counts as 0. */
    rt__place_complete(place, flat);
    float *tail = rt_f32(place->buffer) + flat->count;
    memset(tail, 0, RT_FLAT_SCALARS * sizeof *tail);
    tail[RT_SCALAR_LOSS] = (float)*loss;
    tail[RT_SCALAR_COUNT] = (float)f->n;
    tail[RT_SCALAR_WEIGHT] = (float)weight;
    return RT_OK;
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
        float *low = rt_f32(r->place[depth - 2].buffer);
        const float *high = rt_f32(r->place[depth - 1].buffer);
        rt_exec *e = rt_exec_cpu();
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
    RT_TRY(rt__batches_hint(r->batches, step, slices));
    r->bad_slice = -1;
    int depth = 0;
    for (int64_t s = slices.begin; s < slices.end; s++) {
        RT_TRY(need_place(r, depth));
        RT_TRY(compute_slice(r, step, s, &r->place[depth]));
        r->node[depth] = (rt_range){s, s + 1};
        depth = carry(r, depth + 1);
    }
    for (int i = 0; i < depth; i++)
        parts[i] = (rt_run_partial){.node = r->node[i], .data = rt_f32(r->place[i].buffer)};
    *count = depth;
    return RT_OK;
}

/* ---- sums and update ---- */

int64_t rt_run_blocks(const rt_run *r)
{
    return (rt_run_flat(r)->count + RT_BLOCK - 1) / RT_BLOCK;
}

enum { LOSS_SUM, WEIGHT_SUM, TAIL_SUMS }; /* behind the blocks */

int64_t rt_run_sum_count(const rt_run *r)
{
    return rt_run_blocks(r) + TAIL_SUMS;
}

rt_status rt_run_sums(rt_run *r, rt_range owned, double *sums)
{
    const rt_flat *flat = rt_run_flat(r);
    bool at_border = owned.end % RT_BLOCK == 0 || owned.end >= flat->count;
    if (owned.begin % RT_BLOCK != 0 || (!at_border && owned.begin < owned.end))
        return RT_FAIL(RANGE, "sums of [%lld, %lld): expected whole blocks of %d",
                       (long long)owned.begin, (long long)owned.end, RT_BLOCK);
    int64_t end = owned.end < flat->count ? owned.end : flat->count;
    rt_exec *e = rt_exec_cpu();
    if (owned.begin < end)
        e->kernels->sum_squares[RT_F32](e, end - owned.begin, flat->grad + owned.begin,
                                        sums + owned.begin / RT_BLOCK);
    static const int told[TAIL_SUMS] = {
        [LOSS_SUM] = RT_SCALAR_LOSS, [WEIGHT_SUM] = RT_SCALAR_WEIGHT};
    for (int i = 0; i < TAIL_SUMS; i++) {
        int64_t at = flat->count + told[i];
        if (owned.begin <= at && at < owned.end)
            sums[rt_run_blocks(r) + i] = (double)flat->grad[at];
    }
    return rt_error_code();
}

bool rt_run_weighs(const rt_run *r)
{
    return r->task.weight == 0;
}

double rt_run_weigh(rt_run *r, const double *sums)
{
    double weight =
        rt_run_weighs(r) ? sums[rt_run_blocks(r) + WEIGHT_SUM] : r->task.weight * (double)r->batch;
    return r->weight = weight > 0 ? weight : 1;
}

bool rt_run_finite(const double *sums, rt_range blocks)
{
    for (int64_t b = blocks.begin; b < blocks.end; b++)
        if (!isfinite(sums[b]))
            return false;
    return true;
}

static void commit_scalars(const rt_flat *flat, rt_range owned)
{
    int64_t tail = owned.begin > flat->count ? owned.begin : flat->count;
    if (tail < owned.end)
        memcpy(flat->param + tail, flat->grad + tail, (size_t)(owned.end - tail) * sizeof(float));
}

rt_status rt_run_update(rt_run *r, int64_t step, rt_range owned, double clip_scale)
{
    const rt_flat *flat = rt_run_flat(r);
    rt__run_phase(r, "update", -1);
    int64_t begin = owned.begin < flat->count ? owned.begin : flat->count;
    int64_t end = owned.end < flat->count ? owned.end : flat->count;
    RT_TRY(rt_optim_update(r->optim, begin, end, step + 1, rt_run_lr(r, step),
                           clip_scale / r->weight));
    commit_scalars(flat, owned);
    return RT_OK;
}

void rt_run_skip(rt_run *r, int64_t step, rt_range owned)
{
    rt__run_phase(r, "update", -1);
    rt_optim_set_updates(r->optim, step + 1);
    commit_scalars(rt_run_flat(r), owned);
}

double rt_run_loss(const rt_run *r)
{
    const rt_flat *flat = rt_run_flat(r);
    const float *tail = flat->param + flat->count;
    double weight = (double)tail[RT_SCALAR_WEIGHT];
    return (double)tail[RT_SCALAR_LOSS] / (weight > 0 ? weight : 1);
}
