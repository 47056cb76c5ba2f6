/* `ringtorch train`: checks, starts and supervises a run.
 *
 *     return rt__train(argc, argv, started);       // argv[0] is "train"
 */
#ifndef RINGTORCH_LAUNCH_CMD_TRAIN_H
#define RINGTORCH_LAUNCH_CMD_TRAIN_H

/* started: rt_clock() when the user typed the command. Returns the exit code: 0 done, 1 failed, 2 wrong usage or input,
 * 130 stopped by Ctrl-C. When it returns, no process of the run is left. */
int rt__train(int argc, char **argv, double started);

#endif
