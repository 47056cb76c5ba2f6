/* ringtorch status RUN shows on one screen what a run is doing or, once it is over, what it has left.
 *
 *     return rt__status_command(argc, argv);       // argv[0] is "status"
 */
#ifndef RINGTORCH_LAUNCH_CMD_STATUS_H
#define RINGTORCH_LAUNCH_CMD_STATUS_H

/* Returns the exit code: 0 shown, 1 the run is not there or does not answer, 2 wrong usage. */
int rt__status_command(int argc, char **argv);

#endif
