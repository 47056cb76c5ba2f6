#include "worker/session.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/evaluate.h"
#include "worker/restore.h"
#include "worker/run_parts.h"
#include "worker/shm_dir.h"
#include "worker/snapshot_restore.h"
#include "worker/start_weights.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Returns whether something that happens every `every` steps (0: never) is due after step number `step`. */
static bool is_due(int64_t every, int64_t step)
{
    return every > 0 && step % every == 0;
}

/* ---- joining ---- */

static rt_status describe_snapshots(rt__session *s)
{
    rt__snapshot_who who = {
        s->run_id,     s->dir,  s->config_hash,
        s->generation, s->rank, rt_owned_by_rank(rt_run_flat(s->run)->length, s->world, s->rank)};
    return rt__snapshot_about_run(&s->about, s->run, &who);
}

/* Returns how many files with snapshots this host may have to hold: those of its ranks and copies of as many others, twice, because
 * both are there while one generation replaces another. */
static int64_t count_files(const rt__session *s)
{
    return 2 * s->local_world * (1 + s->config->snapshot.replicas);
}

static rt_status start_snapshots(rt__session *s)
{
    rt__snapshot_args args = {
        .dir = s->config->snapshot.dir,
        .about = &s->about,
        .keep_free = (double)s->local_world * RT__SHM_BYTES_PER_RANK,
        .files = count_files(s),
        .progress = s->progress,
    };
    for (int kind = 0; kind < s->about.kinds; kind++)
        args.kind[kind] = rt__run_buffer(s->run, kind, NULL);
    return rt__snapshot_start(&args, &s->snapshot);
}

/* Sends HELLO with the snapshots that can be restored on this host. Trouble with snapshots is not a failure, because
 * there are checkpoints.
 */
static void send_hello(rt__session *s)
{
    rt__snapshot_offers offers = {0};
    rt__hello_texts texts;
    rt_msg_hello hello;
    bool keeps = s->config->snapshot.every > 0;
    if (keeps && start_snapshots(s) != RT_OK) {
        rt__snapshot_offers_add_trouble(&offers, rt_error());
        rt_error_clear();
    }
    if (keeps && s->local_rank == 0) /* for all ranks of this host */
        rt__snapshot_offers_find(s->config->snapshot.dir, &s->about, &offers);
    rt__hello_args args = {s->run, s->rank, s->world, s->local_rank, s->config_hash, &offers};
    rt__hello(&args, &texts, &hello);
    rt__link_post(s->link, RT_MSG_HELLO, &hello);
    rt__snapshot_offers_release(&offers);
}

static rt_status join(rt__session *s)
{
    RT_TRY(rt_config_hash(s->config, s->config_hash));
    RT_TRY(describe_snapshots(s));
    send_hello(s);
    RT_TRY(rt__link_wait_plan(s->link, &s->message));
    s->plan = &s->message.plan;
    RT_TRY(rt_best_parse(s->plan->best, &s->best));
    if (s->plan->world != s->world || s->plan->slice_begin_count != s->world + 1)
        return RT_FAIL(PROTOCOL, "plan: for %" PRId64 " ranks, but MPI started %d", s->plan->world,
                       s->world);
    return RT_OK;
}

static void post_layout(rt__session *s, const char *init_sha256)
{
    rt_msg_layout m = {.json = rt_run_layout(s->run),
                       .init_sha256 = init_sha256,
                       .preprocessing = rt_run_preprocessing(s->run),
                       .layers = rt_run_layers(s->run),
                       .note = s->note};
    rt__link_post(s->link, RT_MSG_LAYOUT, &m);
}

/* ---- checkpoints ---- */

/* Called on the thread that writes pieces. */
static void piece_done(void *ctx, const rt__piece_result *r)
{
    rt__session *s = ctx;
    if (r->status != RT_OK) {
        rt_log_error("checkpoint of step %" PRId64 ": %s", r->step, r->reason);
        rt_msg_piece_failed failed = {.step = r->step, .code = r->status, .reason = r->reason};
        rt__link_post(s->link, RT_MSG_PIECE_FAILED, &failed);
        return;
    }
    char checksum[17];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, r->checksum);
    rt_msg_piece_done done = {
        .step = r->step, .file = r->file, .bytes = r->bytes, .checksum = checksum};
    rt__link_post(s->link, RT_MSG_PIECE_DONE, &done);
}

