#include "coordinator/machine/stop.h"
#include "common/base/stop_signals.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/ending.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <signal.h>

void rt__run_order_stop(rt__run *r)
{
    /* Only rank 0 decides after which step to end, and tells the others inside the collectives of that step: there is no other way for
     * ranks at different steps to end after the same one. */
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_STOP,
                 &(rt_msg_stop){.after_step = r->newest_step,
                                .checkpoint = 1,
                                .reason = "stopped by the user"});
}

/* Stops a run that has no step in flight to save. Its state, if any, stays in memory. */
static void stop_without_checkpoint(rt__run *r, double now)
{
    r->stop = RT__STOP_AT_ONCE; /* the end of the job is the end of the run */
    if (rt__run_has_job(r)) {
        rt__run_end_job(r, "stopped by the user");
        rt__run_enter(r, now, RT__QUIT);
    } else {
        rt__run_end(r, now);
    }
}

/* RT__STOP_SECONDS is less than the 30 s after which batch schedulers kill a job that they have asked to end. */
void rt__run_on_stop_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    stop_without_checkpoint(r, now);
}

/* Handles a further signal to a run that is stopping already. Returns false if this is the first one. */
static bool hasten_stop(rt__run *r)
{
    if (r->stop == RT__STOP_NONE)
        return false;
    r->stop_for_worker = false;
    r->stop = r->stop == RT__STOP_INHERITED ? RT__STOP_ASKED : RT__STOP_AT_ONCE;
    return true;
}

/* Records that the run stops. `saves`: there will be something to save. */
static void note_stop(rt__run *r, double now, int64_t signal, bool saves)
{
    char name[RT_SIGNAL_NAME];
    r->stop = RT__STOP_ASKED;
    r->stop_since = now;
    r->stop_signal = signal;
    RT__NOTE(r, interrupt, .signal = signal); /* with a full disk the run stops all the same */
    RT__RECORD(r, now, interrupted, .signal = signal, .name = rt_signal_name(signal, name),
               .step = r->newest_step, .saves = saves);
}

/* If there is a state in memory, the next generation saves it; otherwise the run ends. */
static void stop_between_steps(rt__run *r, double now, int64_t signal)
{
    bool something_to_save = rt__run_may_have_state(r);
    note_stop(r, now, signal, something_to_save);
    if (!something_to_save && rt__run_has_job(r)) {
        rt__run_end_job(r, "stopped by the user");
        rt__run_enter(r, now, RT__QUIT);
    } else if (!something_to_save || rt__run_is_untouched(r)) {
        rt__run_end(r, now); /* also while a checkpoint is being verified */
    }
}

static void stop_after_step(rt__run *r, double now, int64_t signal)
{
    note_stop(r, now, signal, true);
    rt__run_order_stop(r); /* if this comes too late, the next generation stops at once */
    rt__run_enter(r, now, RT__DRAIN);
}

void rt__run_stop_for_worker(rt__run *r, double now)
{
    if (r->phase != RT__RUN)
        return;
    stop_after_step(r, now, SIGTERM);
    r->stop_for_worker = true;
}

void rt__run_on_interrupt_unsettled(rt__run *r, double now, const rt__input *in)
{
    if (!hasten_stop(r))
        stop_between_steps(r, now, in->frame->body.interrupt.signal);
}

void rt__run_on_interrupt_between(rt__run *r, double now, const rt__input *in)
{
    if (!hasten_stop(r))
        stop_between_steps(r, now, in->frame->body.interrupt.signal);
    else if (r->stop == RT__STOP_AT_ONCE)
        stop_without_checkpoint(r, now);
}

void rt__run_on_interrupt_stepping(rt__run *r, double now, const rt__input *in)
{
    if (!hasten_stop(r))
        stop_after_step(r, now, in->frame->body.interrupt.signal);
}

void rt__run_on_interrupt_draining(rt__run *r, double now, const rt__input *in)
{
    if (!hasten_stop(r))
        note_stop(r, now, in->frame->body.interrupt.signal, rt__run_may_have_state(r));
}

/* Answers a tool's request to stop. Returns true if it is accepted. */
static bool accept_stop(rt__run *r, double now, const rt_frame *f)
{
    if (rt__run_is_ending(r)) {
        rt__run_refuse(r, f->peer, RT_E_CLOSED, "the run is ending already");
        return false;
    }
    rt__run_accept(r, f->peer, "stops after the step in flight, with a checkpoint");
    RT__RECORD(r, now, stop_ordered, .reason = f->body.stop_run.reason);
    return true;
}

void rt__run_on_stop_run_between(rt__run *r, double now, const rt__input *in)
{
    if (accept_stop(r, now, in->frame))
        stop_between_steps(r, now, SIGTERM);
}

void rt__run_on_stop_run_stepping(rt__run *r, double now, const rt__input *in)
{
    if (accept_stop(r, now, in->frame))
        stop_after_step(r, now, SIGTERM);
}

void rt__run_on_stop_run_draining(rt__run *r, double now, const rt__input *in)
{
    if (accept_stop(r, now, in->frame))
        note_stop(r, now, SIGTERM, rt__run_may_have_state(r));
}
