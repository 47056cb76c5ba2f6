/* What goes wrong in a generation, how it is told, and what follows from it. */
#include "common/error.h"
#include "common/phase.h"
#include "common/samples.h"
#include "common/text.h"
#include "coordinator/health.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CRASHES_MAX = 3 }; /* at the same slice of the same step, in a row */

/* ---- causes ---- */

void rt__run_note_cause(rt__run *r, double at, int weight, int64_t rank, const char *fmt, ...)
{
    rt__cause *c = &r->cause;
    if (c->weight == 0)
        c->at = at;
    if (weight <= c->weight)
        return;
    c->weight = weight;
    c->rank = rank;
    snprintf(c->host, sizeof c->host, "%s", rt__run_host_of(r, rank));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
}

void rt__run_give_up_generation(rt__run *r, double now, const char *reason)
{
    if (!r->recovery.on)
        r->recovery = (rt__recovery){.on = true, .sign = r->cause.at, .decided = now};
    rt__run_end_job(r, reason);
    rt__run_enter(r, now, RT__REGROUP);
}

/* "worker 1", and its host if that is another one than the launcher's. */
static const char *name_worker(const rt__run *r, int64_t rank, char text[300])
{
    const char *host = rt__run_host_of(r, rank);
    bool elsewhere = host[0] && !rt__hosts_is_here(&r->hosts, host);
    snprintf(text, 300, "worker %" PRId64 "%s%s", rank, elsewhere ? " on " : "",
             elsewhere ? host : "");
    return text;
}

/* Words for the end of a job, and how much they weigh. */
static void note_why_it_exited(rt__run *r, double at, const rt_msg_exited *m)
{
    int64_t killed_by =
        m->exit_code > 128 && m->exit_code <= 128 + SIGRTMAX ? m->exit_code - 128 : 0;
    /* mpirun hands on how the first of its ranks ended, and then sends SIGTERM to the others. */
    bool is_next = m->signal == SIGTERM && killed_by && killed_by != SIGTERM;
    const char *why = m->reason, *colon = why[0] ? ": " : "";
    char who[300];
    if (m->host[0])
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1, "host %s cannot %s%s%s", m->host,
                           m->final ? "run workers" : "be reached", colon, why);
    else if (m->final && m->rank < 0)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1, "%s", why);
    else if (is_next || (!m->signal && m->rank < 0 && killed_by && !why[0]))
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1,
                           "a worker was killed by signal %" PRId64 " while it was starting",
                           killed_by);
    else if (m->signal && m->rank >= 0)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, m->rank,
                           "%s was killed by signal %" PRId64 "%s%s", name_worker(r, m->rank, who),
                           m->signal, colon, why);
    else if (m->signal)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1,
                           "mpirun was killed by signal %" PRId64 "%s%s", m->signal, colon, why);
    else if (m->rank >= 0)
        rt__run_note_cause(r, at, RT__CAUSE_EXIT_CODE, m->rank,
                           "%s left with exit code %" PRId64 "%s%s", name_worker(r, m->rank, who),
                           m->exit_code, colon, why);
    else
        rt__run_note_cause(r, at, RT__CAUSE_EXIT_CODE, -1,
                           "mpirun ended with exit code %" PRId64 "%s%s", m->exit_code, colon, why);
    r->cause.exit_code = m->exit_code;
    bool guess = is_next || !m->signal;
    r->cause.signal = guess && !m->final ? killed_by : guess ? 0 : m->signal;
}

/* A program that crashes before it has done anything, and again in the same way, would do so each time. */
static void note_stillborn(rt__run *r)
{
    static const int crashes[] = {SIGILL, SIGSEGV, SIGBUS, SIGSYS, SIGABRT, SIGFPE};
    const rt__cause *c = &r->cause;
    bool crashed = false, known = c->rank >= 0 && c->rank < r->roster.world;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        crashed |= c->signal == crashes[i];
    if (!crashed || !known || r->roster.member[c->rank].joined) {
        r->stillborn.count = 0;
        return;
    }
    bool again = r->stillborn.signal == c->signal && strcmp(r->stillborn.host, c->host) == 0;
    r->stillborn.count = again ? r->stillborn.count + 1 : 1;
    r->stillborn.signal = c->signal;
    snprintf(r->stillborn.host, sizeof r->stillborn.host, "%s", c->host);
}