static void save(rt__session *s, int64_t step)
{
    rt__progress_enter_phase(s->progress, RT_PHASE_CHECKPOINT, -1);
    rt__pieces_save(s->pieces, step);
    s->saved_step = step;
}

static void post_checksum(void *ctx, const rt_msg_checksum *m)
{
    rt__session *s = ctx;
    rt__link_post(s->link, RT_MSG_CHECKSUM, m);
}

/* Sets up the shard. Snapshots were started before the plan arrived, so the plan must give this rank the elements that
 * they hold. */
static rt_status init_shard(rt__session *s)
{
    const int64_t length = rt_run_flat(s->run)->length;
    RT_TRY(rt__shard_init(&s->shard, s->plan, s->world, s->rank, length));
    if (s->world > 1)
        RT_TRY(rt__shard_connect(&s->shard, s->comm));
    const rt_range planned = s->shard.owned[s->rank];
    const rt_range kept = rt_owned_by_rank(length, s->world, s->rank);
    if (planned.begin != kept.begin || planned.end != kept.end)
        return RT_FAIL(PROTOCOL,
                       "plan: rank %d owns elements %" PRId64 " to %" PRId64
                       ", its snapshots hold %" PRId64 " to %" PRId64,
                       s->rank, planned.begin, planned.end, kept.begin, kept.end);
    return rt__shard_sums(&s->shard, s->run);
}

static rt_status prepare(rt__session *s)
{
    RT_TRY(init_shard(s));
    rt__stepper_args args = {s->run,      s->config,     s->comm, &s->shard,
                             s->progress, post_checksum, s,       s->snapshot};
    RT_TRY(rt__stepper_init(&s->stepper, &args));

    rt_run_prefetch(s->run, s->plan->start_step, s->shard.slices); /* in the background */
    char *dir = rt_path_join(s->dir, "checkpoints");
    if (!dir)
        return RT_E_NOMEM;
    rt__pieces_args pieces = {
        s->run, s->shard.owned[s->rank], s->rank, s->generation, dir, piece_done, s};
    rt_status status = rt__pieces_start(&pieces, &s->pieces);
    rt_mem_free(dir);
    return status;
}

static rt_status restore_checkpoint(rt__session *s)
{
    int64_t step;
    RT_TRY(rt__restore_run(s->run, s->plan->checkpoint, s->plan->slices, &step));
    if (step != s->plan->start_step)
        return RT_FAIL(MISMATCH, "%s: is of step %" PRId64 ", the plan starts at %" PRId64,
                       s->plan->checkpoint, step, s->plan->start_step);
    rt_log_info("restored step %" PRId64 " from %s", step, s->plan->checkpoint);
    return RT_OK;
}

static rt_status restore_snapshot(rt__session *s)
{
    double began = rt_clock();
    bool updates_all = s->config->parallel.sharding == RT_CFG_SHARDING_NONE;
    rt__snapshot_source from = {
        .run = s->run,
        .comm = s->comm,
        .dir = s->config->snapshot.dir,
        .about = &s->about,
        .rank = s->rank,
        .world = s->world,
        .states = updates_all ? (rt_range){0, rt_run_flat(s->run)->tail} : s->shard.owned[s->rank],
    };
    RT_TRY(rt__snapshot_restore(&from, s->plan));
    rt_log_info("restored step %" PRId64 " from snapshots in %.1f ms", s->plan->start_step,
                1e3 * (rt_clock() - began));
    return RT_OK;
}

static rt_status restore(rt__session *s, char init_sha256[65])
{
    const char *init = s->config->model.init;
    init_sha256[0] = '\0';
    if (s->plan->source == RT_SOURCE_FRESH)
        return *init ? rt__start_weights(s->run, s->comm, s->rank, s->world, s->config,
                                         s->plan->init_sha256, init_sha256)
                     : RT_OK;
    rt__progress_enter_phase(s->progress, RT_PHASE_RESTORE, -1);
    return s->plan->source == RT_SOURCE_SNAPSHOT ? restore_snapshot(s) : restore_checkpoint(s);
}

