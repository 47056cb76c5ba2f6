/* Data sets and loaders.
 *
 *     rt_tensor *images = rt_rand(rt_shape(100, 1, 28, 28)), *classes = rt_randint(rt_shape(100), 0, 10);
 *     rt_dataset *train = rt_data_tensors({"x", images}, {"y", classes, .classes = 10});
 *     rt_loader *loader = rt_data_loader(train, .batch = 32, .shuffle = true);
 *     rt_batch b;
 *     int64_t samples = 0;
 *     while (rt_data_next(loader, &b)) {                 // one epoch; call it again for the next one
 *         rt_tensor *x = rt_batch_field(&b, "x");        // float32 [32,1,28,28], the last one shorter
 *         rt_tensor *y = rt_batch_field(&b, "y");        // int64 [32]
 *         samples += b.n;
 *     }
 *     printf("%d samples\n", (int)samples);              // 100 samples
 *
 * rt_data_mnist, rt_data_text and rt_data_csv read files. A sample is a list of named fields, each with a
 * type and a shape; by convention a net takes the first one. The length of a field may differ from
 * sample to sample, as that of sentences does: a batch pads it to its longest sample, and the field after
 * it holds the lengths.
 *
 * Lifetime: the current scope owns data sets and loaders; a loader keeps its data set alive. The tensors
 * of a batch belong to the loader and are valid until the next rt_data_next. Errors name the file, the
 * byte and what was expected. */
#ifndef RINGTORCH_DATA_H
#define RINGTORCH_DATA_H

#include <ringtorch/field.h>
#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* A data set. */
typedef struct rt_dataset rt_dataset;

enum { RT_DATA_FIELDS_MAX = 8 }; /* fields of a sample, lengths included */

/* A field of the samples of a data set. */
typedef struct rt_data_field {
    const char *name; /* "x", "y", "tokens", ...; owned by the data set */
    rt_dtype dtype;   /* the type of its elements */
    /* the shape in one sample; [] for a number. If the length varies, d[0] is that of the longest
     * sample */
    rt_dims dims;
    /* the length of the first axis differs between samples; the next field, int64 [] with the name
     * "<name>.length", holds it */
    bool varies;
    /* what pads samples that are shorter than the longest of a batch, if the length varies */
    double pad;
    int64_t classes; /* int64: the values are classes in [0, classes); 0: they are not classes */
} rt_data_field;

/* Returns the number of fields of a sample. *fields becomes the list of them, which the data set
 * owns. */
RT_API int rt_data_fields(const rt_dataset *d, const rt_data_field **fields);
/* Returns the field with that name; NULL, without an error, if there is none. */
RT_API const rt_data_field *rt_data_find(const rt_dataset *d, const char *name);
/* Returns the number of samples. */
RT_API int64_t rt_data_size(const rt_dataset *d);

/* Returns how the set turns what it reads into numbers, as a JSON object that the set owns; NULL
 * if it does nothing that needs to be known. The object belongs to the weights of a net: a file
 * that is read with it (.preprocessing) means the same to the net as the file that the net was
 * trained with.
 *
 *     {"dataset": "text", "unit": "characters", "vocabulary": "\n +=0123"}
 *     {"dataset": "labelled-text", "labels": ["ham", "spam"]}
 *     {"dataset": "csv", "inputs": [{"name": "area", "mean": 81.5, "deviation": 12.25}, ...],
 *      "targets": [...]}
 *
 * A token is the index of its character in the vocabulary, from 0, and a class is the index of its
 * label. A vocabulary that cannot be a text (one of bytes, or with U+0000) is a list of code
 * points. A value is (cell - mean) / deviation; inputs and targets are in their order. */
RT_API const char *rt_data_preprocessing(const rt_dataset *d);

/* One field of n samples, in memory of the caller. */
typedef struct rt_data_buffer {
    void *data; /* room for n samples of the field's dims, aligned for its type */
    /* set by rt_data_read: [n, ...]; if the length varies, [n, longest of these, ...] */
    rt_dims dims;
} rt_data_buffer;
/* Copies the samples ids[0..n) into the buffers, one for each field, in order. Thread-safe. */
RT_API rt_status rt_data_read(const rt_dataset *d, const int64_t *ids, int64_t n,
                              rt_data_buffer *buffer);

