#include "coordinator/machine/planning.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/drain.h"
#include "coordinator/machine/evaluations.h"
#include "coordinator/machine/exits.h"
#include "coordinator/machine/faults.h"
#include "coordinator/machine/mismatch.h"
#include "coordinator/machine/notes.h"
#include "coordinator/machine/orders.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/reshape.h"
#include "coordinator/machine/saving.h"
#include "coordinator/machine/start.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Finds the source that the plan of an adopted generation named, from the journal and the offers. */
static rt_status source_from_journal(rt__run *r, rt__source *out)
{
    const rt__history *h = &r->history;
    *out = (rt__source){.step = h->start_step, .parameters = r->roster.parameters};
    snprintf(out->layout_hash, sizeof out->layout_hash, "%s", r->roster.layout_hash);
    if (h->source && strcmp(h->source, "snapshot") == 0) {
        int64_t step = rt__offers_newest(&r->offers, r->roster.elements, h->start_step, &h->doubts,
                                         &out->pieces, &out->piece_count);
        RT_TRY(rt_error_code());
        return step == h->start_step
                   ? RT_OK
                   : RT_FAIL(NOTFOUND,
                             "the snapshot of step %" PRId64 " that it started from is gone",
                             h->start_step);
    }
    if (!h->source || strcmp(h->source, "fresh") == 0)
        return RT_OK;
    out->path = rt_strdup(h->source);
    return out->path ? RT_OK : rt_error_code();
}

/* Picks the newest complete state: a snapshot, else the checkpoint that was found, else fresh weights. */
static rt_status choose_source(rt__run *r, rt__source *out)
{
    enum { PIECES_MAX = 40000 }; /* PLAN.pieces */
    rt_msg_piece *pieces = NULL;
    int64_t count = 0, step;
    *out = (rt__source){0};
    step = rt__offers_newest(&r->offers, r->roster.elements, r->fallback.step + 1,
                             &r->history.doubts, &pieces, &count);
    RT_TRY(rt_error_code());
    if (step >= 0 && count <= PIECES_MAX) {
        *out = (rt__source){.step = step,
                            .parameters = r->roster.parameters,
                            .pieces = pieces,
                            .piece_count = count};
        return RT_OK;
    }
    rt_mem_free(pieces);
    *out = r->fallback;
    json_incref(out->data);
    out->path = r->fallback.path ? rt_strdup(r->fallback.path) : NULL;
    return r->fallback.path && !out->path ? rt_error_code() : RT_OK;
}

/* Returns the newest step that a rank of an earlier generation is known to have finished. */
static int64_t newest_known(const rt__run *r)
{
    int64_t newest = r->newest_step;
    for (int64_t i = 0; i < r->offers.traces; i++)
        if (r->offers.trace[i].step > newest &&
            r->offers.trace[i].generation > rt__doubts_last(&r->history.doubts).generation)
            newest = r->offers.trace[i].step;
    return newest;
}

static void record_running(rt__run *r, double now, const rt__plan *plan, int64_t lost)
{
    RT__RECORD(r, now, running, .world_size = r->roster.world, .slices = plan->message.slices,
               .start_step = plan->message.start_step, .end_step = plan->message.end_step,
               .samples = r->roster.samples, .isa = r->roster.isa, .blas = r->roster.blas,
               .parameters = r->roster.parameters, .plan_hash = plan->hash,
               .source = rt__source_name(&r->source), .lost_steps = lost);
}

/* Our predecessor knew which hosts were in use, which were set aside, and how many workers were wanted. We learn the first from the ranks
 * that have joined, and the second from probes; `reshape_why` makes us check the third. */
static void infer_hosts(rt__run *r)
{
    static const char why[] = "the hosts or the number of workers have changed";
    for (int64_t i = 0; i < r->hosts.count; i++)
        r->hosts.host[i].used = 0;
    for (int64_t k = 0; k < r->roster.world; k++) {
        rt__host *host = rt__hosts_find(&r->hosts, r->roster.member[k].host);
        if (host)
            host->used++;
    }
    for (int64_t i = 0; i < r->hosts.count; i++)
        if (r->hosts.host[i].used == 0)
            rt__run_probe(r, &r->hosts.host[i]);
    /* rt__run_send_pending_orders checks it. */
    snprintf(r->reshape_why, sizeof r->reshape_why, "%s", why);
}

