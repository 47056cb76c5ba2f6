#include "tests/sim/rules.h"

#include "common/base/mem.h"
#include "common/base/slices.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/memory.h"
#include "tests/sim/world.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static sim_time later(sim_time a, sim_time b)
{
    return a > b ? a : b;
}

/* ---- the state, rules 1 and 2 ---- */

uint64_t sim_step_of(uint64_t hash, int64_t step)
{
    return sim_mix(hash ^ sim_mix((uint64_t)step + 1));
}

const rt_metric_row *sim_metric(void)
{
    const rt_metric_row *row = rt_metric_rows;
    while (!row->more_is_better)
        row++;
    return row;
}

/* The figures go up and down independently of each other, as far as the state allows. */
rt_evaluated sim_figures_of(uint64_t hash, int64_t step)
{
    uint64_t x = sim_mix(hash);
    rt_evaluated e = {.step = step, .count = 100, .seconds = 1};
    rt_metrics_add(&e.metrics, "loss", 1 + (double)(x >> 40));
    rt_metrics_add(&e.metrics, sim_metric()->name, (double)(x % 101) / 100);
    return e;
}

static bool is_evaluated(const sim_world *w, int64_t step)
{
    const rt_config *cfg = sim_coordinator_config(w);
    return (cfg->evaluate.every > 0 && step % cfg->evaluate.every == 0) ||
           (cfg->evaluate.final && step == w->rules.end);
}

/* Computes how the run would end if nothing went wrong. */
static void predict_end(sim_world *w)
{
    sim_rules *r = &w->rules;
    const rt_config *cfg = sim_coordinator_config(w);
    r->best = (rt_best){0};
    r->end = w->s->steps;
    for (int64_t t = 1; t <= r->end && rt_best_is_tracked(cfg); t++) {
        rt_evaluated e = sim_figures_of(r->truth[t], t);
        if (!is_evaluated(w, t))
            continue;
        if (rt_best_beats(cfg, &e.metrics, &r->best))
            r->best = (rt_best){t, e.metrics};
        r->early = rt_patience_ran_out(cfg, t, r->best.step);
        r->end = r->early ? t : r->end;
    }
}

void sim_rules_begin(sim_world *w)
{
    sim_rules *r = &w->rules;
    r->truth = sim_alloc((size_t)(w->s->steps + 1) * sizeof *r->truth);
    r->truth[0] = sim_mix(w->s->seed);
    for (int64_t t = 0; t < w->s->steps; t++) {
        bool skipped = t == w->s->bad_step && w->s->nan_loss == SIM_NAN_SKIP;
        r->truth[t + 1] = skipped ? r->truth[t] : sim_step_of(r->truth[t], t);
    }
    r->loss = sim_alloc((size_t)(w->s->steps + 1) * sizeof *r->loss);
    predict_end(w);
    r->live_before = rt_mem_live();
    r->lost = -1;
}

void sim_rules_release(sim_rules *r)
{
    sim_free(r->truth);
    sim_free(r->loss);
    json_decref(r->summary);
    r->truth = NULL;
    r->loss = NULL;
    r->summary = NULL;
}

static bool is_true(const sim_world *w, int64_t step, uint64_t hash)
{
    return step >= 0 && step <= w->s->steps && w->rules.truth[step] == hash;
}

/* A rank has finished a step; once all ranks have, rule 4 protects that step if the state is kept outside their processes. */
static void note_through(sim_world *w, sim_job *j, int64_t step, bool kept)
{
    sim_rules *r = &w->rules;
    if (j->generation != r->planned || ++j->through < j->world)
        return;
    r->reached = step;
    if (step < r->whole_step || j->corrupt_step >= 0 || j->cut_off || !kept)
        return;
    r->whole_step = step;
    r->whole_generation = j->generation;
    memset(r->on_host, 0, sizeof r->on_host);
    for (int64_t k = 0; k < j->world; k++)
        r->on_host[j->rank[k].process.host] = true;
}

/* Is what a rank has restored still outside its process? Ranks take their first snapshot after a step, so until then only the checkpoint
 * that they have read holds the state, and it may have been altered since they read it. */
