/* One thread prepares batches ahead of time; another takes them in order.
 *
 *     rt__prefetch_args a = {.fill = fill, .ctx = l, .slots = 3, .held = 1, .data = d, .most = 64,
 *                            .threaded = true};
 *     RT_TRY(rt__prefetch_new(&a, &p));
 *     const rt__filled *b;
 *     RT_TRY(rt__prefetch_take(p, 0, &b));    // fill(l, 0, ...) has run; b stays valid until ...
 *     RT_TRY(rt__prefetch_take(p, 1, &b));    // ... .held more are taken; often prepared already
 *     rt__prefetch_free(p);                   // stops the thread, after at most one more fill
 *
 * `fill` makes the batch with a given number and alone decides what that number means. It runs on the
 * prefetch thread (or inside take if not threaded), one call at a time; if it fails, the take that asks
 * for that number fails. */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_PREFETCH_H
#define RINGTORCH_WORKER_ENGINE_DATA_PREFETCH_H

#include "worker/engine/data/filled.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef rt_status rt__fill_fn(void *ctx, int64_t number, rt__filled *to);

typedef struct rt__prefetch_args {
    rt__fill_fn *fill;
    void *ctx; /* must outlive the prefetcher; its thread reads it */
    /* buffers: `held` for the taker, the rest for batches made ahead, at least one if threaded */
    int slots;
    /* how many of the latest batches stay valid for the taker; at least 1 */
    int held;
    const rt_dataset *data; /* the buffers hold samples of this set */
    int64_t most;           /* samples in a batch */
    bool threaded;
} rt__prefetch_args;

typedef struct rt__prefetch rt__prefetch;
rt_status rt__prefetch_new(const rt__prefetch_args *a, rt__prefetch **out);
/* Returns batch `number`, waiting for it if needed. Any number may be requested: if it is not the next
 * after the last one, batches made ahead are dropped. */
rt_status rt__prefetch_take(rt__prefetch *p, int64_t number, const rt__filled **out);
/* Announces which number comes next, so that the thread can begin; it continues from there until the
 * slots are full. */
void rt__prefetch_hint(rt__prefetch *p, int64_t number);
/* p may be NULL. */
void rt__prefetch_free(rt__prefetch *p);

#endif
