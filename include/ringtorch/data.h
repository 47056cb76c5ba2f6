/* Data sets and loaders.
 *
 *     rt_dataset *train = rt_data_mnist("/usr/share/datasets/fashion-mnist", .train = true);
 *     rt_loader *data = rt_data_loader(train, .batch = 64, .shuffle = true);
 *     rt_batch b;
 *     while (rt_data_next(data, &b)) {          // one epoch; call again for the next one
 *         rt_tensor *x = rt_batch_field(&b, "x");        // float32 [64,1,28,28] in [0,1]
 *         rt_tensor *y = rt_batch_field(&b, "y");        // int64 [64]
 *         ...
 *     }
 *
 * A sample is a list of named fields, each with a type and a shape; what a net takes is by custom the first. A field may have a
 * length of its own in each sample, as sentences have: a batch pads it to its longest sample, and the field that follows says how long each
 * one is.
 *
 * Batches belong to the loader and hold until the next call. Errors name file, byte and what was expected. */
#ifndef RINGTORCH_DATA_H
#define RINGTORCH_DATA_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

typedef struct rt_dataset rt_dataset;

enum { RT_DATA_FIELDS_MAX = 8 }; /* fields of a sample, lengths included */

typedef struct rt_data_field {
    const char *name; /* "x", "y", "tokens", ...; owned by the data set */
    rt_dtype dtype;
    rt_dims
        dims; /* of one sample; [] for a number. If it varies, d[0] is the length of the longest sample */
    bool
        varies; /* the length of the first axis differs between samples; the next field, int64 [] of the name "<name>.length",
                     tells it */
    double
        pad; /* varies: the value behind the end of samples shorter than the longest of a batch */
    int64_t classes; /* int64: values are classes in [0, classes); 0: they are no classes */
} rt_data_field;

/* Returns how many fields a sample has; *fields becomes the list of them, owned by the data set. */
int rt_data_fields(const rt_dataset *d, const rt_data_field **fields);
/* Returns the field of that name; NULL, which is no error, if there is none. */
const rt_data_field *rt_data_find(const rt_dataset *d, const char *name);
/* The number of samples. */
int64_t rt_data_size(const rt_dataset *d);

/* One field of n samples, in memory of the caller. */
typedef struct rt_data_buffer {
    void *data; /* room for n samples of the field's dims, aligned for its type */
    rt_dims
        dims; /* set by rt_data_read: [n, ...]; of a field that varies [n, longest of these, ...] */
} rt_data_buffer;
/* Copies samples ids[0..n) into the buffers, one for each field, in order. Thread-safe. */
rt_status rt_data_read(const rt_dataset *d, const int64_t *ids, int64_t n, rt_data_buffer *buffer);

/* ---- data sets ---- */

/* An IDX pair, each plain or gzip (told by content, and with or without ".gz" in the name): images
 * uint8 [n,h,w] and labels uint8 [n], or int32 [n,k] with the class in the first column (QMNIST). Fields: "x" float32 [1,h,w], which is
 * value/255 and nothing else, and "y" int64 []. Refuses bad magic numbers, sizes that disagree, truncated or trailing bytes, damaged
 * gzip, labels >= classes. */
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

/* A field from a tensor in memory. */
typedef struct rt_data_tensor {
    const char *name; /* 1 to 40 bytes; no other field of the set has it */
    rt_tensor *
        value; /* [n, ...]; with .lengths: the samples one behind the other, [sum of the lengths, ...] */
    rt_tensor *lengths; /* int64 [n], each 0 or more: the field varies; NULL: it does not */
    double pad;
    int64_t classes; /* of an int64 value, checked; 0: any value goes */
} rt_data_tensor;
/* Makes a data set of tensors, whose values must not change as long as it lives:
 *
 *     rt_data_tensors({"x", x}, {"y", y, .classes = 10})
 *     rt_data_tensors({"tokens", words, .lengths = lengths}, {"y", y})
 *
 * NULL on failure. Owned by the current scope. */
#ifdef __cplusplus
#define rt_data_tensors(...) rt_data_tensors_of({__VA_ARGS__})
#else
#define rt_data_tensors(...)                                                                       \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push")                                                             \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") rt_data_tensors_(   \
                (const rt_data_tensor[]){__VA_ARGS__},                                             \
                (int)(sizeof((const rt_data_tensor[]){__VA_ARGS__}) / sizeof(rt_data_tensor)));    \
        _Pragma("GCC diagnostic pop")                                                              \
    })
#endif
/* The function behind rt_data_tensors. */
rt_dataset *rt_data_tensors_(const rt_data_tensor *fields, int count);

/* ---- batches ---- */

typedef struct rt_batch {
    int64_t n;                            /* samples */
    int fields;                           /* as the data set has them: */
    const rt_data_field *about;           /* [fields] */
    rt_tensor *field[RT_DATA_FIELDS_MAX]; /* [fields], each [n, ...] */
    int64_t epoch, index;                 /* of the batch within the epoch */
} rt_batch;
/* Returns the field of that name, borrowed; NULL and an error that says which there are, if there is none. */
rt_tensor *rt_batch_field(const rt_batch *b, const char *name);
/* Returns it as well, but NULL without an error. */
rt_tensor *rt_batch_find(const rt_batch *b, const char *name);

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

#ifdef __cplusplus
#include <initializer_list>
inline rt_dataset *rt_data_tensors_of(std::initializer_list<rt_data_tensor> fields)
{
    return rt_data_tensors_(fields.begin(), (int)fields.size());
}
#endif

#endif