static bool source_is_kept(const sim_world *w, sim_pid who)
{
    const rt_msg_plan *p = &w->job[who.generation]->rank[who.rank].plan->body.plan;
    if (p->source != RT_SOURCE_CHECKPOINT)
        return true;
    const sim_checkpoint *c = sim_disk_at(&w->disk, p->checkpoint);
    return c && !c->rotten;
}

void sim_rules_restored(sim_world *w, sim_pid who, int64_t step, uint64_t hash)
{
    if (!is_true(w, step, hash))
        sim_violate(w, "rule 2: worker %d of g%d restored a wrong state at step %" PRId64, who.rank,
                    who.generation, step);
    note_through(w, w->job[who.generation], step, source_is_kept(w, who));
}

void sim_rules_doubted(sim_world *w)
{
    w->rules.whole_step = 0;
}

void sim_rules_sums_lost(sim_world *w, int64_t generation)
{
    const sim_job *j = generation < w->jobs ? w->job[generation] : NULL;
    if (j && j->corrupt_step >= 0 && !j->found_out)
        w->over = true;
}

/* If a generation keeps making steps from a wrong state, its states were not compared. */
static void check_found_out(sim_world *w, const sim_job *j, int64_t step)
{
    enum { STEPS = 100 };
    if (step > j->corrupt_step + STEPS && w->now > w->faults.calm_since + 10 * SIM_SECOND)
        sim_violate(
            w, "rule 2: g%" PRId64 " has been wrong since step %" PRId64 ", and nobody noticed",
            j->generation, j->corrupt_step);
}

void sim_rules_stepped(sim_world *w, sim_pid who, int64_t step, uint64_t hash)
{
    sim_rules *r = &w->rules;
    sim_job *j = w->job[who.generation];
    if (who.generation < r->planned && !j->cut_off)
        sim_violate(w,
                    "rule 1: worker %d of g%d makes step %" PRId64 ", g%" PRId64
                    " has been given a plan",
                    who.rank, who.generation, step, r->planned);
    bool corrupt = j->corrupt_step >= 0 && step > j->corrupt_step;
    if (corrupt) {
        check_found_out(w, j, step);
        return;
    }
    if (!is_true(w, step, hash))
        sim_violate(w, "rule 2: worker %d of g%d made a wrong state at step %" PRId64, who.rank,
                    who.generation, step);
    if (who.generation == r->planned) {
        r->stepped = step > r->stepped ? step : r->stepped;
        r->stepped_at = w->now;
        note_through(w, j, step, true);
    }
}

/* ---- checkpoints, rule 3 ---- */

void sim_rules_committed(sim_world *w, int64_t step, bool mixed)
{
    const sim_checkpoint *c = sim_disk_newest(&w->disk, step);
    w->rules.commits++;
    if (mixed)
        sim_violate(w, "rule 3: the checkpoint of step %" PRId64 " is not whole", step);
    else if (!c || c->step != step || !is_true(w, step, c->hash))
        sim_violate(w, "rule 3: the checkpoint of step %" PRId64 " holds another state", step);
}

/* ---- plans, rule 4 ---- */

void sim_rules_memory_lost(sim_world *w, int64_t host)
{
    if (w->rules.on_host[host])
        w->rules.whole_step = 0;
    sim_job *j = w->rules.planned < w->jobs ? w->job[w->rules.planned] : NULL;
    for (int64_t k = 0; j && k < j->world; k++)
        if (j->rank[k].process.host == host)
            j->through = INT64_MIN; /* the step that the others finish will not be complete */
}

void sim_rules_checkpoint_lost(sim_world *w, int64_t step)
{
    if (step >= w->rules.whole_step - 1) /* a snapshot of the next step may not be complete yet */
        w->rules.whole_step = 0;
}

