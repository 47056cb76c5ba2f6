/* What all data sets have in common, and what each kind implements.
 *
 *     typedef struct numbers { rt_dataset set; float *values; } numbers;        // rt_dataset must come first
 *     numbers *s = rt__dataset_new(&numbers_kind, sizeof *s);
 *     RT_TRY(rt__dataset_add(&s->set, (rt_data_field){.name = "x", .dims = rt_shape(3)}));
 *     s->set.count = 100;                                // complete: from now on read-only, usable by any thread
 *
 * A new data set is a file like this and a row of ringtorch/datasets.def, which opens it (datasets.h). */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_DATASET_H
#define RINGTORCH_WORKER_ENGINE_DATA_DATASET_H

#include "common/base/json.h"
#include "worker/engine/base/object.h"
#include <ringtorch/data.h>

/* The functions of a kind. Any thread may call those that take a const set. */
typedef struct rt__data_kind {
    void (*destroy)(
        rt_dataset *
            /* releases what the kind added after the head; may be called on a partly built set */
            d);
    /* Copies sample `id` to to[f] for each field f except lengths; 0 <= id < count. */
    void (*read)(const rt_dataset *d, int64_t id, void *const *to);
    /* Returns the length of sample `id` in field f, whose length varies; NULL: no field's does. */
    int64_t (*length)(const rt_dataset *d, int f, int64_t id);
    /* Fails with RANGE, naming the place, for the first value of field f that is not below `classes`; NULL: the set knows nothing beyond
     * the field's own class count. */
    rt_status (*check_classes)(const rt_dataset *d, int f, int64_t classes);
} rt__data_kind;

enum {
    RT__DATA_NAME_MAX = 40, /* bytes of a field's name */
    RT__DATA_FILES_MAX = 4, /* the most files that a set is read from */
};

/* A file that samples were read from. */
typedef struct rt__data_file {
    char *path; /* owned */
    size_t bytes;
    uint64_t checksum; /* XXH3-64 of that content */
} rt__data_file;

struct rt_dataset {
    rt_object object;
    const rt__data_kind *kind;
    int64_t count;
    int fields;
    rt_data_field field[RT_DATA_FIELDS_MAX]; /* names are owned */
    /* bytes of a sample, or of one step of the first axis for a field whose length varies */
    size_t item[RT_DATA_FIELDS_MAX];
    uint8_t pad[RT_DATA_FIELDS_MAX][sizeof(double)]; /* .pad as an element */
    int files;
    rt__data_file file[RT__DATA_FILES_MAX]; /* what was read */
    char *preprocessing;                    /* JSON; owned, NULL: none */
};

extern const rt_object_type rt__dataset_type;

/* Makes a set without fields, of `size` bytes, zeroed after the head. Owned by the scope; NULL on failure. */
void *rt__dataset_new(const rt__data_kind *kind, size_t size);
/* Adds a field, and after a field of varying length also its lengths. The name is copied and must be unused. */
rt_status rt__dataset_add(rt_dataset *d, rt_data_field field);
/* Records a file that the set was read from, so that no output overwrites it and a resumed run notices if its content changes. content: all
 * of it that determines the samples, except sizes that the fields or the count already determine. */
rt_status rt__dataset_add_file(rt_dataset *d, const char *path, const void *content, size_t bytes);

/* Parses another set's preprocessing, a JSON object that may come from anybody: *out is a new reference. Fails with FORMAT, naming the file
 * `from` that it was read from (or NULL), if it is malformed; with MISMATCH, naming the data's `path`, if it is for another kind of data
 * set than `dataset`. */
rt_status rt__preprocessing_parse(const char *text, const char *dataset, const char *path,
                                  const char *from, json_t **out);
/* Fails with FORMAT: a preprocessing does not contain what was expected. from: as above. */
rt_status rt__preprocessing_wrong(const char *from, const char *expected);
/* Sets the set's own preprocessing, taking the reference; NULL means that memory ran out while making it. path: the data's, for messages. */
rt_status rt__dataset_set_preprocessing(rt_dataset *d, const char *path, json_t *preprocessing);

/* Computes the most bytes that n samples take in field f; RANGE if that does not fit in memory. */
rt_status rt__dataset_bytes(const rt_dataset *d, int f, int64_t n, size_t *bytes);

/* Fails with RANGE, naming the place if it is known, if a value of field f is not a class below `classes`. */
rt_status rt__data_check_classes(const rt_dataset *d, int f, int64_t classes);
/* Fails with MISMATCH if the samples of the two sets differ in form: in their fields, types or shapes (except varying lengths). `what`
 * names the sets: "data.path". */
rt_status rt__data_check_same(const char *what, const rt_dataset *train, const rt_dataset *test);

#endif
