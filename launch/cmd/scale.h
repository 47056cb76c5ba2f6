/* Commands that give a run an order: ringtorch scale RUN W, ringtorch stop RUN, ringtorch checkpoint now RUN.
 *
 *     return rt__scale_command(argc, argv);        // argv[0] is "scale"
 *
 * Each returns the exit code: 0 accepted, 1 refused or not answered, 2 wrong usage or no run. */
#ifndef RINGTORCH_LAUNCH_CMD_SCALE_H
#define RINGTORCH_LAUNCH_CMD_SCALE_H

int rt__scale_command(int argc, char **argv);
int rt__stop_command(int argc, char **argv);
/* argv[0] is "now". */
int rt__checkpoint_now_command(int argc, char **argv);

#endif
