/* The fields of a data set, and reading samples of any kind of set into the caller's memory. */
#include "worker/engine/data/dataset.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/state/data_identity.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/dataset.h>
#include <string.h>

static void dataset_destroy(void *object)
{
    rt_dataset *d = object;
    if (d->kind)
        d->kind->destroy(d);
    for (int f = 0; f < d->fields; f++)
        rt_mem_free((char *)d->field[f].name);
    for (int i = 0; i < d->files; i++)
        rt_mem_free(d->file[i].path);
    rt_mem_free(d->preprocessing);
}

const rt_object_type rt__dataset_type = {.name = "dataset", .destroy = dataset_destroy};

/* ---- construction ---- */

void *rt__dataset_new(const rt__data_kind *kind, size_t size)
{
    rt_dataset *d = rt__object_new(&rt__dataset_type, size);
    if (d)
        d->kind = kind;
    return d;
}

static rt_status add(rt_dataset *d, const rt_data_field *field)
{
    int f = d->fields;
    if (f == RT_DATA_FIELDS_MAX)
        return RT_FAIL(RANGE, "field %s: a sample has at most %d fields, lengths included",
                       field->name, RT_DATA_FIELDS_MAX);
    for (int i = 0; i < f; i++)
        if (strcmp(d->field[i].name, field->name) == 0)
            return RT_FAIL(ARG, "two fields are called %s", field->name);
    d->field[f] = *field;
    d->field[f].name = rt_strdup(field->name);
    if (!d->field[f].name)
        return rt_error_code();
    d->fields++;
    d->item[f] = rt_dtype_size(field->dtype);
    for (int i = field->varies ? 1 : 0; i < field->dims.n; i++)
        d->item[f] *= (size_t)field->dims.d[i];
    return RT_OK;
}

/* Writes the value as an element of that type. */
static rt_status to_element(double value, rt_dtype dtype, uint8_t *element)
{
    rt_scope s = rt_scope_begin();
    const rt_tensor *one = rt_full(rt_shape(1), value, dtype);
    if (one)
        memcpy(element, rt_data(one), rt_dtype_size(dtype));
    rt_scope_end(s);
    return rt_error_code();
}

rt_status rt__dataset_add(rt_dataset *d, rt_data_field field)
{
    char length[RT__DATA_NAME_MAX + sizeof ".length"];
    size_t n = strlen(field.name);
    if (n < 1 || n > RT__DATA_NAME_MAX)
        return RT_FAIL(ARG, "a field's name has %zu bytes, expected 1 to %d", n, RT__DATA_NAME_MAX);
    int f = d->fields;
    RT_TRY(add(d, &field));
    if (!field.varies)
        return RT_OK;
    RT_TRY(to_element(field.pad, field.dtype, d->pad[f]));
    memcpy(length, field.name, n);
    memcpy(length + n, ".length", sizeof ".length");
    return add(d, &(rt_data_field){.name = length, .dtype = RT_I64});
}

rt_status rt__dataset_add_file(rt_dataset *d, const char *path, const void *content, size_t bytes)
{
    RT_ASSERT(d->files < RT__DATA_FILES_MAX);
    char *copy = rt_strdup(path);
    if (!copy)
        return rt_error_code();
    d->file[d->files++] = (rt__data_file){copy, bytes, rt_hash64(content, bytes)};
    return RT_OK;
}

rt_status rt_data_note_file(rt_dataset *d, const char *path, const void *content, size_t bytes)
{
    if (rt_failed() || !rt__object_is(d, &rt__dataset_type, "data_note_file", 1) ||
        !rt__given(path, "data_note_file", "path") ||
        (bytes > 0 && !rt__given(content, "data_note_file", "content")))
        return rt_error_code();
    if (d->files == RT__DATA_FILES_MAX)
        return RT_FAIL(RANGE, "data_note_file: %s: a data set has at most %d files", path,
                       RT__DATA_FILES_MAX);
    return rt__dataset_add_file(d, path, content, bytes);
}

/* ---- preprocessing ---- */

static const char *name_of(const char *from)
{
    return from ? from : "preprocessing";
}

rt_status rt__preprocessing_wrong(const char *from, const char *expected)
{
    return RT_FAIL(FORMAT, "%s: the preprocessing of the data is not %s", name_of(from), expected);
}

