/* What a data set is inside: samples with one shape, labels, and one of two kinds of storage.
 *
 *     RT_TRY(rt_data_read(d, ids, n, x, y));      // the public way; any thread
 */
#ifndef RINGTORCH_ENGINE_DATA_DATASET_H
#define RINGTORCH_ENGINE_DATA_DATASET_H

#include <ringtorch/data.h>
#include "worker/engine/base/object.h"

struct rt_dataset {
    rt_object object;
    int64_t count, classes;
    rt_dims sample; /* shape of one sample */
    int64_t sample_numel;
    uint8_t *pixels; /* [count, sample_numel] from a file, or NULL; owned */
    uint8_t *labels; /* [count], with pixels; owned */
    struct {         /* the largest label, with pixels */
        int64_t value, at, byte;
        char *path; /* owned */
    } largest;
    rt_tensor *x, *y;    /* tensors of the user, or NULL; contiguous, owned */
    const float *x_data; /* theirs, so that readers touch no tensor */
    const int64_t *y_data;
};

extern const rt_object_type rt__dataset_type;

/* RANGE, naming file, byte and label, if a label is not below `classes`. */
rt_status rt__data_check_classes(const rt_dataset *d, int64_t classes);

#endif