/* ---- snapshots ---- */

static rt_status start_copies(rt__session *s)
{
    char host[RT__HOST_BYTES];
    rt__copies_args args = {
        .comm = s->comm,
        .rank = s->rank,
        .world = s->world,
        .host = host,
        .dir = s->config->snapshot.dir,
        .about = &s->about,
        .owned = s->shard.owned,
        .keep_free = (double)s->local_world * RT__SHM_BYTES_PER_RANK,
        .files = count_files(s),
        .own = s->snapshot,
    };
    if (s->config->snapshot.every == 0 || s->config->snapshot.replicas == 0)
        return RT_OK;
    rt__host_name(host, sizeof host);
    return rt__copies_start(&args, &s->copies);
}

static void send_trouble(rt__session *s, const char *trouble, bool *sent)
{
    if (*sent || !*trouble)
        return;
    rt_msg_snapshot_trouble m = {.reason = trouble};
    rt__link_post(s->link, RT_MSG_SNAPSHOT_TROUBLE, &m);
    *sent = true;
}

/* Reports trouble that shows up late because another thread reserves the memory. */
static void send_snapshot_trouble(rt__session *s)
{
    if (s->snapshot)
        send_trouble(s, rt__snapshot_trouble(s->snapshot), &s->snapshot_trouble_sent);
    if (s->copies)
        send_trouble(s, rt__copies_trouble(s->copies), &s->copies_trouble_sent);
}

/* Takes a snapshot after a finished step if one is due. */
static rt_status keep_snapshot(rt__session *s, int64_t finished, bool last)
{
    const int64_t every = s->config->snapshot.every;
    send_snapshot_trouble(s);
    if (!is_due(every, finished) && !(last && every > 0))
        return RT_OK;
    rt__progress_enter_phase(s->progress, RT_PHASE_SNAPSHOT, -1);
    bool taken = s->snapshot && rt__snapshot_take(s->snapshot, finished);
    if (s->copies)
        RT_TRY(rt__copies_exchange(s->copies, finished));
    if (taken)
        atomic_store_explicit(&s->progress->snapshot_step, finished, memory_order_release);
    return RT_OK;
}

/* ---- evaluation ---- */

static void save_once(rt__session *s, int64_t step)
{
    if (s->saved_step != step)
        save(s, step);
}

/* Returns whether an evaluation is the best so far. All ranks and the coordinator reach the same conclusion. */
static bool compare(rt__session *s, int64_t step, const rt_evaluation *e)
{
    if (!rt_best_is_tracked(s->config))
        return false;
    bool better = rt_best_beats(s->config, &e->metrics, &s->best);
    if (better)
        s->best = (rt_best){step, e->metrics};
    s->patience_ran_out = !better && rt_patience_ran_out(s->config, step, s->best.step);
    return better;
}

/* Records an evaluation in the snapshot and sends it before anything follows from it: the coordinator may be gone, and
 * this process may die soon. */
static rt_status publish_evaluation(rt__session *s, const rt_evaluated *e)
{
    if (s->snapshot)
        rt__snapshot_evaluated(s->snapshot, e);
    if (s->rank != 0)
        return RT_OK;
    char *text = rt_evaluated_text(e, s->generation);
    if (!text)
        return rt_error_code();
    rt_msg_evaluated m = {.step = e->step, .evaluation = text};
    rt__link_post(s->link, RT_MSG_EVALUATED, &m);
    rt_mem_free(text);
    return RT_OK;
}