/* Do snapshots on the job's hosts hold all elements of a step? */
static bool snapshots_hold(const sim_world *w, const bool *hosts, int64_t step)
{
    int64_t count = w->s->blocks * RT_BLOCK, at = 0;
    for (bool found = true; at < count && found;) {
        found = false;
        for (int64_t h = 0; h < w->s->hosts && !found; h++)
            for (int64_t i = 0; hosts[h] && i < w->host[h].snapshots && !found; i++) {
                const sim_snapshot *s = w->host[h].snapshot[i];
                found = s->begin <= at && at < s->end && sim_snapshot_slot(s, step) >= 0;
                at = found ? s->end : at;
            }
    }
    return at >= count;
}

/* From here on the plan's start step counts: what was lost before it is lost. */
static void note_start(sim_world *w, const sim_job *j, const rt_msg_plan *p, const bool *hosts)
{
    sim_rules *r = &w->rules;
    if (p->start_step >= r->whole_step)
        return;
    r->whole_step = p->source == RT_SOURCE_SNAPSHOT ? p->start_step : 0;
    r->whole_generation = j->generation;
    memcpy(r->on_host, hosts, sizeof r->on_host);
}

/* A plan must start from the newest state that exists. */
static void check_start(sim_world *w, const sim_job *j, const rt_msg_plan *p)
{
    sim_rules *r = &w->rules;
    bool hosts[SIM_RULES_HOSTS] = {false};
    for (int64_t k = 0; k < j->world; k++)
        hosts[j->rank[k].process.host] = true;
    const sim_checkpoint *c = sim_disk_newest(&w->disk, INT64_MAX);
    if (c && c->step > p->start_step)
        sim_violate(w,
                    "rule 4: g%" PRId64 " starts from step %" PRId64
                    ", there is a checkpoint of %" PRId64,
                    j->generation, p->start_step, c->step);
    bool all_there = w->s->snapshot_every == 1;
    for (int64_t h = 0; h < w->s->hosts; h++)
        all_there &= !r->on_host[h] || hosts[h];
    if (all_there && p->start_step < r->whole_step - 1)
        sim_violate(w,
                    "rule 4: g%" PRId64 " starts from step %" PRId64 ", all ranks of g%" PRId64
                    " had finished step %" PRId64 " (their snapshots %s)",
                    j->generation, p->start_step, r->whole_generation, r->whole_step,
                    snapshots_hold(w, hosts, r->whole_step) ? "are there" : "are gone");
    note_start(w, j, p, hosts);
}

void sim_rules_planned(sim_world *w, int64_t generation, const rt_msg_plan *p)
{
    sim_rules *r = &w->rules;
    if (generation == r->planned)
        return; /* sent again, to a rank that has none yet */
    const sim_job *j = generation < w->jobs ? w->job[generation] : NULL;
    if (generation < r->planned || !j) {
        sim_violate(w, "rule 1: a plan for g%" PRId64 ", after one for g%" PRId64, generation,
                    r->planned);
        return;
    }
    r->planned = generation;
    r->generations++;
    r->from_nothing += p->source == RT_SOURCE_FRESH;
    r->from_checkpoint += p->source == RT_SOURCE_CHECKPOINT;
    r->from_snapshot += p->source == RT_SOURCE_SNAPSHOT;
    sim_note(w, "plan of g%lld: from step %lld (source %lld) to %lld", generation, p->start_step,
             p->source, p->end_step);
    if (p->source == RT_SOURCE_FRESH && p->start_step != 0)
        sim_violate(w, "rule 2: a fresh start at step %" PRId64, p->start_step);
    check_start(w, j, p);
}

/* ---- what the events name, rule 6 ---- */

static bool guilty(const sim_world *w, int64_t generation, int64_t rank)
{
    const sim_job *j = generation < w->jobs ? w->job[generation] : NULL;
    if (!j)
        return false;
    if (rank >= 0 && rank < j->world)
        return j->rank[rank].guilty;
    return j->guilty || j->lost_host >= 0;
}

/* mpirun does not end while it cannot reach a host. Nobody reports that it has killed the other ranks, so they are named as silent. */
static bool died_unreported(const sim_world *w, const char *cause)
{
    return w->faults.of_kind[SIM_CUT_HOSTS] > 0 && strstr(cause, "has sent nothing");
}

