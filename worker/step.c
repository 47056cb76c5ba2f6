/* Gradients of this rank's slices -> exact reduce-scatter -> finite? norm and clip -> update of the owned elements ->
 * all-gather. With `sharding: none` the gradients are gathered instead of the parameters and every rank updates
 * everything: the same bytes on the wire, the same bits. */
#include "worker/step.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A rank that withholds its update puts this into the first element that it owns: a NaN with bits that no arithmetic
 * produces. */
static const uint32_t WITHHELD = 0x7fe57a1d;

/* The number of elements to update before they are copied: parameters, gradients and two states take 256 KiB, which
 * fits into a second-level cache. */
enum { UPDATE_PIECE = 16384 };

static rt_algo algorithm_of(const rt_config *cfg)
{
    if (cfg->parallel.reduction == RT_CFG_REDUCTION_RING)
        return RT_ALGO_RING;
    switch (cfg->parallel.algorithm) {
    case RT_CFG_ALGORITHM_DIRECT:
        return RT_ALGO_DIRECT;
    case RT_CFG_ALGORITHM_HALVING: /* checked before the start; a run must survive with fewer workers */
    case RT_CFG_ALGORITHM_AUTO:
        break;
    }
    return RT_ALGO_AUTO;
}

static void on_phase(void *ctx, rt_phase phase, int64_t slice)
{
    rt__progress_enter_phase(ctx, phase, slice);
}

static void on_audit(void *ctx, int64_t step, int64_t slice, bool owner, uint64_t sum)
{
    const rt__stepper *s = ctx;
    rt_msg_checksum m = {.step = step, .slice = slice, .owner = owner, .sum = (int64_t)sum};
    s->on_checksum(s->ctx, &m);
}

void rt__stepper_checksum(const rt__stepper *s, int64_t step)
{
    if (!s->on_checksum)
        return;
    int64_t sum = (int64_t)rt_run_weights_hash64(s->run);
    s->on_checksum(s->ctx, &(rt_msg_checksum){.step = step, .slice = -1, .sum = sum});
}