static rt_status evaluate(rt__session *s, int64_t step)
{
    rt_evaluation e;
    double began = rt_clock();
    /* Send everything that a checkpoint of this step still needs to be committed, because the evaluation may take
     * longer than the time that a scheduler grants before it kills the run. */
    if (step == s->saved_step) {
        rt__stepper_checksum(&s->stepper, step);
        s->summed_step = step;
    }
    rt__meter_pause(&s->meter);
    rt__progress_enter_phase(s->progress, RT_PHASE_EVALUATE, -1);
    RT_TRY(rt__evaluate(s->run, s->comm, s->rank, s->world, &e));
    bool better = compare(s, step, &e);
    RT_TRY(publish_evaluation(s, &(rt_evaluated){.step = step,
                                                 .count = e.count,
                                                 .seconds = rt_clock() - began,
                                                 .metrics = e.metrics,
                                                 .best = s->best}));
    rt__meter_resume(&s->meter);
    if ((better && rt_best_is_saved(s->config)) ||
        (s->patience_ran_out && s->plan->checkpoint_final))
        save_once(s, step);
    return RT_OK;
}

/* ---- steps ---- */

/* Returns whether a report follows step number `step` (after which step + 1 are finished). An evaluated step always has
 * one, so that both are in one row of metrics.jsonl. */
static bool report_due(const rt_msg_plan *plan, int64_t step)
{
    return step == plan->start_step || is_due(plan->report_every, step + 1) ||
           is_due(plan->evaluate_every, step + 1) || step + 1 == plan->end_step;
}

static void report(rt__session *s, int64_t finished, const rt__step_result *did)
{
    rt_msg_report m;
    rt__meter_report(&s->meter, finished, rt_run_lr(s->run, finished - 1), did->grad_norm, &m);
    rt__link_post(s->link, RT_MSG_REPORT, &m);
}

/* Returns whether all ranks send the checksum of the state at a step: every run.hash_every steps, and whenever a
 * generation has started or may start from that state. It costs 0.15 ms for the 1.7 MB of the cnn preset, whose step
 * takes 20 ms: at every hundredth step, less than 0.01 %. */
static bool checksum_due(const rt__session *s, int64_t step)
{
    bool restored = s->plan->source != RT_SOURCE_FRESH && step == s->plan->start_step;
    return step > 0 && step != s->summed_step &&
           (is_due(s->config->run.hash_every, step) || step == s->saved_step || restored);
}

/* On rank 0: returns the orders for the step after which `finished` steps are made. If there are no snapshots from
 * which the next generation could resume, a checkpoint takes their place. */
static int orders_for(const rt__session *s, int64_t finished)
{
    int orders = 0;
    int64_t stop = atomic_load(&s->orders->stop_after);
    int64_t save = atomic_load(&s->orders->checkpoint_after);
    if (stop >= 0 && finished >= stop) {
        bool snapshot = s->config->snapshot.every > 0 && !atomic_load(&s->orders->stop_checkpoint);
        orders = RT__ORDER_STOP | (snapshot ? 0 : RT__ORDER_CHECKPOINT);
    }
    if (save >= 0 && finished >= save) {
        orders |= RT__ORDER_CHECKPOINT;
        /* The order is carried out, unless another one has arrived meanwhile. */
        atomic_compare_exchange_strong(&s->orders->checkpoint_after, &save, -1);
    }
    return orders;
}

/* Does what follows a step, in this order, so that pieces are written while the evaluation computes. */
static rt_status after_step(rt__session *s, int64_t finished, int orders)
{
    const rt_msg_plan *p = s->plan;
    bool last = finished == p->end_step;
    if (is_due(p->checkpoint_every, finished) || orders & RT__ORDER_CHECKPOINT ||
        (last && p->checkpoint_final))
        save(s, finished);
    if (is_due(p->evaluate_every, finished) || (last && p->evaluate_final))
        RT_TRY(evaluate(s, finished));
    return RT_OK;
}

/* Returns whether an evaluation was due at the step that this generation starts from but was not made. */
static bool evaluation_is_missing(const rt_msg_plan *p, int64_t start)
{
    bool last = start >= p->end_step && p->evaluate_final;
    if (start == 0)
        return last;
    return (is_due(p->evaluate_every, start) || last) && start > p->evaluated_step;
}

/* Makes up for what should have followed the step that this generation starts from. If it starts from a snapshot, the
 * previous generation may have died in the middle of that. */
