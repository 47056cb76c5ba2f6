/* Tables of numbers: comma-separated values with a line of names (RFC 4180, but no line break inside of quotes). The file is walked
 * twice: once for the statistics of the training rows, once to store the part that is asked for, standardised. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/nearest.h"
#include "common/text.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include "worker/engine/data/source.h"

enum {
    X, /* the fields */
    Y,
    BYTES_MAX = 1 << 30,
    COLUMNS_MAX = 4096,
    CELL_MAX = 64, /* bytes of a number */
};

typedef struct column {
    char *name; /* in the file's bytes */
    int x, y;   /* its place in the field; -1: it is not in it */
    double mean, scale;
} column;

/* A file while it is read. */
typedef struct table {
    const rt_data_csv_args *a;
    rt_bytes file;
    column *column; /* [columns] */
    int columns, n_x, n_y;
    size_t rows_begin; /* the byte behind the line of names */
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

/* A place in the file, and the line it is in. */
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

/* Takes the cell that begins at p->at: *text, which is not ended by a zero, without blanks around it or quotes. *last: it is the
 * line's last one. Goes on to the next cell, or to the next line. */
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
            return wrong(t, p, begin, "a quote that the line does not close");
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

/* ---- the line of names ---- */

static rt_status add_column(table *t, const place *p, size_t at, const char *text, size_t len)
{
    double number;
    if (t->columns == COLUMNS_MAX)
        return RT_FAIL(RANGE, "%s:1: more than %d columns", t->a->path, COLUMNS_MAX);
    if (len == 0)
        return wrong(t, p, at, "a column without a name");
    if (is_number(text, len, &number))
        return wrong(t, p, at, "a number, where the first line is expected to name the columns");
    column *c = rt_realloc(t->column, (size_t)(t->columns + 1) * sizeof *c);
    char *name = rt_strdup_printf("%.*s", (int)len, text);
    t->column = c ? c : t->column;
    if (!c || !name) {
        rt_mem_free(name);
        return rt_error_code();
    }
    c[t->columns] = (column){.name = name, .x = -1, .y = -1};
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

static column *find_column(table *t, const char *key, const char *name, size_t len)
{
    const char *names[COLUMNS_MAX];
    char *wanted = rt_strdup_printf("%.*s", (int)len, name);
    column *found = NULL;
    for (int i = 0; i < t->columns && wanted; i++) {
        names[i] = t->column[i].name;
        if (strcmp(names[i], wanted) == 0)
            found = &t->column[i];
    }
    if (!found && wanted) {
        const char *near = rt_nearest(wanted, names, (size_t)t->columns);
        RT_FAIL(NOTFOUND, "%s: %s: no column '%s'%s%s%s", t->a->path, key, wanted,
                near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    rt_mem_free(wanted);
    return found;
}

/* Calls f for each column that a list names. */
static rt_status each_named(table *t, const char *key, const char *list,
                            void (*f)(table *t, column *c))
{
    for (const char *at = list; at && *at;) {
        size_t len = strcspn(at, ",");
        column *c = find_column(t, key, at, len);
        if (!c)
            return rt_error_code();
        if (c->y >= 0 || c->x == -2)
            return RT_FAIL(ARG, "%s: %s: column '%s' is named twice", t->a->path, key, c->name);
        f(t, c);
        at += len + (at[len] == ',');
    }
    return RT_OK;
}

static void be_target(table *t, column *c)
{
    c->y = t->n_y++;
}

static void be_ignored(table *t, column *c)
{
    (void)t;
    c->x = -2;
}

static rt_status choose_columns(table *t)
{
    RT_TRY(each_named(t, "target", t->a->target, be_target));
    RT_TRY(each_named(t, "ignore", t->a->ignore, be_ignored));
    for (int i = t->columns - 1; i >= 0 && t->n_y == 0; i--)
        if (t->column[i].x != -2)
            be_target(t, &t->column[i]);
    for (int i = 0; i < t->columns; i++)
        if (t->column[i].y < 0 && t->column[i].x != -2)
            t->column[i].x = t->n_x++;
    if (t->n_x == 0 || t->n_y == 0)
        return RT_FAIL(FORMAT, "%s: %d column%s: no input is left beside the targets", t->a->path,
                       t->columns, rt_plural(t->columns));
    return RT_OK;
}

/* ---- rows ---- */

static rt_status wrong_cell(const table *t, const place *p, const column *c, const char *text,
                            size_t len, const char *what)
{
    char shown[4 * CELL_MAX + 1], cell[CELL_MAX + 1];
    size_t n = len < CELL_MAX ? len : CELL_MAX;
    memcpy(cell, text, n);
    cell[n] = 0;
    rt_text_printable(shown, sizeof shown, cell);
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
    }
    if (!last)
        return RT_FAIL(FORMAT, "%s:%lld: more than %d cells, as many as the first line has",
                       t->a->path, (long long)before.line, t->columns);
    return RT_OK;
}

/* Blank lines at the end of the file are none. */
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

/* Mean and variance as rows come in (B. P. Welford, Technometrics 1962). scale: the sum of squares so far. */
static void observe(table *t, void *ctx)
{
    int64_t *n = ctx;
    ++*n;
    for (int i = 0; i < t->columns; i++) {
        column *c = &t->column[i];
        double from = t->row[i] - c->mean;
        c->mean += from / (double)*n;
        c->scale += from * (t->row[i] - c->mean);
    }
}

static rt_status find_statistics(table *t, int64_t *training)
{
    *training = 0;
    RT_TRY(each_row(t, true, observe, training));
    for (int i = 0; i < t->columns; i++) {
        column *c = &t->column[i];
        bool wanted =
            t->a->standardise == RT_CSV_BOTH || (t->a->standardise == RT_CSV_INPUTS && c->x >= 0);
        double deviation = sqrt(c->scale / (double)*training);
        c->scale = wanted && deviation > 0 ? 1 / deviation : 1;
        c->mean = wanted ? c->mean : 0;
    }
    return RT_OK;
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
    RT_TRY(rt__dataset_add_file(&d->set, t->a->path));
    RT_TRY(read_names(t));
    RT_TRY(choose_columns(t));
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
        return RT_FAIL(ARG, "data_csv: standardise %d is none that there is", (int)a->standardise);
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

rt_dataset *rt__open_csv(const rt_data_csv_values *v, const rt__data_part *part)
{
    return rt_data_csv(v->path, .train = part->train, .target = v->target, .ignore = v->ignore,
                       .share = v->share, .standardise = (rt_csv_standardise)v->standardise,
                       .seed = (uint64_t)v->seed, .limit = part->limit);
}
