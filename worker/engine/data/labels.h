/* Label files of two kinds: IDX of bytes [n] (MNIST and related sets), and QMNIST's IDX of int32 [n,k], whose first
 * column is the class (https://github.com/facebookresearch/qmnist; the other columns say where the image came from).
 *
 *     rt__labels l;
 *     RT_TRY(rt__labels_open(path, &l));
 *     RT_TRY(rt__labels_read(&l, l.count, labels));      // uint8_t labels[count]
 *     RT_TRY(rt__labels_end(&l));                        // nothing may follow
 *     rt__labels_close(&l);
 */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_LABELS_H
#define RINGTORCH_WORKER_ENGINE_DATA_LABELS_H

#include "worker/engine/data/source.h"

typedef struct rt__labels {
    rt__source *source;
    int64_t count;
    int64_t columns; /* int32 values for each label; 0: one byte */
} rt__labels;

/* Opens the file as rt__idx_open does and reads its header. */
rt_status rt__labels_open(const char *path, rt__labels *out);
void rt__labels_close(rt__labels *l);
/* Reads the first n labels. Fails with RANGE, naming file, byte and label, if a class is not in 0 to 255. */
rt_status rt__labels_read(rt__labels *l, int64_t n, uint8_t *to);
/* Fails unless the file ends after the labels. */
rt_status rt__labels_end(rt__labels *l);
/* Returns the offset of label i in the file. */
int64_t rt__labels_byte(const rt__labels *l, int64_t i);

#endif