static rt_status check_dataset(const json_t *preprocessing, const char *dataset, const char *path,
                               const char *from)
{
    const char *of = json_string_value(json_object_get(preprocessing, "dataset"));
    if (!of)
        return rt__preprocessing_wrong(from, "a JSON object with a \"dataset\"");
    return strcmp(of, dataset) == 0
               ? RT_OK
               : RT_FAIL(MISMATCH,
                         "%s: is read as %s, but the model was trained on data of the kind %.40s",
                         path, dataset, of);
}

rt_status rt__preprocessing_parse(const char *text, const char *dataset, const char *path,
                                  const char *from, json_t **out)
{
    size_t len = strlen(text);
    *out = NULL;
    if (len > RT_PREPROCESSING_MAX)
        return rt__preprocessing_wrong(from, "short enough");
    RT_TRY(rt_json_parse(text, len, name_of(from), out));
    rt_status status = check_dataset(*out, dataset, path, from);
    if (status != RT_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

rt_status rt__dataset_set_preprocessing(rt_dataset *d, const char *path, json_t *preprocessing)
{
    if (!preprocessing)
        return RT_FAIL(NOMEM, "out of memory: preprocessing of a data set");
    d->preprocessing = rt_json_text(preprocessing);
    json_decref(preprocessing);
    if (!d->preprocessing)
        return rt_error_code();
    size_t len = strlen(d->preprocessing);
    return len <= RT_PREPROCESSING_MAX
               ? RT_OK
               : RT_FAIL(RANGE,
                         "%s: its names and vocabulary take %zu bytes, expected at most %d: is "
                         "this the right file?",
                         path, len, RT_PREPROCESSING_MAX);
}

rt_status rt_data_note_preprocessing(rt_dataset *d, const char *json)
{
    json_t *j;
    if (rt_failed() || !rt__object_is(d, &rt__dataset_type, "data_note_preprocessing", 1) ||
        !rt__given(json, "data_note_preprocessing", "text"))
        return rt_error_code();
    RT_TRY(rt_json_parse(json, strlen(json), "data_note_preprocessing", &j));
    if (!json_is_string(json_object_get(j, "dataset")) || d->preprocessing) {
        json_decref(j);
        return RT_FAIL(ARG, "data_note_preprocessing: expected a JSON object with a \"dataset\", "
                            "once");
    }
    return rt__dataset_set_preprocessing(d, "data_note_preprocessing", j);
}

const char *rt_data_preprocessing(const rt_dataset *d)
{
    return rt__object_is(d, &rt__dataset_type, "data_preprocessing", 1) ? d->preprocessing : NULL;
}

/* ---- accessors ---- */

int64_t rt_data_size(const rt_dataset *d)
{
    return rt__object_is(d, &rt__dataset_type, "data_size", 1) ? d->count : 0;
}

int rt_data_fields(const rt_dataset *d, const rt_data_field **fields)
{
    bool good = rt__object_is(d, &rt__dataset_type, "data_fields", 1) &&
                rt__given(fields, "data_fields", "place for the list");
    if (fields)
        *fields = good ? d->field : NULL;
    return good ? d->fields : 0;
}

const rt_data_field *rt_data_find(const rt_dataset *d, const char *name)
{
    if (!rt__object_is(d, &rt__dataset_type, "data_find", 1) ||
        !rt__given(name, "data_find", "name"))
        return NULL;
    for (int f = 0; f < d->fields; f++)
        if (strcmp(d->field[f].name, name) == 0)
            return &d->field[f];
    return NULL;
}

rt_status rt__data_check_classes(const rt_dataset *d, int f, int64_t classes)
{
    const rt_data_field *field = &d->field[f];
    if (d->kind->check_classes)
        return d->kind->check_classes(d, f, classes);
    if (field->classes <= classes)
        return RT_OK;
    return RT_FAIL(RANGE, "field %s has %lld classes, expected at most %lld", field->name,
                   (long long)field->classes, (long long)classes);
}

static bool is_same(const rt_data_field *a, const rt_data_field *b)
{
    rt_dims x = a->dims, y = b->dims;
    if (a->varies && b->varies)
        x.d[0] = y.d[0] = 0;
    return strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->varies == b->varies &&
           rt__dims_equal(x, y);
}

static void describe(const rt_dataset *d, rt_text *to)
{
    for (int f = 0; f < d->fields; f++)
        rt_text_add(to, "%s%s %s%s%s", f > 0 ? ", " : "", d->field[f].name,
                    rt_dtype_name(d->field[f].dtype), rt_dims_text(d->field[f].dims),
                    d->field[f].varies ? " at most" : "");
}

rt_status rt__data_check_same(const char *what, const rt_dataset *train, const rt_dataset *test)
{
    int same = 0;
    while (same < train->fields && same < test->fields &&
           is_same(&train->field[same], &test->field[same]))
        same++;
    if (same == train->fields && same == test->fields)
        return RT_OK;
    rt_text a = {0}, b = {0};
    describe(train, &a);
    describe(test, &b);
    char *left = rt_text_take(&a), *right = rt_text_take(&b);
    rt_status status =
        left && right ? RT_FAIL(MISMATCH, "%s: training samples are %s but test samples are %s",
                                what, left, right)
                      : rt_error_code();
    rt_mem_free(left);
    rt_mem_free(right);
    return status;
}

/* ---- reading ---- */

rt_status rt__dataset_bytes(const rt_dataset *d, int f, int64_t n, size_t *bytes)
{
    int64_t steps = d->field[f].varies ? d->field[f].dims.d[0] : 1;
    if (__builtin_mul_overflow(n, steps, &steps) ||
        __builtin_mul_overflow((size_t)steps, d->item[f], bytes) || *bytes > SIZE_MAX / 4)
        return RT_FAIL(RANGE, "a batch of %lld samples is larger than any memory", (long long)n);
    return RT_OK;
}

/* Writes the samples' lengths and returns the largest. */
static int64_t measure(const rt_dataset *d, int f, const int64_t *ids, int64_t n, int64_t *lengths)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < n; i++) {
        lengths[i] = d->kind->length(d, f, ids[i]);
        longest = lengths[i] > longest ? lengths[i] : longest;
    }
    return longest;
}