static rt_status catch_up(rt__session *s, int64_t start)
{
    const rt_msg_plan *p = s->plan;
    bool snapshot = p->source == RT_SOURCE_SNAPSHOT, over = start >= p->end_step;
    if (snapshot && (is_due(p->checkpoint_every, start) || (over && p->checkpoint_final)))
        save(s, start);
    bool best = start == s->best.step && rt_best_is_known(&s->best);
    if (snapshot && best && rt_best_is_saved(s->config))
        save_once(s, start); /* perhaps its pieces were not written */
    if (evaluation_is_missing(p, start)) {
        rt__meter_start(&s->meter, s->config->data.batch);
        return evaluate(s, start);
    }
    return RT_OK;
}

static void count(rt__session *s, int64_t step, const rt__step_result *did)
{
    if (!did->skipped) {
        rt__meter_step(&s->meter, did->loss);
        return;
    }
    rt__meter_skip(&s->meter);
    if (s->rank == 0) {
        rt_msg_skipped m = {.step = step, .loss = did->loss, .grad_norm = did->grad_norm};
        rt__link_post(s->link, RT_MSG_SKIPPED, &m);
    }
}

/* Makes steps until the plan or an order ends them; *finished is the number of steps made in all. */
static rt_status steps(rt__session *s, int64_t *finished)
{
    const rt_msg_plan *p = s->plan;
    rt__step_result did = {0};
    rt__meter_start(&s->meter, s->config->data.batch);
    for (int64_t t = p->start_step;
         t < p->end_step && !(did.orders & RT__ORDER_STOP) && !s->patience_ran_out; t++) {
        if (atomic_load(&s->orders->abort))
            return RT_FAIL(ABORTED, "told to leave after step %" PRId64, t);
        rt__step_request request = {.orders = s->rank == 0 ? orders_for(s, t + 1) : 0,
                                    .norm = report_due(p, t),
                                    .checksum = checksum_due(s, t),
                                    .keep = is_due(s->config->snapshot.every, t + 1)};
        RT_TRY(rt__step(&s->stepper, t, &request, &did));
        *finished = t + 1;
        rt__progress_step(s->progress, t + 1);
        RT_TRY(keep_snapshot(s, t + 1, did.orders & RT__ORDER_STOP || t + 1 == p->end_step));
        count(s, t, &did);
        if (s->rank == 0 && (request.norm || did.orders & RT__ORDER_STOP))
            report(s, t + 1, &did);
        RT_TRY(after_step(s, t + 1, did.orders));
    }
    if (checksum_due(s, *finished)) /* no step follows that would send it */
        rt__stepper_checksum(&s->stepper, *finished);
    return RT_OK;
}

static rt_status finish(rt__session *s, int64_t finished)
{
    char sha[65] = "";
    rt__progress_enter_phase(s->progress, RT_PHASE_FINISH, -1);
    rt__pieces_wait(s->pieces);
    if (s->rank == 0)
        RT_TRY(rt_run_weights_sha256(s->run, sha));
    rt_msg_finished m = {.step = finished,
                         .weights_sha256 = sha,
                         .rss_bytes = rt__rss_peak(),
                         .snapshot_step = atomic_load(&s->progress->snapshot_step)};
    rt__link_post(s->link, RT_MSG_FINISHED, &m);
    rt__progress_log(s->progress, finished - s->plan->start_step);
    return rt__link_wait_leave(s->link);
}

static rt_status run_plan(rt__session *s)
{
    int64_t finished = s->plan->start_step;
    char init_sha256[65];
    RT_TRY(prepare(s));
    RT_TRY(restore(s, init_sha256));
    if (s->rank == 0)
        post_layout(s, init_sha256);
    RT_TRY(start_copies(s));
    rt__progress_step(s->progress, finished);
    RT_TRY(catch_up(s, finished));
    RT_TRY(steps(s, &finished));
    return finish(s, finished);
}

rt_status rt__session_run(rt__session *s)
{
    s->saved_step = s->summed_step = -1;
    rt_status status = join(s);
    if (status == RT_OK)
        status = run_plan(s);
    rt__pieces_end(s->pieces);
    rt__copies_end(s->copies);
    rt__snapshot_end(s->snapshot);
    rt__stepper_release(&s->stepper);
    rt__shard_release(&s->shard);
    rt_msg_body_release(RT_MSG_PLAN, &s->message);
    return status;
}
