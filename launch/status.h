/* ringtorch status RUN: what a run is doing, on one screen; or what it has left behind.
 *
 *     return rt__status_command(argc, argv);       // argv[0] is "status"
 */
#ifndef RINGTORCH_LAUNCH_STATUS_H
#define RINGTORCH_LAUNCH_STATUS_H

/* Returns the exit code: 0 shown, 1 the run is not there or does not answer, 2 wrong usage. */
int rt__status_command(int argc, char **argv);

#endif
