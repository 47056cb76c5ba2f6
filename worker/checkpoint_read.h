/* A committed checkpoint, opened: manifest read, every piece's length and checksum verified,
 * headers parsed.
 *
 *     rt__saved s;
 *     RT_TRY(rt__saved_open("runs/x/checkpoints/step-00000500", &s));
 *     printf("step %ld, %d pieces\n", (long)s.step, s.pieces);
 *     rt__saved_close(&s);
 *
 * Anything missing, truncated or altered is refused by the name of its file; another format version
 * or a directory that is no checkpoint likewise. */
#ifndef RINGTORCH_WORKER_CHECKPOINT_READ_H
#define RINGTORCH_WORKER_CHECKPOINT_READ_H

#include <ringtorch/formats.h>
#include "common/json.h"

typedef struct rt__saved {
    char *dir;
    json_t *manifest;
    int64_t step, slices;
    int pieces;
    rt_st_reader **piece; /* [pieces] */
} rt__saved;

rt_status rt__saved_open(const char *dir, rt__saved *out);
void rt__saved_close(rt__saved *s);

/* One entry of a piece, its name taken apart. */
typedef struct rt__saved_entry {
    char kind[64];
    char tensor[448];
    int64_t start; /* first element of the tensor that the entry holds */
    int64_t count;
    const void *data; /* float32, unaligned; borrowed from the reader */
} rt__saved_entry;
/* Takes entry i of a piece apart. FORMAT if its name or shape could not be ours. */
rt_status rt__saved_entry_at(const rt__saved *s, int piece, int64_t i, rt__saved_entry *out);

/* Finds a checkpoint: `path` is one (it holds a manifest), or a run directory, whose newest
 * checkpoint that verifies is taken (those that do not are named in the log). On success it is open
 * in *out. NOTFOUND if there is none. */
rt_status rt__saved_find(const char *path, rt__saved *out);

#endif
