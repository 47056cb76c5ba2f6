/* Opens a committed checkpoint: verifies every byte of every piece, parses the headers, and checks that each element of
 * the parameters and of the optimiser's states is there exactly once. A checkpoint that opens here can be loaded by a
 * run of the same configuration. Coordinator, workers and tools all open checkpoints through this file, so they refuse
 * with the same messages.
 *
 *     rt_saved s;
 *     RT_TRY(rt_saved_open("runs/x/checkpoints/step-00000500", NULL, &s));
 *     printf("step %ld, %d pieces\n", (long)s.manifest.step, s.pieces);
 *     rt_saved_close(&s);
 *
 * Anything missing, truncated, altered or senseless is refused, naming the file. Types and lengths are checked before
 * contents, so that nothing waits for a pipe. */
#ifndef RINGTORCH_COMMON_STATE_SAVED_H
#define RINGTORCH_COMMON_STATE_SAVED_H

#include "common/base/hash.h"
#include "common/state/saved_entry.h"

/* `watch` follows the reading of all pieces; it may be NULL. */
rt_status rt_saved_open(const char *dir, const rt_watch *watch, rt_saved *out);
void rt_saved_close(rt_saved *s);

#endif
