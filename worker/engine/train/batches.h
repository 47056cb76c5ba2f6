/* The samples of slice s of step t: a pure function of (seed, t, s), prepared ahead by a thread.
 *
 *     rt__batch_plan plan = {.data = train, .seed = 1337, .batch = 64, .slices = 4};
 *     RT_TRY(rt__batches_new(&plan, &b));
 *     RT_TRY(rt__batches_hint(b, step, mine));              // the thread begins to read ahead
 *     RT_TRY(rt__batches_take(b, step, slice, &filled));    // valid until the next take or hint; with .together until the next hint
 *     RT_TRY(rt__batches_again(b, step, slice, &filled));   // any slice, without disturbing the read-ahead
 *     rt__batches_free(b);
 *
 * common/base/samples.h defines which samples those are. */
#ifndef RINGTORCH_WORKER_ENGINE_TRAIN_BATCHES_H
#define RINGTORCH_WORKER_ENGINE_TRAIN_BATCHES_H

#include "common/base/slices.h"
#include "worker/engine/data/prefetch.h"
#include <ringtorch/data.h>

typedef struct rt__batch_plan {
    const rt_dataset *data; /* must outlive the batches */
    uint64_t seed;
    int64_t batch, slices;
    bool together; /* all slices taken in a step stay valid until the next hint */
} rt__batch_plan;

typedef struct rt__batches rt__batches;
rt_status rt__batches_new(const rt__batch_plan *plan, rt__batches **out);
void rt__batches_free(rt__batches *b); /* b may be NULL */
/* Announces which slices will be taken, from which step on. Repeating a hint costs one lock.
 */
rt_status rt__batches_hint(rt__batches *b, int64_t step, rt_range slices);
/* Returns the samples of a slice among those last hinted. */
rt_status rt__batches_take(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out);
/* Returns the samples of any slice, read immediately on the calling thread; the read-ahead is not disturbed. Valid until
 * the next call. */
rt_status rt__batches_again(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out);

#endif