static void check_loss(sim_world *w, const json_t *event, int64_t generation)
{
    int64_t rank = json_integer_value(json_object_get(event, "rank"));
    const char *cause = json_string_value(json_object_get(event, "cause"));
    if (!cause || !cause[0])
        sim_violate(w, "rule 6: the loss of g%" PRId64 " has no cause", generation);
    else if (rank >= 0 && !guilty(w, generation, rank) && !died_unreported(w, cause))
        sim_violate(
            w, "rule 6: g%" PRId64 " is said to be lost by rank %" PRId64 ", which it was not: %s",
            generation, rank, cause);
    w->rules.lost = generation;
}

/* The disk may be slow. */
static bool writes(const sim_rank *r)
{
    return r->doing == SIM_SAVING || r->doing == SIM_CLOSING;
}

static void check_stall(sim_world *w, const json_t *event, int64_t generation)
{
    const json_t *rank = json_object_get(event, "rank");
    sim_job *j = generation < w->jobs ? w->job[generation] : NULL;
    int64_t k = json_integer_value(rank);
    if (!rank || !j || k < 0 || k >= j->world)
        return;
    j->rank[k].named = true;
    if (!j->rank[k].guilty && !writes(&j->rank[k]) &&
        w->now > w->faults.calm_since + 20 * SIM_SECOND)
        sim_violate(w,
                    "rule 6: worker %" PRId64 " of g%" PRId64
                    " is well, and said to hold up the others: %s",
                    k, generation, json_string_value(json_object_get(event, "text")));
}

/* Is a worker named? Only one that holds up the others is named at a time, which may be another than this one. */
static bool one_is_named(const sim_world *w, const sim_job *j)
{
    for (int64_t k = 0; k < j->world; k++) {
        const sim_process *p = &j->rank[k].process;
        bool away = !p->alive || p->frozen_until > w->now || w->host[p->host].side != 0;
        if (j->rank[k].named && (away || writes(&j->rank[k])))
            return true;
    }
    return false;
}

sim_time sim_rules_stopped_for_long(sim_world *w, sim_pid who)
{
    const sim_job *j = w->job[who.generation];
    const sim_rank *r = &j->rank[who.rank];
    sim_view v = sim_coordinator_view(w);
    /* What it sent while its host was cut off, before it was stopped, arrives when the host can be reached again. Nothing tells the
     * coordinator that these messages are old, so the worker is silent only from then on. */
    sim_time silent_since = later(r->stopped_at, w->host[r->process.host].cut_until);
    if (silent_since + SIM_NAMED_WITHIN > w->now)
        return silent_since + SIM_NAMED_WITHIN;
    bool stopped = r->process.alive && r->process.frozen_until > w->now &&
                   silent_since + SIM_NAMED_WITHIN == w->now;
    bool watched = v.running && v.watched_since < r->stopped_at &&
                   w->coordinator.frozen_until < r->stopped_at &&
                   w->slow_network_until < r->stopped_at;
    if (stopped && watched && r->doing < SIM_FINISHED && r->plan && !one_is_named(w, j))
        sim_violate(w, "rule 6: worker %d of g%d has been stopped for %d s and was not named",
                    who.rank, who.generation, SIM_NAMED_WITHIN / SIM_SECOND);
    return 0;
}

void sim_rules_line(sim_world *w, const json_t *event)
{
    sim_rules *r = &w->rules;
    const char *name = json_string_value(json_object_get(event, "event"));
    int64_t generation = json_integer_value(json_object_get(event, "generation"));
    sim_note_text(w, name, "event in g%lld:", generation);
    if (strcmp(name, "worker_lost") == 0)
        check_loss(w, event, generation);
    if (strcmp(name, "corruption") == 0 && generation < w->jobs && w->job[generation])
        w->job[generation]->found_out = true;
    if (strcmp(name, "stall") == 0)
        check_stall(w, event, generation);
    r->early_told |= strcmp(name, "early_stop") == 0;
    static const char *const ends[] = {"done", "stopped", "failed"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, ends[i]) == 0)
            r->status = ends[i];
    if (strcmp(name, "refused") == 0) /* the launch has failed, and left the run as it was */
        r->status = "failed";
}