void rt__run_note_exit(rt__run *r, double now, const rt_msg_exited *m)
{
    note_why_it_exited(r, now - m->seconds_since_sign, m);
    rt__cause *c = &r->cause;
    if (m->host[0])
        snprintf(c->host, sizeof c->host, "%s", m->host);
    note_stillborn(r);
    r->recovery.rank = c->rank;
    snprintf(r->recovery.host, sizeof r->recovery.host, "%s", c->host);
    snprintf(r->recovery.cause, sizeof r->recovery.cause, "%.*s", (int)sizeof r->recovery.cause - 1,
             c->text);
    /* Somebody else's kill says nothing about the work; a crash may. */
    bool crashed = c->rank >= 0 && m->rank >= 0 && m->exit_code != 0 && c->signal != SIGKILL &&
                   c->signal != SIGTERM;
    if (crashed)
        r->died = (rt__trace){.generation = r->generation, .rank = m->rank};
}

/* ---- a slice that kills whoever computes it ---- */

static void fail_by_data(rt__run *r, double now, const rt__trace *t)
{
    const rt_config *cfg = r->facts.cfg;
    char ids[512];
    rt_sampling sampling = {(uint64_t)cfg->run.seed, r->roster.samples, cfg->data.batch,
                            cfg->parallel.slices};
    rt_slice_sample_text(&sampling, t->step, t->slice, ids, sizeof ids);
    char text[1024];
    snprintf(text, sizeof text,
             "slice %" PRId64 " of step %" PRId64
             " ended %d generations in a row (in %s): samples %s",
             t->slice, t->step + 1, CRASHES_MAX, rt_phase_name(t->phase), ids);
    rt__record_event(r, now, "data_fault", "{s:I, s:I, s:s, s:s}", "step", (json_int_t)t->step + 1,
                     "slice", (json_int_t)t->slice, "samples", ids, "text", text);
    r->next = RT_NEXT_NOTHING;
    rt__run_fail(r, now, 1, "%s: look at these samples of %s", text, rt_config_data_path(cfg));
}

void rt__run_learn_from_traces(rt__run *r, double now)
{
    const rt__trace *t = r->died.generation > 0
                             ? rt__offers_trace(&r->offers, r->died.generation, r->died.rank)
                             : NULL;
    r->died = (rt__trace){0};
    if (!t)
        return;
    bool computing =
        t->phase == RT_PHASE_LOAD || t->phase == RT_PHASE_FORWARD || t->phase == RT_PHASE_BACKWARD;
    bool same = r->crashes > 0 && r->crash.step == t->step && r->crash.slice == t->slice;
    r->crashes = !computing || t->slice < 0 ? 0 : same ? r->crashes + 1 : 1;
    r->crash = *t;
    if (r->crashes >= CRASHES_MAX)
        fail_by_data(r, now, t);
}

/* ---- what a worker complains of ---- */

/* Puts all that memory holds of generations up to this one under doubt, but for steps up to `step`. */
static bool doubt(rt__run *r, double now, int64_t step)
{
    if (rt__record_decision(r, "doubt", "{s:I, s:I}", "generation", (json_int_t)r->generation,
                            "step", (json_int_t)step) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return false;
    }
    return true;
}

/* The newest state that is on disk, or may be by now: it replaces the one before it when it gets there. */
static int64_t newest_on_disk(const rt__run *r)
{
    int64_t newest = r->committed_step > 0 ? r->committed_step : 0;
    return r->history.committing_step > newest ? r->history.committing_step : newest;
}

static bool remember_not_finite(rt__run *r, double now, int64_t step)
{
    if (rt__record_decision(r, "not_finite", "{s:I}", "step", (json_int_t)step) == RT_OK)
        return true;
    rt__run_fail_with_error(r, now);
    return false;
}

