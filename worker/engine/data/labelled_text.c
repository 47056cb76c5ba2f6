/* Lines of text with a class each: LABEL, a tab, the text. Samples are as long as their texts in bytes; batches pad them. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include "worker/engine/data/source.h"
#include <stdlib.h>
#include <string.h>

enum {
    TOKENS, /* the fields */
    LENGTH,
    Y,
    BYTES_MAX = 1 << 30,
    LABEL_MAX = 64, /* bytes */
    CLASSES_MAX = 1 << 16,
    TOKEN_CLASSES = 256, /* a token is a byte */
};

/* A part of the file. */
typedef struct span {
    const char *at;
    size_t len;
} span;

typedef struct line {
    span label, text;
    int64_t y;
    int64_t number; /* line number in the file */
} line;

typedef struct labelled_text {
    rt_dataset set;
    rt_bytes file;
    line *line; /* [set.count], the lines of this part */
    int64_t context, classes;
} labelled_text;

static void labelled_text_destroy(rt_dataset *set)
{
    labelled_text *d = (labelled_text *)set;
    rt_bytes_release(&d->file);
    rt_mem_free(d->line);
}

static int64_t labelled_text_length(const rt_dataset *set, int f, int64_t id)
{
    (void)f;
    return (int64_t)((const labelled_text *)set)->line[id].text.len;
}

static void labelled_text_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const line *l = &((const labelled_text *)set)->line[id];
    for (size_t i = 0; i < l->text.len; i++)
        ((int64_t *)to[TOKENS])[i] = (uint8_t)l->text.at[i];
    *(int64_t *)to[Y] = l->y;
}

static const rt__data_kind labelled_text_kind = {
    .destroy = labelled_text_destroy, .read = labelled_text_read, .length = labelled_text_length};

/* ---- lines ---- */

static rt_status wrong(const char *path, int64_t number, const char *what)
{
    return RT_FAIL(FORMAT, "%s:%lld: %s: expected a label, a tab and a text", path,
                   (long long)number, what);
}

/* Splits a line into label and text; cuts the text after `context` bytes. */
static rt_status split(const char *path, int64_t number, span whole, int64_t context, line *out)
{
    const char *tab = memchr(whole.at, '\t', whole.len);
    if (!tab)
        return wrong(path, number, "no tab");
    out->number = number;
    out->label = (span){whole.at, (size_t)(tab - whole.at)};
    out->text = (span){tab + 1, whole.len - out->label.len - 1};
    if (out->label.len == 0 || out->label.len > LABEL_MAX)
        return wrong(path, number, out->label.len ? "the label is too long" : "no label");
    if (out->text.len == 0)
        return wrong(path, number, "no text");
    if (out->text.len > (size_t)context)
        out->text.len = (size_t)context;
    return RT_OK;
}

/* Returns the line that begins at *at, without its line end, and advances *at to the next line. */
static span take_line(const rt_bytes *file, size_t *at)
{
    const char *begin = (const char *)file->data + *at;
    const char *end = memchr(begin, '\n', file->len - *at);
    size_t len = end ? (size_t)(end - begin) : file->len - *at;
    *at += len + (end != NULL);
    return (span){begin, len - (len > 0 && begin[len - 1] == '\r')};
}

/* Lists all non-empty lines of the file and counts them; if out is NULL, only counts them. */
static rt_status list_lines(const labelled_text *d, const char *path, line *out, int64_t *count)
{
    *count = 0;
    int64_t number = 1;
    for (size_t at = 0; at < d->file.len; number++) {
        span whole = take_line(&d->file, &at);
        if (whole.len == 0)
            continue;
        if (out)
            RT_TRY(split(path, number, whole, d->context, &out[*count]));
        ++*count;
    }
    return RT_OK;
}

/* ---- classes ---- */

static int by_label(const void *a, const void *b)
{
    const span *x = &(*(const line *const *)a)->label, *y = &(*(const line *const *)b)->label;
    int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Adds the label in a form that JSON can hold: bytes that are not UTF-8 become \\xNN. Two different labels could then look the same and
 * would be one class to readers of the list, so that is refused. lines: the line of each added label, by its written form. */
static rt_status add_label(const char *path, const line *l, json_t *labels, json_t *lines)
{
    char *name = rt_text_utf8(l->label.at, l->label.len);
    const json_t *other = name ? json_object_get(lines, name) : NULL;
    rt_status status = RT_OK;
    if (other)
        status = RT_FAIL(FORMAT,
                         "%s:%lld: the label '%s' has other bytes than that of line %lld, but both "
                         "are written like this: rename one of them",
                         path, (long long)l->number, name, (long long)json_integer_value(other));
    else if (!name || json_array_append_new(labels, json_string(name)) != 0 ||
             json_object_set_new(lines, name, json_integer(l->number)) != 0)
        status = RT_FAIL(NOMEM, "out of memory: labels");
    rt_mem_free(name);
    return status;
}

/* Numbers the labels in ascending order and appends them to the list in that order. */
static rt_status number_labels(labelled_text *d, const char *path, line *all, int64_t count,
                               json_t *labels)
{
    rt_status status = RT_OK;
    line **sorted = rt_calloc((size_t)count, sizeof *sorted);
    if (!sorted)
        return rt_error_code();
    json_t *lines = json_object();
    for (int64_t i = 0; i < count; i++)
        sorted[i] = &all[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_label);
    for (int64_t i = 0; i < count && status == RT_OK; i++) {
        if (i == 0 || by_label(&sorted[i - 1], &sorted[i]) != 0) {
            d->classes++;
            status = add_label(path, sorted[i], labels, lines);
        }
        sorted[i]->y = d->classes - 1;
    }
    rt_mem_free(sorted);
    json_decref(lines);
    RT_TRY(status);
    if (d->classes <= CLASSES_MAX)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: %lld different labels, expected at most %d", path,
                   (long long)d->classes, CLASSES_MAX);
}

