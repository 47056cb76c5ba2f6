/* What all data sets have in common, and what each kind of them does by itself.
 *
 *     typedef struct numbers { rt_dataset set; float *values; } numbers;        // the head comes first
 *     numbers *s = rt__dataset_new(&numbers_kind, sizeof *s);
 *     RT_TRY(rt__dataset_add(&s->set, (rt_data_field){.name = "x", .dims = rt_shape(3)}));
 *     s->set.count = 100;                                // complete: from now on read only, by any thread
 *
 * A new set is such a file and a row of ringtorch/datasets.def, which opens it (datasets.h). */
#ifndef RINGTORCH_ENGINE_DATA_DATASET_H
#define RINGTORCH_ENGINE_DATA_DATASET_H

#include <ringtorch/data.h>
#include "worker/engine/base/object.h"

/* Of these, any thread may call those that take a const set. */
typedef struct rt__data_kind {
    void (*destroy)(
        rt_dataset *
            d); /* releases what the kind has added to the head; may be called before all of it is there */
    /* Copies sample `id` to to[f] for each field f but lengths; 0 <= id < count. */
    void (*read)(const rt_dataset *d, int64_t id, void *const *to);
    /* Gives the length of sample `id` in field f, which varies; NULL: no field does. */
    int64_t (*length)(const rt_dataset *d, int f, int64_t id);
    /* Fails with RANGE, saying where it stands, for the first value of field f that is not below `classes`; NULL: what the
     * field says of its classes is all there is to know. */
    rt_status (*check_classes)(const rt_dataset *d, int f, int64_t classes);
} rt__data_kind;

enum {
    RT__DATA_NAME_MAX = 40, /* bytes of a field's name */
    RT__DATA_FILES_MAX = 4, /* files that a set is read from */
};

struct rt_dataset {
    rt_object object;
    const rt__data_kind *kind;
    int64_t count;
    int fields;
    rt_data_field field[RT_DATA_FIELDS_MAX]; /* names are owned */
    size_t item
        [RT_DATA_FIELDS_MAX]; /* bytes of a sample; of a field that varies, of one step of its first axis */
    uint8_t pad[RT_DATA_FIELDS_MAX][sizeof(double)]; /* .pad as an element */
    int files;
    char *file[RT__DATA_FILES_MAX]; /* paths of what was read; owned */
};

extern const rt_object_type rt__dataset_type;

/* Makes a set without fields, of `size` bytes, which are zero behind the head. Owned by the scope; NULL on failure. */
void *rt__dataset_new(const rt__data_kind *kind, size_t size);
/* Adds a field, and behind one that varies its lengths. The name is copied; it must be no other field's. */
rt_status rt__dataset_add(rt_dataset *d, rt_data_field field);
/* Notes a file that the set is read from, so that no output replaces it. */
rt_status rt__dataset_add_file(rt_dataset *d, const char *path);

/* Bytes that n samples take at most in field f, or RANGE if no memory has so many. */
rt_status rt__dataset_bytes(const rt_dataset *d, int f, int64_t n, size_t *bytes);

/* RANGE, naming the place where it is known, if a value of field f is not a class below `classes`. */
rt_status rt__data_check_classes(const rt_dataset *d, int f, int64_t classes);
/* Fails with MISMATCH if samples of the two sets are not of one form: another field, type or shape (but the lengths of what
 * varies). `what` names the sets: "data.path". */
rt_status rt__data_check_same(const char *what, const rt_dataset *train, const rt_dataset *test);

#endif