/* ---- making data sets ---- */

/* The arguments of rt_data_idx. */
typedef struct rt_data_idx_args {
    const char *images, *labels;         /* paths */
    int64_t classes RT_DEFAULT(RT_AUTO); /* 1 to 256; auto: as many as the largest label requires */
    int64_t limit RT_DEFAULT(INT64_MAX); /* reads only so many samples from the start; 1 or more */
} rt_data_idx_args;
#define RT_DATA_IDX_DEFAULTS .classes = RT_AUTO, .limit = INT64_MAX
/* Reads a pair of IDX files into memory; NULL on failure. The current scope owns the set. Each
 * file is plain or gzip, which is detected from its content, and may have ".gz" in its name or
 * not. Images are uint8 [n,h,w]; labels are uint8 [n], or int32 [n,k] with the class in the first
 * column (QMNIST). Fields: "x" float32 [1,h,w], which is value/255 and nothing else, and "y" int64
 * []. Refuses bad magic numbers, sizes that disagree, truncated or trailing bytes, damaged gzip,
 * and labels >= classes. */
#define rt_data_idx(...)                                                                           \
    RT_CALL_WITH_DEFAULTS(rt_data_idx_, rt_data_idx_args, RT_DATA_IDX_DEFAULTS, images, __VA_ARGS__)
RT_API rt_dataset *rt_data_idx_(rt_data_idx_args a);

/* The arguments of rt_data_mnist. */
typedef struct rt_data_mnist_args {
    const char *folder;                  /* or FOLDER/SET, if the folder holds several named sets */
    bool train;                          /* the training set; false: the test set */
    int64_t limit RT_DEFAULT(INT64_MAX); /* reads only so many samples from the start; 1 or more */
} rt_data_mnist_args;
#define RT_DATA_MNIST_DEFAULTS .limit = INT64_MAX
/* Reads MNIST or a set in the same form as rt_data_idx does, under the names that such sets are
 * published with: train-images-idx3-ubyte and train-labels-idx1-ubyte, or t10k-..., or test-...;
 * the same after the name of a set (emnist-letters-train-..., qmnist-test-...); or
 * images.idx3-ubyte, as some programs unpack it; each with or without ".gz". There are at least
 * ten classes, and more if a label is larger. */
#define rt_data_mnist(...)                                                                         \
    RT_CALL_WITH_DEFAULTS(rt_data_mnist_, rt_data_mnist_args, RT_DATA_MNIST_DEFAULTS, folder,      \
                          __VA_ARGS__)
RT_API rt_dataset *rt_data_mnist_(rt_data_mnist_args a);

/* What a token of a text is. */
typedef enum rt_text_unit { RT_TEXT_CHARACTERS, RT_TEXT_BYTES } rt_text_unit;
/* Which part of a text is held out for evaluation. */
typedef enum rt_text_split { RT_TEXT_LAST, RT_TEXT_KEYED } rt_text_split;
/* Which targets of a text count. */
typedef enum rt_text_mask {
    RT_TEXT_ALL,   /* every target counts: there is no mask */
    RT_TEXT_AFTER, /* targets after the first separator of their line count, and its line end */
    RT_TEXT_RANDOM /* a share of the file's tokens counts, drawn by the seed */
} rt_text_mask;
/* The arguments of rt_data_text. */
typedef struct rt_data_text_args {
    const char *path;               /* plain or gzip */
    bool train;                     /* the training part; false: the part that is held out */
    int64_t context RT_DEFAULT(64); /* tokens of a sample */
    /* tokens from one training window to the next; auto: context */
    int64_t stride RT_DEFAULT(RT_AUTO);
    rt_text_unit unit;                     /* what a token is */
    double share RT_DEFAULT(0.1);          /* the share that is held out; above 0, below 1 */
    rt_text_split split;                   /* what is held out: the end of the file, or pieces */
    rt_text_mask mask;                     /* which targets count */
    const char *separator RT_DEFAULT("="); /* for RT_TEXT_AFTER: one token or several */
    double mask_share RT_DEFAULT(0.15);    /* for RT_TEXT_RANDOM: above 0, at most 1 */
    uint64_t seed RT_DEFAULT(rt_seed());   /* key of all draws */
    int64_t limit RT_DEFAULT(INT64_MAX);   /* only so many windows from the start */
    /* what rt_data_preprocessing returned for another text; NULL: that of this text */
    const char *preprocessing;
    /* the file that .preprocessing was read from, for messages; NULL: there is none */
    const char *preprocessing_from;
} rt_data_text_args;
#define RT_DATA_TEXT_DEFAULTS                                                                      \
    .context = 64, .stride = RT_AUTO, .share = 0.1, .separator = "=", .mask_share = 0.15,          \
    .seed = rt_seed(), .limit = INT64_MAX
