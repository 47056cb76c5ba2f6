/* The samples of slice s of step t: a pure function of (seed, t, s), made ahead by a thread.
 *
 *     rt__batch_plan plan = {.data = train, .seed = 1337, .batch = 64, .slices = 4};
 *     RT_TRY(rt__batches_new(&plan, &b));
 *     RT_TRY(rt__batches_hint(b, step, mine));              // the thread begins, and goes on
 *     RT_TRY(rt__batches_take(b, step, slice, &filled));    // holds until the next take or hint
 *     RT_TRY(rt__batches_again(b, step, slice, &filled));   // any slice, beside those made ahead
 *     rt__batches_free(b);
 *
 * common/samples.h says which samples those are. */
#ifndef RINGTORCH_ENGINE_TRAIN_BATCHES_H
#define RINGTORCH_ENGINE_TRAIN_BATCHES_H

#include <ringtorch/data.h>
#include "common/slices.h"
#include "worker/engine/data/prefetch.h"

typedef struct rt__batch_plan {
    const rt_dataset *data; /* must outlive the batches */
    uint64_t seed;
    int64_t batch, slices;
} rt__batch_plan;

typedef struct rt__batches rt__batches;
rt_status rt__batches_new(const rt__batch_plan *plan, rt__batches **out);
void rt__batches_free(rt__batches *b); /* NULL is fine */
/* Says which slices are taken from which step on. Repeating what is already under way costs a lock.
 */
rt_status rt__batches_hint(rt__batches *b, int64_t step, rt_range slices);
/* Gives the samples of a slice among those last hinted. */
rt_status rt__batches_take(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out);
/* Gives the samples of any slice, read at once on the calling thread; what is made ahead stays as it
 * is. Holds until the next call. */
rt_status rt__batches_again(rt__batches *b, int64_t step, int64_t slice, const rt__filled **out);

#endif
