#include "coordinator/machine/faults.h"
#include "common/base/phase.h"
#include "common/base/samples.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <inttypes.h>
#include <string.h>

enum { CRASHES_MAX = 3 }; /* in a row, at the same slice, or in the update, of the same step */

static void fail_on_data(rt__run *r, double now, const rt_msg_trace *t)
{
    const rt_config *cfg = r->facts.cfg;
    char ids[512];
    rt_sampling sampling = {(uint64_t)cfg->run.seed, r->roster.samples, cfg->data.batch,
                            cfg->parallel.slices};
    rt_slice_sample_text(&sampling, t->step, t->slice, ids, sizeof ids);
    char text[RT__SENTENCE_BYTES];
    RT__RECORD_SAID(text, r, now, data_fault, .step = t->step + 1, .slice = t->slice,
                    .samples = ids, .generations = CRASHES_MAX, .phase = rt_phase_name(t->phase));
    r->next = RT_NEXT_NOTHING;
    rt__run_fail(r, now, 1, "%s: look at these samples of %s", text, rt_config_data_path(cfg));
}

/* An update is a pure function of the step, too, and the rules and schedules of plugins run in it. */
static void fail_on_update(rt__run *r, double now, const rt_msg_trace *t)
{
    r->next = RT_NEXT_NOTHING;
    rt__run_fail(r, now, 1, "the update of step %" PRId64 " ended %d generations in a row: %s",
                 t->step + 1, CRASHES_MAX, r->recovery.cause);
}

bool rt__run_learn_from_traces(rt__run *r, double now)
{
    const rt_msg_trace *t =
        r->died.generation > 0 ? rt__offers_find_trace(&r->offers, r->died.generation, r->died.rank)
                               : NULL;
    r->died = (rt_msg_trace){};
    if (!t)
        return true;
    bool computing =
        t->phase == RT_PHASE_LOAD || t->phase == RT_PHASE_FORWARD || t->phase == RT_PHASE_BACKWARD;
    bool updating = t->phase == RT_PHASE_UPDATE;
    bool same = r->crashes > 0 && r->crash.step == t->step && r->crash.slice == t->slice;
    bool counts = (computing && t->slice >= 0) || updating;
    r->crashes = !counts ? 0 : same ? r->crashes + 1 : 1;
    r->crash = *t;
    if (r->crashes < CRASHES_MAX)
        return true;
    if (updating)
        fail_on_update(r, now, t);
    else
        fail_on_data(r, now, t);
    return false;
}

/* Returns the newest step whose checkpoint is on disk, or is being committed and may be there by now. */
static int64_t newest_on_disk(const rt__run *r)
{
    int64_t newest = r->committed_step > 0 ? r->committed_step : 0;
    return r->history.committing_step > newest ? r->history.committing_step : newest;
}

static bool record_not_finite(rt__run *r, double now, int64_t step)
{
    if (RT__DECIDE(r, not_finite, .step = step) == RT_OK)
        return true;
    rt__run_fail_with_error(r, now);
    return false;
}

/* Under run.nan_loss=restart-from-checkpoint, restarts once. A step is a pure function of the state before it, so if the step fails again, it
 * was no accident. */
static void act_on_not_finite(rt__run *r, double now)
{
    bool restart = r->facts.cfg->run.nan_loss == RT_CFG_NAN_RESTART;
    bool again = restart && r->history.not_finite_step == r->not_finite.step;
    r->not_finite.pending = false;
    if (!restart || again) {
        r->next = RT_NEXT_OTHER_RATE;
        rt__run_fail(r, now, 1, "%s%s", r->cause.text,
                     again ? ": again after a restart from a checkpoint" : "");
    } else if (rt__run_record_doubt(r, now, newest_on_disk(r)) &&
               record_not_finite(r, now, r->not_finite.step)) {
        rt__run_abandon_generation(r, now, "a step is not finite");
    }
}

