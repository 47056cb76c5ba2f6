/* The required consequences of each kind of fault, and waiting for them. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "chaos.h"
#include "common/base/clock.h"

static const double TOLD_SECONDS = 60; /* for the required events */
static const double MOVE_SECONDS = 90; /* for steps to be made again */

/* ---- events ---- */

static bool was_hit(const injected *x, int64_t rank)
{
    for (int i = 0; i < x->hits; i++)
        if (x->hit[i].rank == rank)
            return true;
    return false;
}

static bool names_victim(const injected *x, const json_t *lost)
{
    size_t i;
    json_t *rank;
    if (x->fault->kind == KILL_MPIRUN)
        return strstr(event_string(lost, "cause"), "the job ") != NULL;
    json_array_foreach(json_object_get(lost, "ranks"), i, rank)
    {
        if (was_hit(x, json_integer_value(rank)))
            return true;
    }
    return was_hit(x, event_int(lost, "rank", -1));
}

/* Returns the first event of that name and generation since the fault. */
static json_t *event_of(const records *r, const injected *x, const char *name)
{
    json_t *event;
    for (size_t at = x->since; (event = find_event(r, at, name, &at)); at++)
        if (event_int(event, "generation", -1) == x->generation)
            return event;
    return NULL;
}

/* Returns the first generation that was started since the fault. */
static json_t *next_generation(const records *r, const injected *x)
{
    json_t *event;
    for (size_t at = x->since; (event = find_event(r, at, "generation", &at)); at++)
        if (event_int(event, "generation", -1) > x->generation)
            return event;
    return NULL;
}

/* Do the events report the loss, and blame it on a process that was hit? A generation ends only once: if another fault happened at the
 * same time, the event may name that one, or the generation may have been ending anyway. If a process is killed within milliseconds of
 * its start, nobody knows yet which rank it would have been. */
static bool told_lost(chaos *c, injected *x)
{
    json_t *lost = event_of(&c->run.records, x, "worker_lost");
    if (x->paired)
        return lost || next_generation(&c->run.records, x);
    if (!lost)
        return false;
    snprintf(x->followed, sizeof x->followed, "%.150s", event_string(lost, "cause"));
    bool unborn = x->moment == AT_START && event_int(lost, "rank", 0) == -1;
    if (!names_victim(x, lost) && !unborn)
        chaos_fail(c, x, "worker_lost names rank %lld: %s", (long long)event_int(lost, "rank", -2),
                   event_string(lost, "cause"));
    return true;
}

static bool told_stall(chaos *c, const injected *x)
{
    json_t *event;
    for (size_t at = x->since; (event = find_event(&c->run.records, at, "stall", &at)); at++)
        if (event_int(event, "rank", -1) == x->hit[0].rank &&
            event_int(event, "pid", -1) == x->hit[0].pid && event_string(event, "host")[0] &&
            event_string(event, "phase")[0])
            return true;
    return false;
}

static bool told_leave(chaos *c, const injected *x)
{
    json_t *event;
    if (x->paired) /* it may have been killed before it could report it */
        return next_generation(&c->run.records, x);
    for (size_t at = x->since; (event = find_event(&c->run.records, at, "leave", &at)); at++)
        if (event_int(event, "rank", -1) == x->hit[0].rank)
            return next_generation(&c->run.records, x) != NULL;
    return false;
}

static bool told_scaled(chaos *c, const injected *x)
{
    json_t *scaled = find_event(&c->run.records, x->since, "scaled", NULL);
    if (!scaled || event_int(scaled, "to", -1) != x->size)
        return false;
    bool changes = event_int(scaled, "from", -1) != x->size;
    json_t *next = next_generation(&c->run.records, x);
    return !changes || (next && (x->paired || event_int(next, "world_size", -1) == x->size));
}

static bool told(chaos *c, injected *x)
{
    const records *r = &c->run.records;
    switch (x->fault->kind) {
    case KILL_WORKER:
    case KILL_SEVERAL:
    case KILL_ALL:
    case KILL_MPIRUN:
    case FULL_MEMORY:
        return told_lost(c, x);
    case KILL_COORDINATOR:
        return find_event(r, x->since, "coordinator_restarted", NULL);
    case KILL_LAUNCHER:
        return next_generation(r, x);
    case END_LAUNCHER:
        return find_event(r, x->since, "interrupted", NULL) &&
               find_event(r, x->since, "stopped", NULL) && next_generation(r, x);
    case HOLD_WORKER:
        return told_stall(c, x) && told_lost(c, x);
    case END_WORKER:
        return told_leave(c, x);
    case SCALE:
        return told_scaled(c, x);
    case SAVE:
        return find_event(r, x->since, "checkpoint", NULL);
    case FULL_DISK:
        return find_event(r, x->since, "checkpoint_failed", NULL) &&
               find_event(r, x->since, "checkpoint", NULL);
    default:
        return true; /* no consequence is required */
    }
}

