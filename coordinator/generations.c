/* From one generation to the next: the state to start from, the hosts, the plan, the end, the books of a recovery. */
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void rt__run_end_job(rt__run *r, const char *reason)
{
    rt__run_send(r, r->launcher, RT_MSG_END_GENERATION,
                 &(rt_msg_end_generation){.job_generation = r->generation, .reason = reason});
}

const char *rt__run_host_of(const rt__run *r, int64_t rank)
{
    if (rank < 0 || rank >= r->roster.world)
        return "";
    const rt__member *m = &r->roster.member[rank];
    return m->joined ? m->host : rt__hosts_of_rank(&r->hosts, rank);
}

/* ---- looking for a checkpoint ---- */

void rt__run_recover(rt__run *r, double now, bool again)
{
    rt__run_enter(r, now, RT__RECOVER);
    rt__source_release(&r->fallback);
    const rt__history *h = &r->history;
    int64_t most = INT64_MAX;
    if (h->doubts.count > 0) { /* what was committed since is above it, or may have been */
        int64_t good = rt__doubts_last(&h->doubts).step;
        most = h->committed_step > good ? h->committed_step : good;
        most = h->committing_step > most ? h->committing_step : most;
    }
    r->facts.effects->recover(r->facts.effects->ctx, again, most);
}

static void plan_if_ready(rt__run *r, double now);

/* All ranks had finished; some may have left already. */
static void take_over_what_is_over(rt__run *r)
{
    const rt__over *o = &r->history.over;
    r->newest_step = o->step;
    r->end_step = o->end_step;
    r->roster.samples = o->samples;
    r->loss = o->loss;
    snprintf(r->weights_sha256, sizeof r->weights_sha256, "%s", o->weights_sha256);
    for (int64_t k = 0; k < r->roster.world; k++)
        r->roster.member[k].finished = true;
    r->roster.finished = r->roster.world;
}

void rt__run_expect_workers(rt__run *r, double now)
{
    if (r->phase != RT__BOOT || r->job_alive || !r->facts.again || !r->history.open)
        return;
    if (rt__roster_reset(&r->roster, r->history.world) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    r->rejoining = r->job_alive = true;
    r->facts.effects->generation(r->facts.effects->ctx, r->generation);
    if (rt__run_is_over(r))
        take_over_what_is_over(r);
}

/* A coordinator before us started this generation: its workers will say HELLO again, or have already. */
static void rejoin(rt__run *r, double now)
{
    r->job_unknown = r->launchers_job != r->generation;
    r->joined_at = now;
    rt__record_event(r, now, "coordinator_restarted", "{s:I, s:b}", "world_size",
                     (json_int_t)r->history.world, "planned", r->history.planned);
    rt__run_recover(r, now, true);
    rt__run_enter(r, now, RT__GATHER);
}

void rt__run_begin(rt__run *r, double now)
{
    bool waits_for_hosts = r->facts.cfg->parallel.hostfile[0] && !r->hosts_known;
    if (r->phase != RT__BOOT || r->launcher[0] == '\0' || waits_for_hosts)
        return;
    if (r->facts.again && r->history.open)
        rejoin(r, now);
    else
        rt__run_recover(r, now, r->facts.again && r->history.generation > 0);
}

/* ---- starting a generation ---- */

int64_t rt__run_wanted(const rt__run *r)
{
    const rt_config *cfg = r->facts.cfg;
    int64_t wanted = r->history.target > 0 ? r->history.target : cfg->parallel.workers,
            slices = cfg->parallel.slices;
    return slices == RT_AUTO || wanted < slices ? wanted : slices;
}

/* Asks the launcher for the job; also again, since it starts no generation twice. */
static void send_start(rt__run *r, double now)
{
    rt_msg_start_generation m = {.job_generation = r->generation, .world = r->roster.world};
    const char **names = rt_calloc((size_t)r->hosts.count + 1, sizeof *names);
    int64_t *slots = rt_calloc((size_t)r->hosts.count + 1, sizeof *slots);
    if (!names || !slots) {
        rt__run_fail_with_error(r, now);
    } else {
        for (int64_t i = 0; i < r->hosts.count; i++)
            if (r->hosts.host[i].used > 0) {
                names[m.hosts_count++] = r->hosts.host[i].name;
                slots[m.slots_count++] = r->hosts.host[i].used;
            }
        m.hosts = names;
        m.slots = slots;
        rt__run_send(r, r->launcher, RT_MSG_START_GENERATION, &m);
    }
    rt_mem_free(names);
    rt_mem_free(slots);
}

/* The names of the hosts in use, for records. */
static json_t *hosts_in_use(const rt__run *r)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < r->hosts.count; i++)
        if (r->hosts.host[i].used > 0)
            json_array_append_new(list, rt__record_text(r->hosts.host[i].name));
    return list;
}