/* Counts the steps that a worker had made when it failed, though no report has arrived about them. */
static void note_steps(rt__run *r, const rt_msg_fault *m)
{
    if (m->step > r->newest_step)
        r->newest_step = m->step;
}

/* Every rank reports the step. The rank whose slice caused it also knows why, so we wait for that one. */
static void on_not_finite(rt__run *r, double now, int64_t rank, const rt_msg_fault *m)
{
    note_steps(r, m);
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

void rt__run_on_blame_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    act_on_not_finite(r, now);
}

/* Could the worker not read the state it should start from? Then the next generation takes an older one. A checkpoint was verified when
 * it was chosen, and will be verified again. */
static bool is_bad_source(const rt__run *r, const rt_msg_fault *m, bool *snapshot)
{
    const rt__history *h = &r->history;
    const char *source = h->planned && h->source ? h->source : "fresh";
    bool reading = strcmp(source, "fresh") != 0 && m->step <= h->start_step;
    bool lost = m->code == RT_E_CORRUPT || m->code == RT_E_NOTFOUND;
    *snapshot = strcmp(source, "snapshot") == 0;
    return reading && (*snapshot ? rt_status_exit_code(m->code) == 2 : lost);
}

/* Has another generation failed to read the same source? A checkpoint may have been removed while it was read, or its disk may have failed
 * for a moment. A snapshot may have been overwritten by a worker that outlived its job. So we try twice. */
static bool is_unreadable_again(rt__run *r, bool snapshot)
{
    int64_t step = r->history.start_step;
    bool same = r->unreadable.snapshot == snapshot && r->unreadable.step == step;
    bool again = same && r->unreadable.generation != r->generation;
    r->unreadable.snapshot = snapshot;
    r->unreadable.step = step;
    r->unreadable.generation = r->generation;
    return again;
}

/* `running`: the generation has not been abandoned yet. */
static void handle_fault(rt__run *r, double now, int64_t rank, const rt_msg_fault *m, bool running)
{
    rt_status code = m->code;
    bool snapshot, bad_source = is_bad_source(r, m, &snapshot);
    if (rt_status_exit_code(code) == 2 && !bad_source) {
        rt__run_fail(r, now, 2, "%s", m->message);
        return;
    }
    if (code == RT_E_NUMERIC && running) {
        on_not_finite(r, now, rank, m);
        return;
    }
    /* A step is a pure function of the state before it, so it would fail again. */
    if (code == RT_E_INTERNAL) {
        r->next = RT_NEXT_NOTHING;
        note_steps(r, m);
        rt__run_fail(r, now, 1, "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step,
                     m->message);
        return;
    }
    bool consequence = code == RT_E_ABORTED || code == RT_E_CLOSED || code == RT_E_NET;
    rt__run_note_cause(r, now, consequence ? RT__CAUSE_CONSEQUENCE : RT__CAUSE_FAULT, rank,
                       "worker %" PRId64 " at step %" PRId64 ": %s", rank, m->step, m->message);
    if (!consequence && running)
        r->died = (rt_msg_trace){.generation = r->generation, .rank = rank};
    if (bad_source && !snapshot && is_unreadable_again(r, false)) {
        rt__run_fail(r, now, 2, "%s", m->message);
        return;
    }
    bool wrong = bad_source && snapshot && running &&
                 (code != RT_E_NOTFOUND || is_unreadable_again(r, true));
    if (wrong && !rt__run_record_doubt(r, now, r->history.start_step - 1))
        return;
    if (running)
        rt__run_abandon_generation(r, now, "a worker has failed");
}

void rt__run_on_fault(rt__run *r, double now, const rt__input *in)
{
    handle_fault(r, now, in->rank, &in->frame->body.fault, true);
}

void rt__run_on_fault_late(rt__run *r, double now, const rt__input *in)
{
    handle_fault(r, now, in->rank, &in->frame->body.fault, false);
}