/* A loss that is not finite, under run.nan_loss=restart-from-checkpoint: once. A step is a pure function of the state
 * before it, so what comes again was no accident. */
static void act_on_not_finite(rt__run *r, double now)
{
    bool restart = r->facts.cfg->run.nan_loss == RT_CFG_NAN_RESTART;
    bool again = restart && r->history.not_finite_step == r->not_finite.step;
    r->not_finite.pending = false;
    if (!restart || again) {
        r->next = RT_NEXT_OTHER_RATE;
        rt__run_fail(r, now, 1, "%s%s", r->cause.text,
                     again ? ": again after a restart from a checkpoint" : "");
    } else if (doubt(r, now, newest_on_disk(r)) &&
               remember_not_finite(r, now, r->not_finite.step)) {
        rt__run_give_up_generation(r, now, "a step is not finite");
    }
}

/* Every rank says so; the one whose slice it was knows why, and is waited for. */
static void on_not_finite(rt__run *r, double now, int64_t rank, const rt_msg_fault *m)
{
    bool known = m->slice >= 0;
    rt__run_note_cause(r, now, known ? RT__CAUSE_CULPRIT : RT__CAUSE_FAULT, rank,
                       "worker %" PRId64 ": %s", rank, m->message);
    if (!r->not_finite.pending) {
        r->not_finite.pending = true;
        r->not_finite.since = now;
        r->not_finite.step = m->step;
    }
    if (known)
        act_on_not_finite(r, now);
}

void rt__run_settle_not_finite(rt__run *r, double now, double patience)
{
    if (r->not_finite.pending && now - r->not_finite.since >= patience)
        act_on_not_finite(r, now);
}

/* A state that cannot be read after all: the next generation takes an older one. A checkpoint was whole when it was
 * looked for, and is looked at again. */
static bool is_bad_source(const rt__run *r, const rt_msg_fault *m, bool *snapshot)
{
    const rt__history *h = &r->history;
    const char *source = h->planned && h->source ? h->source : "fresh";
    bool reading = strcmp(source, "fresh") != 0 && m->step <= h->start_step;
    bool lost = m->code == RT_E_CORRUPT || m->code == RT_E_NOTFOUND;
    *snapshot = strcmp(source, "snapshot") == 0;
    return reading && (*snapshot ? rt_status_exit_code((rt_status)m->code) == 2 : lost);
}

/* It may have been removed while it was read, or its disk have had a bad moment: it is tried twice. */
static bool is_unreadable_again(rt__run *r)
{
    bool again = r->unreadable_step == r->history.start_step && r->unreadable_in != r->generation;
    r->unreadable_step = r->history.start_step;
    r->unreadable_in = r->generation;
    return again;
}

