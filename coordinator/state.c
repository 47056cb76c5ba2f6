/* Events: what arrives, and whose business it is. The rest of the machine is in generations.c, faults.c and control.c. */
#include "coordinator/state.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/stop_signals.h"
#include "common/text.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *rt__run_phase_name(rt__phase p)
{
    static const char *const names[] = {"BOOT",  "RECOVER", "GATHER", "RUN",
                                        "DRAIN", "REGROUP", "DONE",   "FAILED"};
    return names[p];
}

void rt__run_init(rt__run *r, const rt__run_facts *facts)
{
    *r = (rt__run){
        .facts = *facts,
        .history = facts->history,
        .generation = facts->history.generation,
        .committed_step = facts->history.committed_step,
        .interrupted = facts->history.interrupt_signal != 0,
        .interrupt_signal = facts->history.interrupt_signal,
        .interrupted_at = -1,
        .unsaved_step = -1,
        .unreadable_step = -1,
        .restarts = {.most = facts->cfg->run.max_restarts, .pause_most = RT__BACKOFF_MOST},
        .mismatch.step = -1,
        .reported_step = facts->metrics_step,
        .cause.rank = -1,
        .loss = NAN,
        .samples_per_second = NAN,
        .roster.first = -1,
        .events = json_array(),
    };
    r->facts.history = (rt__history){0};
}

void rt__run_release(rt__run *r)
{
    rt__run_forget_verifying(r);
    rt__history_release(&r->history);
    rt__source_release(&r->source);
    rt__source_release(&r->fallback);
    rt__roster_release(&r->roster);
    rt__offers_release(&r->offers);
    rt__checkpoints_release(&r->checkpoints);
    rt__sums_release(&r->sums);
    rt__hosts_release(&r->hosts);
    json_decref(r->layout);
    json_decref(r->events);
    *r = (rt__run){0};
}

void rt__run_enter(rt__run *r, double now, rt__phase phase)
{
    r->phase = phase;
    r->phase_since = now;
}

void rt__run_send(rt__run *r, const char *peer, rt_msg_type type, const void *body)
{
    r->facts.effects->send(r->facts.effects->ctx, peer, type, body);
}

void rt__run_send_to_all(rt__run *r, rt_msg_type type, const void *body)
{
    for (int64_t k = 0; k < r->roster.world; k++)
        if (r->job_alive && r->roster.member[k].joined)
            rt__run_send(r, r->roster.member[k].peer, type, body);
}

/* ---- the end of the run ---- */

/* What is about to be renamed becomes a checkpoint whoever dies meanwhile. */
void rt__run_discard_checkpoints(rt__run *r, double now, const char *reason)
{
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--) {
        const rt__checkpoint *c = &r->checkpoints.open[i];
        int64_t step = c->step;
        if (c->under_way && !c->held)
            continue;
        r->facts.effects->discard(r->facts.effects->ctx, step);
        rt__record_event(r, now, "checkpoint_failed", "{s:I, s:s}", "step", (json_int_t)step,
                         "reason", reason);
        rt__checkpoints_close(&r->checkpoints, step);
    }
}

bool rt__run_refused(const rt__run *r)
{
    return r->failed && r->exit_code == 2 && r->history.first_step_at < 0;
}

static bool all_finished(const rt__run *r)
{
    return r->roster.world > 0 && r->roster.finished == r->roster.world;
}

/* The beginning needs no saving. */
static bool is_saved(const rt__run *r)
{
    return r->committed_step >= r->newest_step || r->newest_step == 0;
}

/* All steps are made that were to be made, and the state after the last should be on disk and is not. Told by what is
 * there, not by what was seen to fail: who saw it may have died since. */
static bool is_unsaved(const rt__run *r)
{
    const rt_config *cfg = r->facts.cfg;
    bool due = cfg->checkpoint.every > 0 && r->newest_step % cfg->checkpoint.every == 0;
    bool last = r->newest_step >= r->end_step ? cfg->checkpoint.final : r->interrupted;
    return all_finished(r) && (due || last) && !is_saved(r);
}

