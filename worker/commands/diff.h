/* ringtorch checkpoint diff A B.
 *
 *     bool equal;
 *     RT_TRY(rt__command_diff(argc, argv, &equal));      // argv[0] is "diff"
 */
#ifndef RINGTORCH_WORKER_COMMANDS_DIFF_H
#define RINGTORCH_WORKER_COMMANDS_DIFF_H

#include <stdbool.h>
#include <ringtorch/status.h>

/* Prints what differs; *equal: nothing does. */
rt_status rt__command_diff(int argc, char **argv, bool *equal);

#endif
