/* Tables of numbers: comma-separated values with a header line (RFC 4180, but without line breaks inside quotes). The file is read
 * twice: once for the statistics of the training rows, once to store the requested part, standardised. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "common/base/text.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include "worker/engine/data/source.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    X, /* the fields */
    Y,
    BYTES_MAX = 1 << 30,
    COLUMNS_MAX = 4096,
    CELL_MAX = 64,  /* bytes of a number */
    NAME_MAX = 255, /* of a column's name */
};

typedef struct column {
    char *name;             /* from the file; bytes that are not UTF-8 are written as escapes */
    int x, y;               /* its index in the field; -1: not in that field; x -2: ignored */
    double mean, deviation; /* subtracted; then divided by */
    double scale;           /* 1 / deviation */
} column;

/* A file while it is read. */
typedef struct table {
    const rt_data_csv_args *a;
    rt_bytes file;
    column *column; /* [columns] */
    int columns, n_x, n_y;
    size_t rows_begin; /* offset after the header line */
    double *row;       /* [columns] */
} table;

typedef struct csv {
    rt_dataset set;
    float *x, *y; /* [count, k], [count, m] */
    size_t k, m;
} csv;

static void csv_destroy(rt_dataset *set)
{
    csv *d = (csv *)set;
    rt_mem_free(d->x);
    rt_mem_free(d->y);
}

static void csv_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const csv *d = (const csv *)set;
    memcpy(to[X], d->x + (size_t)id * d->k, d->k * sizeof *d->x);
    memcpy(to[Y], d->y + (size_t)id * d->m, d->m * sizeof *d->y);
}

static const rt__data_kind csv_kind = {.destroy = csv_destroy, .read = csv_read};

/* ---- cells ---- */

/* A position in the file, and its line. */
typedef struct place {
    size_t at, line_begin;
    int64_t line;
} place;

static bool is_end(const table *t, size_t at)
{
    const uint8_t *b = t->file.data;
    return at >= t->file.len || b[at] == '\n' || (b[at] == '\r' && b[at + 1] == '\n');
}

static rt_status wrong(const table *t, const place *p, size_t at, const char *what)
{
    return RT_FAIL(FORMAT, "%s:%lld:%zu: %s", t->a->path, (long long)p->line,
                   at - p->line_begin + 1, what);
}

/* Reads the cell that begins at p->at. *text is not zero-terminated and excludes surrounding blanks and quotes. *last: it is the last
 * cell of its line. Advances p to the next cell or line. */
static rt_status take_cell(const table *t, place *p, const char **text, size_t *len, bool *last)
{
    const uint8_t *b = t->file.data;
    size_t begin = p->at, end;
    while (b[begin] == ' ' || b[begin] == '\t')
        begin++;
    bool quoted = begin < t->file.len && b[begin] == '"';
    if (quoted) {
        for (end = ++begin; !is_end(t, end) && b[end] != '"'; end++)
            continue;
        if (b[end] != '"' || end >= t->file.len)
            return wrong(t, p, begin, "a quote that is not closed on its line");
        p->at = end + 1;
        while (b[p->at] == ' ' || b[p->at] == '\t')
            p->at++;
        if (!is_end(t, p->at) && b[p->at] != ',')
            return wrong(t, p, p->at + 1, "something follows a quoted cell, expected a comma");
    } else {
        for (end = begin; !is_end(t, end) && b[end] != ','; end++)
            continue;
        p->at = end;
        while (end > begin && (b[end - 1] == ' ' || b[end - 1] == '\t'))
            end--;
    }
    *text = (const char *)b + begin;
    *len = end - begin;
    *last = is_end(t, p->at);
    if (!*last) {
        p->at++;
        return RT_OK;
    }
    p->at += b[p->at] == '\r' ? 2 : 1;
    p->line++;
    p->line_begin = p->at;
    return RT_OK;
}

