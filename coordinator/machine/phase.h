/* What handlers share: entering a phase, sending a message, failing the run. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_PHASE_H
#define RINGTORCH_COORDINATOR_MACHINE_PHASE_H

#include "coordinator/machine/state.h"

/* Notes the first violation of protocol.def, phases.def or journal.def: tests fail on it, a real run logs it and goes on. */
__attribute__((format(printf, 2, 3))) void rt__run_report_violation(rt__run *r, const char *fmt,
                                                                    ...);
/* Enters a phase, which the current row of protocol.def must allow. */
void rt__run_enter(rt__run *r, double now, rt__phase phase);
void rt__run_send(rt__run *r, const char *peer, rt_msg_type type, const void *body);
/* Sends to all ranks that have joined. */
void rt__run_send_to_all(rt__run *r, rt_msg_type type, const void *body);
/* Asks the launcher to end the job. */
void rt__run_end_job(rt__run *r, const char *reason);
/* Fails the run; only the first reason counts. The run ends once its job has ended; if there is no job, it ends right after the handler
 * that called this (machine.c). */
__attribute__((format(printf, 4, 5))) void rt__run_fail(rt__run *r, double now, int exit_code,
                                                        const char *fmt, ...);
/* Fails the run with the error in the slot, and clears the slot. */
void rt__run_fail_with_error(rt__run *r, double now);

#endif
