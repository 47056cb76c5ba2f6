#include "coordinator/machine/exits.h"
#include "common/base/text.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/ending.h"
#include "coordinator/machine/mismatch.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/recovery.h"
#include "coordinator/machine/saving.h"
#include "coordinator/machine/start.h"
#include <inttypes.h>
#include <signal.h>

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
    json_t *ranks = ranks_json(m->ranks, m->ranks_count);
    RT__RECORD(r, now, worker_lost, .rank = c->rank, .ranks = ranks, .host = c->host,
               .cause = c->text, .exit_code = c->exit_code, .signal = c->signal,
               .step = r->newest_step);
    json_decref(ranks);
}

/* Did the coordinator never receive anything from this worker on another host, although it did not crash? Then it cannot reach the
 * coordinator, or lacks something it needs. */
static bool is_out_of_reach(const rt__run *r)
{
    const rt__cause *c = &r->cause;
    if (c->rank < 0 || c->rank >= r->roster.world || c->signal != 0 ||
        rt__hosts_is_here(&r->hosts, c->host))
        return false;
    const rt__member *who = &r->roster.member[c->rank];
    return !who->joined && who->heard == 0;
}

static bool start_crash_repeats(const rt__run *r)
{
    return r->start_crash.count >= RT__HOST_START_CRASHES;
}

/* Sets the host aside if it is to blame. Returns true if it was. */
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
        why = "nothing has arrived from its workers";
    else if (c->rank >= 0)
        seconds = rt__hosts_worker_died(
            &r->hosts, host, r->start_crash.count > 0 ? RT__HOST_START_CRASHES : RT__HOST_DEATHS,
            now);
    if (m->host[0] || c->host_lost || is_out_of_reach(r))
        seconds = rt__hosts_failed(&r->hosts, host, now);
    if (seconds > 0)
        RT__RECORD(r, now, host_lost, .host = host, .reason = why, .cooldown_seconds = seconds);
    return seconds > 0;
}

/* Did a worker refuse its input before it could send HELLO? It would do so again. */
static bool is_refused(const rt__run *r, const rt_msg_exited *m)
{
    return m->rank >= 0 && m->rank < r->roster.world && m->signal == 0 && m->exit_code == 2 &&
           !r->roster.member[m->rank].joined;
}

/* Fails the run if another generation would end as this one did. A host that fails after the first step is replaced by others. */
static bool fail_if_final(rt__run *r, double now, const rt_msg_exited *m, bool set_aside)
{
    bool refused = is_refused(r, m), replaced = set_aside && rt__hosts_room(&r->hosts, now) > 0;
    bool never_started = r->generations_here == 1 && r->roster.joined == 0 &&
                         r->cause.signal == 0 && !set_aside && !r->facts.takes_over;
    bool final = (m->final || refused) && (r->history.first_step_at < 0 || !replaced);
    if (start_crash_repeats(r) && !replaced) {
        rt__run_fail(
            r, now, 1,
            "the workers could not be started: worker %" PRId64 " on %s was killed by "
            "signal %" PRId64 "%s before it reported, %d times in a row%s%s",
            r->cause.rank, r->start_crash.host, r->start_crash.signal,
            r->start_crash.signal == SIGILL ? " (perhaps its processor lacks an instruction)" : "",
            r->start_crash.count, m->reason[0] ? ": " : "", m->reason);
        return true;
    }
    if (!final && !never_started)
        return false;
    rt__run_fail(r, now, refused ? 2 : 1, "the workers could not be started: %s", r->cause.text);
    return true;
}

/* Records why a job ended before its work was done, then schedules another generation or fails the run. */
static void replace_generation(rt__run *r, double now, const rt_msg_exited *m)
{
    const rt__cause *c = &r->cause;
    record_loss(r, now, m);
    if (fail_if_final(r, now, m, blame_host(r, now, m)))
        return;
    if (r->starts_once[0]) {
        rt__run_fail(r, now, 1,
                     "%s, and %s starts no other workers: start the job again, with --resume auto",
                     c->text, r->starts_once);
        return;
    }
    if (!rt_restarts_failed(&r->restarts)) {
        rt__run_fail(r, now, 1, "gave up after %" PRId64 " restart%s (run.max_restarts): %s",
                     r->restarts.count, rt_plural(r->restarts.count), c->text);
        return;
    }
    r->not_before = now + rt_restarts_pause(&r->restarts);
    rt__run_try_start_next(r, now);
}

/* A run that was asked to stop and lost a worker on its last steps repeats them, so that it ends with a checkpoint. */
static bool is_worth_saving(const rt__run *r)
{
    return !r->starts_once[0] && r->history.first_step_at >= 0 &&
           r->newest_step > r->committed_step && r->stop != RT__STOP_AT_ONCE;
}

static const char generation_has_ended[] = "its generation has ended";

/* Handles the end of a job whose work is not done. */
static void handle_loss(rt__run *r, double now, const rt_msg_exited *m)
{
    if (!rt__run_doubt_mismatch(r, now))
        return;
    if (r->stop_for_worker && m->rank >= 0)
        r->stop =
            RT__STOP_NONE; /* what ends a job when a rank fails has told the others to leave */
    if (r->stop != RT__STOP_NONE && !is_worth_saving(r)) {
        rt__run_end(r, now);
        return;
    }
    rt__run_record_exit(r);
    rt__run_discard_checkpoints(r, now, generation_has_ended);
    rt__run_begin_recovery(r, now, m);
    rt__run_note_exit(r, now, m);
    rt__run_enter(r, now, RT__BACKOFF);
    replace_generation(r, now, m);
}

void rt__run_complete_generation(rt__run *r, double now)
{
    rt__run_discard_checkpoints(r, now, generation_has_ended);
    bool complete = rt__run_is_complete(r);
    if (r->checkpoints.count > 0 && (complete || r->stop != RT__STOP_NONE)) {
        rt__run_enter(r, now, RT__SETTLE); /* the commit under way decides whether all is saved */
    } else if (complete) {
        rt__run_end(r, now);
    } else {
        rt__run_record_exit(r);
        rt__run_recover(r, now, true);
    }
}

void rt__run_on_exited_adopted(rt__run *r, double now, const rt__input *in)
{
    r->job = RT__JOB_NONE;
    if (!rt__run_completion_recorded(r)) /* otherwise it ends with RECOVERED */
        handle_loss(r, now, &in->frame->body.exited);
}

void rt__run_on_exited_lost(rt__run *r, double now, const rt__input *in)
{
    r->job = RT__JOB_NONE;
    handle_loss(r, now, &in->frame->body.exited);
}

void rt__run_on_exited_abandoned(rt__run *r, double now, const rt__input *in)
{
    r->job = RT__JOB_NONE;
    if (!rt__run_completion_recorded(r))
        handle_loss(r, now, &in->frame->body.exited);
    else if (r->disk_unseen)
        rt__run_enter(r, now, RT__BACKOFF); /* which looks at the disk before the run ends */
    else
        rt__run_complete_generation(r, now);
}

void rt__run_on_exited_drained(rt__run *r, double now, const rt__input *in)
{
    r->job = RT__JOB_NONE;
    if (rt__run_completion_recorded(r) || r->roster.finished == r->roster.world)
        rt__run_complete_generation(r, now);
    else
        handle_loss(r, now, &in->frame->body.exited);
}

void rt__run_on_exited_ending(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    r->job = RT__JOB_NONE;
    if (rt__run_doubt_mismatch(r, now)) /* the next launch must know it */
        rt__run_end(r, now);
}
