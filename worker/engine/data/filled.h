/* The samples of a batch in reusable host memory, and tensors over it.
 *
 *     rt__filled f = {0};
 *     RT_TRY(rt__filled_init(&f, d, 64));                 // memory for up to 64 samples
 *     RT_TRY(rt__filled_read(&f, d, ids, 48));            // any thread
 *     rt_batch b;
 *     RT_TRY(rt__filled_wrap(&f, d, &b));                 // the thread that computes
 *     rt__filled_release(&f);
 */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_FILLED_H
#define RINGTORCH_WORKER_ENGINE_DATA_FILLED_H

#include <ringtorch/data.h>

typedef struct rt__filled {
    int64_t n; /* samples */
    rt_data_buffer buffer[RT_DATA_FIELDS_MAX];
    void *memory; /* holds all the buffers */
} rt__filled;

/* Allocates memory for up to `most` samples of the set; f must be zeroed. */
rt_status rt__filled_init(rt__filled *f, const rt_dataset *d, int64_t most);
void rt__filled_release(rt__filled *f);
/* Reads n samples; n must not exceed `most`. */
rt_status rt__filled_read(rt__filled *f, const rt_dataset *d, const int64_t *ids, int64_t n);
/* Makes tensors over the samples; owned by the scope, valid until the next read into f. */
rt_status rt__filled_wrap(const rt__filled *f, const rt_dataset *d, rt_batch *out);

#endif
