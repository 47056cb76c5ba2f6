#include "coordinator/state.h"
#include "common/error.h"
#include "common/mem.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How much a sign of a lost generation says about its cause. A rank that lost its neighbour
 * complains before anyone knows that the neighbour was killed; the kill is what the user has to
 * hear of. */
enum { CAUSE_CONSEQUENCE = 1, CAUSE_EXIT_CODE, CAUSE_FAULT, CAUSE_SIGNAL };

const char *rt__phase_name(rt__phase p)
{
    static const char *const names[] = {"BOOT",  "RECOVER", "GATHER", "RUN",
                                        "DRAIN", "REGROUP", "DONE",   "FAILED"};
    return names[p];
}

rt_status rt__tally_init(rt__tally *t)
{
    *t = (rt__tally){.world_sizes = json_array(), .recovery_seconds = json_array()};
    return t->world_sizes && t->recovery_seconds ? RT_OK : RT_FAIL(NOMEM, "out of memory");
}

void rt__tally_release(rt__tally *t)
{
    json_decref(t->world_sizes);
    json_decref(t->recovery_seconds);
    *t = (rt__tally){0};
}

void rt__run_init(rt__run *r, const rt__run_facts *facts)
{
    *r = (rt__run){
        .facts = *facts,
        .tally = facts->tally,
        .generation = facts->tally.generation,
        .committed_step = -1,
        .recovering_since = -1,
        .first_step_at = -1,
        .loss = NAN,
        .eval_loss = NAN,
        .eval_accuracy = NAN,
        .roster.first = -1,
    };
    r->facts.tally = (rt__tally){0};
}

void rt__run_release(rt__run *r)
{
    rt__tally_release(&r->tally);
    rt__source_release(&r->source);
    rt__roster_release(&r->roster);
    rt__checkpoints_release(&r->checkpoints);
    json_decref(r->layout);
    *r = (rt__run){0};
}

/* The last line of a text: where programs say why they ended. */
static const char *last_line(const char *text)
{
    const char *line = text;
    for (const char *c = text; *c; c++)
        if (*c == '\n' && c[1] != '\0')
            line = c + 1;
    return line;
}

static void enter(rt__run *r, double now, rt__phase phase)
{
    r->phase = phase;
    r->phase_since = now;
}

static void send(rt__run *r, const char *peer, rt_msg_type type, const void *body)
{
    r->facts.effects->send(r->facts.effects->ctx, peer, type, body);
}

static void send_to_all(rt__run *r, rt_msg_type type, const void *body)
{
    for (int64_t k = 0; k < r->roster.world; k++)
        if (r->roster.member[k].joined)
            send(r, r->roster.member[k].peer, type, body);
}

/* ---- the end of the run ---- */

static void discard_open_checkpoints(rt__run *r, double now, const char *reason)
{
    while (r->checkpoints.count > 0) {
        int64_t step = r->checkpoints.open[0].step;
        r->facts.effects->discard(r->facts.effects->ctx, step);
        rt__record_event(r, now, "checkpoint_failed", "{s:I, s:s}", "step", (json_int_t)step,
                         "reason", reason);
        rt__checkpoints_close(&r->checkpoints, step);
    }
}

bool rt__run_refused(const rt__run *r)
{
    return r->failed && r->exit_code == 2 && r->first_step_at < 0;
}

/* Leaves the books in order and tells the launcher. The job is gone by now. */
static void conclude(rt__run *r, double now)
{
    bool stopped =
        r->interrupted && !r->failed &&
        (r->end_step == 0 || r->newest_step < r->end_step || r->roster.finished < r->roster.world);
    const char *status = r->failed ? "failed" : stopped ? "stopped" : "done";
    discard_open_checkpoints(r, now, "the run ended before it was complete");
    if (stopped)
        r->exit_code = r->interrupt_signal == 2 ? 130 : 0;
    enter(r, now, r->failed ? RT__FAILED : RT__DONE);
    if (r->generations_here > 0) {
        rt__record_event(r, now, status, "{s:I, s:o}", "step", (json_int_t)r->newest_step,
                         "message", r->failed ? rt__record_text(r->failure) : json_null());
        rt__record_decision(r, "end", "{s:s, s:I}", "status", status, "step",
                            (json_int_t)r->newest_step);
        rt_error_clear();        /* a full disk must not keep the summary from being tried */
        if (!rt__run_refused(r)) /* the summary of an earlier run stays */
            rt__record_summary(r, now, status);
    }
    send(r, r->launcher, RT_MSG_RUN_ENDED,
         &(rt_msg_run_ended){.exit_code = r->exit_code, .message = r->failure});
    r->ended = true;
}