/* Sets the shapes of the buffers for these samples, and writes lengths. row[f]: bytes from one sample to the next. */
static void shape(const rt_dataset *d, const int64_t *ids, int64_t n, rt_data_buffer *buffer,
                  size_t *row)
{
    for (int f = 0; f < d->fields; f++) {
        const rt_data_field *field = &d->field[f];
        rt_dims *dims = &buffer[f].dims;
        *dims = (rt_dims){.n = field->dims.n + 1, .d = {n}};
        memcpy(dims->d + 1, field->dims.d, (size_t)field->dims.n * sizeof *dims->d);
        row[f] = d->item[f];
        if (field->varies) {
            dims->d[1] = measure(d, f, ids, n, buffer[f + 1].data);
            row[f] *= (size_t)dims->d[1];
        }
    }
}

/* Pads a sample after its end. */
static void pad(const rt_dataset *d, int f, int64_t length, uint8_t *sample, size_t row)
{
    size_t size = rt_dtype_size(d->field[f].dtype);
    for (size_t at = (size_t)length * d->item[f]; at < row; at += size)
        memcpy(sample + at, d->pad[f], size);
}

static rt_status check_read(const rt_dataset *d, const int64_t *ids, int64_t n,
                            const rt_data_buffer *buffer)
{
    if (!rt__object_is(d, &rt__dataset_type, "data_read", 1) ||
        !rt__given(buffer, "data_read", "list of buffers"))
        return rt_error_code();
    if (n < 0)
        return RT_FAIL(RANGE, "data_read: %lld samples", (long long)n);
    if (n > 0 && !rt__given(ids, "data_read", "list of ids"))
        return rt_error_code();
    for (int f = 0; f < d->fields; f++)
        if (n > 0 && !buffer[f].data)
            return RT_FAIL(ARG, "data_read: there is no memory for field %s", d->field[f].name);
    for (int64_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= d->count)
            return RT_FAIL(RANGE, "data_read: sample %lld, expected 0 to %lld", (long long)ids[i],
                           (long long)d->count - 1);
    return RT_OK;
}

rt_status rt_data_read(const rt_dataset *d, const int64_t *ids, int64_t n, rt_data_buffer *buffer)
{
    size_t row[RT_DATA_FIELDS_MAX];
    void *to[RT_DATA_FIELDS_MAX];
    RT_TRY(check_read(d, ids, n, buffer));
    shape(d, ids, n, buffer, row);
    for (int64_t i = 0; i < n; i++) {
        for (int f = 0; f < d->fields; f++)
            to[f] = (uint8_t *)buffer[f].data + (size_t)i * row[f];
        d->kind->read(d, ids[i], to);
        for (int f = 0; f < d->fields; f++)
            if (d->field[f].varies)
                pad(d, f, ((const int64_t *)buffer[f + 1].data)[i], to[f], row[f]);
    }
    return RT_OK;
}
