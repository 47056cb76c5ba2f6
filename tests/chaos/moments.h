/* Waits for the short moments in which faults are injected.
 *
 *     checkpoint_watch w;
 *     if (checkpoint_watch_begin(&w, run_dir) && checkpoint_watch_await(&w, 400, true, 30))
 *         ...            // the pieces of step 400 are written, and the manifest is being written
 *     checkpoint_watch_end(&w);
 *
 * The kernel reports when a file appears (inotify), so the fault follows about 50 microseconds later. */
#ifndef RINGTORCH_TESTS_CHAOS_MOMENTS_H
#define RINGTORCH_TESTS_CHAOS_MOMENTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct checkpoint_watch {
    int fd, folder_watch;
    char folder[600];
} checkpoint_watch;

/* Returns false if checkpoints/ cannot be watched. */
bool checkpoint_watch_begin(checkpoint_watch *w, const char *run_dir);
/* Waits until the writing of a checkpoint of that step (-1: any) begins or, with `committing`, that of its manifest. Returns false if
 * that does not happen within `seconds`. */
bool checkpoint_watch_await(checkpoint_watch *w, int64_t step, bool committing, double seconds);
void checkpoint_watch_end(checkpoint_watch *w);

#endif