/* ---- classes according to another file's preprocessing ---- */

/* Maps each label of a list, which is not trusted, to its index. */
static rt_status index_labels(const char *from, const json_t *labels, json_t *places)
{
    size_t count = json_array_size(labels);
    bool good = count > 0 && count <= CLASSES_MAX;
    for (size_t i = 0; good && i < count; i++) {
        const char *label = json_string_value(json_array_get(labels, i));
        good = label && !json_object_get(places, label) &&
               json_object_set_new(places, label, json_integer((json_int_t)i)) == 0;
    }
    return good ? RT_OK
                : rt__preprocessing_wrong(
                      from, "{\"dataset\": \"labelled-text\", \"labels\": each once}");
}

/* Assigns each line its label's number. If labels are unknown, fails with the first such line and their count. */
static rt_status place_labels(const char *path, line *all, int64_t count, const json_t *places)
{
    int64_t unknown = 0, first = 0;
    for (int64_t i = 0; i < count; i++) {
        char *name = rt_text_utf8(all[i].label.at, all[i].label.len);
        if (!name)
            return rt_error_code();
        const json_t *place = json_object_get(places, name);
        rt_mem_free(name);
        all[i].y = json_integer_value(place);
        if (!place && unknown++ == 0)
            first = i;
    }
    return unknown == 0 ? RT_OK
                        : RT_FAIL(MISMATCH,
                                  "%s:%lld: '%.*s' is none of the %zu labels that the model was "
                                  "trained with; %lld of the %lld lines here have such labels",
                                  path, (long long)all[first].number, (int)all[first].label.len,
                                  all[first].label.at, json_object_size(places), (long long)unknown,
                                  (long long)count);
}

static rt_status number_as_given(labelled_text *d, const char *path, const char *from, line *all,
                                 int64_t count, const json_t *labels)
{
    json_t *places = json_object();
    rt_status status =
        places ? index_labels(from, labels, places) : RT_FAIL(NOMEM, "out of memory: labels");
    if (status == RT_OK)
        status = place_labels(path, all, count, places);
    d->classes = (int64_t)json_object_size(places);
    json_decref(places);
    return status;
}

/* Reads the list of labels of a preprocessing. *out: a new reference. */
static rt_status read_labels(const char *path, const rt_data_part *part, json_t **out)
{
    json_t *j;
    RT_TRY(rt__preprocessing_parse(part->preprocessing, "labelled-text", path,
                                   part->preprocessing_from, &j));
    *out = json_incref(json_object_get(j, "labels"));
    json_decref(j);
    return RT_OK;
}

/* Finds the class of each line, and records the labels in the set's preprocessing. */
static rt_status find_classes(labelled_text *d, const char *path, int64_t count,
                              const rt_data_part *part)
{
    json_t *labels = NULL;
    rt_status status;
    if (part->preprocessing) {
        status = read_labels(path, part, &labels);
        if (status == RT_OK)
            status = number_as_given(d, path, part->preprocessing_from, d->line, count, labels);
    } else {
        labels = json_array();
        status = number_labels(d, path, d->line, count, labels);
    }
    if (status == RT_OK)
        status = rt__dataset_set_preprocessing(
            &d->set, path, json_pack("{s:s, s:O}", "dataset", "labelled-text", "labels", labels));
    json_decref(labels);
    return status;
}

/* ---- construction ---- */

/* Keeps only the lines of the requested part. */
static rt_status choose(labelled_text *d, const rt_data_labelled_text_values *v,
                        const rt_data_part *part, int64_t count)
{
    for (int64_t i = 0; i < count && d->set.count < part->limit; i++)
        if (rt__held_out((uint64_t)v->seed, i, v->share) != part->train)
            d->line[d->set.count++] = d->line[i];
    if (d->set.count > 0)
        return RT_OK;
    return RT_FAIL(
        RANGE, "%s: %lld line%s: none falls to the %s part: change the share or add some", v->path,
        (long long)count, rt_plural(count), part->train ? "training" : "held-out");
}

static rt_status make(labelled_text *d, const rt_data_labelled_text_values *v,
                      const rt_data_part *part)
{
    int64_t count;
    d->context = v->context;
    RT_TRY(rt__source_read_file(v->path, BYTES_MAX, &d->file));
    RT_TRY(rt__dataset_add_file(&d->set, v->path, d->file.data, d->file.len));
    RT_TRY(list_lines(d, v->path, NULL, &count));
    d->line = rt_calloc((size_t)count + 1, sizeof *d->line);
    if (!d->line)
        return rt_error_code();
    RT_TRY(list_lines(d, v->path, d->line, &count));
    RT_TRY(find_classes(d, v->path, count, part));
    RT_TRY(choose(d, v, part, count));
    RT_TRY(rt__dataset_add(&d->set, (rt_data_field){.name = "tokens",
                                                    .dtype = RT_I64,
                                                    .dims = rt_shape(d->context),
                                                    .varies = true,
                                                    .classes = TOKEN_CLASSES}));
    return rt__dataset_add(&d->set,
                           (rt_data_field){.name = "y", .dtype = RT_I64, .classes = d->classes});
}

rt_dataset *rt__open_labelled_text(const rt_data_labelled_text_values *v, const rt_data_part *part)
{
    rt_scope s = rt_scope_begin();
    labelled_text *d = rt__dataset_new(&labelled_text_kind, sizeof *d);
    rt_status status = d ? make(d, v, part) : rt_error_code();
    return rt_scope_return(s, status == RT_OK ? &d->set : NULL);
}
