/* The names of the files in a run directory: for code that removes them, and for code that must not overwrite them.
 *
 *     for (const char *const *name = rt_run_files; *name; name++)
 *         remove_in(run, *name);
 *
 *     char *run;
 *     if (rt_run_owns("runs/x/journal", &run)) ...   // true, and "/home/me/runs/x"
 */
#ifndef RINGTORCH_COMMON_BASE_RUN_FILES_H
#define RINGTORCH_COMMON_BASE_RUN_FILES_H

#include <stdbool.h>

/* Begins the names of notes in logs/ (worker/arrivals.h). */
#define RT_ARRIVAL_NOTE ".come-"

/* Everything that a run writes directly into its directory, folders included; ends with NULL. */
extern const char *const rt_run_files[];

/* Returns whether a path names a file, existing or not, that belongs to a run or a checkpoint. Links are followed
 * except in the last component. If so, sets *owner to the directory of that run or checkpoint (rt_malloc; NULL if
 * memory ran out). */
bool rt_run_owns(const char *path, char **owner);

#endif