static void end_job(rt__run *r, const char *reason)
{
    send(r, r->launcher, RT_MSG_END_GENERATION,
         &(rt_msg_end_generation){.job_generation = r->generation, .reason = reason});
}

/* Ends the run with a reason; the first one counts. */
__attribute__((format(printf, 4, 5))) static void fail(rt__run *r, double now, int exit_code,
                                                       const char *fmt, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->failure, sizeof r->failure, fmt, ap);
    va_end(ap);
    r->exit_code = exit_code;
    enter(r, now, RT__FAILED);
    if (r->job_alive)
        end_job(r, "the run has failed");
    else
        conclude(r, now);
}

/* Ends the run with the failure in the error slot, and empties the slot. */
static void fail_with_error(rt__run *r, double now)
{
    rt_saved_error e;
    rt_error_save(&e);
    fail(r, now, rt_status_exit_code(e.code), "%s", e.text);
}

/* ---- from one generation to the next ---- */

static void recover(rt__run *r, double now, bool again)
{
    enter(r, now, RT__RECOVER);
    r->facts.effects->recover(r->facts.effects->ctx, again);
}

/* Puts away what the generation has achieved, so that the next one starts counting anew. */
static void close_generation(rt__run *r)
{
    r->trained_seconds += r->generation_seconds;
    r->trained_steps += r->generation_steps;
    r->generation_seconds = 0;
    r->generation_steps = 0;
}

/* The job of a generation is gone before its work was done: says why, and goes on or gives up. */
static void regroup(rt__run *r, double now)
{
    const rt__cause *c = &r->cause;
    const char *host =
        c->rank >= 0 && c->rank < r->roster.world ? r->roster.member[c->rank].host : "";
    discard_open_checkpoints(r, now, "a worker was lost");
    rt__record_event(r, now, "worker_lost", "{s:I, s:o, s:o, s:I, s:I, s:I}", "rank",
                     (json_int_t)c->rank, "host", rt__record_text(host), "cause",
                     rt__record_text(c->text), "exit_code", (json_int_t)c->exit_code, "signal",
                     (json_int_t)c->signal, "step", (json_int_t)r->newest_step);
    bool never_started = r->generations_here == 1 && r->roster.joined == 0 && c->signal == 0;
    if (never_started) {
        fail(r, now, 1, "the workers could not be started: %s", c->text);
    } else if (r->restarts_here >= r->facts.cfg->run.max_restarts) {
        fail(r, now, 1, "gave up after %" PRId64 " restarts (run.max_restarts): %s",
             r->restarts_here, c->text);
    } else {
        if (r->recovering_since < 0)
            r->recovering_since = c->at;
        r->restarts_here++;
        r->tally.restarts++;
        close_generation(r);
        recover(r, now, true);
    }
}

/* Notes a sign that this generation is lost; the weightiest is kept. rank -1: not known. */
__attribute__((format(printf, 5, 6))) static void note_cause(rt__run *r, double now, int weight,
                                                             int64_t rank, const char *fmt, ...)
{
    rt__cause *c = &r->cause;
    if (c->weight == 0)
        c->at = now;
    if (weight <= c->weight)
        return;
    c->weight = weight;
    c->rank = rank;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
}