void sim_rules_summary(sim_world *w, const json_t *summary)
{
    json_decref(w->rules.summary);
    w->rules.summary = json_deep_copy(summary);
}

void sim_rules_metrics(sim_world *w, const sim_row *row)
{
    sim_rules *r = &w->rules;
    int64_t step = row->step, generation = row->generation;
    sim_note(w, "metrics: row of step %lld by g%lld, evaluated: %lld", step, generation,
             row->evaluated);
    if (step >= 0 && step <= w->s->steps)
        r->loss[step] = row->loss;
    if (step <= r->metrics_step)
        sim_violate(w,
                    "rule 6: metrics of step %" PRId64 " of g%" PRId64
                    " are told after those of %" PRId64,
                    step, generation, r->metrics_step);
    r->metrics_step = step;
}

void sim_rules_rewound(sim_world *w, int64_t step, int64_t last_row)
{
    sim_note(w, "metrics: back to step %lld", step);
    w->rules.metrics_step = last_row;
    for (int64_t t = step + 1; t <= w->s->steps; t++)
        w->rules.loss[t] = 0;
}

/* A run may fail only for a reason that has really happened. */
static bool reason_is_good(const sim_world *w, const char *why)
{
    const struct {
        const char *says;
        bool true_;
    } reasons[] = {
        {"gave up after",
         w->s->max_restarts < 1000 &&
             (w->faults.happened > 0 || w->s->bad_step >= 0 || w->s->crash_step >= 0)},
        {"no space left", w->faults.of_kind[SIM_FULL_DISK] > 0},
        {"could not be written to disk", w->faults.of_kind[SIM_FULL_DISK] > 0},
        {"could not be written to disk", w->faults.of_kind[SIM_ROT] > 0},
        {"none can be used", w->faults.of_kind[SIM_ROT] > 0},
        {"not finite", w->faults.of_kind[SIM_NOT_FINITE] > 0 || w->s->bad_step >= 0},
        {"generations in a row", w->s->crash_step >= 0 || w->faults.of_kind[SIM_EXIT_RANK] >= 3},
        {"could not be started", w->faults.happened > 0},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].true_ && strstr(why, reasons[i].says))
            return true;
    return false;
}

void sim_rules_evaluation_lost(sim_world *w, int64_t step)
{
    w->rules.row_lost |= step > 0 && w->rules.loss[step] == 0;
}

/* Rule 10. While the disk is full, rows are written without their evaluations. */
static void check_evaluations(sim_world *w)
{
    const sim_rules *r = &w->rules;
    bool known = rt_best_is_known(&r->best),
         rows = !r->row_lost && w->faults.of_kind[SIM_FULL_DISK] == 0;
    const json_t *best = json_object_get(r->summary, "best_step"),
                 *early = json_object_get(r->summary, "ended_early");
    if (json_is_integer(best) != known || json_integer_value(best) != (known ? r->best.step : 0))
        sim_violate(w, "rule 10: the best evaluation is that of step %" PRId64 ", not of %lld",
                    r->best.step, (long long)json_integer_value(best));
    if (json_is_true(early) != r->early)
        sim_violate(w, "rule 10: whether patience ran out, at step %" PRId64 ", is told wrongly",
                    r->end);
    if (r->early && r->end < w->s->steps && !r->early_told)
        sim_violate(w, "rule 10: no event says why the run ended at step %" PRId64, r->end);
    for (int64_t t = 1; t <= r->end && rows; t++) {
        rt_evaluated e = sim_figures_of(r->truth[t], t);
        if (r->loss[t] != (is_evaluated(w, t) ? rt_metrics_get(&e.metrics, "loss") : 0))
            sim_violate(w, "rule 10: the row of step %" PRId64 " has the loss %g", t, r->loss[t]);
    }
}

