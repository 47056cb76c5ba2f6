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

/* A text file, plain or gzip, as windows of tokens for a language model. Fields: "tokens" int64 [context], the window; "targets" int64
 * [context], each token's successor; both are classes below the size of the vocabulary. With a mask also "mask" float32 [context]: 1 where
 * the target counts, else 0.
 *
 * A token is a character (a Unicode code point of UTF-8) or a byte. The vocabulary is what occurs in the file, in ascending order, so
 * that both parts of a file number it alike. A share of the file is held out for evaluation: its end, or pieces (of two hundred
 * that the file is cut into) drawn by the seed. Windows of evaluation lie side by side. Refuses more than 1 GiB, and bytes that are no
 * UTF-8, naming the byte. */
typedef enum rt_text_unit { RT_TEXT_CHARACTERS, RT_TEXT_BYTES } rt_text_unit;
typedef enum rt_text_split { RT_TEXT_LAST, RT_TEXT_KEYED } rt_text_split;
typedef enum rt_text_mask {
    RT_TEXT_ALL,   /* every target counts: there is no mask */
    RT_TEXT_AFTER, /* those behind the first separator of their line do, and the line's end */
    RT_TEXT_RANDOM /* a share of the file's tokens does, drawn by the seed */
} rt_text_mask;
typedef struct rt_data_text_args {
    const char *path;
    bool train;                     /* false: the part that is held out */
    int64_t context RT_DEFAULT(64); /* tokens of a sample */
    int64_t stride;                 /* tokens from one window of training to the next; 0: context */
    rt_text_unit unit;
    double share RT_DEFAULT(0.1); /* held out; above 0, below 1 */
    rt_text_split split;
    rt_text_mask mask;
    const char *separator RT_DEFAULT("="); /* RT_TEXT_AFTER: one token or several */
    double mask_share RT_DEFAULT(0.15);    /* RT_TEXT_RANDOM: above 0, at most 1 */
    uint64_t seed RT_DEFAULT(rt_seed());
    int64_t limit RT_DEFAULT(INT64_MAX); /* the first so many windows only */
} rt_data_text_args;
#define RT_DATA_TEXT_DEFAULTS                                                                      \
    .context = 64, .share = 0.1, .separator = "=", .mask_share = 0.15, .seed = rt_seed(),          \
    .limit = INT64_MAX
#define rt_data_text(...)                                                                          \
    RT_CALL_WITH_DEFAULTS(rt_data_text_, rt_data_text_args, RT_DATA_TEXT_DEFAULTS, path,           \
                          __VA_ARGS__)
/* Reads the file into memory, four bytes a token; NULL on failure. Owned by the current scope. */
rt_dataset *rt_data_text_(rt_data_text_args a);

/* A table of numbers, plain or gzip: comma-separated values whose first line names the columns. Fields: "x" float32 [k], the columns that
 * are no targets, in order; "y" float32 [m], the targets as they are named. Each row is held out for evaluation or not by a
 * draw of its own from the seed, so that rows that are appended later change nothing about the others. Standardised: less the mean and
 * divided by the standard deviation of the column over the training rows (limit or not); a column that is constant there becomes 0.
 * Cells are decimal numbers and may be quoted. Refuses more than 1 GiB, and cells that are missing, not numbers or beyond float32,
 * naming line and column. */
typedef enum rt_csv_standardise { RT_CSV_BOTH, RT_CSV_INPUTS, RT_CSV_NONE } rt_csv_standardise;
typedef struct rt_data_csv_args {
    const char *path;
    bool train;         /* false: the rows that are held out */
    const char *target; /* names of columns, comma-separated; NULL or "": the last column */
    const char *ignore; /* names of columns that are left out, likewise; NULL or "": none */
    double share RT_DEFAULT(0.2); /* held out; above 0, below 1 */
    rt_csv_standardise standardise;
    uint64_t seed RT_DEFAULT(rt_seed());
    int64_t limit RT_DEFAULT(INT64_MAX); /* the first so many rows only */
} rt_data_csv_args;
#define RT_DATA_CSV_DEFAULTS .share = 0.2, .seed = rt_seed(), .limit = INT64_MAX
#define rt_data_csv(...)                                                                           \
    RT_CALL_WITH_DEFAULTS(rt_data_csv_, rt_data_csv_args, RT_DATA_CSV_DEFAULTS, path, __VA_ARGS__)
/* Reads the file into memory; NULL on failure. Owned by the current scope. */
rt_dataset *rt_data_csv_(rt_data_csv_args a);

/* A field from a tensor in memory. */
typedef struct rt_data_tensor {
    const char *name; /* 1 to 40 bytes; no other field of the set has it */
    rt_tensor *value; /* [n, ...]; with .lengths: samples one behind the other, [their sum, ...] */
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
#define RT_DATA_TENSORS(...) rt_data_tensors_of({__VA_ARGS__})
#else
#define RT_DATA_TENSORS(...)                                                                       \
    rt_data_tensors_(                                                                              \
        (const rt_data_tensor[]){__VA_ARGS__},                                                     \
        (int)(sizeof((const rt_data_tensor[]){__VA_ARGS__}) / sizeof(rt_data_tensor)))
#endif
/* What a field leaves out is left out on purpose, which -Wextra would warn about. */
#define rt_data_tensors(...)                                                                       \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push")                                                             \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                     \
                rt_dataset *rt_set_ = RT_DATA_TENSORS(__VA_ARGS__);                                \
        _Pragma("GCC diagnostic pop") rt_set_;                                                     \
    })
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