/* Taken by this generation, or what it started from when no step was left to do. */
static bool is_in_memory(const rt__run *r)
{
    const rt__history *h = &r->history;
    bool started_from =
        h->source && strcmp(h->source, "snapshot") == 0 && h->start_step == r->newest_step;
    if (rt__run_is_over(r))
        return h->over.in_memory;
    return started_from || rt__roster_snapshot_step(&r->roster) == r->newest_step;
}

/* A run that leaves its last state unsaved has not done what it was to do. True if that state is in shared memory, from
 * where the run goes on when the disk takes files again. */
static bool keep_unsaved(rt__run *r)
{
    if (r->failed || !is_unsaved(r))
        return false;
    bool keep = is_in_memory(r);
    r->failed = true;
    r->exit_code = 1;
    snprintf(r->failure, sizeof r->failure,
             "the state at step %" PRId64
             " could not be written to disk (events.jsonl says why) %s: "
             "make room, then go on with --resume auto",
             r->newest_step,
             keep ? "and is kept in shared memory"
                  : "and is lost, because there is no snapshot of it (snapshot.every)");
    return keep;
}

bool rt__run_may_have_state(const rt__run *r)
{
    return r->history.first_step_at >= 0 || r->history.generation > 1;
}

/* A run that is stopped in a hurry, or before it has looked at what an earlier launch left, may have a state in memory
 * that is newer than what is on disk. It goes on from there. */
static bool may_be_ahead_in_memory(const rt__run *r)
{
    bool knows_newest = r->end_step > 0; /* a plan was made: newest_step is that of the run */
    return r->facts.cfg->snapshot.every > 0 && rt__run_may_have_state(r) &&
           !(knows_newest && is_saved(r));
}

bool rt__run_is_untouched(const rt__run *r)
{
    return r->generations_here == 0 && !r->facts.again && !r->job_alive;
}

static bool is_stopped(const rt__run *r)
{
    return r->interrupted && !r->failed &&
           (r->end_step == 0 || r->newest_step < r->end_step ||
            r->roster.finished < r->roster.world);
}

/* Says who stopped it, of a run that has no records yet which could say so. */
static void note_stop_before_the_beginning(rt__run *r)
{
    char name[RT_SIGNAL_NAME];
    if (r->history.generation == 0)
        snprintf(r->failure, sizeof r->failure, "stopped by %s before it began",
                 rt_signal_name(r->interrupt_signal, name));
}

void rt__run_conclude(rt__run *r, double now)
{
    bool keep = keep_unsaved(r), stopped = is_stopped(r);
    if (!stopped)
        rt__run_fail_if_not_finite(r);
    const char *status = r->failed ? "failed" : stopped ? "stopped" : "done";
    rt__run_discard_checkpoints(r, now, "the run ended before it was complete");
    rt__run_tell_askers(r, INT64_MAX, false, "the run has ended");
    rt__record_held_row(r);
    if (stopped) {
        r->exit_code = 128 + (int)r->interrupt_signal;
        keep = may_be_ahead_in_memory(r);
        note_stop_before_the_beginning(r);
    }
    rt__run_enter(r, now, r->failed ? RT__FAILED : RT__DONE);
    if (r->history.generation > 0) {
        rt__record_event(r, now, status, "{s:I, s:o, s:b}", "step", (json_int_t)r->newest_step,
                         "message", r->failed ? rt__record_text(r->failure) : json_null(),
                         "in_memory", keep);
        rt__record_decision(r, "end", "{s:s, s:I}", "status", status, "step",
                            (json_int_t)r->newest_step);
        rt_error_clear(); /* a full disk must not keep the summary from being tried */
        bool stays = rt__run_refused(r) || (stopped && rt__run_is_untouched(r));
        if (!stays) /* that of the run before */
            rt__record_summary(r, now, status);
    }
    /* What an earlier launch left in memory is still good when this one has changed nothing. */
    bool others = (rt__run_is_untouched(r) && r->history.generation > 0) ||
                  (rt__run_refused(r) && rt__run_may_have_state(r));
    rt__run_send(r, r->launcher, RT_MSG_RUN_ENDED,
                 &(rt_msg_run_ended){.exit_code = r->exit_code,
                                     .message = r->failure,
                                     .keep = keep || others,
                                     .next = r->next});
    r->ended = true;
}

