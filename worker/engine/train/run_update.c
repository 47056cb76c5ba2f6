/* Uses of a step's sums: the check that they are finite, measurements, the update. */
#include "common/base/error.h"
#include "kernels/kernels.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/optim/schedule.h"
#include "worker/engine/train/run_inside.h"
#include <math.h>
#include <string.h>

int64_t rt_run_blocks(const rt_run *r)
{
    return (rt_run_flat(r)->count + RT_BLOCK - 1) / RT_BLOCK;
}

enum { LOSS_SUM, WEIGHT_SUM, TAIL_SUMS }; /* after the blocks */

int64_t rt_run_sum_count(const rt_run *r)
{
    return rt_run_blocks(r) + TAIL_SUMS;
}

/* Returns the part of a range below `end`. */
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

/* Computes the learning rate of a step, which a schedule of a plugin may get wrong. */
static rt_status find_rate(const rt_run *r, int64_t step, double *lr)
{
    RT_TRY(rt_error_code());
    *lr = rt_run_lr(r, step);
    return rt__schedule_check_rate(&r->config, step, *lr);
}

rt_status rt_run_measure(rt_run *r, int64_t step, int round, rt_range owned, double clip_scale)
{
    double lr;
    rt_range params = below(owned, rt_run_flat(r)->count);
    rt__run_phase(r, RT_PHASE_UPDATE, -1);
    RT_TRY(find_rate(r, step, &lr));
    return rt_optim_measure(r->optim, round, params.begin, params.end, step + 1, lr,
                            clip_scale / r->weight);
}

rt_status rt_run_update(rt_run *r, int64_t step, rt_range owned, double clip_scale)
{
    const rt_flat *flat = rt_run_flat(r);
    rt_range params = below(owned, flat->count);
    double lr;
    rt__run_phase(r, RT_PHASE_UPDATE, -1);
    RT_TRY(find_rate(r, step, &lr));
    RT_TRY(
        rt_optim_update(r->optim, params.begin, params.end, step + 1, lr, clip_scale / r->weight));
    r->mirror.stale = true;
    rt__observed_commit(&r->observed, owned, (double)r->batch);
    commit_scalars(flat, owned);
    return RT_OK;
}

void rt_run_skip(rt_run *r, int64_t step, rt_range owned)
{
    rt__run_phase(r, RT_PHASE_UPDATE, -1);
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
