/* Dispatches what arrives by the table of protocol.def: who may send it, which input it is, and which handler gets it in this phase. */
#include "coordinator/machine/machine.h"
#include "coordinator/machine/drain.h"
#include "coordinator/machine/ending.h"
#include "coordinator/machine/evaluations.h"
#include "coordinator/machine/exits.h"
#include "coordinator/machine/faults.h"
#include "coordinator/machine/late.h"
#include "coordinator/machine/mismatch.h"
#include "coordinator/machine/orders.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/planning.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/reports.h"
#include "coordinator/machine/reshape.h"
#include "coordinator/machine/skipped.h"
#include "coordinator/machine/start.h"
#include "coordinator/machine/status.h"
#include "coordinator/machine/stop.h"
#include "coordinator/machine/verifying.h"
#include "coordinator/machine/watch.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the table ---- */

#define IN(phase) RT__IN(phase)
enum {
    STAYS = 0,
    ANY = (1 << RT__DONE) - 1, /* before the end */
    JOINING = RT__JOINING,
    STEPPING = RT__STEPPING,
    DRAINING = RT__DRAINING,
    UNPLANNED = JOINING | IN(ADOPT),
    JOB = UNPLANNED | STEPPING | IN(REGROUP) | IN(FAILING), /* there may be a job */
    JOBLESS = ANY & ~JOB,
    FAILS = IN(FAILING),
    ENDS = IN(DONE) | IN(FAILED),
};

/* The first row ignores every input; it is in force once the run has ended. */
static const rt__rule rules[] = {
    {RT__INPUTS, STAYS, NULL, STAYS, ""},
#define ON(name, phases, handler, next, text) {RT__INPUT_##name, phases, handler, next, text},
#define IGNORE(name, phases, text)            {RT__INPUT_##name, phases, NULL, STAYS, text},
#include "coordinator/machine/protocol.def"
};
enum { RULES = sizeof rules / sizeof *rules };
_Static_assert(RULES - 1 <= UINT8_MAX, "rt__run.rule holds the number of a rule in a byte");

/* The states of the job that each phase allows between two inputs. */
static const uint8_t jobs[] = {
#define NONE                           (1 << RT__JOB_NONE)
#define UNKNOWN                        (1 << RT__JOB_UNKNOWN)
#define ALIVE                          (1 << RT__JOB_ALIVE)
#define PHASE(name, shown, jobs, text) jobs,
#include "coordinator/machine/phases.def"
#undef PHASE
#undef NONE
#undef UNKNOWN
#undef ALIVE
};

const rt__rule *rt__run_rules(int *count)
{
    *count = RULES - 1;
    return rules + 1;
}

static void index_rules(rt__run *r)
{
    for (int i = 1; i < RULES; i++)
        for (int p = 0; p < RT__PHASES; p++)
            if (rules[i].phases >> p & 1)
                r->rule[rules[i].input][p] = (uint8_t)i;
}

void rt__run_init(rt__run *r, const rt__run_facts *facts)
{
    *r = (rt__run){
        .facts = *facts,
        .history = facts->history,
        .generation = facts->history.generation,
        .committed_step = facts->history.committed_step,
        .stop = facts->history.interrupt_signal ? RT__STOP_INHERITED : RT__STOP_NONE,
        .stop_signal = facts->history.interrupt_signal,
        .stop_since = -1,
        .unsaved_step = -1,
        .unreadable.step = -1,
        .restarts = {.most = facts->cfg->run.max_restarts, .pause_most = RT__BACKOFF_MOST},
        .mismatch.step = -1,
        .reported_step = facts->metrics_step,
        .cause.rank = -1,
        .loss = NAN,
        .samples_per_second = NAN,
        .roster.first = -1,
        .events = json_array(),
        .unwritten = json_array(),
    };
    r->facts.history = (rt__history){0};
    index_rules(r);
}

