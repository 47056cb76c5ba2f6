/* ringtorch checkpoint diff A B.
 *
 *     bool equal;
 *     RT_TRY(rt__command_diff(argc, argv, &equal));      // argv[0] is "diff"
 */
#ifndef RINGTORCH_WORKER_COMMANDS_DIFF_H
#define RINGTORCH_WORKER_COMMANDS_DIFF_H

#include <ringtorch/status.h>
#include <stdbool.h>

/* Prints the differences; sets *equal if there are none. */
rt_status rt__command_diff(int argc, char **argv, bool *equal);

#endif