/* Abandons the generation if our predecessor journaled a doubt about it, and died before it could end it. */
static bool give_up_if_doubted(rt__run *r, double now)
{
    if (rt__doubts_last(&r->history.doubts).generation != r->generation)
        return false;
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, -1,
                       "its state is in doubt, as the previous coordinator found");
    rt__run_abandon_generation(r, now, "its state is in doubt");
    return true;
}

/* Acts on what our predecessor knew and ordered, and on what ranks have reported since it died. */
static void catch_up(rt__run *r, double now)
{
    infer_hosts(r);
    if (give_up_if_doubted(r, now))
        return;
    rt__run_record_early_stop(r, now);
    rt__run_send_pending_orders(r, now);
    rt__run_act_on_mismatch(r, now);
    rt__run_complete_if_finished(r, now);
}

/* Enters RUN, as all ranks have a plan and make steps. `resumed`: they did so already before this coordinator started. */
static void enter_run(rt__run *r, double now, bool resumed)
{
    r->recovery.gathered = now;
    rt__run_enter(r, now, r->roster.finished > 0 ? RT__DRAIN : RT__RUN);
    r->stepped_at = now;
    int64_t agreed = r->source.step; /* all ranks have read the same bytes */
    if (resumed) {
        agreed = r->committed_step > agreed ? r->committed_step : agreed; /* compared before */
        agreed = r->sums.agreed_step > agreed ? r->sums.agreed_step : agreed;
    } else {
        r->newest_step = r->source.step;
        rt_restarts_step(&r->restarts, r->source.step);
    }
    r->sums.agreed_step = agreed;
    for (int64_t k = 0; k < r->roster.world; k++) {
        rt__member *m = &r->roster.member[k];
        m->since = 0; /* the wait for the others does not count as a standstill */
        m->heard = m->ran = now;
        if (m->step > r->newest_step)
            r->newest_step = m->step;
    }
    if (r->generations_here == 0) {
        catch_up(r, now);
        return;
    }
    rt__run_record_early_stop(r, now);
    rt__run_send_pending_orders(r, now);
}

/* metrics.jsonl holds the steps that led to the present state, so rows of later steps, which will be made again, are moved out. */
static void rewind_metrics(rt__run *r)
{
    if (r->reported_step <= r->source.step)
        return;
    r->facts.effects->rewind(r->facts.effects->ctx, r->source.step);
    r->reported_step = r->source.step;
}

/* Takes from the journal what the checkpoint does not record. `made` counts later steps, too: that their state is gone does not change which
 * data they were made with. */
static void recall_data(const rt__run *r, rt__source *source)
{
    if (source->samples == 0)
        source->samples = r->history.samples;
    if (!source->data)
        source->data = json_incref(r->history.data);
    source->made = newest_known(r);
}

static rt_status make_plan(rt__run *r, double now, bool as_before)
{
    rt__plan plan;
    rt__source_release(&r->source);
    RT_TRY(as_before ? source_from_journal(r, &r->source) : choose_source(r, &r->source));
    recall_data(r, &r->source);
    RT_TRY(rt__run_record_comparison(r));
    rt__run_recover_evaluations(r, now);
    RT_TRY(rt__run_find_end_step(r));
    RT_TRY(rt__plan_make(r->facts.cfg, &r->source, &r->roster, r->end_step, r->history.init_sha256,
                         &plan));
    rt_status status = rt__run_fill_plan_best(r, &plan);
    int64_t newest = newest_known(r), lost = 0;
    if (!as_before && newest > r->source.step && !r->fallback.exact)
        lost = newest - r->source.step;
    if (!as_before && rt__record_newest_row(r) > r->source.step)
        rt__record_write_held_row(r); /* the plan's record makes the journal forget the row */
    int64_t made = as_before ? 0 : newest > r->reported_step ? newest : r->reported_step;
    if (status == RT_OK)
        status = RT__DECIDE(r, plan, .generation = r->generation, .start_step = r->source.step,
                            .lost_steps = lost, .source = rt__source_name(&r->source),
                            .samples = r->roster.samples, .task = r->roster.task,
                            .sample_tokens = r->roster.sample_tokens, .data = r->roster.data,
                            .config_hash = r->facts.config_hash);
    if (status == RT_OK) {
        if (!as_before)
            rewind_metrics(r);
        r->recovery.lost_steps = lost;
        rt__run_send_to_all(r, RT_MSG_PLAN, &plan.message);
        record_running(r, now, &plan, lost);
        rt__run_record_notes(r, now, made);
        enter_run(r, now, as_before);
    }
    rt__plan_release(&plan);
    return status;
}

