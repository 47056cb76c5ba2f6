/* Data sets of your own, for configurations with `data: {dataset: ramp, samples: 100}`.
 *
 *     #define RAMP_FIELDS(F) F(INT, samples, 100, RT_FROM(1), "samples to train with")
 *     typedef struct ramp_options { RT_STRUCT(RAMP_FIELDS) } ramp_options;
 *
 *     static rt_dataset *ramp_open(const void *options, const rt_data_part *part)   // y = 2 x
 *     {
 *         const ramp_options *o = options;
 *         int64_t n = part->train ? o->samples : 10;
 *         n = n < part->limit ? n : part->limit;
 *         rt_scope s = rt_scope_begin();
 *         rt_tensor *x = rt_reshape(rt_arange(0, (double)n, 1, RT_F32), rt_shape(-1, 1));
 *         rt_dataset *d = rt_data_tensors({"x", x}, {"y", rt_mul_scalar(x, 2)});
 *         return rt_scope_return(s, d);
 *     }
 *     static const rt_dataset_row ramp = {
 *         .name = "ramp", .help = "y = 2 x", RT_OPTIONS(ramp_options, RAMP_FIELDS), .open = ramp_open};
 *
 *     ramp_options o = {RT_DEFAULTS(RAMP_FIELDS)};
 *     rt_dataset *d = ramp.open(&o, &(rt_data_part){.train = true, .limit = INT64_MAX});
 *     printf("%d samples\n", (int)rt_data_size(d));   // 100 samples
 *
 * The options are the keys of the set in the section `data`; a TEXT named `path` takes the place that
 * `data.path` has for other sets. docs/DATA.md says which fields a task expects. The samples may depend
 * on the options (data.seed is available as one) and on files, and on nothing else, because each worker
 * opens the set itself.
 *
 * Lifetime: a row lives as long as the program; the data set that .open returns belongs to the current
 * scope. A plugin makes rows known to configurations (plugin.h). */
#ifndef RINGTORCH_DATASET_H
#define RINGTORCH_DATASET_H

#include <ringtorch/data.h>
#include <ringtorch/options.h>

RT_BEGIN_DECLS

/* The part of a data set that .open is to return. */
typedef struct rt_data_part {
    bool train;                     /* the training samples; false: those that are held out */
    int64_t limit;                  /* only so many samples from the start; INT64_MAX: all */
    const char *preprocessing;      /* what to read the set with; NULL: its own */
    const char *preprocessing_from; /* the file that it came from, for messages; NULL: none */
} rt_data_part;

/* A data set that configurations can name. */
typedef struct rt_dataset_row {
    const char *name;   /* lower-case letters, digits, _ and - */
    const char *help;   /* one line */
    rt_options options; /* its keys in the section `data` */
    /* Opens the part of the set, owned by the current scope; returns NULL on failure. Called once for
     * each part that is needed. */
    rt_dataset *(*open)(const void *options, const rt_data_part *part);
} rt_dataset_row;

/* Records a file that the set was read from: no output of the run replaces it, and the run does
 * not resume if its content has changed. `content` is everything in the file that determines the
 * samples. A set can record up to four files. */
RT_API rt_status rt_data_note_file(rt_dataset *d, const char *path, const void *content,
                                   size_t bytes);
/* Records how the set turns what it reads into numbers (rt_data_preprocessing): a JSON object
 * whose member "dataset" is the name of the row. It is passed to .open as part->preprocessing
 * where a net that was trained with it is used. */
RT_API rt_status rt_data_note_preprocessing(rt_dataset *d, const char *json);

RT_END_DECLS

#endif
