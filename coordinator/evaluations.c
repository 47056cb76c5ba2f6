/* Evaluations: which are due, what they tell, which is the best, and when waiting for a better one is over. */
#include "common/error.h"
#include "common/text.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Rank 0 evaluates before it makes the next step, so no other report comes in between. */
bool rt__run_will_evaluate(const rt__run *r, int64_t step)
{
    const rt_config *cfg = r->facts.cfg;
    bool due = cfg->evaluate.every > 0 && step % cfg->evaluate.every == 0;
    int64_t last = r->end_step; /* not known yet while a generation is being taken over */
    if (last == 0 && rt_config_steps(cfg, r->roster.samples, &last) != RT_OK)
        rt_error_clear();
    return due || (cfg->evaluate.final && step == last);
}

/* Tells of an evaluation, once for each time it was made. */
static void tell_evaluation(rt__run *r, double now, const rt_evaluated *e, bool better)
{
    json_t *fields =
        json_pack("{s:I, s:I}", "step", (json_int_t)e->step, "count", (json_int_t)e->count);
    if (fields) {
        rt_metrics_put(&e->metrics, "", fields);
        json_object_set_new(fields, "best", json_boolean(better));
        json_object_set_new(fields, "evaluation_seconds", rt_json_number(e->seconds));
    }
    rt__record_event_of(r, now, "evaluation", fields);
}

static void write_evaluation(rt__run *r, int64_t generation, const rt_evaluated *e, bool better,
                             const rt_best *best)
{
    json_t *fields =
        json_pack("{s:I, s:I}", "generation", (json_int_t)generation, "step", (json_int_t)e->step);
    if (fields) {
        rt_metrics_put(&e->metrics, "", fields);
        json_object_set_new(fields, "better", json_boolean(better));
        json_object_set_new(fields, "best",
                            rt_best_is_known(best) ? rt_best_json(best) : json_null());
    }
    rt__record_finding_of(r, "evaluated", fields);
}

/* Judges an evaluation as its workers did. One that was better before it may be known only from what they say of the
 * best: its own record could not be written, or it was not among the last that they keep. */
static void take_evaluation(rt__run *r, double now, int64_t generation, const rt_evaluated *e)
{
    rt_best best = rt__history_best(&r->history, e->step - 1);
    bool compared = rt_best_is_kept(r->facts.cfg) && e->step >= r->history.compared.since;
    if (compared && rt_best_is_known(&e->best) && e->best.step > best.step &&
        e->best.step < e->step)
        best = e->best;
    bool better = compared && rt_best_beats(r->facts.cfg, &e->metrics, &best);
    if (better)
        best = (rt_best){e->step, e->metrics};
    rt__record_hold_row_of(r, now, e->step);
    tell_evaluation(r, now, e, better);
    write_evaluation(r, generation, e, better, &best);
    rt__record_held_row(r);
}

/* That was known before it could be said: the workers see the same, and make no further step. */
void rt__run_tell_early_stop(rt__run *r, double now)
{
    const rt__history *h = &r->history;
    int64_t step = h->compared.newest, best = rt__history_best(h, step).step, all;
    if (rt_config_steps(r->facts.cfg, r->roster.samples, &all) != RT_OK || step >= all ||
        step == h->early_stop_step || !rt_patience_is_over(r->facts.cfg, step, best)) {
        rt_error_clear();
        return;
    }
    char text[160];
    snprintf(text, sizeof text,
             "the %s has not become better since step %" PRId64 ", for run.patience %" PRId64
             " evaluation%s: this was the last step",
             rt_best_metric(r->facts.cfg), best, r->facts.cfg->run.patience,
             rt_plural(r->facts.cfg->run.patience));
    rt__record_event(r, now, "early_stop", "{s:I, s:I, s:s}", "step", (json_int_t)step, "best_step",
                     (json_int_t)best, "text", text);
    rt__record_finding(r, "early_stop", "{s:I}", "step", (json_int_t)step);
}

void rt__run_on_evaluated(rt__run *r, double now, int64_t rank, const rt_msg_evaluated *m)
{
    const rt__history *h = &r->history;
    rt_evaluated e;
    int64_t generation;
    if (rank != 0)
        return;
    if (rt_evaluated_parse(m->evaluation, &generation, &e) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    if (e.step <= h->evaluated_step && h->evaluated_in == r->generation)
        return; /* said again */
    take_evaluation(r, now, r->generation, &e);
    if (r->end_step == 0) /* of a generation that is being taken over */
        return;
    if (rt__run_find_end_step(r) != RT_OK)
        rt__run_fail_with_error(r, now);
    rt__run_tell_early_stop(r, now);
}

/* ---- for a plan ---- */

rt_status rt__run_settle_comparison(rt__run *r)
{
    const char *by = rt_best_is_kept(r->facts.cfg) ? rt_best_metric(r->facts.cfg) : "";
    if (strcmp(by, r->history.compared.by) == 0)
        return RT_OK;
    return rt__record_decision(r, "compare", "{s:s, s:I}", "by", by, "since",
                               (json_int_t)r->source.step);
}

void rt__run_take_found_evaluations(rt__run *r, double now)
{
    const rt__history *h = &r->history;
    const rt__found_evaluation *e;
    for (int64_t after = h->evaluated_up_to;
         (e = rt__offers_evaluation(&r->offers, after, r->source.step, &h->doubts));
         after = e->figures.step)
        take_evaluation(r, now, e->generation, &e->figures);
}

rt_status rt__run_tell_best(const rt__run *r, rt__plan *plan)
{
    rt_best best = rt__history_best(&r->history, plan->message.start_step);
    int64_t made = r->history.evaluated_up_to, start = plan->message.start_step;
    plan->message.evaluated_step = made < start ? made : start; /* later ones are made again */
    plan->message.best = plan->best = rt_best_text(&best);
    return plan->best ? RT_OK : rt_error_code();
}
