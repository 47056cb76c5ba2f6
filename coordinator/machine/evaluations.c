#include "coordinator/machine/evaluations.h"
#include "common/base/error.h"
#include "common/config/config_length.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <string.h>

/* Rank 0 evaluates before it makes the next step, so no other report arrives in between. */
bool rt__run_will_evaluate(const rt__run *r, int64_t step)
{
    const rt_config *cfg = r->facts.cfg;
    bool due = cfg->evaluate.every > 0 && step % cfg->evaluate.every == 0;
    int64_t last = r->end_step; /* 0 (not known yet) while a generation is being adopted */
    if (last == 0 && rt_config_steps(cfg, r->roster.samples, &last) != RT_OK)
        rt_error_clear();
    return due || (cfg->evaluate.final && step == last);
}

/* Writes an event each time a step is evaluated, also if it was evaluated before. */
static void record_evaluation(rt__run *r, double now, const rt_evaluated *e, bool better)
{
    RT__RECORD(r, now, evaluation, .step = e->step, .count = e->count, .metrics = e->metrics,
               .best = better, .evaluation_seconds = e->seconds);
}

static void journal_evaluation(rt__run *r, int64_t generation, const rt_evaluated *e, bool better,
                               const rt_best *best)
{
    json_t *known = rt_best_is_known(best) ? rt_best_json(best) : NULL;
    RT__FIND(r, evaluated, .generation = generation, .step = e->step, .metrics = e->metrics,
             .better = better, .best = known);
    json_decref(known);
}

/* Judges an evaluation as the workers did. An earlier, better one may be known only from the best that the workers report with it: its own
 * record could not be written, or was no longer among the last ones that the workers keep. */
static void handle_evaluation(rt__run *r, double now, int64_t generation, const rt_evaluated *e)
{
    rt_best best = rt__history_best(&r->history, e->step - 1);
    bool compared = rt_best_is_tracked(r->facts.cfg) && e->step >= r->history.compared.since;
    if (compared && rt_best_is_known(&e->best) && e->best.step > best.step &&
        e->best.step < e->step)
        best = e->best;
    bool better = compared && rt_best_beats(r->facts.cfg, &e->metrics, &best);
    if (better)
        best = (rt_best){e->step, e->metrics};
    rt__record_hold_row(r, now, e->step);
    record_evaluation(r, now, e, better);
    journal_evaluation(r, generation, e, better, &best);
    rt__record_write_held_row(r);
}

/* The workers come to the same conclusion and stop by themselves; this only records it. */
void rt__run_record_early_stop(rt__run *r, double now)
{
    const rt__history *h = &r->history;
    int64_t step = h->compared.newest, best = rt__history_best(h, step).step, all;
    if (rt_config_steps(r->facts.cfg, r->roster.samples, &all) != RT_OK || step >= all ||
        step == h->early_stop_step || !rt_patience_ran_out(r->facts.cfg, step, best)) {
        rt_error_clear();
        return;
    }
    RT__RECORD(r, now, early_stop, .step = step, .best_step = best,
               .by = rt_best_metric(r->facts.cfg), .patience = r->facts.cfg->run.patience);
    RT__FIND(r, early_stop, .step = step);
}

rt_status rt__run_find_end_step(rt__run *r)
{
    const rt__history *h = &r->history;
    int64_t newest = h->compared.newest;
    RT_TRY(rt_config_steps(r->facts.cfg, r->roster.samples, &r->end_step));
    if (!rt_patience_ran_out(r->facts.cfg, newest, rt__history_best(h, newest).step))
        return RT_OK;
    int64_t early = r->source.step > newest ? r->source.step : newest;
    r->end_step = early < r->end_step ? early : r->end_step;
    return RT_OK;
}

/* Workers of a generation in doubt make steps until their job has ended. The doubt forgets the evaluations of those steps, and they must
 * not come back after it. */
static bool is_doubted(const rt__run *r, int64_t step)
{
    rt__doubt last = rt__doubts_last(&r->history.doubts);
    return last.generation == r->generation && step > last.step;
}

void rt__run_on_evaluated(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_evaluated *m = &in->frame->body.evaluated;
    const rt__history *h = &r->history;
    rt_evaluated e;
    int64_t generation;
    if (in->rank != 0)
        return;
    if (rt_evaluated_parse(m->evaluation, &generation, &e) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    if (e.step <= h->evaluated_step && h->evaluated_in == r->generation)
        return; /* sent again after a broken connection */
    if (is_doubted(r, e.step))
        return;
    handle_evaluation(r, now, r->generation, &e);
    if (r->end_step == 0) /* the generation is still being adopted */
        return;
    if (rt__run_find_end_step(r) != RT_OK)
        rt__run_fail_with_error(r, now);
    rt__run_record_early_stop(r, now);
}

rt_status rt__run_record_comparison(rt__run *r)
{
    const char *by = rt_best_is_tracked(r->facts.cfg) ? rt_best_metric(r->facts.cfg) : "";
    if (strcmp(by, r->history.compared.by) == 0)
        return RT_OK;
    return RT__DECIDE(r, compare, .by = by, .since = r->source.step);
}

static void bring_back_rows(rt__run *r, int64_t step)
{
    rt__record_bring_back_rows(r, step, rt__run_will_evaluate(r, step));
}

void rt__run_recover_evaluations(rt__run *r, double now)
{
    const rt__history *h = &r->history;
    const rt__found_evaluation *e;
    for (int64_t after = h->evaluated_up_to;
         (e = rt__offers_evaluation(&r->offers, after, r->source.step, &h->doubts));
         after = e->figures.step) {
        bring_back_rows(r, e->figures.step);
        handle_evaluation(r, now, e->generation, &e->figures);
    }
    bring_back_rows(r, r->source.step);
}

rt_status rt__run_fill_plan_best(const rt__run *r, rt__plan *plan)
{
    rt_best best = rt__history_best(&r->history, plan->message.start_step);
    int64_t made = r->history.evaluated_up_to, start = plan->message.start_step;
    plan->message.evaluated_step = made < start ? made : start; /* later ones are made again */
    plan->message.best = plan->best = rt_best_text(&best);
    return plan->best ? RT_OK : rt_error_code();
}
