/* Finds the files of one of MNIST's kin in a folder, under the names they are published with.
 *
 *     rt__mnist_files f;
 *     RT_TRY(rt__mnist_files_find("/data/emnist/emnist-letters", true, &f));
 *     ... f.images "/data/emnist/emnist-letters-train-images-idx3-ubyte", f.labels ...
 *     rt__mnist_files_release(&f);
 *
 *     [SET-]train|t10k|test-images-idx3-ubyte[.gz]      images.idx3-ubyte, too
 *     [SET-]train|t10k|test-labels-idx1-ubyte[.gz]      labels.idx1-ubyte, labels-idx2-int (QMNIST), too
 *
 * A set without a name is preferred. If a folder holds several named ones, FOLDER/SET says which is meant. */
#ifndef RINGTORCH_ENGINE_DATA_MNIST_FILES_H
#define RINGTORCH_ENGINE_DATA_MNIST_FILES_H

#include <stdbool.h>
#include <ringtorch/status.h>

typedef struct rt__mnist_files {
    char *images, *labels; /* paths, without ".gz"; owned */
} rt__mnist_files;

/* NOTFOUND if there is no such folder or set, ARG if there are several; where files are missing the names of MNIST's are
 * given, for whoever opens them to say so. */
rt_status rt__mnist_files_find(const char *path, bool train, rt__mnist_files *out);
void rt__mnist_files_release(rt__mnist_files *f);

#endif