/* Reads a text file, plain or gzip, as windows of tokens for a language model; NULL on failure. It
 * takes four bytes of memory for each token. The current scope owns the set. Fields: "tokens"
 * int64 [context], the window, and "targets" int64 [context], the successor of each token; both
 * are classes below the size of the vocabulary. With a mask there is also "mask" float32
 * [context]: 1 where the target counts, otherwise 0.
 *
 * A token is a character (a Unicode code point of UTF-8) or a byte. The vocabulary consists of the
 * tokens that occur in the file, in ascending order, so both parts of a file use the same numbers;
 * or it is the one that .preprocessing states, and then other tokens are refused with their line
 * and column (MISMATCH). A share of the file is held out for evaluation: its end, or pieces drawn
 * by the seed (of two hundred that the file is cut into). Windows of evaluation are adjacent.
 * Refuses files of more than 1 GiB, and bytes that are not UTF-8, naming the byte. */
#define rt_data_text(...)                                                                          \
    RT_CALL_WITH_DEFAULTS(rt_data_text_, rt_data_text_args, RT_DATA_TEXT_DEFAULTS, path,           \
                          __VA_ARGS__)
RT_API rt_dataset *rt_data_text_(rt_data_text_args a);

/* Which columns of a table are standardised. */
typedef enum rt_csv_standardise { RT_CSV_BOTH, RT_CSV_INPUTS, RT_CSV_NONE } rt_csv_standardise;
/* The arguments of rt_data_csv. */
typedef struct rt_data_csv_args {
    const char *path; /* plain or gzip */
    bool train;       /* the training rows; false: the rows that are held out */
    /* names of columns, comma-separated, in double quotes if they have a comma; NULL or "": the last
     * column */
    const char *target;
    /* names of columns that are left out, written like .target; NULL or "": none */
    const char *ignore;
    double share RT_DEFAULT(0.2);        /* the share that is held out; above 0, below 1 */
    rt_csv_standardise standardise;      /* which columns are standardised */
    uint64_t seed RT_DEFAULT(rt_seed()); /* key of all draws */
    int64_t limit RT_DEFAULT(INT64_MAX); /* only so many rows from the start */
    /* what rt_data_preprocessing returned for another table; NULL: that of this table */
    const char *preprocessing;
    /* the file that .preprocessing was read from, for messages; NULL: there is none */
    const char *preprocessing_from;
} rt_data_csv_args;
#define RT_DATA_CSV_DEFAULTS .share = 0.2, .seed = rt_seed(), .limit = INT64_MAX
/* Reads a table of numbers, plain or gzip: comma-separated values whose first line names the
 * columns; NULL on failure. The current scope owns the set. Fields: "x" float32 [k], the columns
 * that are not targets, in order, and "y" float32 [m], the targets in the order in which they are
 * named. Each row is held out for evaluation or not by its own draw from the seed, so appending
 * rows does not change the others.
 *
 * A standardised column has the mean of its training rows subtracted and is divided by their
 * standard deviation, whatever the limit; a column that is constant there becomes 0. Cells are
 * decimal numbers and may be quoted. Refuses files of more than 1 GiB, and cells that are missing,
 * not numbers, or out of the range of float32, naming line and column; a number that is too small
 * for float64 is 0. With .preprocessing, the inputs, targets, means and deviations are those that
 * it states: columns that it does not have are left out, and columns that the file does not have
 * are refused by name (MISMATCH), as is a different .target. */
#define rt_data_csv(...)                                                                           \
    RT_CALL_WITH_DEFAULTS(rt_data_csv_, rt_data_csv_args, RT_DATA_CSV_DEFAULTS, path, __VA_ARGS__)