void rt__run_release(rt__run *r)
{
    rt__run_clear_verifying(r);
    rt__history_release(&r->history);
    rt__source_release(&r->source);
    rt__source_release(&r->fallback);
    rt__roster_release(&r->roster);
    rt__offers_release(&r->offers);
    rt__checkpoints_release(&r->checkpoints);
    rt__sums_release(&r->sums);
    rt__hosts_release(&r->hosts);
    json_decref(r->layout);
    json_decref(r->preprocessing);
    json_decref(r->events);
    json_decref(r->unwritten);
    *r = (rt__run){0};
}

/* Gives an input to the table's handler for this phase. */
static void dispatch(rt__run *r, double now, const rt__input *in)
{
    const rt__rule *rule = &rules[r->rule[in->kind][r->phase]];
    if (!rule->handler)
        return;
    r->handling.input = in->kind;
    r->handling.from = r->phase;
    r->handling.next =
        r->phase == RT__FAILING ? rule->next & ~FAILS : rule->next; /* it fails once */
    rule->handler(r, now, in);
    if (r->phase == RT__FAILING && r->job == RT__JOB_NONE) {
        r->handling.from = RT__FAILING; /* our own step, which no row allows */
        r->handling.next = IN(FAILED);
        rt__run_end(r, now);
    }
    r->handling.next = STAYS;
    if (!(jobs[r->phase] >> r->job & 1))
        rt__run_report_violation(r, "the job is in state %d in phase %s", (int)r->job,
                                 rt__run_phase_name(r->phase));
}

/* ---- frames ---- */

typedef enum sender { NOBODY, LAUNCHER, WORKER, TOOL } sender;

/* For each type of message: who may send it, and which input it becomes. */
static const struct {
    uint8_t sender, input;
} messages[] = {
#define MESSAGE(name, sender, text) [RT_MSG_##name] = {sender, RT__INPUT_##name},
#include "coordinator/machine/protocol.def"
};

_Static_assert((int)RT__INPUTS <= UINT8_MAX, "an input is held in a byte");

/* Before its HELLO a rank is known only by its name. */
static int64_t rank_of_name(const rt__run *r, const char *name)
{
    long long rank;
    if (sscanf(name, "worker %lld", &rank) != 1 || rank < 0 || rank >= r->roster.world)
        return -1;
    return rank;
}

/* Finds the rank that sent a frame, and whether it may: before its HELLO a rank may only send PROGRESS and FAULT. */
static bool is_from_worker(rt__run *r, double now, rt__input *in)
{
    const rt_frame *f = in->frame;
    if (f->generation != r->generation || !rt__run_has_job(r))
        return false;
    in->rank = rt__roster_rank(&r->roster, f->peer);
    if (in->rank >= 0)
        r->roster.member[in->rank].heard = now;
    if (in->rank >= 0 || f->type == RT_MSG_HELLO)
        return true;
    in->rank = rank_of_name(r, f->sender);
    if (f->type == RT_MSG_PROGRESS)
        in->kind = RT__INPUT_EARLY_PROGRESS;
    return in->rank >= 0 && (f->type == RT_MSG_PROGRESS || f->type == RT_MSG_FAULT);
}

static bool is_from_launcher(const rt__run *r, const rt_frame *f)
{
    if (f->type == RT_MSG_LAUNCHER && r->launcher[0] == '\0')
        return true;
    if (strcmp(f->peer, r->launcher) != 0)
        return false;
    return f->type != RT_MSG_EXITED ||
           (rt__run_has_job(r) && f->body.exited.job_generation == r->generation);
}

/* Acts on a step that is not finite if the rank that knows why has not reported it within `patience` seconds. Another fault or an exit
 * ends the wait at once. */
static void dispatch_blame_timer(rt__run *r, double now, double patience)
{
    if (r->not_finite.pending && now - r->not_finite.since >= patience)
        dispatch(r, now, &(rt__input){.kind = RT__INPUT_BLAME_TIMER, .rank = -1});
}

