/* Finds the files of MNIST or a related data set in a folder, under the names they are published with.
 *
 *     rt__mnist_files f;
 *     RT_TRY(rt__mnist_files_find("/data/emnist/emnist-letters", true, &f));
 *     ... f.images "/data/emnist/emnist-letters-train-images-idx3-ubyte", f.labels ...
 *     rt__mnist_files_release(&f);
 *
 *     [SET-]train|t10k|test-images-idx3-ubyte[.gz]      images.idx3-ubyte, too
 *     [SET-]train|t10k|test-labels-idx1-ubyte[.gz]      labels.idx1-ubyte, labels-idx2-int (QMNIST), too
 *
 * Files without a set name are preferred. If a folder holds several named sets, FOLDER/SET selects one. */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_MNIST_FILES_H
#define RINGTORCH_WORKER_ENGINE_DATA_MNIST_FILES_H

#include <ringtorch/status.h>
#include <stdbool.h>

typedef struct rt__mnist_files {
    char *images, *labels; /* paths, without ".gz"; owned */
} rt__mnist_files;

/* Fails with NOTFOUND if there is no such folder or set, with ARG if there are several. If files are missing, it returns
 * MNIST's own names, so that opening them reports what is missing. */
rt_status rt__mnist_files_find(const char *path, bool train, rt__mnist_files *out);
void rt__mnist_files_release(rt__mnist_files *f);

#endif