static bool open_generation(rt__run *r, int64_t world)
{
    r->generation = r->history.generation + 1;
    return rt__record_decision(r, "generation", "{s:I, s:I, s:b, s:o, s:f, s:I}", "generation",
                               (json_int_t)r->generation, "world", (json_int_t)world, "restart",
                               r->recovery.on, "hosts", hosts_in_use(r), "trained_seconds",
                               r->history.trained_seconds + r->generation_seconds, "trained_steps",
                               (json_int_t)(r->history.trained_steps + r->generation_steps)) ==
           RT_OK;
}

static void start_generation(rt__run *r, double now)
{
    int64_t world = rt__hosts_allot(&r->hosts, rt__run_wanted(r), now);
    if (world < 1) { /* the last host was set aside while the checkpoint was being looked for */
        rt__run_enter(r, now, RT__REGROUP);
        return;
    }
    if (!open_generation(r, world)) {
        rt__run_fail_with_error(r, now);
        return;
    }
    r->generations_here++;
    r->generation_seconds = 0;
    r->generation_steps = 0;
    r->committed_step = r->fallback.path ? r->fallback.step : -1;
    r->cause = (rt__cause){.rank = -1};
    r->job_alive = true;
    r->forgotten = r->regrouping = r->missing_told = r->rejoining = r->job_unknown = false;
    r->ranks_started = r->ranks_expected = 0;
    r->not_finite.pending = false;
    r->unsaved_step = -1;
    rt__offers_release(&r->offers);
    rt__sums_clear(&r->sums);
    r->mismatch.step = -1;
    r->facts.effects->generation(r->facts.effects->ctx, r->generation);
    if (rt__roster_reset(&r->roster, world) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    rt__run_enter(r, now, RT__GATHER);
    r->joined_at = now;
    send_start(r, now);
    rt__record_event(r, now, "generation", "{s:I, s:o, s:b}", "world_size", (json_int_t)world,
                     "hosts", hosts_in_use(r), "restart", r->recovery.on);
}

void rt__run_on_recovered(rt__run *r, double now, const rt__event *e)
{
    bool joining = r->phase == RT__GATHER && r->rejoining;
    rt__run_forget_verifying(r);
    if (r->phase != RT__RECOVER && !joining)
        return;
    if (e->status != RT_OK) {
        rt__run_fail(r, now, rt_status_exit_code(e->status), "%s", e->text);
        return;
    }
    rt__source_release(&r->fallback);
    r->fallback = *e->source;
    *e->source = (rt__source){0};
    if (joining) {
        r->rejoining = false;
        r->committed_step = r->fallback.path ? r->fallback.step : -1;
        rt__run_close_committed(r);
        if (rt__run_is_over(r)) {
            rt__run_enter(r, now, RT__DRAIN);
            rt__run_finish_drain(r, now);
        } else {
            plan_if_ready(r, now);
        }
        return;
    }
    if (r->fallback.exact && rt__record_decision(r, "doubt", "{s:I, s:I}", "generation",
                                                 (json_int_t)r->history.generation, "step",
                                                 (json_int_t)r->fallback.step) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    start_generation(r, now);
}

/* ---- the plan ---- */

/* Takes over what the generation that is running was given, as far as the journal and the offers tell. */
static rt_status source_as_before(rt__run *r, rt__source *out)
{
    const rt__history *h = &r->history;
    *out = (rt__source){.step = h->start_step, .parameters = r->roster.parameters};
    snprintf(out->layout_hash, sizeof out->layout_hash, "%s", r->roster.layout_hash);
    if (h->source && strcmp(h->source, "snapshot") == 0) {
        int64_t step = rt__offers_newest(&r->offers, r->roster.elements, h->start_step, &h->doubts,
                                         &out->pieces, &out->piece_numbers);
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

/* Picks the newest state that is whole: a snapshot, else the checkpoint that was found, else the beginning. */
static rt_status choose_source(rt__run *r, rt__source *out)
{
    enum { PIECE_NUMBERS_MAX = 200000 }; /* PLAN.pieces */
    int64_t *pieces = NULL, count = 0, step;
    *out = (rt__source){0};
    step = rt__offers_newest(&r->offers, r->roster.elements, r->fallback.step + 1,
                             &r->history.doubts, &pieces, &count);
    RT_TRY(rt_error_code());
    if (step >= 0 && count <= PIECE_NUMBERS_MAX) {
        *out = (rt__source){.step = step,
                            .parameters = r->roster.parameters,
                            .pieces = pieces,
                            .piece_numbers = count};
        return RT_OK;
    }
    rt_mem_free(pieces);
    *out = r->fallback;
    out->path = r->fallback.path ? rt_strdup(r->fallback.path) : NULL;
    return r->fallback.path && !out->path ? rt_error_code() : RT_OK;
}

/* The newest step that any rank of the generations before is known to have finished. */
static int64_t newest_known(const rt__run *r)
{
    int64_t newest = r->newest_step;
    for (int64_t i = 0; i < r->offers.traces; i++)
        if (r->offers.trace[i].step > newest &&
            r->offers.trace[i].generation > rt__doubts_last(&r->history.doubts).generation)
            newest = r->offers.trace[i].step;
    return newest;
}

static void tell_running(rt__run *r, double now, const rt__plan *plan, int64_t lost)
{
    rt__record_event(
        r, now, "running", "{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:s, s:o, s:I}", "world_size",
        (json_int_t)r->roster.world, "slices", (json_int_t)plan->message.slices, "start_step",
        (json_int_t)plan->message.start_step, "end_step", (json_int_t)plan->message.end_step,
        "samples", (json_int_t)r->roster.samples, "isa", r->roster.isa, "blas", r->roster.blas,
        "parameters", (json_int_t)r->roster.parameters, "plan_hash", plan->hash, "source",
        rt__record_text(rt__source_name(&r->source)), "lost_steps", (json_int_t)lost);
}

/* The coordinator before us knew which hosts are in use, which are set aside, and what was wanted: the first is seen
 * from who is here, the others are found out anew. */
static void learn_hosts(rt__run *r)
{
    static const char why[] = "the hosts or the number of workers wanted are others";
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
    snprintf(r->regroup_why, sizeof r->regroup_why, "%s", why); /* if that is so */
}

/* The coordinator before us had seen that this generation goes wrong, and died before it could end it. */
static bool give_up_if_doubted(rt__run *r, double now)
{
    if (rt__doubts_last(&r->history.doubts).generation != r->generation)
        return false;
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, -1,
                       "what it computes is not to be trusted: the coordinator before this one "
                       "had found that out");
    rt__run_give_up_generation(r, now, "its state is in doubt");
    return true;
}

/* What is the case once the ranks have a plan. */
static void enter_run(rt__run *r, double now, bool resumed)
{
    r->recovery.gathered = now;
    rt__run_enter(r, now, r->roster.finished > 0 ? RT__DRAIN : RT__RUN);
    r->stepped_at = now;
    int64_t agreed = r->source.step; /* all have read the same bytes */
    if (r->generations_here == 0)
        learn_hosts(r);
    if (resumed) {
        agreed = r->committed_step > agreed ? r->committed_step : agreed; /* was compared before */
        agreed = r->sums.agreed_step > agreed ? r->sums.agreed_step : agreed;
    } else {
        r->newest_step = r->source.step;
        rt_restarts_step(&r->restarts, r->source.step);
    }
    r->sums.agreed_step = agreed;
    for (int64_t k = 0; k < r->roster.world; k++) {
        rt__member *m = &r->roster.member[k];
        m->since = 0; /* until now it was waiting for the others to come */
        m->heard = m->ran = now;
        if (m->step > r->newest_step)
            r->newest_step = m->step;
    }
    if (give_up_if_doubted(r, now))
        return;
    rt__run_tell_early_stop(r, now);
    rt__run_pass_on_orders(r, now);
    rt__run_act_on_mismatch(r, now);
    rt__run_settle(r, now);
}

/* metrics.jsonl is the history of the run that goes on: rows of later steps, which are made again, leave it. */
static void rewind_metrics(rt__run *r)
{
    if (r->reported_step <= r->source.step)
        return;
    r->facts.effects->rewind(r->facts.effects->ctx, r->source.step);
    r->reported_step = r->source.step;
}

rt_status rt__run_find_end_step(rt__run *r)
{
    const rt__history *h = &r->history;
    int64_t newest = h->compared.newest;
    RT_TRY(rt_config_steps(r->facts.cfg, r->roster.samples, &r->end_step));
    if (!rt_patience_is_over(r->facts.cfg, newest, rt__history_best(h, newest).step))
        return RT_OK;
    int64_t early = r->source.step > newest ? r->source.step : newest;
    r->end_step = early < r->end_step ? early : r->end_step;
    return RT_OK;
}

static rt_status make_plan(rt__run *r, double now, bool as_before)
{
    rt__plan plan;
    rt__source_release(&r->source);
    RT_TRY(as_before ? source_as_before(r, &r->source) : choose_source(r, &r->source));
    if (r->source.samples == 0)
        r->source.samples = r->history.samples;
    RT_TRY(rt__run_settle_comparison(r));
    rt__run_take_found_evaluations(r, now);
    RT_TRY(rt__run_find_end_step(r));
    RT_TRY(rt__plan_make(r->facts.cfg, &r->source, &r->roster, r->end_step, r->history.init_sha256,
                         &plan));
    rt_status status = rt__run_tell_best(r, &plan);
    int64_t newest = newest_known(r), lost = 0;
    if (!as_before && newest > r->source.step && !r->fallback.exact)
        lost = newest - r->source.step;
    if (!as_before && rt__record_newest_row(r) > r->source.step)
        rt__record_held_row(r); /* the journal forgets it with the plan */
    int64_t made = as_before ? 0 : newest > r->reported_step ? newest : r->reported_step;
    if (status == RT_OK)
        status = rt__record_decision(
            r, "plan", "{s:I, s:I, s:I, s:o, s:I, s:s, s:I}", "generation",
            (json_int_t)r->generation, "start_step", (json_int_t)r->source.step, "lost_steps",
            (json_int_t)lost, "source", rt__record_text(rt__source_name(&r->source)), "samples",
            (json_int_t)r->roster.samples, "task", r->roster.task, "sample_tokens",
            (json_int_t)r->roster.sample_tokens);
    if (status == RT_OK) {
        if (!as_before)
            rewind_metrics(r);
        r->recovery.lost_steps = lost;
        rt__run_send_to_all(r, RT_MSG_PLAN, &plan.message);
        tell_running(r, now, &plan, lost);
        rt__run_tell_notes(r, now, made);
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

/* Goes on with the plan that all ranks have had from the coordinator before. */
static void go_on(rt__run *r, double now)
{
    rt__source_release(&r->source);
    r->source.step = r->history.start_step;
    rt__run_take_found_evaluations(r, now);
    if (rt__run_find_end_step(r) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    enter_run(r, now, true);
}

static void plan_if_ready(rt__run *r, double now)
{
    if (r->phase != RT__GATHER || r->rejoining || r->roster.joined < r->roster.world)
        return;
    rt__run_learn_from_traces(r, now);
    if (r->failed)
        return;
    bool as_before = r->history.planned;
    if (as_before && all_have_a_plan(r)) {
        go_on(r, now);
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
    rt__run_give_up_generation(r, now, "its plan is lost");
}

void rt__run_on_hello(rt__run *r, double now, const rt_frame *f)
{
    const rt_msg_hello *m = &f->body.hello;
    if (rt__run_is_over(r)) { /* the coordinator before us may not have told all */
        rt__run_say_over(r, f->peer);
        return;
    }
    if (r->phase == RT__RUN || r->phase == RT__DRAIN) {
        if (rt__roster_rank(&r->roster, f->peer) >= 0)
            return; /* said again after a broken connection */
    }
    if (r->phase != RT__GATHER && r->phase != RT__BOOT) {
        rt__run_send(r, f->peer, RT_MSG_REFUSED,
                     &(rt_msg_refused){.code = RT_E_CLOSED,
                                       .reason = "this generation is not taking workers"});
        return;
    }
    bool new = rt__roster_rank(&r->roster, f->peer) < 0;
    if (rt__roster_join(&r->roster, f->peer, m, r->facts.config_hash) != RT_OK ||
        (new &&rt__offers_add(&r->offers, m) != RT_OK)) {
        rt__run_send(r, f->peer, RT_MSG_REFUSED,
                     &(rt_msg_refused){.code = rt_error_code(), .reason = rt_error()});
        rt__run_fail_with_error(r, now);
        return;
    }
    r->roster.member[m->rank].heard = r->joined_at = now;
    if (m->snapshot_trouble[0] && new)
        rt__record_event(r, now, "snapshot_trouble", "{s:I, s:o, s:o}", "rank", (json_int_t)m->rank,
                         "host", rt__record_text(m->host), "text",
                         rt__record_text(m->snapshot_trouble));
    plan_if_ready(r, now);
}

/* ---- the end of a generation ---- */

/* Starts the next generation if it is time and there is a host for it. */
static void go_on_when_possible(rt__run *r, double now)
{
    if (r->phase == RT__REGROUP && !r->job_alive && now >= r->not_before &&
        rt__hosts_room(&r->hosts, now) > 0)
        rt__run_recover(r, now, true);
}

static json_t *ranks_json(const int64_t *ranks, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(ranks[i]));
    return list;
}

static void record_loss(rt__run *r, double now, const rt_msg_exited *m)
{
    const rt__cause *c = &r->cause;
    rt__record_event(r, now, "worker_lost", "{s:I, s:o, s:o, s:o, s:I, s:I, s:I}", "rank",
                     (json_int_t)c->rank, "ranks", ranks_json(m->ranks, m->ranks_count), "host",
                     rt__record_text(c->host), "cause", rt__record_text(c->text), "exit_code",
                     (json_int_t)c->exit_code, "signal", (json_int_t)c->signal, "step",
                     (json_int_t)r->newest_step);
}

/* A worker on another host that was never heard of, and did not crash: from there the coordinator, or what a worker
 * needs, cannot be reached. */
static bool is_out_of_reach(const rt__run *r)
{
    const rt__cause *c = &r->cause;
    if (c->rank < 0 || c->rank >= r->roster.world || c->signal != 0 ||
        rt__hosts_is_here(&r->hosts, c->host))
        return false;
    const rt__member *who = &r->roster.member[c->rank];
    return !who->joined && who->heard == 0;
}

static bool is_stillborn_again(const rt__run *r)
{
    return r->stillborn.count >= RT__HOST_STILLBORN;
}

/* Sets aside what is to blame; returns whether a host was. */
static bool blame_host(rt__run *r, double now, const rt_msg_exited *m)
{
    const rt__cause *c = &r->cause;
    double seconds = 0;
    const char *host = m->host[0] ? m->host : c->host, *why = "workers die on it";
    if (m->host[0])
        why = m->reason[0] ? m->reason : "it cannot be reached";
    else if (c->host_lost)
        why = "it cannot be reached";
    else if (is_out_of_reach(r))
        why = "nothing is heard of its workers";
    else if (c->rank >= 0)
        seconds = rt__hosts_worker_died(
            &r->hosts, host, r->stillborn.count > 0 ? RT__HOST_STILLBORN : RT__HOST_DEATHS, now);
    if (m->host[0] || c->host_lost || is_out_of_reach(r))
        seconds = rt__hosts_failed(&r->hosts, host, now);
    if (seconds > 0)
        rt__record_event(r, now, "host_lost", "{s:o, s:o, s:f}", "host", rt__record_text(host),
                         "reason", rt__record_text(why), "cooldown_seconds", seconds);
    return seconds > 0;
}

/* Wrong input to a worker, told before it could say HELLO: it would be so again. */
static bool is_refused(const rt__run *r, const rt_msg_exited *m)
{
    return m->rank >= 0 && m->rank < r->roster.world && m->signal == 0 && m->exit_code == 2 &&
           !r->roster.member[m->rank].joined;
}

/* Ends the run if a further generation would end as this one did. A host that fails later on is replaced by others. */
static bool fail_if_final(rt__run *r, double now, const rt_msg_exited *m, bool set_aside)
{
    bool refused = is_refused(r, m), replaced = set_aside && rt__hosts_room(&r->hosts, now) > 0;
    bool never_started = r->generations_here == 1 && r->roster.joined == 0 &&
                         r->cause.signal == 0 && !set_aside && !r->facts.again;
    bool final = (m->final || refused) && (r->history.first_step_at < 0 || !replaced);
    if (is_stillborn_again(r) && !replaced) {
        rt__run_fail(r, now, 1,
                     "the workers could not be started: worker %" PRId64 " on %s was killed by "
                     "signal %" PRId64 "%s before it reported, %d times in a row%s%s",
                     r->cause.rank, r->stillborn.host, r->stillborn.signal,
                     r->stillborn.signal == SIGILL ? " (perhaps its processor lacks an instruction)"
                                                   : "",
                     r->stillborn.count, m->reason[0] ? ": " : "", m->reason);
        return true;
    }
    if (!final && !never_started)
        return false;
    rt__run_fail(r, now, refused ? 2 : 1, "the workers could not be started: %s", r->cause.text);
    return true;
}

/* The job of a generation is gone before its work was done: says why, and goes on or gives up. */
static void replace(rt__run *r, double now, const rt_msg_exited *m)
{
    const rt__cause *c = &r->cause;
    record_loss(r, now, m);
    if (fail_if_final(r, now, m, blame_host(r, now, m)))
        return;
    if (!rt_restarts_failed(&r->restarts)) {
        rt__run_fail(r, now, 1, "gave up after %" PRId64 " restart%s (run.max_restarts): %s",
                     r->restarts.count, rt_plural(r->restarts.count), c->text);
        return;
    }
    r->not_before = now + rt_restarts_pause(&r->restarts);
    go_on_when_possible(r, now);
}

/* The times of the loss, as the launcher and we have seen it. */
static void note_recovery(rt__run *r, double now, const rt_msg_exited *m)
{
    rt__recovery *x = &r->recovery;
    double sign = now - m->seconds_since_sign, ending = now - m->seconds_ending;
    if (!x->on) {
        *x = (rt__recovery){.on = true, .sign = sign, .decided = ending};
        if (r->cause.weight > 0 && r->cause.at < sign)
            x->sign = r->cause.at;
    }
    if (x->decided < x->sign)
        x->decided = x->sign;
    x->exited = now;
}

/* An interrupted run that has lost a worker on its last steps makes them again, to end with a checkpoint. */
static bool is_worth_saving(const rt__run *r)
{
    return r->history.first_step_at >= 0 && r->newest_step > r->committed_step && r->interrupts < 2;
}

void rt__run_on_exited(rt__run *r, double now, const rt_msg_exited *m)
{
    if (!r->job_alive || m->job_generation != r->generation)
        return;
    rt__run_settle_not_finite(r, now, 0);
    r->job_alive = false;
    if (rt__run_is_over(r) && r->rejoining)
        return; /* it ends when it is known what is on disk */
    bool complete =
        rt__run_is_over(r) || (r->phase == RT__DRAIN && r->roster.finished == r->roster.world);
    bool goes_on = complete && !rt__run_is_complete(r);
    if (complete && !goes_on) {
        rt__run_discard_checkpoints(r, now, "its generation is over");
        if (r->checkpoints.count > 0)
            return; /* the last one is being committed: the end comes after it */
    }
    if (r->phase == RT__FAILED || (complete && !goes_on) ||
        (r->interrupted && !complete && !is_worth_saving(r))) {
        rt__run_conclude(r, now);
        return;
    }
    rt__record_decision(r, "exited", "{s:I}", "generation", (json_int_t)r->generation);
    rt_error_clear(); /* without it a coordinator that takes over finds out from the launcher */
    r->stop_sent = false;
    rt__run_discard_checkpoints(r, now, "its generation is over");
    if (goes_on) {
        rt__run_recover(r, now, true);
        return;
    }
    note_recovery(r, now, m);
    rt__run_note_exit(r, now, m);
    rt__run_enter(r, now, RT__REGROUP);
    replace(r, now, m);
}

void rt__run_regroup_soon(rt__run *r, double now, const char *why)
{
    snprintf(r->regroup_why, sizeof r->regroup_why, "%s", why);
    if (r->phase != RT__RUN)
        return; /* the generation that is being made, or this one's successor, will be right */
    /* A host that goes takes its part of the snapshots along. */
    bool needs_checkpoint =
        rt__roster_snapshot_step(&r->roster) < 0 || !rt__roster_one_host(&r->roster);
    r->regrouping = true;
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_STOP,
                 &(rt_msg_stop){.after_step = r->newest_step,
                                .checkpoint = needs_checkpoint,
                                .reason = r->regroup_why});
    rt__run_enter(r, now, RT__DRAIN);
}

/* ---- the end of a recovery ---- */

void rt__run_end_recovery(rt__run *r, double now, const rt_msg_report *m)
{
    rt__recovery *x = &r->recovery;
    if (!x->on)
        return;
    double seconds = now - x->sign, first = m ? m->seconds : 0;
    double restore = now - x->gathered - first;
    x->on = false;
    rt__record_event(r, now, "recovered", "{s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:I, s:o}",
                     "recovery_seconds", seconds, "step", (json_int_t)r->newest_step, "lost_steps",
                     (json_int_t)x->lost_steps, "detect", x->decided - x->sign, "stop",
                     x->exited - x->decided, "start", x->gathered - x->exited, "restore",
                     restore > 0 ? restore : 0, "first_step", first, "cause",
                     rt__record_text(x->cause), "rank", (json_int_t)x->rank, "host",
                     rt__record_text(x->host));
    rt__record_decision(r, "recovered", "{s:f}", "recovery_seconds", seconds);
    rt_error_clear(); /* a figure for the summary: not worth ending the run for */
}

/* ---- time ---- */

/* The coordinator before us had written down a generation and died before the launcher heard of it. */
static void start_after_all(rt__run *r, double now)
{
    int64_t places = r->hosts.count > 0 ? 0 : r->roster.world;
    for (int64_t i = 0; i < r->hosts.count; i++)
        places += r->hosts.host[i].used;
    r->job_unknown = false;
    if (places >= r->roster.world) {
        send_start(r, now);
        return;
    }
    r->job_alive = false; /* its hosts have gone from the list: another one takes its place */
    rt__record_decision(r, "exited", "{s:I}", "generation", (json_int_t)r->generation);
    rt_error_clear();
    rt__run_recover(r, now, true);
}

/* A generation that was to be ended and that nobody has started: no word of its end will come. */
static void end_what_never_was(rt__run *r, double now)
{
    r->job_unknown = false;
    rt__run_on_exited(
        r, now,
        &(rt_msg_exited){.job_generation = r->generation, .rank = -1, .host = "", .reason = ""});
}

void rt__run_tick_generations(rt__run *r, double now)
{
    bool unknown = r->job_alive && r->job_unknown && now - r->phase_since > RT__EXIT_SECONDS;
    if (unknown && r->phase != RT__GATHER)
        end_what_never_was(r, now);
    bool drained = r->phase == RT__DRAIN && r->job_alive && r->roster.finished == r->roster.world &&
                   r->checkpoints.count == 0;
    if (drained && now - r->phase_since > RT__LEAVE_SECONDS) {
        rt__run_end_job(r, "the workers did not leave by themselves");
        rt__run_enter(r, now, RT__DRAIN);
    }
    if (r->phase == RT__REGROUP || r->phase == RT__FAILED) {
        if (r->job_alive && now - r->phase_since > RT__LEAVE_SECONDS) { /* the order was lost */
            rt__run_end_job(r, "it has not ended yet");
            r->phase_since = now;
        }
        go_on_when_possible(r, now);
    }
    if (r->phase != RT__GATHER)
        return;
    if (unknown)
        start_after_all(r, now);
    if (r->phase != RT__GATHER)
        return;
    rt__run_look_for_missing(r, now);
}
