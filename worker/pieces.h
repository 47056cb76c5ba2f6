/* Writes this rank's piece of a checkpoint without holding up training.
 *
 *     rt__pieces_args a = {run, owned, rank, generation, "runs/x/checkpoints", on_done, ctx};
 *     RT_TRY(rt__pieces_start(&a, &p));
 *     rt__pieces_save(p, 500);      // copies this rank's part of the state and returns; a thread writes it
 *     ... training goes on ...
 *     rt__pieces_end(p);            // waits for the last one
 *
 * Piece k of step t is <dir>/.step-<8 digits of t>.g<generation>.tmp/piece-<5 digits of k>.safetensors: the generation
 * in the name keeps a rank of an earlier generation that is cut off but alive from writing into it. Its entries are
 * named `<kind>/<tensor>@<start>`: float32, one-dimensional, the elements of the tensor from `start` on that this rank
 * owns; kinds are `param`, `buffer` and the names of the optimiser's states. The coordinator commits the directory once
 * all pieces are written. */
#ifndef RINGTORCH_WORKER_PIECES_H
#define RINGTORCH_WORKER_PIECES_H

#include "common/base/slices.h"
#include "worker/engine/train/run.h"

typedef struct rt__piece_result {
    int64_t step;
    rt_status status; /* of the writing; if RT_OK the next three are valid */
    char file[32];    /* name within the directory */
    int64_t bytes;
    uint64_t checksum;  /* XXH3-64 of the file */
    const char *reason; /* why it failed; borrowed for the call */
} rt__piece_result;

typedef struct rt__pieces_args {
    rt_run *run;
    rt_range owned;                                        /* elements of the flat buffers */
    int rank;                                              /* number of the piece */
    int64_t generation;                                    /* in the name of the directory */
    const char *dir;                                       /* where checkpoints live; copied */
    void (*on_done)(void *ctx, const rt__piece_result *r); /* called on the writing thread */
    void *ctx;
} rt__pieces_args;

typedef struct rt__pieces rt__pieces;

/* Makes the staging buffer (owned elements of all kinds) and the thread. */
rt_status rt__pieces_start(const rt__pieces_args *a, rt__pieces **out);
/* Copies the state after `step` steps and hands it to the thread. Waits if the previous piece is still being written.
 * Failures to write are reported to on_done, not here. */
void rt__pieces_save(rt__pieces *p, int64_t step);
/* Waits until everything is written and on_done has returned. */
void rt__pieces_wait(rt__pieces *p);
void rt__pieces_end(rt__pieces *p); /* waits, then frees; p may be NULL */

#endif