void rt__run_on_fault(rt__run *r, double now, int64_t rank, const rt_msg_fault *m)
{
    rt_status code = (rt_status)m->code;
    if (code != RT_E_NUMERIC)
        rt__run_settle_not_finite(r, now, 0);
    bool running = r->phase == RT__GATHER || r->phase == RT__RUN || r->phase == RT__DRAIN;
    bool snapshot, bad_source = is_bad_source(r, m, &snapshot);
    if (rt_status_exit_code(code) == 2 && !bad_source) {
        rt__run_fail(r, now, 2, "%s", m->message);
        return;
    }
    if (code == RT_E_NUMERIC && running) {
        on_not_finite(r, now, rank, m);
        return;
    }
    /* A step is a pure function of the state before it: doing it again would fail again. */
    if (code == RT_E_INTERNAL) {
        r->next = RT_NEXT_NOTHING;
        rt__run_fail(r, now, 1, "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step,
                     m->message);
        return;
    }
    bool consequence = code == RT_E_ABORTED || code == RT_E_CLOSED || code == RT_E_NET;
    rt__run_note_cause(r, now, consequence ? RT__CAUSE_CONSEQUENCE : RT__CAUSE_FAULT, rank,
                       "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step, m->message);
    if (!consequence && running)
        r->died = (rt__trace){.generation = r->generation, .rank = rank};
    if (bad_source && !snapshot && is_unreadable_again(r)) {
        rt__run_fail(r, now, 2, "%s", m->message);
        return;
    }
    if (bad_source && snapshot && running && !doubt(r, now, r->history.start_step - 1))
        return;
    if (running)
        rt__run_give_up_generation(r, now, "a worker has failed");
}

static const char against_not_finite[] =
    "lower optimizer.lr, lengthen schedule.warmup or set optimizer.clip_norm";

void rt__run_on_skipped(rt__run *r, double now, const rt_msg_skipped *m)
{
    char text[160];
    int64_t step = m->step + 1, limit = r->facts.cfg->run.nan_skip_limit;
    if (step <= rt__history_last_skipped(&r->history))
        return; /* said again after a broken connection */
    snprintf(text, sizeof text, "step %" PRId64 " left out: its %s is not finite", step,
             isfinite(m->loss) ? "gradient" : "loss");
    rt__record_event(r, now, "step_skipped", "{s:I, s:s}", "step", (json_int_t)step, "text", text);
    rt__record_finding(r, "skipped", "{s:I}", "step", (json_int_t)step);
    int64_t in_row = rt__history_skipped_in_row(&r->history, step);
    if (limit == 0 || in_row < limit)
        return;
    r->next = RT_NEXT_OTHER_RATE;
    rt__run_fail(r, now, 1,
                 "the last %" PRId64 " step%s up to step %" PRId64
                 " %s left out because their loss or gradient is not finite "
                 "(run.nan_skip_limit): %s",
                 in_row, rt_plural(in_row), step, in_row == 1 ? "was" : "were", against_not_finite);
}

/* Was every step that the last report is about left out? Then its loss is not a number. */
static bool last_loss_is_not_finite(const rt__run *r)
{
    int64_t step = r->newest_step, every = r->facts.cfg->run.report_every;
    return step > 0 && rt__history_skipped_in_row(&r->history, step) > (step - 1) % every;
}

void rt__run_fail_if_not_finite(rt__run *r)
{
    const rt__history *h = &r->history;
    bool evaluated = h->evaluated_step == r->newest_step;
    bool test = evaluated && !isfinite(rt_metrics_get(&h->evaluated, "loss")),
         train = last_loss_is_not_finite(r);
    if (r->failed || (!test && !train))
        return;
    r->failed = true;
    r->exit_code = 1;
    r->next = RT_NEXT_OTHER_RATE;
    size_t skipped = json_array_size(h->skipped);
    snprintf(r->failure, sizeof r->failure,
             "training ended after step %" PRId64
             ", but the %s loss at the end is not a number, and %zu step%s "
             "left out because of that: %s",
             r->newest_step, train ? "training" : "test", skipped, skipped == 1 ? " was" : "s were",
             against_not_finite);
}

/* ---- bits that differ ---- */

static void tell_corruption(rt__run *r, double now, const rt_msg_checksum *m, const rt__verdict *v,
                            char *text, size_t size)
{
    json_t *ranks = json_array();
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < v->count; i++) {
        const rt__member *who = &r->roster.member[v->ranks[i]];
        json_array_append_new(ranks, json_integer(v->ranks[i]));
        if (used < size)
            used += (size_t)snprintf(text + used, size - used,
                                     "%sworker %" PRId64 " on %s (pid %" PRId64 ")", i ? ", " : "",
                                     v->ranks[i], who->host, who->pid);
    }
    if (used < size && m->slice < 0)
        snprintf(text + used, size - used,
                 ": parameters at step %" PRId64 " differ from the others'", m->step);
    else if (used < size)
        snprintf(text + used, size - used,
                 ": different gradients for slice %" PRId64 " of step %" PRId64
                 ", which is computed twice",
                 m->slice, m->step + 1);
    rt__record_event(r, now, "corruption", "{s:I, s:I, s:o, s:o}", "step", (json_int_t)m->step,
                     "slice", (json_int_t)m->slice, "ranks", ranks, "text", rt__record_text(text));
}

