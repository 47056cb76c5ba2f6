/* Batches made ahead by a thread, taken in order by another.
 *
 *     rt__prefetch_args a = {.fill = fill, .ctx = l, .slots = 3, .data = d, .most = 64,
 *                            .threaded = true};
 *     RT_TRY(rt__prefetch_new(&a, &p));
 *     const rt__filled *b;
 *     RT_TRY(rt__prefetch_take(p, 0, &b));    // fill(l, 0, ...) has run; b holds until ...
 *     RT_TRY(rt__prefetch_take(p, 1, &b));    // ... the next take; often made already
 *     rt__prefetch_free(p);                   // stops the thread, after at most one more fill
 *
 * `fill` makes the batch with a given number, deciding by itself what that number means. It runs on
 * the thread (or inside take when not threaded), one call at a time, and its failure comes out of
 * the take that asks for that number. */
#ifndef RINGTORCH_ENGINE_DATA_PREFETCH_H
#define RINGTORCH_ENGINE_DATA_PREFETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "worker/engine/data/filled.h"

typedef rt_status rt__fill_fn(void *ctx, int64_t number, rt__filled *to);

typedef struct rt__prefetch_args {
    rt__fill_fn *fill;
    void *ctx; /* must outlive the prefetcher; read by its thread */
    int slots; /* buffers: one is the taker's, the others are made ahead; at least 2 when threaded
                */
    const rt_dataset *data; /* whose samples the buffers are for */
    int64_t most;           /* of them in a batch */
    bool threaded;
} rt__prefetch_args;

typedef struct rt__prefetch rt__prefetch;
rt_status rt__prefetch_new(const rt__prefetch_args *a, rt__prefetch **out);
/* Gives batch `number`, waiting for it if need be. Any number may be asked for: one that is not the
 * next after the last drops what was made ahead. */
rt_status rt__prefetch_take(rt__prefetch *p, int64_t number, const rt__filled **out);
/* Says which number comes next, so that the thread can begin; it goes on from there until the slots
 * are full. */
void rt__prefetch_hint(rt__prefetch *p, int64_t number);
/* NULL is fine. */
void rt__prefetch_free(rt__prefetch *p);

#endif