static bool all_have_a_plan(const rt__run *r)
{
    for (int64_t k = 0; k < r->roster.world; k++)
        if (!r->roster.member[k].planned)
            return false;
    return true;
}

/* All ranks have their plan from our predecessor, so their steps simply go on. */
static void continue_plan(rt__run *r, double now)
{
    rt__source_release(&r->source);
    r->source.step = r->history.start_step;
    rt__run_recover_evaluations(r, now);
    if (rt__run_find_end_step(r) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    enter_run(r, now, true);
}

static void plan_if_ready(rt__run *r, double now)
{
    if (r->roster.joined < r->roster.world)
        return;
    if (!rt__run_learn_from_traces(r, now))
        return;
    bool as_before = r->history.planned;
    if (as_before && all_have_a_plan(r)) {
        continue_plan(r, now);
        return;
    }
    if (make_plan(r, now, as_before) == RT_OK)
        return;
    if (!as_before) {
        rt__run_fail_with_error(r, now);
        return;
    }
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, -1, "the plan cannot be sent again: %s",
                       rt_error());
    rt_error_clear();
    rt__run_abandon_generation(r, now, "its plan is lost");
}

void rt__run_on_recovered_rejoining(rt__run *r, double now, const rt__input *in)
{
    if (!rt__run_set_fallback(r, now, in->event))
        return;
    r->disk_unseen = false;
    r->committed_step = r->fallback.path ? r->fallback.step : -1;
    rt__run_close_committed(r);
    if (!rt__run_completion_recorded(r)) {
        rt__run_enter(r, r->phase_since, RT__GATHER); /* the wait for HELLO began with REJOIN */
        plan_if_ready(r, now);
    } else if (rt__run_has_job(r)) {
        rt__run_enter(r, now, RT__DRAIN);
        rt__run_finish_drain(r, now);
    } else {
        rt__run_complete_generation(r, now);
    }
}

/* Takes a rank into the generation. Returns false if it was refused, or was told to leave. */
static bool join(rt__run *r, double now, const rt_frame *f)
{
    const rt_msg_hello *m = &f->body.hello;
    if (rt__run_completion_recorded(r)) {
        /* Our predecessor may have died before it told all workers to leave. */
        rt__run_send_completion(r, f->peer);
        return false;
    }
    bool new = rt__roster_rank(&r->roster, f->peer) < 0;
    if (rt__roster_join(&r->roster, f->peer, m, r->facts.config_hash) != RT_OK ||
        (new &&rt__offers_add(&r->offers, m) != RT_OK)) {
        rt__run_send(r, f->peer, RT_MSG_REFUSED,
                     &(rt_msg_refused){.code = rt_error_code(), .reason = rt_error()});
        rt__run_fail_with_error(r, now);
        return false;
    }
    r->roster.member[m->rank].heard = r->joined_at = now;
    if (m->snapshot_trouble[0] && new)
        RT__RECORD(r, now, snapshot_trouble, .rank = m->rank, .host = m->host,
                   .text = m->snapshot_trouble);
    return true;
}

void rt__run_on_hello(rt__run *r, double now, const rt__input *in)
{
    join(r, now, in->frame);
}

void rt__run_on_hello_gathering(rt__run *r, double now, const rt__input *in)
{
    if (join(r, now, in->frame))
        plan_if_ready(r, now);
}

void rt__run_on_hello_late(rt__run *r, double now, const rt__input *in)
{
    (void)now;
    const char *peer = in->frame->peer;
    if (rt__run_completion_recorded(r))
        rt__run_send_completion(r, peer);
    else if (in->rank < 0 || !rt__run_in(r, RT__STEPPING))
        rt__run_send(r, peer, RT_MSG_REFUSED,
                     &(rt_msg_refused){.code = RT_E_CLOSED,
                                       .reason = "this generation is not taking workers"});
}