static void start_generation(rt__run *r, double now)
{
    int64_t world = r->facts.cfg->parallel.workers;
    int64_t lost = r->recovering_since >= 0 && r->newest_step > r->source.step
                       ? r->newest_step - r->source.step
                       : 0;
    r->generation++;
    if (rt__roster_reset(&r->roster, world) != RT_OK ||
        rt__record_decision(r, "generation", "{s:I, s:I, s:I, s:o, s:b, s:I}", "generation",
                            (json_int_t)r->generation, "world", (json_int_t)world, "start_step",
                            (json_int_t)r->source.step, "source",
                            rt__record_text(r->source.path ? r->source.path : ""), "restart",
                            r->recovering_since >= 0, "lost_steps", (json_int_t)lost) != RT_OK) {
        fail_with_error(r, now);
        return;
    }
    r->generations_here++;
    r->tally.generation = r->generation;
    r->tally.lost_steps += lost;
    json_array_append_new(r->tally.world_sizes, json_integer(world));
    r->newest_step = r->source.step;
    r->committed_step = r->source.path ? r->source.step : -1;
    r->cause = (rt__cause){.rank = -1};
    r->job_alive = true;
    r->facts.effects->generation(r->facts.effects->ctx, r->generation);
    enter(r, now, RT__GATHER);
    send(r, r->launcher, RT_MSG_START_GENERATION,
         &(rt_msg_start_generation){.job_generation = r->generation, .world = world});
    rt__record_event(r, now, "generation", "{s:I, s:I, s:o, s:I}", "world_size", (json_int_t)world,
                     "start_step", (json_int_t)r->source.step, "source",
                     r->source.path ? rt__record_text(r->source.path) : json_string("fresh"),
                     "lost_steps", (json_int_t)lost);
}

static void on_recovered(rt__run *r, double now, const rt__event *e)
{
    if (r->phase != RT__RECOVER)
        return;
    if (e->status != RT_OK) {
        fail(r, now, rt_status_exit_code(e->status), "%s", e->text);
        return;
    }
    rt__source_release(&r->source);
    r->source = *e->source;
    *e->source = (rt__source){0};
    start_generation(r, now);
}

/* ---- gathering and planning ---- */

static void send_plan(rt__run *r, double now)
{
    rt__plan plan;
    if (rt__plan_end_step(r->facts.cfg, r->roster.samples, &r->end_step) != RT_OK ||
        rt__plan_make(r->facts.cfg, &r->source, &r->roster, r->end_step, &plan) != RT_OK) {
        fail_with_error(r, now);
        return;
    }
    enter(r, now, RT__RUN);
    send_to_all(r, RT_MSG_PLAN, &plan.message);
    rt__record_event(
        r, now, "running", "{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:s}", "world_size",
        (json_int_t)r->roster.world, "slices", (json_int_t)plan.message.slices, "start_step",
        (json_int_t)plan.message.start_step, "end_step", (json_int_t)plan.message.end_step,
        "samples", (json_int_t)r->roster.samples, "isa", r->roster.isa, "blas", r->roster.blas,
        "parameters", (json_int_t)r->roster.parameters, "plan_hash", plan.hash);
    rt__plan_release(&plan);
}

static void on_hello(rt__run *r, double now, const rt_frame *f)
{
    if (r->phase != RT__GATHER) {
        send(r, f->peer, RT_MSG_REFUSED,
             &(rt_msg_refused){.code = RT_E_CLOSED,
                               .reason = "this generation is not taking workers"});
        return;
    }
    if (rt__roster_join(&r->roster, f->peer, &f->body.hello, r->facts.config_hash) != RT_OK) {
        send(r, f->peer, RT_MSG_REFUSED,
             &(rt_msg_refused){.code = rt_error_code(), .reason = rt_error()});
        fail_with_error(r, now);
        return;
    }
    if (r->roster.joined == r->roster.world)
        send_plan(r, now);
}

/* ---- checkpoints ---- */

static void abort_checkpoint(rt__run *r, double now, int64_t step, const char *reason)
{
    r->facts.effects->discard(r->facts.effects->ctx, step);
    rt__record_event(r, now, "checkpoint_failed", "{s:I, s:o}", "step", (json_int_t)step, "reason",
                     rt__record_text(reason));
    rt__record_decision(r, "abort", "{s:I}", "step", (json_int_t)step);
    rt_error_clear(); /* the journal may be on the same full disk; nothing depends on this record */
    send_to_all(r, RT_MSG_ABORTED, &(rt_msg_aborted){.step = step, .reason = reason});
    rt__checkpoints_close(&r->checkpoints, step);
}

static bool drained(const rt__run *r)
{
    return r->phase == RT__DRAIN && r->roster.finished == r->roster.world &&
           r->checkpoints.count == 0;
}

