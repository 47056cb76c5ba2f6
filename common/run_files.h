/* The files of a run directory, by name: for whoever removes them, and for whoever must not write over them.
 *
 *     for (const char *const *name = rt_run_files; *name; name++)
 *         remove_in(run, *name);
 *
 *     char *run;
 *     if (rt_run_owns("runs/x/journal", &run)) ...   // true, and "/home/me/runs/x"
 */
#ifndef RINGTORCH_COMMON_RUN_FILES_H
#define RINGTORCH_COMMON_RUN_FILES_H

#include <stdbool.h>

/* All that a run writes directly into its directory, folders included; ends with NULL. */
extern const char *const rt_run_files[];

/* Returns whether a path, symbolic links followed up to its last component, is that of a file, there or not, that a run
 * or a checkpoint has as its own. *owner: the directory of that run or checkpoint (rt_malloc; NULL if there was no
 * memory for it), set only then. */
bool rt_run_owns(const char *path, char **owner);

#endif
