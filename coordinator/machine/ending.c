#include "coordinator/machine/ending.h"
#include "common/base/stop_signals.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/saving.h"
#include "coordinator/machine/skipped.h"
#include "coordinator/machine/summary.h"
#include <inttypes.h>
#include <stdio.h>

/* Does the run fail because its last state could not be saved? Writes the failure. `keep`: that state is in shared memory, from which the
 * run can be resumed once the disk has room again. */
static bool is_state_unsaved(rt__run *r, bool *keep)
{
    if (!rt__run_is_unsaved(r))
        return false;
    *keep = rt__run_is_in_memory(r);
    r->exit_code = 1;
    snprintf(r->failure, sizeof r->failure,
             "the state at step %" PRId64 " could not be written to disk%s %s: "
             "make room, then go on with --resume auto",
             r->newest_step, r->lost.reason[0] ? "" : " (events.jsonl says why)",
             *keep ? "and is kept in shared memory"
                   : "and is lost, because there is no snapshot of it (snapshot.every)");
    return true;
}

/* May memory hold a newer state than the disk? It may if the run was stopped at once, or before it looked at what an earlier launch left.
 * The run can then be resumed from memory. */
static bool may_be_ahead_in_memory(const rt__run *r)
{
    /* newest_step is valid once a plan of this launch was recorded */
    bool knows_newest = r->end_step > 0 && (r->history.planned || r->newest_step > 0);
    return r->facts.cfg->snapshot.every > 0 && rt__run_may_have_state(r) &&
           !(knows_newest && rt__run_is_saved(r));
}

static bool is_stopped(const rt__run *r)
{
    return r->stop != RT__STOP_NONE && !rt__run_failed(r) &&
           (r->end_step == 0 || r->newest_step < r->end_step ||
            r->roster.finished < r->roster.world);
}

/* Names the signal in the message of a run that ends before it has any events. */
static void note_stop_before_start(rt__run *r)
{
    char name[RT_SIGNAL_NAME];
    if (r->history.generation == 0)
        snprintf(r->failure, sizeof r->failure, "stopped by %s before it began",
                 rt_signal_name(r->stop_signal, name));
}

/* Returns the first generation of this launch, which may not have been started. */
static int64_t first_generation(const rt__run *r)
{
    int64_t adopted = r->facts.takes_over && r->history.generation > 0;
    return r->history.generation - r->generations_here - adopted + 1;
}

/* Was a run that an earlier launch had made to go on refused? Then that launch says what has become of the run. */
static bool is_refused_again(const rt__run *r)
{
    return rt__run_refused(r) && first_generation(r) > 1;
}

/* Without a plan, the last step is the one that earlier generations are known to have made. */
static void find_last_step(rt__run *r)
{
    const int64_t known[] = {rt__record_newest_row(r), r->history.committed_step};
    bool planned = r->end_step > 0 && r->history.planned;
    for (int i = 0; i < 2 && !planned; i++)
        if (known[i] > r->newest_step)
            r->newest_step = known[i];
}

static void record_end(rt__run *r, double now, rt_event_id event, bool keep)
{
    bool failed = event == RT_EVENT_failed;
    find_last_step(r);
    if (is_refused_again(r))
        RT__RECORD(r, now, refused, .message = r->failure, .since = first_generation(r));
    else
        RT__RECORD_AS(r, now, event, done, .step = r->newest_step,
                      .message = failed ? r->failure : NULL, .in_memory = keep);
    RT__NOTE(r, end,
             .status = failed                      ? RT_RECORD_END_FAILED
                       : event == RT_EVENT_stopped ? RT_RECORD_END_STOPPED
                                                   : RT_RECORD_END_DONE,
             .step = r->newest_step);
    bool stays = rt__run_refused(r) || (event == RT_EVENT_stopped && rt__run_is_untouched(r));
    if (!stays) /* otherwise the summary of the previous launch stays */
        rt__run_record_summary(r, now, rt_event_rows[event].kind);
}

void rt__run_end(rt__run *r, double now)
{
    bool stopped = is_stopped(r);
    bool keep = (r->lost_input || r->no_room || r->starts_once[0]) && may_be_ahead_in_memory(r);
    bool failed = rt__run_failed(r) || is_state_unsaved(r, &keep) ||
                  (!stopped && rt__run_is_last_loss_bad(r));
    rt_event_id event = failed ? RT_EVENT_failed : stopped ? RT_EVENT_stopped : RT_EVENT_done;
    rt__run_discard_checkpoints(r, now, "the run ended before it was complete");
    rt__run_answer_waiting_tools(r, INT64_MAX, false, "the run has ended");
    rt__record_write_held_row(r);
    if (stopped) {
        r->exit_code = 128 + (int)r->stop_signal;
        keep = may_be_ahead_in_memory(r);
        note_stop_before_start(r);
    }
    rt__run_enter(r, now, failed ? RT__FAILED : RT__DONE);
    if (r->history.generation > 0)
        record_end(r, now, event, keep);
    rt__record_lost_lines_at_end(r, now); /* the launcher shows nothing after RUN_ENDED */
    /* If this launch has changed nothing, what an earlier one left in memory is still good. */
    bool others = (rt__run_is_untouched(r) && r->history.generation > 0) ||
                  (rt__run_refused(r) && rt__run_may_have_state(r));
    rt__run_send(r, r->launcher, RT_MSG_RUN_ENDED,
                 &(rt_msg_run_ended){.exit_code = r->exit_code,
                                     .message = r->failure,
                                     .keep = keep || others,
                                     .next = r->next});
}