/* A run that is done must have left its last state on disk. */
static void check_done(sim_world *w, int64_t exit_code)
{
    const sim_rules *r = &w->rules;
    const sim_checkpoint *c = sim_disk_newest(&w->disk, INT64_MAX);
    int64_t last = c ? c->step : -1, steps = r->end;
    if (exit_code != 0 || r->reached != steps)
        sim_violate(w,
                    "rule 5: the run is done with exit code %" PRId64
                    ", all ranks were at step %" PRId64 " of %" PRId64,
                    exit_code, r->reached, steps);
    else if (last != steps && !w->faults.of_kind[SIM_ROT])
        sim_violate(
            w, "rule 3: the run is done, the newest checkpoint is of step %" PRId64 " of %" PRId64,
            last, steps);
    check_evaluations(w);
}

/* A state that could not be written to disk must not be given up while memory holds it. */
static void check_given_up(sim_world *w)
{
    bool hosts[SIM_RULES_HOSTS];
    memset(hosts, true, sizeof hosts);
    if (strstr(w->rules.failure, "and is lost") && snapshots_hold(w, hosts, w->rules.reached))
        sim_violate(w, "rule 4: snapshots of step %" PRId64 " are there, and are given up",
                    w->rules.reached);
}

void sim_rules_run_begins(sim_world *w)
{
    w->rules.status = NULL;
    w->rules.failure[0] = '\0';
    w->rules.target = 0;
}

bool sim_rules_run_ended(sim_world *w, bool interrupted, int64_t exit_code)
{
    sim_rules *r = &w->rules;
    const char *status = r->status;
    r->status = NULL;
    r->well_at = w->now;
    if (!status && interrupted)
        return false; /* before anything had begun */
    if (!status && r->failure[0])
        status = "failed"; /* before anything had begun: only the message tells it */
    if (!status) {
        sim_violate(w, "rule 6: the run has ended and no event says how");
    } else if (strcmp(status, "stopped") == 0) {
        if (!interrupted)
            sim_violate(w, "rule 6: the run was stopped, and nobody had asked for it");
        else if (exit_code != 128 + w->launcher.interrupt_signal)
            sim_violate(w, "rule 6: stopped by signal %" PRId64 " with exit code %" PRId64,
                        w->launcher.interrupt_signal, exit_code);
        return false;
    } else if (strcmp(status, "failed") == 0 && !reason_is_good(w, r->failure)) {
        sim_violate(w, "rule 6: the run failed without a good reason: %s", r->failure);
    } else if (strcmp(status, "failed") == 0) {
        check_given_up(w);
        return !strstr(r->failure, "go on with --resume auto");
    } else if (strcmp(status, "done") == 0) {
        check_done(w, exit_code);
    }
    return true;
}

/* ---- promises, rule 9 ---- */

void sim_rules_answered(sim_world *w, rt_msg_type asked, int64_t number, const sim_letter *answer)
{
    bool accepted = answer->type == RT_MSG_ACCEPTED, refused = answer->type == RT_MSG_REFUSED;
    if (!accepted && !refused && !(asked == RT_MSG_STATUS && answer->type == RT_MSG_STATUS_IS))
        sim_violate(w, "rule 9: %s is answered by %s", rt_msg_name(asked),
                    rt_msg_name(answer->type));
    if (asked == RT_MSG_SCALE && accepted)
        w->rules.target = number;
}

/* Returns the time within which a tool must be answered: only a checkpoint takes long. */
static sim_time answer_within(const sim_launcher *l, sim_time patience)
{
    return l->asked == RT_MSG_CHECKPOINT_NOW ? patience / 4 : 10 * (sim_time)SIM_SECOND;
}

static void check_promises(sim_world *w, const sim_view *v, sim_time patience)
{
    sim_rules *r = &w->rules;
    const sim_launcher *l = &w->launcher;
    sim_time within = answer_within(l, patience);
    bool calm = w->now > w->faults.calm_since + within;
    if (l->tool.alive && calm && w->coordinator.alive && !v->ended && w->now - l->asked_at > within)
        sim_violate(w, "rule 9: %s has not been answered for %" PRId64 " s", rt_msg_name(l->asked),
                    (w->now - l->asked_at) / SIM_SECOND);
    if (r->target > 0 && v->generation > 0 && v->target != r->target)
        sim_violate(w, "rule 9: %" PRId64 " workers were promised, %" PRId64 " are wanted",
                    r->target, v->target);
    if (!v->unsettled)
        r->unsettled_since = 0;
    else if (r->unsettled_since == 0)
        r->unsettled_since = w->now;
    else if (w->now - r->unsettled_since > patience / 4 &&
             w->now > w->faults.calm_since + patience / 4)
        sim_violate(w,
                    "rule 9: g%" PRId64 " goes on with %" PRId64
                    " workers, and should make way for another",
                    v->generation, v->world);
}