void rt__run_on_checksum(rt__run *r, double now, int64_t rank, const rt_msg_checksum *m)
{
    rt__verdict v;
    if (rt__sums_add(&r->sums, r->roster.world, rank, m, &v) != RT_OK) {
        rt_error_clear(); /* one comparison less */
        return;
    }
    if (!v.differ) {
        rt__run_commit_agreed(r);
    } else if (r->mismatch.step < 0) {
        r->mismatch = *m;
        r->verdict = v;
        rt__run_act_on_mismatch(r, now);
    }
}

void rt__run_act_on_mismatch(rt__run *r, double now)
{
    const rt_msg_checksum *m = &r->mismatch;
    const rt__verdict *v = &r->verdict;
    char text[1024];
    if (m->step < 0 || (r->phase != RT__RUN && r->phase != RT__DRAIN))
        return;
    /* First, so that nobody who dies here has only told of it. */
    if (!doubt(r, now, m->slice < 0 ? r->sums.agreed_step : m->step))
        return;
    tell_corruption(r, now, m, v, text, sizeof text);
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, v->count == 1 ? v->ranks[0] : -1, "%s", text);
    rt__run_give_up_generation(r, now, "memory or arithmetic is corrupt");
}

/* ---- who holds up the others ---- */

static json_t *who_waits(const rt__run *r, int64_t rank)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->roster.world; k++)
        if (k != rank && r->roster.member[k].waits_for >= 0 && json_array_size(list) < 1000)
            json_array_append_new(list, json_integer(k));
    return list;
}

static void tell_stall(rt__run *r, double now, const rt__trouble *t, const char *text)
{
    rt__member *m = &r->roster.member[t->rank];
    m->trouble_told = now;
    rt__record_event(r, now, "stall", "{s:I, s:o, s:I, s:I, s:s, s:o, s:f, s:b, s:o, s:o}", "rank",
                     (json_int_t)t->rank, "host", rt__record_text(m->host), "pid",
                     (json_int_t)m->pid, "step", (json_int_t)m->step, "phase",
                     rt_phase_name(m->phase), "what", rt__record_text(m->what), "seconds",
                     t->seconds, "silent", t->silent, "waiting", who_waits(r, t->rank), "text",
                     rt__record_text(text));
}

/* Those that were named and are well again. */
static void tell_recovered(rt__run *r, double now, int64_t troubled)
{
    for (int64_t k = 0; k < r->roster.world; k++) {
        rt__member *m = &r->roster.member[k];
        if (m->trouble_told <= 0 || k == troubled)
            continue;
        rt__record_event(r, now, "stall_over", "{s:I, s:o, s:f}", "rank", (json_int_t)k, "host",
                         rt__record_text(m->host), "stalled_seconds", now - m->trouble_told);
        m->trouble_told = 0;
    }
}

/* Workers go on although one is silent: its word is missing, not its work. */
static bool steps_are_made(const rt__run *r, double now)
{
    return now - r->stepped_at < RT__SILENT_SECONDS;
}

void rt__run_tick_health(rt__run *r, double now)
{
    if (r->phase != RT__RUN && r->phase != RT__DRAIN)
        return;
    rt__trouble t;
    bool troubled = rt__health_look(&r->roster, now, r->awake_since, &t);
    tell_recovered(r, now, troubled ? t.rank : -1);
    if (!troubled)
        return;
    char text[768];
    rt__health_tell(&r->roster, &t, text, sizeof text);
    if (r->roster.member[t.rank].trouble_told <= 0)
        tell_stall(r, now, &t, text);
    if (steps_are_made(r, now))
        return;
    bool host_lost =
        t.silent && rt__health_host_lost(&r->roster, t.rank, r->hosts.here, now, r->awake_since);
    bool restart = r->facts.cfg->run.stall_action == RT_CFG_STALL_RESTART &&
                   rt__health_must_act(&r->roster, &t);
    if (!host_lost && !restart)
        return;
    rt__run_note_cause(r, now - t.seconds, RT__CAUSE_FAULT, t.rank, "%s%s", text,
                       host_lost ? ": its host is lost" : "");
    r->cause.host_lost = host_lost;
    rt__run_give_up_generation(r, now, host_lost ? "a host is lost" : "a worker does not move");
}
