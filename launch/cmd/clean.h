/* ringtorch clean: removes what dead runs left in shared memory.
 *
 *     return rt__clean_command(argc, argv);        // argv[0] is "clean"
 */
#ifndef RINGTORCH_LAUNCH_CMD_CLEAN_H
#define RINGTORCH_LAUNCH_CMD_CLEAN_H

/* Returns the exit code: 0 clean now (or would be), 1 something could not be removed or the named run is alive, 2 wrong
 * usage. */
int rt__clean_command(int argc, char **argv);

#endif
