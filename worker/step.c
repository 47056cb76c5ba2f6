/* gradients of my slices -> exact reduce-scatter -> norm and clip -> update what I own ->
 * all-gather. With `sharding: none` the gradients are gathered instead of the parameters and
 * everybody updates everything: the same bytes on the wire, the same bits. */
#include "worker/step.h"

#include <math.h>
#include "common/error.h"
#include "common/mem.h"

static rt_algo algorithm_of(const rt_config *cfg)
{
    if (cfg->parallel.reduction == RT_CFG_REDUCTION_RING)
        return RT_ALGO_RING;
    switch (cfg->parallel.algorithm) {
    case RT_CFG_ALGORITHM_DIRECT:
        return RT_ALGO_DIRECT;
    case RT_CFG_ALGORITHM_HALVING:
        return RT_ALGO_HALVING;
    case RT_CFG_ALGORITHM_AUTO:
        break;
    }
    return RT_ALGO_AUTO;
}

static void on_phase(void *ctx, const char *phase, int64_t slice)
{
    rt__progress_phase(ctx, rt__phase_of_name(phase), slice);
}

/* A ring takes one partial sum per rank, as if there were one slice each. */
static rt_status plan_sum(rt__stepper *s)
{
    const rt__shard *shard = s->shard;
    s->sum = (rt_reduce){shard->slice_count, shard->slice_begin, shard->owned,
                         rt_run_flat(s->run)->length};
    if (s->algorithm != RT_ALGO_RING)
        return RT_OK;
    s->one_each = rt_calloc((size_t)shard->world + 1, sizeof *s->one_each);
    if (!s->one_each)
        return RT_E_NOMEM;
    for (int r = 0; r <= shard->world; r++)
        s->one_each[r] = r;
    s->sum.slices = shard->world;
    s->sum.slice_begin = s->one_each;
    return RT_OK;
}

rt_status rt__stepper_init(rt__stepper *s, const rt__stepper_args *a)
{
    *s = (rt__stepper){
        .run = a->run,
        .comm = a->comm,
        .shard = a->shard,
        .progress = a->progress,
        .algorithm = algorithm_of(a->config),
        .replicated = a->config->parallel.sharding == RT_CFG_SHARDING_NONE,
        .clip_norm = a->config->optimizer.clip_norm,
        .batch = (double)a->config->data.batch,
    };
    s->square_sums = rt_calloc((size_t)rt_run_blocks(a->run), sizeof *s->square_sums);
    if (!s->square_sums || plan_sum(s) != RT_OK) {
        rt__stepper_release(s);
        return RT_E_NOMEM;
    }
    rt_run_on_phase(a->run, on_phase, a->progress);
    return RT_OK;
}

void rt__stepper_release(rt__stepper *s)
{
    if (s->run)
        rt_run_on_phase(s->run, NULL, NULL);
    rt_mem_free(s->square_sums);
    rt_mem_free(s->one_each);
    *s = (rt__stepper){0};
}

/* ---- on the communication thread ---- */

static rt_status sum_job(rt_comm *c, void *arg)
{
    rt__stepper *s = arg;
    const rt_flat *flat = rt_run_flat(s->run);
    RT_TRY(rt_comm_reduce_scatter(c, &s->sum, s->parts, s->part_count, flat->grad, s->algorithm));
    if (s->replicated)
        RT_TRY(rt_comm_all_gather(c, flat->grad, s->shard->owned, RT_F32, RT_ALGO_AUTO));
    return RT_OK;
}

static rt_status norm_job(rt_comm *c, void *arg)
{
    rt__stepper *s = arg;
    return rt_comm_all_gather(c, s->square_sums, s->shard->blocks, RT_F64, RT_ALGO_AUTO);
}

static rt_status gather_job(rt_comm *c, void *arg)
{
    rt__stepper *s = arg;
    return rt_comm_all_gather(c, rt_run_flat(s->run)->param, s->shard->owned, RT_F32, RT_ALGO_AUTO);
}