void rt__run_fail(rt__run *r, double now, int exit_code, const char *fmt, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->failure, sizeof r->failure, fmt, ap);
    va_end(ap);
    r->exit_code = exit_code;
    rt__run_enter(r, now, RT__FAILED);
    if (r->job_alive)
        rt__run_end_job(r, "the run has failed");
    else
        rt__run_conclude(r, now);
}

void rt__run_fail_with_error(rt__run *r, double now)
{
    rt_saved_error e;
    rt_error_save(&e);
    rt__run_fail(r, now, rt_status_exit_code(e.code), "%s", e.text);
}

/* ---- checkpoints ---- */

static void abort_checkpoint(rt__run *r, double now, int64_t step, const char *reason)
{
    r->facts.effects->discard(r->facts.effects->ctx, step);
    rt__record_event(r, now, "checkpoint_failed", "{s:I, s:o}", "step", (json_int_t)step, "reason",
                     rt__record_text(reason));
    rt__record_decision(r, "abort", "{s:I}", "step", (json_int_t)step);
    rt_error_clear(); /* the journal may be on the same full disk; nothing depends on this record */
    rt__run_send_to_all(r, RT_MSG_ABORTED, &(rt_msg_aborted){.step = step, .reason = reason});
    rt__run_tell_askers(r, step, false, reason);
    rt__checkpoints_close(&r->checkpoints, step);
    if (step > r->unsaved_step)
        r->unsaved_step = step;
}

static bool drained(const rt__run *r)
{
    return r->phase == RT__DRAIN && all_finished(r) && r->checkpoints.count == 0;
}

/* Told by what has been reached, not by what was ordered: the one who ordered may have died since. An interrupted run
 * is over once its last state is on disk, or could not be put there. */
bool rt__run_is_complete(const rt__run *r)
{
    bool tried = is_saved(r) || r->unsaved_step == r->newest_step;
    return r->newest_step >= r->end_step || (r->interrupted && tried);
}

/* Who takes over from now on needs no workers: they may have left by then. */
static void remember_over(rt__run *r)
{
    if (rt__run_is_over(r))
        return;
    rt_status status = rt__record_decision(
        r, "over", "{s:I, s:I, s:I, s:I, s:o, s:f, s:I, s:s, s:b}", "generation",
        (json_int_t)r->generation, "step", (json_int_t)r->newest_step, "end_step",
        (json_int_t)r->end_step, "samples", (json_int_t)r->roster.samples, "loss",
        rt_json_number(r->loss), "trained_seconds",
        r->history.trained_seconds + r->generation_seconds, "trained_steps",
        (json_int_t)(r->history.trained_steps + r->generation_steps), "weights_sha256",
        r->weights_sha256, "in_memory", is_in_memory(r));
    if (status == RT_OK) { /* they are counted now */
        r->generation_seconds = 0;
        r->generation_steps = 0;
    }
    rt_error_clear(); /* without it the workers that are left say so, or the last steps are made again */
}

void rt__run_say_over(rt__run *r, const char *peer)
{
    if (!is_unsaved(r))
        rt__run_send(r, peer, RT_MSG_FORGET, &(rt_msg_forget){.before = INT64_MAX});
    rt__run_send(r, peer, RT_MSG_STOP,
                 &(rt_msg_stop){.after_step = -1, .reason = "the run is over"});
}