static bool is_number(const char *text, size_t len, double *value)
{
    char copy[CELL_MAX + 1], *end;
    if (len < 1 || len > CELL_MAX || strspn(text, "+-.0123456789eE") < len)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *value = strtod(copy, &end);
    return end == copy + len;
}

/* ---- the header line ---- */

static rt_status check_name(const table *t, const place *p, size_t at, const char *text, size_t len)
{
    double number;
    char what[64];
    snprintf(what, sizeof what, "a column name of %zu bytes, expected at most %d", len, NAME_MAX);
    if (len == 0)
        return wrong(t, p, at, "a column without a name");
    if (len > NAME_MAX)
        return wrong(t, p, at, what);
    if (memchr(text, 0, len))
        return wrong(t, p, at, "a zero byte in the name of a column");
    if (is_number(text, len, &number))
        return wrong(t, p, at, "a number, where the first line is expected to name the columns");
    return RT_OK;
}

static rt_status add_column(table *t, const place *p, size_t at, const char *text, size_t len)
{
    if (t->columns == COLUMNS_MAX)
        return RT_FAIL(RANGE, "%s:1: more than %d columns", t->a->path, COLUMNS_MAX);
    RT_TRY(check_name(t, p, at, text, len));
    column *c = rt_realloc(t->column, (size_t)(t->columns + 1) * sizeof *c);
    char *name = rt_text_utf8(text, len);
    t->column = c ? c : t->column;
    if (!c || !name) {
        rt_mem_free(name);
        return rt_error_code();
    }
    c[t->columns] = (column){.name = name, .x = -1, .y = -1, .deviation = 1, .scale = 1};
    for (int i = 0; i < t->columns; i++)
        if (strcmp(c[i].name, name) == 0) {
            t->columns++;
            return wrong(t, p, at, "a second column of this name");
        }
    t->columns++;
    return RT_OK;
}

static rt_status read_names(table *t)
{
    const char *text;
    const char *file = (const char *)t->file.data;
    size_t len, mark = strncmp(file, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
    place p = {.at = mark, .line_begin = mark, .line = 1};
    if (t->file.len == mark)
        return RT_FAIL(FORMAT, "%s: an empty file, expected a line of names", t->a->path);
    for (bool last = false; !last;) {
        place before = p;
        RT_TRY(take_cell(t, &p, &text, &len, &last));
        RT_TRY(add_column(t, &before, (size_t)(text - file), text, len));
    }
    t->rows_begin = p.at < t->file.len ? p.at : t->file.len;
    return RT_OK;
}

static column *find_column(const table *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->column[i].name, name) == 0)
            return &t->column[i];
    return NULL;
}

