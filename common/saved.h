/* A committed checkpoint, opened: every byte of every piece verified, headers parsed, and each element of the
 * parameters and of the optimiser's states found exactly once. What opens here can be loaded, by a run of the same
 * configuration; coordinator, workers and tools all open checkpoints here, and refuse in the same words.
 *
 *     rt_saved s;
 *     RT_TRY(rt_saved_open("runs/x/checkpoints/step-00000500", NULL, &s));
 *     printf("step %ld, %d pieces\n", (long)s.manifest.step, s.pieces);
 *     rt_saved_close(&s);
 *
 * Anything missing, truncated, altered or senseless is refused by the name of its file. Types and lengths are looked at
 * before contents, so that what is no file is not waited for. */
#ifndef RINGTORCH_COMMON_SAVED_H
#define RINGTORCH_COMMON_SAVED_H

#include <ringtorch/safetensors.h>
#include "common/hash.h"
#include "common/manifest.h"

typedef struct rt_saved {
    char *dir;
    rt_manifest manifest;
    int pieces;
    rt_st_reader **piece; /* [pieces] */
} rt_saved;

/* `watch` follows the reading of all pieces; NULL: nobody does. */
rt_status rt_saved_open(const char *dir, const rt_watch *watch, rt_saved *out);
void rt_saved_close(rt_saved *s);

/* One entry of a piece, its name taken apart. */
typedef struct rt_saved_entry {
    char kind[64]; /* "param", or a state of the optimiser */
    char tensor[448];
    int64_t start; /* first element of the tensor that the entry holds */
    int64_t count;
    const void *data; /* float32, unaligned; borrowed from the reader */
} rt_saved_entry;
/* Takes entry i of a piece apart. FORMAT if its name or shape could not be ours. */
rt_status rt_saved_entry_at(const rt_saved *s, int piece, int64_t i, rt_saved_entry *out);

/* Checks that every element of the layout is in the pieces exactly once, as parameter and as each state that the
 * manifest's optimiser has, and nothing else; part of rt_saved_open. */
rt_status rt__saved_check_cover(const rt_saved *s);

#endif
