/* The samples of a batch in host memory that is used again and again, and tensors over it.
 *
 *     rt__filled f = {0};
 *     RT_TRY(rt__filled_init(&f, d, 64));                 // room for 64 samples
 *     RT_TRY(rt__filled_read(&f, d, ids, 48));            // any thread
 *     rt_batch b;
 *     RT_TRY(rt__filled_wrap(&f, d, &b));                 // the thread that computes
 *     rt__filled_release(&f);
 */
#ifndef RINGTORCH_ENGINE_DATA_FILLED_H
#define RINGTORCH_ENGINE_DATA_FILLED_H

#include <ringtorch/data.h>

typedef struct rt__filled {
    int64_t n; /* samples */
    rt_data_buffer buffer[RT_DATA_FIELDS_MAX];
    void *memory; /* of all the buffers */
} rt__filled;

/* Takes memory for up to `most` samples of the set; f is zero. */
rt_status rt__filled_init(rt__filled *f, const rt_dataset *d, int64_t most);
void rt__filled_release(rt__filled *f);
/* Reads n samples, at most as many as there is room for. */
rt_status rt__filled_read(rt__filled *f, const rt_dataset *d, const int64_t *ids, int64_t n);
/* Makes tensors over the samples; owned by the scope, valid until f is read into again. */
rt_status rt__filled_wrap(const rt__filled *f, const rt_dataset *d, rt_batch *out);

#endif