RT_API rt_dataset *rt_data_csv_(rt_data_csv_args a);

/* A field from a tensor in memory. */
typedef struct rt_data_tensor {
    const char *name; /* 1 to 40 bytes, different from the other fields */
    /* [n, ...]; with .lengths, samples one after the other: [sum of the lengths, ...] */
    rt_tensor *value;
    /* int64 [n], each 0 or more: the length varies; NULL: it does not */
    rt_tensor *lengths;
    double pad;      /* what pads shorter samples in a batch */
    int64_t classes; /* of an int64 value, which is checked; 0: any value is allowed */
} rt_data_tensor;
/* Some members are left out on purpose, which -Wextra would warn about: hence the pragmas. */
#ifdef __cplusplus
#define RT_DATA_TENSORS(...) rt_data_tensors_of({__VA_ARGS__})
#else
#define RT_DATA_TENSORS(...)                                                                       \
    rt_data_tensors_(                                                                              \
        (const rt_data_tensor[]){__VA_ARGS__},                                                     \
        (int)(sizeof((const rt_data_tensor[]){__VA_ARGS__}) / sizeof(rt_data_tensor)))
#endif
/* Makes a data set of tensors, whose values must not change as long as it lives; NULL on failure.
 * The current scope owns the set.
 *
 *     rt_data_tensors({"x", x}, {"y", y, .classes = 10})
 *     rt_data_tensors({"tokens", words, .lengths = lengths}, {"y", y})
 */
#define rt_data_tensors(...)                                                                       \
    __extension__({                                                                                \
        _Pragma("GCC diagnostic push")                                                             \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                     \
                rt_dataset *rt_set_ = RT_DATA_TENSORS(__VA_ARGS__);                                \
        _Pragma("GCC diagnostic pop") rt_set_;                                                     \
    })
RT_API rt_dataset *rt_data_tensors_(const rt_data_tensor *fields, int count);

/* ---- batches ---- */

/* A batch of samples. */
typedef struct rt_batch {
    int64_t n;                            /* number of samples */
    int fields;                           /* number of fields, as in the data set */
    const rt_data_field *about;           /* [fields] */
    rt_tensor *field[RT_DATA_FIELDS_MAX]; /* [fields], each [n, ...] */
    int64_t epoch, index;                 /* of the batch within the epoch */
} rt_batch;
/* Returns the field with that name, borrowed. If there is none, fails with a message that lists
 * the fields, and returns NULL. */
RT_API rt_tensor *rt_batch_field(const rt_batch *b, const char *name);
/* Returns the field with that name, borrowed; NULL, without an error, if there is none. */
RT_API rt_tensor *rt_batch_find(const rt_batch *b, const char *name);

/* A loader. */
typedef struct rt_loader rt_loader;
/* The arguments of rt_data_loader. */
typedef struct rt_loader_args {
    rt_dataset *data; /* required */
    int64_t batch;    /* samples in a batch; required */
    bool shuffle;     /* in the order of the keyed permutation of (seed, epoch) */
    bool drop_last;   /* leaves out the last batch if it is smaller */
    uint64_t seed RT_DEFAULT(rt_seed()); /* key of the order; rt_init's by default */
    int prefetch RT_DEFAULT(2);          /* batches that a thread makes ahead; 0: no thread */
} rt_loader_args;
#define RT_LOADER_DEFAULTS .seed = rt_seed(), .prefetch = 2
/* Makes a loader, which keeps the data set; NULL on failure. The current scope owns it. */
#define rt_data_loader(...)                                                                        \
    RT_CALL_WITH_DEFAULTS(rt_data_loader_, rt_loader_args, RT_LOADER_DEFAULTS, data, __VA_ARGS__)
RT_API rt_loader *rt_data_loader_(rt_loader_args a);
/* Gets the next batch. Returns false at the end of an epoch, and on an error (rt_failed()). */
RT_API bool rt_data_next(rt_loader *l, rt_batch *out);

RT_END_DECLS

#ifdef __cplusplus
#include <initializer_list>
inline rt_dataset *rt_data_tensors_of(std::initializer_list<rt_data_tensor> fields)
{
    return rt_data_tensors_(fields.begin(), static_cast<int>(fields.size()));
}
#endif

#endif