/* What is in shared memory is of no use once the run is over, unless it is the only place where the last state is; the
 * next generation of a run that goes on needs it. */
void rt__run_finish_drain(rt__run *r, double now)
{
    if (!drained(r))
        return;
    if (!r->job_alive) {
        rt__run_conclude(r, now);
        return;
    }
    rt__run_enter(r, now, RT__DRAIN);
    if (!rt__run_is_complete(r)) {
        rt__run_send_to_all(r, RT_MSG_STOP,
                            &(rt_msg_stop){.after_step = -1, .reason = r->regroup_why});
        return;
    }
    remember_over(r);
    for (int64_t k = 0; k < r->roster.world; k++)
        if (r->roster.member[k].joined)
            rt__run_say_over(r, r->roster.member[k].peer);
}

/* A checkpoint is committed only when all ranks are known to have had the same parameters; a rank that has finished
 * compares nothing any more. While a generation is being taken over it may be on disk already. */
void rt__run_commit_agreed(rt__run *r)
{
    bool compares = r->facts.cfg->run.hash_every > 0 && r->roster.world > 1;
    if (r->sums.wrong || rt__doubts_last(&r->history.doubts).generation == r->generation)
        return; /* all may agree on what grew out of a wrong state */
    for (int64_t i = 0; i < r->checkpoints.count; i++) {
        rt__checkpoint *c = &r->checkpoints.open[i];
        bool agreed = !compares || r->sums.agreed_step >= c->step || all_finished(r);
        if (!c->held || r->rejoining || !agreed)
            continue;
        c->held = false;
        rt__record_decision(r, "committing", "{s:I}", "step", (json_int_t)c->step);
        rt_error_clear(); /* it only helps a coordinator that takes over in between to find it */
        r->facts.effects->commit(r->facts.effects->ctx, c);
    }
}

void rt__run_close_committed(rt__run *r)
{
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--) {
        int64_t step = r->checkpoints.open[i].step;
        if (step > r->committed_step)
            continue;
        rt__run_send_to_all(r, RT_MSG_COMMITTED, &(rt_msg_committed){.step = step});
        rt__checkpoints_close(&r->checkpoints, step);
    }
    rt__run_commit_agreed(r);
}

void rt__run_settle(rt__run *r, double now)
{
    if (!all_finished(r))
        return;
    /* A rank reports its pieces before it finishes, so what is still incomplete stays so. */
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--)
        if (!rt__checkpoint_answered(&r->checkpoints.open[i]))
            abort_checkpoint(r, now, r->checkpoints.open[i].step,
                             "a worker finished without its piece");
    rt__run_commit_agreed(r);
    rt__run_finish_drain(r, now);
}