static void dispatch_frame(rt__run *r, double now, const rt_frame *f)
{
    size_t type = (size_t)f->type;
    sender from = type < sizeof messages / sizeof *messages ? messages[type].sender : NOBODY;
    rt__input in = {.frame = f, .rank = -1};
    if (from != TOOL && r->facts.takes_over && r->history.open)
        dispatch(r, now, &(rt__input){.kind = RT__INPUT_TAKEOVER, .rank = -1});
    if (from == NOBODY)
        return;
    in.kind = (rt__input_kind)messages[type].input;
    if ((from == LAUNCHER && !is_from_launcher(r, f)) ||
        (from == WORKER && !is_from_worker(r, now, &in)))
        return;
    if (f->type == RT_MSG_EXITED || (f->type == RT_MSG_FAULT && f->body.fault.code != RT_E_NUMERIC))
        dispatch_blame_timer(r, now, 0);
    dispatch(r, now, &in);
}

/* ---- time ---- */

/* Handles a generation that the journal has but the launcher has not mentioned in time. */
static void dispatch_unknown_job(rt__run *r, double now)
{
    static const rt_frame never_started = {
        .body.exited = {.rank = -1, .host = "", .reason = ""},
    };
    if (r->job != RT__JOB_UNKNOWN || now - r->phase_since <= RT__EXIT_SECONDS)
        return;
    if (rt__run_in(r, RT__JOINING)) {
        dispatch(r, now, &(rt__input){.kind = RT__INPUT_UNKNOWN_TIMER, .rank = -1});
        return;
    }
    dispatch_blame_timer(r, now, 0);
    dispatch(r, now, &(rt__input){.kind = RT__INPUT_EXITED, .frame = &never_started, .rank = -1});
}

static void dispatch_tick(rt__run *r, double now)
{
    static const rt__input timers[] = {
        {.kind = RT__INPUT_JOB_TIMER, .rank = -1},
        {.kind = RT__INPUT_HEALTH_TIMER, .rank = -1},
        {.kind = RT__INPUT_HOSTS_TIMER, .rank = -1},
    };
    static const rt__input stop = {.kind = RT__INPUT_STOP_TIMER, .rank = -1};
    /* After a longer gap we know that we were stopped or starved, and received nothing meanwhile. */
    if (now - r->ticked_at > RT__TICK_MOST)
        r->awake_since = now;
    r->ticked_at = now;
    dispatch_blame_timer(r, now, RT__BLAME_SECONDS);
    dispatch_unknown_job(r, now);
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        dispatch(r, now, &timers[i]);
    if (r->stop != RT__STOP_NONE && r->stop_since < 0)
        r->stop_since = now;
    if (r->stop != RT__STOP_NONE && now - r->stop_since > RT__STOP_SECONDS)
        dispatch(r, now, &stop);
}

static void dispatch_answer(rt__run *r, double now, rt__input_kind kind, const rt__event *e)
{
    dispatch(r, now, &(rt__input){.kind = kind, .event = e, .rank = -1});
}

void rt__run_step(rt__run *r, double now, const rt__event *e)
{
    switch (e->kind) {
    case RT__EVENT_FRAME:
        dispatch_frame(r, now, e->frame);
        break;
    case RT__EVENT_RECOVERED:
        rt__run_clear_verifying(r);
        if (e->lookup < r->lookup.good_from)
            break;
        dispatch_answer(r, now, RT__INPUT_RECOVERED, e);
        break;
    case RT__EVENT_COMMITTED:
        dispatch_answer(r, now, RT__INPUT_COMMITTED, e);
        break;
    case RT__EVENT_UNVERIFIED:
        dispatch_answer(r, now, RT__INPUT_UNVERIFIED, e);
        break;
    case RT__EVENT_VERIFYING:
        dispatch_answer(r, now, RT__INPUT_VERIFYING, e);
        break;
    case RT__EVENT_TICK:
        dispatch_tick(r, now);
        break;
    }
    rt__record_lost_lines(r, now);
}