/* ---- on the computing thread ---- */

/* A ring adds one partial per rank: mine is the sum of my nodes from left to right. */
static void fold_parts(rt__stepper *s)
{
    int64_t n = rt_run_flat(s->run)->length;
    float *restrict sum = s->parts[0].data;
    for (int k = 1; k < s->part_count; k++) {
        const float *restrict x = s->parts[k].data;
        for (int64_t i = 0; i < n; i++)
            sum[i] += x[i];
    }
    s->parts[0].node = (rt_range){s->shard->rank, s->shard->rank + 1};
    s->part_count = 1;
}

static rt_status compute(rt__stepper *s, int64_t step, bool stop)
{
    rt_run_partial parts[RT_TREE_NODES_MAX];
    RT_TRY(rt_run_gradients(s->run, step, s->shard->slices, parts, &s->part_count));
    for (int k = 0; k < s->part_count; k++)
        s->parts[k] = (rt_partial){parts[k].node, parts[k].data};
    if (s->algorithm == RT_ALGO_RING)
        fold_parts(s);
    if (s->shard->rank == 0)
        s->parts[0].data[rt_run_flat(s->run)->count + RT__SCALAR_STOP] = stop;
    return RT_OK;
}

static rt_status reduce(rt__stepper *s)
{
    rt__progress_phase(s->progress, RT__PHASE_REDUCE, -1);
    if (s->shard->world > 1)
        return rt__commthread_run(s->comm, sum_job, s);
    /* All slices are one node, and the first buffer is the flat gradient. */
    RT_ASSERT(s->part_count == 1 && s->parts[0].data == rt_run_flat(s->run)->grad);
    return RT_OK;
}

/* The elements this rank updates. */
static rt_range updated(const rt__stepper *s)
{
    if (s->replicated)
        return (rt_range){0, rt_run_flat(s->run)->length};
    return s->shard->owned[s->shard->rank];
}

static rt_status gradient_norm(rt__stepper *s, double *norm)
{
    RT_TRY(rt_run_square_sums(s->run, updated(s), s->square_sums));
    if (s->shard->world > 1 && !s->replicated)
        RT_TRY(rt__commthread_run(s->comm, norm_job, s));
    *norm = rt_optim_norm_of_blocks(s->square_sums, rt_run_blocks(s->run)) / s->batch;
    return RT_OK;
}

static rt_status update(rt__stepper *s, int64_t step, double clip_scale)
{
    rt__progress_phase(s->progress, RT__PHASE_UPDATE, -1);
    RT_TRY(rt_run_update(s->run, step, updated(s), clip_scale));
    if (s->shard->world == 1 || s->replicated)
        return RT_OK;
    rt__progress_phase(s->progress, RT__PHASE_GATHER, -1);
    return rt__commthread_run(s->comm, gather_job, s);
}

rt_status rt__step(rt__stepper *s, int64_t step, const rt__step_wish *wish, rt__step_result *out)
{
    double norm = NAN, clip_scale = 1;
    RT_TRY(compute(s, step, wish->stop));
    RT_TRY(reduce(s));
    if (wish->norm || s->clip_norm > 0)
        RT_TRY(gradient_norm(s, &norm));
    if (s->clip_norm > 0 && norm > s->clip_norm)
        clip_scale = s->clip_norm / norm;
    RT_TRY(update(s, step, clip_scale));

    const rt_flat *flat = rt_run_flat(s->run);
    bool stop = flat->param[flat->count + RT__SCALAR_STOP] != 0;
    if (stop && isnan(norm)) /* now all know that this was the last step, so all can ask */
        RT_TRY(gradient_norm(s, &norm));
    *out = (rt__step_result){rt_run_loss(s->run), norm, stop};
    if (!isfinite(out->loss))
        return RT_FAIL(
            NUMERIC,
            "step %lld: the loss is %g: lower optimizer.lr, warm up (schedule.warmup) or "
            "clip gradients (optimizer.clip_norm)",
            (long long)step + 1, out->loss);
    return RT_OK;
}
