/* The launcher's state while a run is under way, and its dealings with the coordinator; private to
 * supervise*.c.
 *
 *     rt__supervisor_greet(s);
 *     while (!over) {
 *         rt__supervisor_drain(s, 0);                // START_GENERATION, SHOW, RUN_ENDED, ...
 *         rt__supervisor_tend_coordinator(s);        // is it alive, has it hung?
 *     }
 */
#ifndef RINGTORCH_LAUNCH_SUPERVISOR_H
#define RINGTORCH_LAUNCH_SUPERVISOR_H

#include "launch/coordinator_process.h"
#include "launch/display.h"
#include "launch/generations.h"
#include "launch/hosts.h"
#include "launch/probe.h"
#include "launch/supervise.h"
#include "launch/why_killed.h"

typedef struct rt__supervisor {
    const rt__run_spec *spec;
    rt__outcome out;
    rt__display display;
    rt__coordinator coordinator;
    rt_wire *wire;
    rt__generations generations;
    rt__hosts_file hosts;
    rt__probes probes; /* for the coordinator */
    rt__why_killed why_killed;
    double next_alive, next_look;
    int signals; /* a signalfd */
    int interrupts, interrupt_signal;
    double interrupted_at;
    bool ended; /* RUN_ENDED has come, or we have given up */
    bool by_coordinator;
    double ended_at;
} rt__supervisor;

/* Ends the run without the coordinator's word for it. */
__attribute__((format(printf, 3, 4))) void rt__supervisor_give_up(rt__supervisor *s, int exit_code,
                                                                  const char *fmt, ...);
/* Sends to the coordinator; it may be away, then it arrives later. */
void rt__supervisor_send(rt__supervisor *s, rt_msg_type type, const void *body);
void rt__supervisor_send_hosts(rt__supervisor *s);
/* Says that the user wants to stop; said twice, the coordinator knows that it is urgent. */
void rt__supervisor_send_interrupt(rt__supervisor *s);
/* Says what every coordinator must know, whichever it is: who we are, where workers may run, what
 * has become of the job, and that the user wants to stop. ctx: the supervisor. */
void rt__supervisor_greet(void *ctx);
/* Takes all that has come; waits for the first at most `seconds`. */
void rt__supervisor_drain(rt__supervisor *s, double seconds);
/* The coordinator's process has ended: it is started again, or the run is over. */
void rt__supervisor_coordinator_gone(rt__supervisor *s, int wait_status);
/* Starts it again when it is time, kills it if it hangs. */
void rt__supervisor_tend_coordinator(rt__supervisor *s);
/* rt__coordinator_listens; what the coordinator reads before that is shown. */
bool rt__supervisor_hear_start(rt__supervisor *s);

#endif
