/* Data sets and loaders.
 *
 *     rt_dataset *train = rt_data_mnist("/usr/share/datasets/fashion-mnist", .train = true);
 *     rt_loader *data = rt_data_loader(train, .batch = 64, .shuffle = true);
 *     rt_batch b;
 *     while (rt_data_next(data, &b))    // one epoch; call again for the next one
 *         ...                           // b.x: float32 [64,1,28,28] in [0,1], b.y: int64 [64]
 *
 * Batches belong to the loader and hold until the next call. Pixels are value/255, nothing else.
 * Errors name file, byte and what was expected. */
#ifndef RINGTORCH_DATA_H
#define RINGTORCH_DATA_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

typedef struct rt_dataset rt_dataset;

/* An IDX pair, each plain or gzip (told by content, and with or without ".gz" in the name): images
 * uint8 [n,h,w] and labels uint8 [n], or int32 [n,k] with the class in the first column (QMNIST). Refuses bad magic numbers, sizes that disagree, truncated or
 * trailing bytes, damaged gzip, labels >= classes. */
typedef struct rt_data_idx_args {
    const char *images, *labels;         /* paths */
    int64_t classes;                     /* 0: as many as the largest label asks for */
    int64_t limit RT_DEFAULT(INT64_MAX); /* read the first so many samples only, 1 or more */
} rt_data_idx_args;
#define RT_DATA_IDX_DEFAULTS .limit = INT64_MAX
#define rt_data_idx(...)                                                                           \
    RT_CALL_WITH_DEFAULTS(rt_data_idx_, rt_data_idx_args, RT_DATA_IDX_DEFAULTS, images, __VA_ARGS__)
/* Reads both into memory; NULL on failure. Owned by the current scope. */
rt_dataset *rt_data_idx_(rt_data_idx_args a);

/* MNIST and its kin, under the names they are published with: train-images-idx3-ubyte and
 * train-labels-idx1-ubyte, or t10k-..., or test-...; before that the name of a set
 * (emnist-letters-train-..., qmnist-test-...); images.idx3-ubyte as some unpackers have it; each
 * with or without ".gz". At least ten classes; more if a label is larger. */
typedef struct rt_data_mnist_args {
    const char *folder; /* or FOLDER/SET, if the folder holds several named sets */
    bool train;
    int64_t limit RT_DEFAULT(INT64_MAX); /* as above */
} rt_data_mnist_args;
#define RT_DATA_MNIST_DEFAULTS .limit = INT64_MAX
#define rt_data_mnist(...)                                                                         \
    RT_CALL_WITH_DEFAULTS(rt_data_mnist_, rt_data_mnist_args, RT_DATA_MNIST_DEFAULTS, folder,      \
                          __VA_ARGS__)
/* Reads them as rt_data_idx does. */
rt_dataset *rt_data_mnist_(rt_data_mnist_args a);

/* Tensors in memory: x [n, ...] float32, y [n] int64 in [0, classes); kept. */
rt_dataset *rt_data_tensors(rt_tensor *x, rt_tensor *y, int64_t classes);

/* The number of samples. */
int64_t rt_data_size(const rt_dataset *d);
/* Of one sample, e.g. [1,28,28]. */
rt_dims rt_data_sample_shape(const rt_dataset *d);
/* The number of classes; labels are below it. */
int64_t rt_data_classes(const rt_dataset *d);
/* Copies samples ids[0..n) into x (n * numel(sample shape) floats) and y (n labels). Thread-safe.
 */
rt_status rt_data_read(const rt_dataset *d, const int64_t *ids, int64_t n, float *x, int64_t *y);

typedef struct rt_batch {
    rt_tensor *x, *y;
    int64_t epoch, index; /* of the batch within the epoch */
} rt_batch;

typedef struct rt_loader rt_loader;
typedef struct rt_loader_args {
    rt_dataset *data;
    int64_t batch; /* required */
    bool shuffle;  /* by the keyed permutation of (seed, epoch) */
    bool drop_last;
    uint64_t seed RT_DEFAULT(rt_seed()); /* rt_init's */
    int prefetch RT_DEFAULT(2);          /* batches made ahead by a thread; 0: none, no thread */
} rt_loader_args;
#define RT_LOADER_DEFAULTS .seed = rt_seed(), .prefetch = 2
#define rt_data_loader(...)                                                                        \
    RT_CALL_WITH_DEFAULTS(rt_data_loader_, rt_loader_args, RT_LOADER_DEFAULTS, data, __VA_ARGS__)
/* Makes one, which keeps the data set; NULL on failure. Owned by the current scope. */
rt_loader *rt_data_loader_(rt_loader_args a);
/* Gives the next batch; false at the end of an epoch, and on error (rt_failed()). */
bool rt_data_next(rt_loader *l, rt_batch *out);

RT_END_DECLS

#endif
