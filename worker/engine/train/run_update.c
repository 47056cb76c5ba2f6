/* What becomes of a step's sums: are they finite, what do they measure, the update. */
#include <math.h>
#include <string.h>
#include "common/error.h"
#include "kernels/kernels.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/train/run_inside.h"

int64_t rt_run_blocks(const rt_run *r)
{
    return (rt_run_flat(r)->count + RT_BLOCK - 1) / RT_BLOCK;
}

enum { LOSS_SUM, WEIGHT_SUM, TAIL_SUMS }; /* behind the blocks */

int64_t rt_run_sum_count(const rt_run *r)
{
    return rt_run_blocks(r) + TAIL_SUMS;
}

/* The part of a range that lies below an end. */
static rt_range below(rt_range x, int64_t end)
{
    return (rt_range){x.begin < end ? x.begin : end, x.end < end ? x.end : end};
}

rt_status rt_run_sums(rt_run *r, rt_range owned, double *sums)
{
    const rt_flat *flat = rt_run_flat(r);
    bool at_border = owned.end % RT_BLOCK == 0 || owned.end >= flat->count;
    if (owned.begin % RT_BLOCK != 0 || (!at_border && owned.begin < owned.end))
        return RT_FAIL(RANGE, "sums of [%lld, %lld): expected whole blocks of %d",
                       (long long)owned.begin, (long long)owned.end, RT_BLOCK);
    rt_range params = below(owned, flat->count);
    if (params.begin < params.end)
        RT_TRY(rt__square_sums(r->mirror.gpu, params.end - params.begin,
                               rt_optim_flat(r->optim)->grad + params.begin,
                               sums + params.begin / RT_BLOCK));
    static const int told[TAIL_SUMS] = {
        [LOSS_SUM] = RT_SCALAR_LOSS, [WEIGHT_SUM] = RT_SCALAR_WEIGHT};
    for (int i = 0; i < TAIL_SUMS; i++) {
        int64_t at = flat->tail + told[i];
        if (owned.begin <= at && at < owned.end)
            sums[rt_run_blocks(r) + i] = (double)flat->grad[at];
    }
    return rt_error_code();
}

bool rt_run_finite(const double *sums, rt_range blocks)
{
    for (int64_t b = blocks.begin; b < blocks.end; b++)
        if (!isfinite(sums[b]))
            return false;
    return true;
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

static void commit_scalars(const rt_flat *flat, rt_range owned)
{
    int64_t tail = owned.begin > flat->tail ? owned.begin : flat->tail;
    if (tail < owned.end)
        memcpy(flat->param + tail, flat->grad + tail, (size_t)(owned.end - tail) * sizeof(float));
}

rt_status rt_run_measure(rt_run *r, int64_t step, int round, rt_range owned, double clip_scale)
{
    rt_range params = below(owned, rt_run_flat(r)->count);
    rt__run_phase(r, "update", -1);
    return rt_optim_measure(r->optim, round, params.begin, params.end, step + 1, rt_run_lr(r, step),
                            clip_scale / r->weight);
}

rt_status rt_run_update(rt_run *r, int64_t step, rt_range owned, double clip_scale)
{
    const rt_flat *flat = rt_run_flat(r);
    rt_range params = below(owned, flat->count);
    rt__run_phase(r, "update", -1);
    RT_TRY(rt_optim_update(r->optim, params.begin, params.end, step + 1, rt_run_lr(r, step),
                           clip_scale / r->weight));
    r->mirror.stale = true;
    rt__observed_commit(&r->observed, owned, (double)r->batch);
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
    const float *tail = flat->param + flat->tail;
    double weight = (double)tail[RT_SCALAR_WEIGHT];
    return weight > 0 ? (double)tail[RT_SCALAR_LOSS] / weight : NAN;
}