static void on_piece(rt__run *r, double now, int64_t rank, const rt_frame *f)
{
    rt__checkpoint *c = NULL;
    int64_t step =
        f->type == RT_MSG_PIECE_DONE ? f->body.piece_done.step : f->body.piece_failed.step;
    if (step <= r->committed_step) { /* said again: the answer was lost with a coordinator */
        rt__run_send(r, f->peer, RT_MSG_COMMITTED, &(rt_msg_committed){.step = step});
        return;
    }
    rt_status status = f->type == RT_MSG_PIECE_DONE
                           ? rt__checkpoints_piece_done(&r->checkpoints, r->roster.world, rank,
                                                        &f->body.piece_done, &c)
                           : rt__checkpoints_piece_failed(&r->checkpoints, r->roster.world, rank,
                                                          &f->body.piece_failed, &c);
    if (status != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    if (!rt__checkpoint_answered(c) || c->under_way)
        return;
    c->under_way = true;
    if (c->reason) {
        abort_checkpoint(r, now, c->step, c->reason);
        rt__run_finish_drain(r, now);
        return;
    }
    c->held = true;
    rt__run_commit_agreed(r);
}

static void on_committed(rt__run *r, double now, const rt__event *e)
{
    if (e->status != RT_OK) {
        abort_checkpoint(r, now, e->step, e->text);
    } else {
        r->committed_step = e->step;
        rt__record_event(r, now, "checkpoint", "{s:I, s:o}", "step", (json_int_t)e->step, "path",
                         rt__record_text(e->text));
        rt__record_decision(r, "commit", "{s:I}", "step", (json_int_t)e->step);
        rt_error_clear(); /* the rename was the commit; the record only repeats it */
        rt__run_send_to_all(r, RT_MSG_COMMITTED, &(rt_msg_committed){.step = e->step});
        rt__run_tell_askers(r, e->step, true, e->text);
        rt__checkpoints_close(&r->checkpoints, e->step);
    }
    rt__run_finish_drain(r, now);
}

/* ---- what workers say while they run ---- */

static void note_step(rt__run *r, double now, int64_t rank, int64_t step, int64_t rss)
{
    rt__member *m = &r->roster.member[rank];
    if (step > m->step)
        m->step = step;
    if (rss > m->peak_rss)
        m->peak_rss = rss;
    m->heard = now;
    if (step <= r->newest_step)
        return;
    r->newest_step = step;
    r->stepped_at = now;
    if (rt_restarts_step(&r->restarts, step))
        rt__hosts_made_progress(&r->hosts);
}

/* Once this generation has left snapshots of its own nobody needs those of earlier ones. */
static void forget_earlier_snapshots(rt__run *r)
{
    if (r->forgotten || rt__roster_snapshot_step(&r->roster) <= r->source.step)
        return;
    r->forgotten = true;
    rt__run_send_to_all(r, RT_MSG_FORGET, &(rt_msg_forget){.before = r->generation});
}

static void on_progress(rt__run *r, double now, int64_t rank, const rt_msg_progress *m)
{
    bool running = r->phase == RT__RUN || r->phase == RT__DRAIN;
    rt__roster_heard(&r->roster, rank, m, now);
    if (!running)
        return;
    note_step(r, now, rank, m->step, m->rss_bytes);
    if (r->roster.member[rank].snapshot_step > r->source.step)
        forget_earlier_snapshots(r);
    if (rank == 0)
        rt__record_progress(r, m);
}

static void on_report(rt__run *r, double now, int64_t rank, const rt_msg_report *m)
{
    if (rank != 0)
        return;
    note_step(r, now, rank, m->step, m->rss_bytes);
    r->loss = m->loss;
    r->samples_per_second = m->samples_per_second;
    r->generation_seconds = m->seconds;
    r->generation_steps = m->step - r->source.step;
    if (r->history.first_step_at < 0) {
        rt__record_decision(r, "first_step", "{s:f, s:I, s:o}", "seconds", now, "step",
                            (json_int_t)m->step, "loss", rt_json_number(m->loss));
        rt_error_clear(); /* a figure for the summary */
        r->history.first_step_at = now;
    }
    /* The report of a generation's very first step only tells that work has begun. */
    bool evaluated = rt__run_will_evaluate(r, m->step);
    bool tells_more = m->step > r->source.step + 1 || m->step == r->end_step || evaluated ||
                      m->step % r->facts.cfg->run.report_every == 0;
    bool said_again = m->step <= rt__record_newest_row(r);
    if (tells_more && !said_again)
        rt__record_report(r, now, m, evaluated);
    rt__run_end_recovery(r, now, m);
}

/* Tells of the net, once a launch. */
static void tell_layers(rt__run *r, double now, const char *text)
{
    json_t *layers = NULL;
    if (r->layout || r->facts.again ||
        rt_json_parse(text, strlen(text), "LAYOUT", &layers) != RT_OK) {
        rt_error_clear(); /* it is for people only */
        return;
    }
    rt__record_event(r, now, "model", "{s:I, s:o}", "parameters", (json_int_t)r->roster.parameters,
                     "layers", layers);
}

static void on_layout(rt__run *r, double now, int64_t rank, const rt_msg_layout *m)
{
    json_t *layout = NULL;
    if (rank != 0)
        return;
    if (rt_json_parse(m->json, strlen(m->json), "LAYOUT of worker 0", &layout) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    if (m->layers[0])
        tell_layers(r, now, m->layers);
    json_decref(r->layout);
    r->layout = layout;
    if (m->init_sha256[0] && !r->history.init_sha256[0]) {
        rt__record_decision(r, "init", "{s:s}", "weights_sha256", m->init_sha256);
        rt_error_clear(); /* without it another file in the same place would go unnoticed */
    }
}

static void on_finished(rt__run *r, double now, int64_t rank, const rt_msg_finished *m)
{
    rt__member *member = &r->roster.member[rank];
    bool running = r->phase == RT__RUN || r->phase == RT__DRAIN;
    if (member->finished || (!running && r->phase != RT__GATHER && r->phase != RT__BOOT))
        return;
    member->finished = true;
    if (m->snapshot_step > member->snapshot_step)
        member->snapshot_step = m->snapshot_step;
    r->roster.finished++;
    if (rank == 0)
        snprintf(r->weights_sha256, sizeof r->weights_sha256, "%s", m->weights_sha256);
    note_step(r, now, rank, m->step, m->rss_bytes);
    if (!running) /* of a generation that is being taken over */
        return;
    rt__run_end_recovery(r, now, NULL);
    if (r->phase == RT__RUN)
        rt__run_enter(r, now, RT__DRAIN);
    rt__run_settle(r, now);
}

static void on_snapshot_trouble(rt__run *r, double now, int64_t rank,
                                const rt_msg_snapshot_trouble *m)
{
    rt__record_event(r, now, "snapshot_trouble", "{s:I, s:o, s:o}", "rank", (json_int_t)rank,
                     "host", rt__record_text(r->roster.member[rank].host), "text",
                     rt__record_text(m->reason));
}

/* ---- events ---- */

static void on_launcher_frame(rt__run *r, double now, const rt_frame *f)
{
    switch (f->type) {
    case RT_MSG_LAUNCHER: /* said again after a broken connection */
        break;
    case RT_MSG_EXITED:
        rt__run_on_exited(r, now, &f->body.exited);
        break;
    case RT_MSG_INTERRUPT:
        rt__run_on_interrupt(r, now, f->body.interrupt.signal);
        break;
    case RT_MSG_HOSTS:
        rt__run_on_hosts(r, now, &f->body.hosts);
        break;
    case RT_MSG_PROBED:
        rt__run_on_probed(r, now, &f->body.probed);
        break;
    case RT_MSG_ALIVE:
        r->ranks_started = f->body.alive.ranks_started;
        r->ranks_expected = f->body.alive.ranks_expected;
        break;
    default:
        break;
    }
}

static void on_worker_frame(rt__run *r, double now, int64_t rank, const rt_frame *f)
{
    r->roster.member[rank].heard = now;
    switch (f->type) {
    case RT_MSG_PROGRESS:
        on_progress(r, now, rank, &f->body.progress);
        break;
    case RT_MSG_REPORT:
        on_report(r, now, rank, &f->body.report);
        break;
    case RT_MSG_EVALUATED:
        rt__run_on_evaluated(r, now, rank, &f->body.evaluated);
        break;
    case RT_MSG_LAYOUT:
        on_layout(r, now, rank, &f->body.layout);
        break;
    case RT_MSG_PIECE_DONE:
    case RT_MSG_PIECE_FAILED:
        on_piece(r, now, rank, f);
        break;
    case RT_MSG_FAULT:
        rt__run_on_fault(r, now, rank, &f->body.fault);
        break;
    case RT_MSG_LEAVE:
        rt__run_on_leave(r, now, rank, &f->body.leave);
        break;
    case RT_MSG_FINISHED:
        on_finished(r, now, rank, &f->body.finished);
        break;
    case RT_MSG_CHECKSUM:
        rt__run_on_checksum(r, now, rank, &f->body.checksum);
        break;
    case RT_MSG_SKIPPED:
        rt__run_on_skipped(r, now, &f->body.skipped);
        break;
    case RT_MSG_SNAPSHOT_TROUBLE:
        on_snapshot_trouble(r, now, rank, &f->body.snapshot_trouble);
        break;
    default: /* nothing else is a worker's to say */
        break;
    }
}

/* Before its HELLO a rank is known by its name only. */
static int64_t rank_of_name(const rt__run *r, const char *sender)
{
    long long rank;
    if (sscanf(sender, "worker %lld", &rank) != 1 || rank < 0 || rank >= r->roster.world)
        return -1;
    return rank;
}

/* What a rank says before its HELLO: what it is doing, or why it fails. */
static void on_early_frame(rt__run *r, double now, int64_t rank, const rt_frame *f)
{
    if (rank < 0)
        return;
    if (f->type == RT_MSG_PROGRESS)
        rt__roster_heard(&r->roster, rank, &f->body.progress, now);
    else if (f->type == RT_MSG_FAULT)
        rt__run_on_fault(r, now, rank, &f->body.fault);
}

static void on_launcher(rt__run *r, double now, const rt_frame *f)
{
    snprintf(r->launcher, sizeof r->launcher, "%s", f->peer);
    snprintf(r->hosts.here, sizeof r->hosts.here, "%s", f->body.launcher.host);
    r->launchers_job = f->body.launcher.job_generation;
    rt__run_begin(r, now);
}

static void on_frame(rt__run *r, double now, const rt_frame *f)
{
    if (rt__run_on_tool(r, now, f))
        return;
    rt__run_expect_workers(r, now);
    if (f->type == RT_MSG_LAUNCHER && r->launcher[0] == '\0') {
        on_launcher(r, now, f);
    } else if (strcmp(f->peer, r->launcher) == 0) {
        on_launcher_frame(r, now, f);
    } else if (f->generation == r->generation && r->job_alive) {
        int64_t rank = rt__roster_rank(&r->roster, f->peer);
        if (f->type == RT_MSG_HELLO)
            rt__run_on_hello(r, now, f);
        else if (rank >= 0)
            on_worker_frame(r, now, rank, f);
        else
            on_early_frame(r, now, rank_of_name(r, f->sender), f);
    }
}

static void on_tick(rt__run *r, double now)
{
    if (now - r->ticked_at >
        RT__TICK_MOST) /* stopped or starved: nobody could be heard meanwhile */
        r->awake_since = now;
    r->ticked_at = now;
    rt__run_settle_not_finite(r, now, RT__BLAME_SECONDS);
    rt__run_tick_generations(r, now);
    rt__run_tick_health(r, now);
    rt__run_tick_hosts(r, now);
    rt__run_tick_interrupt(r, now);
}

void rt__run_step(rt__run *r, double now, const rt__event *e)
{
    if (r->ended)
        return;
    switch (e->kind) {
    case RT__EVENT_FRAME:
        on_frame(r, now, e->frame);
        break;
    case RT__EVENT_RECOVERED:
        rt__run_on_recovered(r, now, e);
        break;
    case RT__EVENT_COMMITTED:
        on_committed(r, now, e);
        break;
    case RT__EVENT_UNVERIFIED:
        rt__record_event(r, now, "checkpoint_unusable", "{s:o}", "reason",
                         rt__record_text(e->text));
        break;
    case RT__EVENT_VERIFYING:
        rt__run_on_verifying(r, now, e);
        break;
    case RT__EVENT_TICK:
        on_tick(r, now);
        break;
    }
}