/* ---- time, rule 5; messages and memory, rule 8 ---- */

static void check_time(sim_world *w, const sim_view *v)
{
    sim_rules *r = &w->rules;
    sim_time patience = sim_coordinator_patience() + 100 * w->s->step_time + 100 * w->s->disk_time;
    sim_time since = w->now - later(w->faults.calm_since, r->well_at);
    if (v->running || v->ended)
        r->well_at = w->now;
    else if (since > patience)
        sim_violate(w, "rule 5: in phase %s, and for %" PRId64 " s nothing has gone wrong",
                    v->phase, since / SIM_SECOND);
    since = w->now - later(w->faults.calm_since, r->stepped_at);
    if (since > patience && !w->over)
        sim_violate(
            w, "rule 5: in phase %s without a step, and for %" PRId64 " s nothing has gone wrong",
            v->phase, since / SIM_SECOND);
}

/* Returns how many workers there are at most: those of the beginning, or more if the user has asked for more. */
static int64_t most_workers(const sim_world *w)
{
    const sim_rules *r = &w->rules;
    const sim_job *j = r->planned < w->jobs ? w->job[r->planned] : NULL;
    int64_t now = j ? j->world : 0, most = now > r->target ? now : r->target;
    return most > w->s->workers ? most : w->s->workers;
}

/* Each worker reports twice a second, and the coordinator has no reason to send more often than that. */
static void check_traffic(sim_world *w, const sim_view *v)
{
    sim_rules *r = &w->rules;
    int64_t workers = most_workers(w), most = 60 + 12 * workers;
    bool calm = w->now > w->faults.calm_since + 10 * SIM_SECOND; /* no messages have piled up */
    if (calm && r->sent_this_second > most)
        sim_violate(w, "rule 8: %" PRId64 " messages in a second, at most %" PRId64 " are good",
                    r->sent_this_second, most);
    if (w->now > w->faults.calm_since + 60 * SIM_SECOND && v->open_checkpoints > 8)
        sim_violate(w, "rule 8: %" PRId64 " checkpoints are open", v->open_checkpoints);
    int64_t live = rt_mem_live() - r->live_before, bound = 2000 + 40 * workers;
    if (live > bound)
        sim_violate(w, "rule 8: %" PRId64 " allocations, at most %" PRId64 " are good", live,
                    bound);
    r->sent_most = r->sent_this_second > r->sent_most ? r->sent_this_second : r->sent_most;
    r->sent_this_second = 0;
}

void sim_rules_tick(sim_world *w)
{
    sim_view v = sim_coordinator_view(w);
    if (v.failure && v.failure[0])
        snprintf(w->rules.failure, sizeof w->rules.failure, "%s", v.failure);
    check_time(w, &v);
    check_traffic(w, &v);
    check_promises(w, &v, sim_coordinator_patience());
}

void sim_rules_sent(sim_world *w, sim_pid to, const sim_pipe *pipe, const sim_letter *l)
{
    w->rules.sent++;
    w->rules.sent_this_second++;
    if (l->type == RT_MSG_RUN_ENDED)
        snprintf(w->rules.failure, sizeof w->rules.failure, "%s", l->body.run_ended.message);
    if (pipe->sent - pipe->first > 1000 && w->now > w->faults.calm_since + SIM_SECOND)
        sim_violate(w, "rule 8: more than 1000 messages wait for %d of g%d", to.rank,
                    to.generation);
}

void sim_rules_end(sim_world *w)
{
    if (!w->over)
        sim_violate(w, "rule 5: nothing happens any more, and the run has not ended");
}