static rt_status no_column(const table *t, const char *key, const char *wanted)
{
    const char *names[COLUMNS_MAX];
    for (int i = 0; i < t->columns; i++)
        names[i] = t->column[i].name;
    const char *near = rt_nearest(wanted, names, (size_t)t->columns);
    return RT_FAIL(NOTFOUND, "%s: %s: no column '%s'%s%s%s", t->a->path, key, wanted,
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Reads the next name of a list, which is quoted like a cell if it contains a comma. A name longer than any column's is cut. */
static rt_status take_name(const table *t, const char *key, const char **list,
                           char name[NAME_MAX + 2])
{
    const char *at = *list + strspn(*list, " \t");
    bool quoted = *at == '"';
    at += quoted;
    size_t len = strcspn(at, quoted ? "\"" : ","), kept = len;
    const char *end = at + len + quoted;
    if (quoted && at[len] == '"')
        end += strspn(end, " \t");
    if (quoted && (at[len] != '"' || (*end && *end != ',')))
        return RT_FAIL(ARG, "%s: %s: a quote that is not closed before a comma: %.60s", t->a->path,
                       key, *list);
    while (!quoted && kept > 0 && strchr(" \t", at[kept - 1]))
        kept--;
    snprintf(name, NAME_MAX + 2, "%.*s", kept > NAME_MAX + 1 ? NAME_MAX + 1 : (int)kept, at);
    *list = end + (*end == ',');
    return RT_OK;
}

/* Calls f for each column that a list names. */
static rt_status each_named(table *t, const char *key, const char *list,
                            void (*f)(table *t, column *c))
{
    char name[NAME_MAX + 2];
    while (list && *list) {
        RT_TRY(take_name(t, key, &list, name));
        column *c = find_column(t, name);
        if (!c)
            return no_column(t, key, name);
        if (c->y >= 0 || c->x == -2)
            return RT_FAIL(ARG, "%s: %s: column '%s' is named twice", t->a->path, key, c->name);
        f(t, c);
    }
    return RT_OK;
}

static void mark_target(table *t, column *c)
{
    c->y = t->n_y++;
}

static void mark_ignored(table *t, column *c)
{
    (void)t;
    c->x = -2;
}

static rt_status choose_columns(table *t)
{
    RT_TRY(each_named(t, "target", t->a->target, mark_target));
    RT_TRY(each_named(t, "ignore", t->a->ignore, mark_ignored));
    for (int i = t->columns - 1; i >= 0 && t->n_y == 0; i--)
        if (t->column[i].x != -2)
            mark_target(t, &t->column[i]);
    for (int i = 0; i < t->columns; i++)
        if (t->column[i].y < 0 && t->column[i].x != -2)
            t->column[i].x = t->n_x++;
    if (t->n_x == 0 || t->n_y == 0)
        return RT_FAIL(FORMAT, "%s: %d column%s: no input is left beside the targets", t->a->path,
                       t->columns, rt_plural(t->columns));
    return RT_OK;
}

/* ---- columns according to another table's preprocessing ---- */

static const char as_expected[] =
    "{\"dataset\": \"csv\", \"inputs\": [{\"name\", \"mean\", \"deviation\"}], \"targets\": [...]}";

/* One column of a preprocessing, which is not trusted. */
typedef struct given {
    const char *name;
    double mean, deviation;
} given;

static rt_status read_given(const table *t, const json_t *j, given *out)
{
    const json_t *mean = json_object_get(j, "mean"), *deviation = json_object_get(j, "deviation");
    *out = (given){.name = json_string_value(json_object_get(j, "name")),
                   .mean = json_number_value(mean),
                   .deviation = json_number_value(deviation)};
    bool good = out->name && json_is_number(mean) && json_is_number(deviation) &&
                fabs(out->mean) <= (double)__FLT_MAX__ && out->deviation > 0 &&
                isfinite(1 / out->deviation);
    return good ? RT_OK : rt__preprocessing_wrong(t->a->preprocessing_from, as_expected);
}

/* Assigns the columns of a list to a field. Columns that the file lacks are collected in `missing`. */
static rt_status place_given(table *t, const json_t *list, bool target, rt_text *missing)
{
    int *count = target ? &t->n_y : &t->n_x;
    if (json_array_size(list) < 1 || json_array_size(list) > COLUMNS_MAX)
        return rt__preprocessing_wrong(t->a->preprocessing_from, as_expected);
    for (size_t i = 0; i < json_array_size(list); i++) {
        given g;
        RT_TRY(read_given(t, json_array_get(list, i), &g));
        column *c = find_column(t, g.name);
        if (!c) {
            rt_text_add(missing, "%s'%.*s'", missing->len ? ", " : "", NAME_MAX, g.name);
            continue;
        }
        if (c->x >= 0 || c->y >= 0)
            return rt__preprocessing_wrong(t->a->preprocessing_from, as_expected);
        *(target ? &c->y : &c->x) = (*count)++;
        c->mean = g.mean;
        c->deviation = g.deviation;
        c->scale = 1 / g.deviation;
    }
    return RT_OK;
}

/* Fails if the configuration names targets other than those the model predicts, or in another order. */
static rt_status check_targets(const table *t, const json_t *targets)
{
    char name[NAME_MAX + 2];
    size_t i = 0;
    const char *list = t->a->target, *wanted = "";
    while (list && *list) {
        RT_TRY(take_name(t, "target", &list, name));
        wanted = json_string_value(json_object_get(json_array_get(targets, i++), "name"));
        if (!wanted || strcmp(wanted, name) != 0)
            return RT_FAIL(MISMATCH, "%s: target: '%s', but the model predicts %s%.*s%s",
                           t->a->path, name, wanted ? "'" : "", NAME_MAX,
                           wanted ? wanted : "nothing else", wanted ? "'" : "");
    }
    if (i > 0 && i != json_array_size(targets))
        return RT_FAIL(MISMATCH, "%s: target: names %zu columns, but the model predicts %zu",
                       t->a->path, i, json_array_size(targets));
    return RT_OK;
}

/* Fails if the configuration ignores a column that the model was trained with. */
static rt_status check_ignored(const table *t)
{
    char name[NAME_MAX + 2];
    const char *list = t->a->ignore;
    while (list && *list) {
        RT_TRY(take_name(t, "ignore", &list, name));
        const column *c = find_column(t, name);
        if (c && (c->x >= 0 || c->y >= 0))
            return RT_FAIL(MISMATCH, "%s: ignore: the model was trained with column '%s'",
                           t->a->path, name);
    }
    return RT_OK;
}

static rt_status take_given(table *t, const json_t *preprocessing)
{
    rt_text missing = {0};
    const json_t *targets = json_object_get(preprocessing, "targets");
    rt_status status = place_given(t, json_object_get(preprocessing, "inputs"), false, &missing);
    if (status == RT_OK)
        status = place_given(t, targets, true, &missing);
    if (status == RT_OK)
        status = check_targets(t, targets);
    if (status == RT_OK)
        status = check_ignored(t);
    if (status == RT_OK && missing.len > 0)
        status = RT_FAIL(MISMATCH, "%s: lacks columns that the model was trained with: %.400s",
                         t->a->path, missing.data);
    rt_mem_free(missing.data);
    RT_TRY(status);
    for (int i = 0; i < t->columns; i++)
        if (t->column[i].x < 0 && t->column[i].y < 0)
            mark_ignored(t, &t->column[i]);
    return RT_OK;
}

static rt_status choose_given(table *t)
{
    json_t *preprocessing;
    RT_TRY(rt__preprocessing_parse(t->a->preprocessing, "csv", t->a->path, t->a->preprocessing_from,
                                   &preprocessing));
    rt_status status = take_given(t, preprocessing);
    json_decref(preprocessing);
    return status;
}

/* ---- this table's preprocessing ---- */

static json_t *describe_field(const table *t, bool target)
{
    int n = target ? t->n_y : t->n_x;
    json_t *list = json_array();
    for (int k = 0; k < n; k++)
        for (int i = 0; i < t->columns; i++) {
            const column *c = &t->column[i];
            if ((target ? c->y : c->x) == k)
                json_array_append_new(list, json_pack("{s:s, s:f, s:f}", "name", c->name, "mean",
                                                      c->mean, "deviation", c->deviation));
        }
    if ((int)json_array_size(list) == n)
        return list;
    json_decref(list); /* out of memory */
    return NULL;
}

static rt_status describe(const table *t, rt_dataset *d)
{
    return rt__dataset_set_preprocessing(d, t->a->path,
                                         json_pack("{s:s, s:o, s:o}", "dataset", "csv", "inputs",
                                                   describe_field(t, false), "targets",
                                                   describe_field(t, true)));
}

/* ---- rows ---- */

static rt_status wrong_cell(const table *t, const place *p, const column *c, const char *text,
                            size_t len, const char *what)
{
    char shown[4 * CELL_MAX + 1];
    rt_text_printable_bytes(shown, sizeof shown, text, len < CELL_MAX ? len : CELL_MAX);
    return RT_FAIL(FORMAT, "%s:%lld:%zu: column '%s': %s%s%s%s", t->a->path, (long long)p->line,
                   p->at - p->line_begin + 1, c->name, len ? "'" : "", shown, len ? "' " : "",
                   what);
}

/* Reads a line into t->row. */
static rt_status read_row(table *t, place *p)
{
    bool last = false;
    const char *text;
    size_t len;
    place before = *p;
    for (int i = 0; i < t->columns; i++) {
        before = *p;
        if (last)
            return RT_FAIL(FORMAT, "%s:%lld: %d cell%s, expected %d as in the first line",
                           t->a->path, (long long)(before.line - 1), i, rt_plural(i), t->columns);
        RT_TRY(take_cell(t, p, &text, &len, &last));
        const column *c = &t->column[i];
        if (c->x == -2)
            continue;
        if (!is_number(text, len, &t->row[i]))
            return wrong_cell(t, &before, c, text, len,
                              len ? "is no number" : "the cell is empty, expected a number");
        if (fabs(t->row[i]) > (double)__FLT_MAX__)
            return wrong_cell(t, &before, c, text, len, "is beyond float32");
        if (fabs((t->row[i] - c->mean) * c->scale) > (double)__FLT_MAX__)
            return wrong_cell(
                t, &before, c, text, len,
                "is beyond float32 in the deviations that the model was trained with");
    }
    if (!last)
        return RT_FAIL(FORMAT, "%s:%lld: more than %d cells, as many as the first line has",
                       t->a->path, (long long)before.line, t->columns);
    return RT_OK;
}

/* Returns whether there are more rows; blank lines at the end of the file do not count. */
static bool more_rows(const table *t, const place *p)
{
    size_t at = p->at;
    while (at < t->file.len && strchr("\r\n", t->file.data[at]) && t->file.data[at])
        at++;
    return at < t->file.len;
}

/* Calls f for each row of the part, in order. */
static rt_status each_row(table *t, bool train, void (*f)(table *t, void *ctx), void *ctx)
{
    place p = {.at = t->rows_begin, .line_begin = t->rows_begin, .line = 2};
    for (int64_t i = 0; more_rows(t, &p); i++) {
        RT_TRY(read_row(t, &p));
        if (rt__held_out(t->a->seed, i, t->a->share) != train)
            f(t, ctx);
    }
    return RT_OK;
}

/* Running mean and variance (B. P. Welford, Technometrics 1962). */
typedef struct statistics {
    int64_t n;
    struct {
        double mean, squares;
    } * of; /* [columns] */
} statistics;

static void observe(table *t, void *ctx)
{
    statistics *s = ctx;
    s->n++;
    for (int i = 0; i < t->columns; i++) {
        double from = t->row[i] - s->of[i].mean;
        s->of[i].mean += from / (double)s->n;
        s->of[i].squares += from * (t->row[i] - s->of[i].mean);
    }
}

static bool is_standardised(const table *t, const column *c)
{
    return t->a->standardise == RT_CSV_BOTH || (t->a->standardise == RT_CSV_INPUTS && c->x >= 0);
}

static rt_status find_statistics(table *t, int64_t *training)
{
    statistics s = {.of = rt_calloc((size_t)t->columns, sizeof *s.of)};
    rt_status status = s.of ? each_row(t, true, observe, &s) : rt_error_code();
    *training = s.n;
    for (int i = 0; i < t->columns && status == RT_OK && !t->a->preprocessing; i++) {
        column *c = &t->column[i];
        double deviation = sqrt(s.of[i].squares / (double)s.n);
        if (!is_standardised(t, c))
            continue;
        c->mean = s.of[i].mean;
        if (deviation > 0 && isfinite(1 / deviation)) /* otherwise the column is constant */
            c->deviation = deviation;
        c->scale = 1 / c->deviation;
    }
    rt_mem_free(s.of);
    return status;
}

static void count(table *t, void *ctx)
{
    (void)t;
    ++*(int64_t *)ctx;
}

static void store(table *t, void *ctx)
{
    csv *d = ctx;
    if (d->set.count == t->a->limit)
        return;
    size_t at = (size_t)d->set.count++;
    for (int i = 0; i < t->columns; i++) {
        const column *c = &t->column[i];
        float value = (float)((t->row[i] - c->mean) * c->scale);
        if (c->x >= 0)
            d->x[at * d->k + (size_t)c->x] = value;
        if (c->y >= 0)
            d->y[at * d->m + (size_t)c->y] = value;
    }
}

static rt_status read_table(table *t, csv *d)
{
    int64_t training, rows = 0;
    RT_TRY(rt__dataset_add_file(&d->set, t->a->path, t->file.data, t->file.len));
    RT_TRY(read_names(t));
    RT_TRY(t->a->preprocessing ? choose_given(t) : choose_columns(t));
    t->row = rt_calloc((size_t)t->columns, sizeof *t->row);
    if (!t->row)
        return rt_error_code();
    RT_TRY(find_statistics(t, &training));
    RT_TRY(each_row(t, t->a->train, count, &rows));
    if (training == 0 || rows == 0)
        return RT_FAIL(RANGE, "%s: no row falls to the %s part: change the share or add rows",
                       t->a->path, training == 0 ? "training" : "held-out");
    d->k = (size_t)t->n_x;
    d->m = (size_t)t->n_y;
    d->x = rt_calloc((size_t)rows, d->k * sizeof *d->x);
    d->y = rt_calloc((size_t)rows, d->m * sizeof *d->y);
    if (!d->x || !d->y)
        return rt_error_code();
    RT_TRY(each_row(t, t->a->train, store, d));
    RT_TRY(describe(t, &d->set));
    RT_TRY(rt__dataset_add(&d->set, (rt_data_field){.name = "x", .dims = rt_shape(t->n_x)}));
    return rt__dataset_add(&d->set, (rt_data_field){.name = "y", .dims = rt_shape(t->n_y)});
}

static void release(table *t)
{
    for (int i = 0; i < t->columns; i++)
        rt_mem_free(t->column[i].name);
    rt_mem_free(t->column);
    rt_mem_free(t->row);
    rt_bytes_release(&t->file);
}

static rt_status check_args(const rt_data_csv_args *a)
{
    if (!(a->share > 0 && a->share < 1))
        return RT_FAIL(RANGE, "data_csv: share %g: expected one above 0 and below 1", a->share);
    if (a->limit < 1)
        return RT_FAIL(RANGE, "data_csv: limit %lld: expected at least 1", (long long)a->limit);
    if ((unsigned)a->standardise > RT_CSV_NONE)
        return RT_FAIL(ARG, "data_csv: standardise %d is unknown", (int)a->standardise);
    return RT_OK;
}

rt_dataset *rt_data_csv_(rt_data_csv_args a)
{
    if (rt_failed() || !rt__given(a.path, "data_csv", "path") || check_args(&a) != RT_OK)
        return NULL;
    rt_scope s = rt_scope_begin();
    csv *d = rt__dataset_new(&csv_kind, sizeof *d);
    table t = {.a = &a};
    rt_status status = d ? rt__source_read_file(a.path, BYTES_MAX, &t.file) : rt_error_code();
    if (status == RT_OK)
        status = read_table(&t, d);
    release(&t);
    return rt_scope_return(s, status == RT_OK ? &d->set : NULL);
}

rt_dataset *rt__open_csv(const rt_data_csv_values *v, const rt_data_part *part)
{
    return rt_data_csv(v->path, .train = part->train, .target = v->target, .ignore = v->ignore,
                       .share = v->share, .standardise = (rt_csv_standardise)v->standardise,
                       .seed = (uint64_t)v->seed, .limit = part->limit,
                       .preprocessing = part->preprocessing,
                       .preprocessing_from = part->preprocessing_from);
}
