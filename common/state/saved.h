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
#include "common/state/manifest.h"
#include <ringtorch/safetensors.h>

typedef struct rt_saved {
    char *dir;
    rt_manifest manifest;
    int pieces;
    rt_st_reader **piece; /* [pieces] */
} rt_saved;

/* `watch` follows the reading of all pieces; it may be NULL. */
rt_status rt_saved_open(const char *dir, const rt_watch *watch, rt_saved *out);
void rt_saved_close(rt_saved *s);

/* One entry of a piece, with its name split into its parts. */
typedef struct rt_saved_entry {
    char kind[64]; /* "param", or a state of the optimiser */
    char tensor[448];
    int64_t start; /* first element of the tensor that the entry holds */
    int64_t count;
    const void *data; /* float32, unaligned; borrowed from the reader */
} rt_saved_entry;
/* Describes entry i of a piece. Fails with FORMAT if its name or shape cannot come from this program. */
rt_status rt_saved_entry_at(const rt_saved *s, int piece, int64_t i, rt_saved_entry *out);

/* Checks that the pieces hold every element of the layout exactly once, as parameter and as each state of the
 * manifest's optimiser, and nothing else; part of rt_saved_open. */
rt_status rt__saved_check_cover(const rt_saved *s);

#endif
