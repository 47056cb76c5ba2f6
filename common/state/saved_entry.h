/* An open checkpoint and the entries of its pieces: each is a stretch of one tensor of the parameters or of a state of the
 * optimiser.
 *
 *     rt_saved_entry e;
 *     for (int64_t i = 0; i < rt_st_count(s.piece[0]); i++) {
 *         RT_TRY(rt_saved_entry_at(&s, 0, i, &e));
 *         printf("%s of %s: elements %ld to %ld\n", e.kind, e.tensor, (long)e.start, (long)(e.start + e.count));
 *     }
 */
#ifndef RINGTORCH_COMMON_STATE_SAVED_ENTRY_H
#define RINGTORCH_COMMON_STATE_SAVED_ENTRY_H

#include "common/state/manifest.h"
#include <ringtorch/safetensors.h>

/* Opened by common/state/saved.h. */
typedef struct rt_saved {
    char *dir;
    rt_manifest manifest;
    int pieces;
    rt_st_reader **piece; /* [pieces] */
} rt_saved;

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

#endif
