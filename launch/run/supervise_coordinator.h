/* The launcher's state during a run, and its exchange with the coordinator. Private to supervise*.c.
 *
 *     rt__supervisor_send_state(s);
 *     while (!over) {
 *         rt__supervisor_receive(s, 0);                // START_GENERATION, SHOW, RUN_ENDED, ...
 *         rt__supervisor_tend_coordinator(s);        // is it alive, has it hung?
 *     }
 */
#ifndef RINGTORCH_LAUNCH_RUN_SUPERVISE_COORDINATOR_H
#define RINGTORCH_LAUNCH_RUN_SUPERVISE_COORDINATOR_H

#include "common/base/os/os.h"
#include "launch/jobs/hosts.h"
#include "launch/jobs/probe.h"
#include "launch/jobs/why_killed.h"
#include "launch/run/coordinator_process.h"
#include "launch/run/generations.h"
#include "launch/run/run_spec.h"
#include "launch/tui/display.h"

typedef struct rt__supervisor {
    const rt__run_spec *spec;
    rt__outcome out;
    rt__display display;
    rt__coordinator coordinator;
    rt_wire *wire;
    rt__generations generations;
    rt__hosts_file hosts;
    rt__probes probes; /* asked for by the coordinator */
    rt__why_killed why_killed;
    double next_alive, next_look;
    rt_os_signals signals;
    int interrupts, interrupt_signal;
    double interrupted_at;
    bool ended;          /* RUN_ENDED has arrived, or we have given up */
    bool by_coordinator; /* the coordinator ended the run and needs none of its snapshots */
    double ended_at;
} rt__supervisor;

/* Ends the run without waiting for the coordinator's RUN_ENDED. */
__attribute__((format(printf, 3, 4))) void rt__supervisor_give_up(rt__supervisor *s, int exit_code,
                                                                  const char *fmt, ...);
/* Sends to the coordinator. If it is away, the message arrives once it is back. */
void rt__supervisor_send(rt__supervisor *s, rt_msg_type type, const void *body);
void rt__supervisor_send_hosts(rt__supervisor *s);
/* Reports that the user wants to stop. The coordinator takes a second report as urgent. */
void rt__supervisor_send_interrupt(rt__supervisor *s);
/* Sends what every new or restarted coordinator must know: who we are, where workers may run, what has become of the
 * job, and whether the user wants to stop. ctx: the supervisor. */
void rt__supervisor_send_state(void *ctx);
/* Handles every message that has arrived. Waits at most `seconds` for the first one. */
void rt__supervisor_receive(rt__supervisor *s, double seconds);
/* Handles the end of the coordinator's process: schedules a restart, or ends the run. */
void rt__supervisor_coordinator_gone(rt__supervisor *s, int wait_status);
/* Restarts the coordinator when its pause is over, and kills it if it hangs. */
void rt__supervisor_tend_coordinator(rt__supervisor *s);
/* Calls rt__coordinator_listens, and shows which file the coordinator is reading meanwhile. */
bool rt__supervisor_check_listening(rt__supervisor *s);

#endif
