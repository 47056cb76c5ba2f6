/* The coordinator's shell: everything the state machine must not touch. It owns the socket, the run directory's files,
 * the journal and the clock; it carries out the machine's effects and feeds their results back as events.
 *
 *     rt__shell_options o = {.dir = "runs/x", .resume = "never", .started = rt_clock()};
 *     int exit_code = rt__coordinate(&o);
 */
#ifndef RINGTORCH_COORDINATOR_SHELL_LOOP_H
#define RINGTORCH_COORDINATOR_SHELL_LOOP_H

#include "coordinator/shell/shell.h"

/* Coordinates one run to its end and returns the exit code. Once the coordinator listens, it writes "ENDPOINT RUN_ID\n" to
 * standard output; a failure before that goes to standard error as one line. The keys come from RINGTORCH_KEYS. */
int rt__coordinate(const rt__shell_options *o);
/* Prints the error in the slot, which keeps the coordinator from starting; a launcher is told that the user knows. */
void rt__coordinator_refuse(void);

#endif