/* Sends the workers home once every rank has finished and nothing is being written any more. */
static void finish_drain(rt__run *r, double now)
{
    if (!drained(r))
        return;
    enter(r, now, RT__DRAIN);
    send_to_all(r, RT_MSG_STOP, &(rt_msg_stop){.after_step = -1, .reason = "the run is over"});
}

static void on_piece(rt__run *r, double now, int64_t rank, const rt_frame *f)
{
    rt__checkpoint *c = NULL;
    rt_status status = f->type == RT_MSG_PIECE_DONE
                           ? rt__checkpoints_piece_done(&r->checkpoints, r->roster.world, rank,
                                                        &f->body.piece_done, &c)
                           : rt__checkpoints_piece_failed(&r->checkpoints, r->roster.world, rank,
                                                          &f->body.piece_failed, &c);
    if (status != RT_OK) {
        fail_with_error(r, now);
        return;
    }
    if (!rt__checkpoint_answered(c))
        return;
    if (c->reason)
        abort_checkpoint(r, now, c->step, c->reason);
    else
        r->facts.effects->commit(r->facts.effects->ctx, c);
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
        send_to_all(r, RT_MSG_COMMITTED, &(rt_msg_committed){.step = e->step});
        rt__checkpoints_close(&r->checkpoints, e->step);
    }
    finish_drain(r, now);
}

/* ---- what workers say while they run ---- */

static void note_step(rt__run *r, int64_t rank, int64_t step, int64_t rss)
{
    rt__member *m = &r->roster.member[rank];
    if (step > m->step)
        m->step = step;
    if (step > r->newest_step)
        r->newest_step = step;
    if (rss > m->peak_rss)
        m->peak_rss = rss;
}

static void on_progress(rt__run *r, int64_t rank, const rt_msg_progress *m)
{
    note_step(r, rank, m->step, m->rss_bytes);
    if (rank == 0)
        rt__record_progress(r, m);
}

/* The first sign of work after a lost worker ends the recovery. */
static void end_recovery(rt__run *r, double now, int64_t step)
{
    if (r->recovering_since < 0)
        return;
    double seconds = now - r->recovering_since;
    r->recovering_since = -1;
    json_array_append_new(r->tally.recovery_seconds, json_real(seconds));
    rt__record_event(r, now, "recovered", "{s:f, s:I}", "recovery_seconds", seconds, "step",
                     (json_int_t)step);
    rt__record_decision(r, "recovered", "{s:f}", "recovery_seconds", seconds);
    rt_error_clear(); /* a figure for the summary: not worth ending the run for */
}

static void on_report(rt__run *r, double now, int64_t rank, const rt_msg_report *m)
{
    if (rank != 0)
        return;
    note_step(r, rank, m->step, m->rss_bytes);
    r->loss = m->loss;
    r->generation_seconds = m->seconds;
    r->generation_steps = m->step - r->source.step;
    if (r->first_step_at < 0)
        r->first_step_at = now;
    /* The report of a generation's very first step only tells that work has begun. */
    if (m->step > r->source.step + 1 || m->step == r->end_step ||
        m->step % r->facts.cfg->run.report_every == 0)
        rt__record_report(r, now, m);
    end_recovery(r, now, m->step);
}

static void on_evaluated(rt__run *r, double now, int64_t rank, const rt_msg_evaluated *m)
{
    if (rank != 0)
        return;
    r->eval_loss = m->loss;
    r->eval_accuracy = m->count > 0 ? (double)m->correct / (double)m->count : NAN;
    rt__record_event(
        r, now, "evaluation", "{s:I, s:I, s:I, s:o, s:o, s:f}", "step", (json_int_t)m->step,
        "count", (json_int_t)m->count, "correct", (json_int_t)m->correct, "accuracy",
        isfinite(r->eval_accuracy) ? json_real(r->eval_accuracy) : json_null(), "loss",
        isfinite(m->loss) ? json_real(m->loss) : json_null(), "evaluation_seconds", m->seconds);
}