/* A ring has one partial sum per rank, as if each had one slice. */
static rt_status plan_sum(rt__stepper *s)
{
    const rt__shard *shard = s->shard;
    s->sum = (rt_reduce){shard->slice_count, shard->slice_begin, shard->owned};
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

/* Returns the ranks that share a step: those along the axis data. */
static rt_comm *data_ranks(const rt__stepper *s)
{
    return rt_mesh_group(s->shard->mesh, s->shard->data);
}

/* ---- exchanges of layers with other ranks ---- */

typedef struct exchange {
    const rt__stepper *stepper;
    const void *from;
    void *to;
    const rt_range *send, *receive; /* [world]: ranges of bytes, in order of ranks */
} exchange;

static rt_buf bytes_of(const exchange *x, const void *data, const rt_range *part)
{
    return (rt_buf){
        .data = (void *)data, .count = part[x->stepper->shard->world - 1].end, .dtype = RT_U8};
}

static rt_status gather_parts_job(rt_comm *world, void *arg)
{
    const exchange *x = arg;
    (void)world;
    return rt_comm_all_gather(data_ranks(x->stepper), bytes_of(x, x->to, x->receive), x->receive,
                              RT_ALGO_DIRECT);
}

static rt_status gather_parts(void *ctx, void *buf, const rt_range *part)
{
    exchange x = {.stepper = ctx, .to = buf, .receive = part};
    return rt__commthread_run(x.stepper->comm, gather_parts_job, &x);
}

static rt_status all_to_all_job(rt_comm *world, void *arg)
{
    const exchange *x = arg;
    (void)world;
    return rt_comm_all_to_all(data_ranks(x->stepper), bytes_of(x, x->from, x->send), x->send,
                              bytes_of(x, x->to, x->receive), x->receive);
}

static rt_status all_to_all(void *ctx, const void *from, const rt_range *send, void *to,
                            const rt_range *receive)
{
    exchange x = {ctx, from, to, send, receive};
    return rt__commthread_run(x.stepper->comm, all_to_all_job, &x);
}

static void init_peers(rt__stepper *s)
{
    const rt__shard *shard = s->shard;
    s->peers = (rt_peers){.ctx = s,
                          .rank = shard->rank,
                          .world = shard->world,
                          .slice_begin = shard->slice_begin,
                          .gather = gather_parts,
                          .all_to_all = all_to_all};
    rt_run_set_peers(s->run, &s->peers);
    if (rt_run_exchanges(s->run))
        rt_log_info("layers exchange values between slices: mine, %" PRId64 ", are computed "
                    "together, each with its activations and %.1f MB of gradients",
                    shard->slices.end - shard->slices.begin,
                    1e-6 * sizeof(float) * (double)rt_run_flat(s->run)->length);
}

rt_status rt__stepper_init(rt__stepper *s, const rt__stepper_args *a)
{
    *s = (rt__stepper){
        .run = a->run,
        .comm = a->comm,
        .shard = a->shard,
        .progress = a->progress,
        .snapshot = a->snapshot,
        .on_checksum = a->on_checksum,
        .ctx = a->ctx,
        .algorithm = algorithm_of(a->config),
        .replicated = a->config->parallel.sharding == RT_CFG_SHARDING_NONE,
        .skips = a->config->run.nan_loss == RT_CFG_NAN_SKIP,
        .clip_norm = a->config->optimizer.clip_norm,
        .optim = rt_run_optim(a->run),
    };
    s->sums = rt_calloc((size_t)rt_run_sum_count(a->run), sizeof *s->sums);
    if (!s->sums || plan_sum(s) != RT_OK) {
        rt__stepper_release(s);
        return RT_E_NOMEM;
    }
    init_peers(s);
    rt_run_on_phase(a->run, on_phase, a->progress);
    rt_run_on_audit(a->run, s->on_checksum ? on_audit : NULL, s);
    return RT_OK;
}

void rt__stepper_release(rt__stepper *s)
{
    if (s->run) {
        rt_run_on_phase(s->run, NULL, NULL);
        rt_run_on_audit(s->run, NULL, NULL);
        rt_run_set_peers(s->run, NULL);
    }
    rt_mem_free(s->sums);
    rt_mem_free(s->one_each);
    *s = (rt__stepper){0};
}

/* ---- on the communication thread ---- */

static rt_status sum_job(rt_comm *world, void *arg)
{
    rt__stepper *s = arg;
    rt_comm *c = data_ranks(s);
    (void)world;
    const rt_flat *flat = rt_run_flat(s->run);
    const rt_buf grad = {.data = flat->grad, .count = flat->length};
    RT_TRY(rt_comm_reduce_scatter(c, &s->sum, s->parts, s->part_count, grad, s->algorithm));
    if (s->replicated)
        RT_TRY(rt_comm_all_gather(c, grad, s->shard->owned, RT_ALGO_AUTO));
    return RT_OK;
}

static rt_status share_job(rt_comm *world, void *arg)
{
    rt__stepper *s = arg;
    (void)world;
    const rt_buf sums = {.data = s->sums, .count = rt_run_sum_count(s->run), .dtype = RT_F64};
    return rt_comm_all_gather(data_ranks(s), sums, s->shard->sums, RT_ALGO_AUTO);
}

static rt_status share_measures_job(rt_comm *world, void *arg)
{
    rt__stepper *s = arg;
    (void)world;
    rt_buf all = {.dtype = RT_F64};
    all.data = rt_optim_measures(s->optim, s->round, &all.count);
    return rt_comm_all_gather(data_ranks(s), all, s->shard->measured[s->round], RT_ALGO_AUTO);
}

static rt_status gather_job(rt_comm *world, void *arg)
{
    rt__stepper *s = arg;
    (void)world;
    const rt_flat *flat = rt_run_flat(s->run);
    const rt_buf param = {.data = flat->param, .count = flat->length};
    return rt_comm_all_gather(data_ranks(s), param, s->shard->owned, RT_ALGO_AUTO);
}

/* ---- on the computing thread ---- */

/* Sums this rank's nodes from left to right, because a ring adds one partial per rank. */
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

/* Computes this rank's slices, then the audited ones of the rank before it. */
static rt_status compute(rt__stepper *s, int64_t step, int orders)
{
    rt_run_partial parts[RT_TREE_NODES_MAX];
    const rt__shard *shard = s->shard;
    RT_TRY(rt_run_gradients(s->run, step, shard->slices, parts, &s->part_count));
    for (int k = 0; k < s->part_count; k++)
        s->parts[k] = (rt_partial){parts[k].node, parts[k].data};
    if (s->algorithm == RT_ALGO_RING)
        fold_parts(s);
    if (shard->rank == 0)
        parts[0].data[rt_run_flat(s->run)->tail + RT__SCALAR_ORDERS] = (float)orders;
    int before = (shard->rank + shard->world - 1) % shard->world;
    return rt_run_audit(s->run, step,
                        (rt_range){shard->slice_begin[before], shard->slice_begin[before + 1]});
}

static rt_status reduce(rt__stepper *s)
{
    rt__progress_enter_phase(s->progress, RT_PHASE_REDUCE, -1);
    if (s->shard->world > 1)
        return rt__commthread_run(s->comm, sum_job, s);
    /* In a world of one all slices are one node, whose buffer is the flat gradient. */
    RT_ASSERT(s->part_count == 1 && s->parts[0].data == rt_run_flat(s->run)->grad);
    return RT_OK;
}

/* ---- evaluating the sums ---- */

/* What a rank knows about a step before the update. */
typedef struct verdict {
    bool shared; /* the sums of all ranks are known, not only this rank's */
    bool finite; /* all known sums are finite */
    double loss; /* mean; NaN if not shared */
    double norm; /* of the mean gradient; NaN if not needed */
} verdict;

/* Returns whether this rank updates every element, not only those that it owns. */
static bool has_all(const rt__stepper *s)
{
    return s->replicated || s->shard->world == 1;
}

/* Returns the elements that this rank updates. */
static rt_range updated(const rt__stepper *s)
{
    if (has_all(s))
        return (rt_range){0, rt_run_flat(s->run)->length};
    return s->shard->owned[s->shard->rank];
}

/* Gathers every rank's sums on every rank. */
static rt_status share_sums(rt__stepper *s)
{
    return has_all(s) ? RT_OK : rt__commthread_run(s->comm, share_job, s);
}

static double gradient_norm(const rt__stepper *s)
{
    return rt_optim_norm_of_blocks(s->sums, rt_run_blocks(s->run)) / rt_run_weigh(s->run, s->sums);
}

/* Returns whether every rank needs all sums before it can continue. With rounds of measurements all must agree on
 * whether to make them. */
static bool must_share(const rt__stepper *s)
{
    return has_all(s) || s->skips || s->clip_norm > 0 || rt_run_weighs(s->run) ||
           rt_optim_rounds(s->optim) > 0;
}

static rt_status judge(rt__stepper *s, const rt__step_request *request, verdict *v)
{
    int64_t blocks = rt_run_blocks(s->run);
    rt_range known = {0, rt_run_sum_count(s->run)};
    *v = (verdict){.shared = must_share(s) || request->norm, .loss = NAN, .norm = NAN};
    RT_TRY(rt_run_sums(s->run, updated(s), s->sums));
    if (v->shared) {
        RT_TRY(share_sums(s));
        v->loss = s->sums[blocks] / rt_run_weigh(s->run, s->sums);
    } else {
        known = s->shard->sums[s->shard->rank];
    }
    v->finite = rt_run_finite(s->sums, known);
    if (request->norm || s->clip_norm > 0 || (v->shared && !v->finite))
        v->norm = gradient_norm(s);
    return RT_OK;
}

/* Logs, on the rank that has it, which slice made all ranks skip the step. */
static rt_status log_skip(rt__stepper *s, int64_t step, double loss)
{
    int64_t slice;
    char text[RT_RUN_TEXT];
    RT_TRY(rt_run_blame(s->run, step, s->shard->slices, loss, true, &slice, text));
    rt_log_warn("%s: skipped", text);
    return RT_OK;
}

/* ---- update ---- */

static void withhold(rt__stepper *s)
{
    memcpy(rt_run_flat(s->run)->param + updated(s).begin, &WITHHELD, sizeof WITHHELD);
}

/* After the gather: returns whether some rank withheld its update. */
static bool was_withheld(const rt__stepper *s)
{
    const float *param = rt_run_flat(s->run)->param;
    for (int r = 0; r < s->shard->world; r++) {
        rt_range o = s->shard->owned[r];
        if (o.begin < o.end && memcmp(param + o.begin, &WITHHELD, sizeof WITHHELD) == 0)
            return true;
    }
    return false;
}

/* Updates piece by piece and hands each to the snapshot while it is in the cache, which saves half of the memory
 * traffic of a copy. */
static rt_status update_and_keep(rt__stepper *s, int64_t step, double clip_scale)
{
    const rt_range all = updated(s);
    const int64_t most = UPDATE_PIECE * rt_threads();
    for (int64_t at = all.begin; at < all.end; at += most) {
        rt_range piece = {at, at + most < all.end ? at + most : all.end};
        RT_TRY(rt_run_update(s->run, step, piece, clip_scale));
        rt__snapshot_part(s->snapshot, piece.begin, piece.end);
    }
    return RT_OK;
}

/* Makes the measurements of whole parameters that the rule needs before it can update a part of one. */
static rt_status measure(rt__stepper *s, int64_t step, double clip_scale)
{
    for (s->round = 0; s->round < rt_optim_rounds(s->optim); s->round++) {
        RT_TRY(rt_run_measure(s->run, step, s->round, updated(s), clip_scale));
        if (!has_all(s))
            RT_TRY(rt__commthread_run(s->comm, share_measures_job, s));
        RT_TRY(rt_optim_settle(s->optim, s->round, step + 1));
    }
    return RT_OK;
}

static rt_status update(rt__stepper *s, int64_t step, const rt__step_request *request,
                        const verdict *v)
{
    double clip_scale = s->clip_norm > 0 && v->norm > s->clip_norm ? s->clip_norm / v->norm : 1;
    RT_TRY(measure(s, step, clip_scale));
    bool keep = request->keep && s->snapshot, here = strcmp(rt_run_device(s->run), "cpu") == 0;
    if (keep && here)
        return update_and_keep(s, step, clip_scale);
    RT_TRY(rt_run_update(s->run, step, updated(s), clip_scale));
    return keep ? rt_run_fetch(s->run) : RT_OK;
}

/* Distributes the step's result to all ranks: all of it, or only its scalars if the sums are not finite. */
static rt_status commit(rt__stepper *s, int64_t step, const rt__step_request *request,
                        const verdict *v)
{
    rt__progress_enter_phase(s->progress, RT_PHASE_UPDATE, -1);
    if (v->finite)
        RT_TRY(update(s, step, request, v));
    else
        rt_run_skip(s->run, step, updated(s));
    if (!v->finite && !v->shared)
        withhold(s);
    if (has_all(s))
        return RT_OK;
    rt__progress_enter_phase(s->progress, RT_PHASE_GATHER, -1);
    return rt__commthread_run(s->comm, gather_job, s);
}

/* Fails; all ranks do. The message names the slice on the rank that has it, and the coordinator blames that rank. */
static rt_status fail_not_finite(rt__stepper *s, int64_t step, double loss, bool unchanged)
{
    int64_t slice = -1;
    rt_status status = rt_run_not_finite(s->run, step, s->shard->slices, loss, unchanged, &slice);
    rt__progress_enter_phase(s->progress, RT_PHASE_UPDATE, slice);
    return status;
}

rt_status rt__step(rt__stepper *s, int64_t step, const rt__step_request *request,
                   rt__step_result *out)
{
    verdict v;
    const rt_flat *flat = rt_run_flat(s->run);
    RT_TRY(compute(s, step, request->orders));
    if (request->checksum)
        rt__stepper_checksum(s, step);
    RT_TRY(reduce(s));
    RT_TRY(judge(s, request, &v));
    if (v.shared && !v.finite) {
        if (!s->skips)
            return fail_not_finite(s, step, v.loss, true);
        RT_TRY(log_skip(s, step, v.loss));
    }
    RT_TRY(commit(s, step, request, &v));
    double loss = rt_run_loss(s->run);
    if (!v.shared && was_withheld(s))
        return fail_not_finite(s, step, loss, false);

    int orders = (int)flat->param[flat->tail + RT__SCALAR_ORDERS];
    if (orders & RT__ORDER_STOP && v.finite && isnan(v.norm)) {
        /* Now all ranks know that this was the last step, so all join this collective. */
        RT_TRY(share_sums(s));
        v.norm = gradient_norm(s);
    }
    *out = (rt__step_result){loss, v.norm, orders, !v.finite};
    return RT_OK;
}