/* Must no worker be restarted because of this fault? */
static bool is_harmless(const injected *x)
{
    switch (x->fault->kind) {
    case PAUSE_WORKER:
    case PAUSE_COORDINATOR:
    case PAUSE_MPIRUN:
    case SAVE:
    case LOAD:
    case CLOCK:
    case FULL_DISK:
    case KILL_COORDINATOR:
        return !x->paired;
    default:
        return false;
    }
}

static void expect_no_restart(chaos *c, const injected *x)
{
    json_t *next = next_generation(&c->run.records, x);
    json_t *lost = find_event(&c->run.records, x->since, "worker_lost", NULL);
    if (next)
        chaos_fail(c, x, "a new generation was started because of it: %s",
                   lost ? event_string(lost, "cause") : "no loss is told");
}

/* ---- how long it took ---- */

/* Returns the seconds from the fault to the first line of metrics of a generation that did not exist then. */
static double outage(const records *r, const injected *x)
{
    for (size_t i = x->metrics_since; i < r->metrics_count; i++)
        if (r->metrics[i].generation > x->generation)
            return r->metrics[i].seen - x->at;
    return -1;
}

/* ---- waiting ---- */

/* The launcher has ended, or the run stalls: describes the run, and resumes it. */
static void begin_again(chaos *c, const injected *x, const char *why)
{
    bool ended = !subject_lives(&c->run);
    if (!ended)
        subject_describe(&c->run);
    if (!ended)
        kill(c->run.launcher.pid, SIGKILL);
    result r = subject_finish(&c->run, 10);
    chaos_fail(c, x, "%s (exit code %d): %s", why, r.exit_code, r.err);
    result_release(&r);
    if (!all_ended(&c->run.scratch, 10))
        chaos_fail(c, x, "processes outlive the launcher by 10 s");
    c->begun_again++;
    resume(c, c->plan.workers);
}

static bool all_told(chaos *c, injected *list, int count)
{
    bool all = true;
    records_read(&c->run.records);
    for (int i = 0; i < count; i++) {
        injected *x = &list[i];
        x->told = x->told || x->cut_short || told(c, x);
        all = all && x->told;
    }
    return all;
}

/* Marks faults that happened at the same time. */
static void find_pairs(injected *list, int count)
{
    for (int i = 1; i < count; i++) {
        injected *x = &list[i];
        if (x->moment != AT_RECOVERY)
            continue;
        x->paired = x[-1].paired = true;
        x[-1].cut_short = x->fault->kind == KILL_LAUNCHER;
        x->since = x[-1].since;
    }
}

static void await_told(chaos *c, injected *list, int count)
{
    double end = rt_clock() + TOLD_SECONDS;
    while (!all_told(c, list, count) && subject_lives(&c->run) && rt_clock() < end &&
           !chaos_over(c))
        rt_clock_sleep(0.002);
    if (chaos_over(c) || !subject_lives(&c->run))
        return;
    for (int i = 0; i < count; i++)
        if (!list[i].told)
            chaos_fail(c, &list[i], "no event tells it within %.0f s", TOLD_SECONDS);
}

/* Waits for `gap` more steps of an undisturbed run. */
static bool await_steps(chaos *c, int64_t gap)
{
    double end = rt_clock() + MOVE_SECONDS;
    records_read(&c->run.records);
    size_t goal = c->run.records.metrics_count + (size_t)gap;
    while (c->run.records.metrics_count < goal) {
        if (chaos_over(c) || !subject_lives(&c->run) || rt_clock() > end)
            return false;
        rt_clock_sleep(0.002);
        records_read(&c->run.records);
    }
    return true;
}

void settle(chaos *c, injected *list, int count, int64_t gap)
{
    injected *last = &list[count - 1];
    find_pairs(list, count);
    await_told(c, list, count);
    while (!await_steps(c, gap) && !chaos_over(c))
        begin_again(c, last,
                    subject_lives(&c->run) ? "no step was made for 90 s" : "the run ended");
    for (int i = 0; i < count; i++) {
        if (is_harmless(&list[i]))
            expect_no_restart(c, &list[i]);
        list[i].outage = outage(&c->run.records, &list[i]);
    }
}