static void on_layout(rt__run *r, double now, int64_t rank, const rt_msg_layout *m)
{
    json_t *layout = NULL;
    if (rank != 0)
        return;
    if (rt_json_parse(m->json, strlen(m->json), "LAYOUT of worker 0", &layout) != RT_OK) {
        fail_with_error(r, now);
        return;
    }
    json_decref(r->layout);
    r->layout = layout;
}

static void on_fault(rt__run *r, double now, int64_t rank, const rt_msg_fault *m)
{
    rt_status code = (rt_status)m->code;
    if (rt_status_exit_code(code) == 2) {
        fail(r, now, 2, "%s", m->message);
        return;
    }
    /* A step is a pure function of the state before it: doing it again would fail again. */
    if (code == RT_E_INTERNAL || code == RT_E_NUMERIC) {
        fail(r, now, 1, "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step, m->message);
        return;
    }
    bool consequence = code == RT_E_ABORTED || code == RT_E_CLOSED || code == RT_E_NET;
    note_cause(r, now, consequence ? CAUSE_CONSEQUENCE : CAUSE_FAULT, rank,
               "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step, m->message);
    if (r->phase != RT__GATHER && r->phase != RT__RUN && r->phase != RT__DRAIN)
        return;
    end_job(r, "a worker has failed");
    enter(r, now, RT__REGROUP);
}

static void on_finished(rt__run *r, double now, int64_t rank, const rt_msg_finished *m)
{
    rt__member *member = &r->roster.member[rank];
    if (member->finished || (r->phase != RT__RUN && r->phase != RT__DRAIN))
        return;
    member->finished = true;
    end_recovery(r, now, m->step);
    r->roster.finished++;
    note_step(r, rank, m->step, m->rss_bytes);
    if (rank == 0)
        snprintf(r->weights_sha256, sizeof r->weights_sha256, "%s", m->weights_sha256);
    if (r->phase == RT__RUN)
        enter(r, now, RT__DRAIN);
    if (r->roster.finished < r->roster.world)
        return;
    /* A rank reports its pieces before it finishes, so what is still incomplete stays so. */
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--)
        if (!rt__checkpoint_answered(&r->checkpoints.open[i]))
            abort_checkpoint(r, now, r->checkpoints.open[i].step,
                             "a worker finished without its piece");
    finish_drain(r, now);
}

/* ---- what the launcher says ---- */

static void note_exit(rt__run *r, double now, const rt_msg_exited *m)
{
    if (m->signal && m->rank >= 0)
        note_cause(r, now, CAUSE_SIGNAL, m->rank,
                   "worker %" PRId64 " was killed by signal %" PRId64, m->rank, m->signal);
    else if (m->signal)
        note_cause(r, now, CAUSE_SIGNAL, -1, "mpirun was killed by signal %" PRId64, m->signal);
    else if (m->rank >= 0)
        note_cause(r, now, CAUSE_EXIT_CODE, m->rank,
                   "worker %" PRId64 " left with exit code %" PRId64 "%s%s", m->rank, m->exit_code,
                   m->tail[0] ? ": " : "", last_line(m->tail));
    else
        note_cause(r, now, CAUSE_EXIT_CODE, -1, "mpirun ended with exit code %" PRId64 "%s%s",
                   m->exit_code, m->tail[0] ? ": " : "", last_line(m->tail));
    r->cause.exit_code = m->exit_code;
    r->cause.signal = m->signal;
}

static void on_exited(rt__run *r, double now, const rt_msg_exited *m)
{
    if (!r->job_alive || m->job_generation != r->generation)
        return;
    r->job_alive = false;
    bool complete = r->phase == RT__DRAIN && r->roster.finished == r->roster.world;
    if (complete || r->phase == RT__FAILED || r->interrupted) {
        conclude(r, now);
        return;
    }
    note_exit(r, now, m);
    enter(r, now, RT__REGROUP);
    regroup(r, now);
}

static void on_interrupt(rt__run *r, double now, const rt_msg_interrupt *m)
{
    if (r->interrupted || r->failed)
        return;
    r->interrupted = true;
    r->interrupt_signal = m->signal;
    rt__record_event(r, now, "interrupted", "{s:I, s:I}", "signal", (json_int_t)m->signal, "step",
                     (json_int_t)r->newest_step);
    if (!r->job_alive) {
        conclude(r, now);
    } else if (r->phase == RT__GATHER) {
        end_job(r, "stopped by the user");
        enter(r, now, RT__DRAIN);
    } else if (r->phase == RT__RUN) {
        /* Rank 0 alone decides after which step to end, and tells the others inside the collectives
         * of that step: the only way in which ranks at different steps end after the same one. */
        send(r, r->roster.member[0].peer, RT_MSG_STOP,
             &(rt_msg_stop){
                 .after_step = r->newest_step, .checkpoint = 1, .reason = "stopped by the user"});
        enter(r, now, RT__DRAIN);
    }
}

/* ---- events ---- */

static void on_launcher_frame(rt__run *r, double now, const rt_frame *f)
{
    if (f->type == RT_MSG_EXITED)
        on_exited(r, now, &f->body.exited);
    else if (f->type == RT_MSG_INTERRUPT)
        on_interrupt(r, now, &f->body.interrupt);
}

static void on_worker_frame(rt__run *r, double now, int64_t rank, const rt_frame *f)
{
    switch (f->type) {
    case RT_MSG_PROGRESS:
        on_progress(r, rank, &f->body.progress);
        break;
    case RT_MSG_REPORT:
        on_report(r, now, rank, &f->body.report);
        break;
    case RT_MSG_EVALUATED:
        on_evaluated(r, now, rank, &f->body.evaluated);
        break;
    case RT_MSG_LAYOUT:
        on_layout(r, now, rank, &f->body.layout);
        break;
    case RT_MSG_PIECE_DONE:
    case RT_MSG_PIECE_FAILED:
        on_piece(r, now, rank, f);
        break;
    case RT_MSG_FAULT:
        on_fault(r, now, rank, &f->body.fault);
        break;
    case RT_MSG_FINISHED:
        on_finished(r, now, rank, &f->body.finished);
        break;
    default: /* nothing else is a worker's to say */
        break;
    }
}

/* A rank that fails before its HELLO (bad data, say) is known by its name only. */
static int64_t rank_of_name(const rt__run *r, const char *sender)
{
    long long rank;
    if (sscanf(sender, "worker %lld", &rank) != 1 || rank < 0 || rank >= r->roster.world)
        return -1;
    return rank;
}

static void on_frame(rt__run *r, double now, const rt_frame *f)
{
    if (f->type == RT_MSG_LAUNCHER && r->launcher[0] == '\0') {
        snprintf(r->launcher, sizeof r->launcher, "%s", f->peer);
        recover(r, now, false);
    } else if (strcmp(f->peer, r->launcher) == 0) {
        on_launcher_frame(r, now, f);
    } else if (f->generation == r->generation && r->job_alive) {
        int64_t rank = rt__roster_rank(&r->roster, f->peer);
        if (f->type == RT_MSG_HELLO)
            on_hello(r, now, f);
        else if (rank >= 0)
            on_worker_frame(r, now, rank, f);
        else if (f->type == RT_MSG_FAULT && rank_of_name(r, f->sender) >= 0)
            on_fault(r, now, rank_of_name(r, f->sender), &f->body.fault);
    }
}

static void on_tick(rt__run *r, double now)
{
    if (drained(r) && now - r->phase_since > RT__LEAVE_SECONDS) {
        end_job(r, "the workers did not leave by themselves");
        enter(r, now, RT__DRAIN);
    }
    if (r->phase != RT__GATHER || now - r->phase_since < RT__GATHER_SECONDS)
        return;
    char missing[160];
    rt__roster_missing(&r->roster, missing, sizeof missing);
    note_cause(r, now, CAUSE_FAULT, -1, "no HELLO within %d s from rank %s: see their logs",
               RT__GATHER_SECONDS, missing);
    end_job(r, "not all workers came");
    enter(r, now, RT__REGROUP);
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
        on_recovered(r, now, e);
        break;
    case RT__EVENT_COMMITTED:
        on_committed(r, now, e);
        break;
    case RT__EVENT_UNVERIFIED:
        rt__record_event(r, now, "checkpoint_unusable", "{s:o}", "reason",
                         rt__record_text(e->text));
        break;
    case RT__EVENT_TICK:
        on_tick(r, now);
        break;
    }
}
