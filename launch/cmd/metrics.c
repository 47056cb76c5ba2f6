#include "launch/cmd/metrics.h"

#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/input.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/control/words.h"
#include "launch/run/place.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_BYTES = 16384, /* many times as long as the longest row */
    ROWS_UNUSED = 4     /* lines of the screen for the prompt and the titles */
};

enum {
    OWN_COLUMNS = 9 + RT_METRIC_ROWS, /* includes one for each built-in metric */
    COLUMNS_MAX = OWN_COLUMNS + RT_METRICS_ADDED_MAX,
};

/* The columns of the CSV. The table has those with a title. */
static struct {
    const char *key, *title;
    int drop;           /* on a narrow screen; see screen.h */
    const char *metric; /* the column exists if a row has this metric; NULL: always */
} columns[COLUMNS_MAX] = {{"step", "step", 0},          {"epoch", "epoch", 3},
                          {"loss", "loss", 0},          {"lr", "rate", 2},
                          {"grad_norm", "gradient", 1}, {"samples_per_second", "samples/s", 4},
                          {"seconds", NULL, 0},         {"world_size", NULL, 0},
                          {"generation", NULL, 0},      {"eval_loss", "test loss", 0},
#define METRIC(task, name, better, form, title, help) {"eval_" #name, "test " title, 0, #name},
                          RT_TASK_METRICS(METRIC)};
static int n_columns = OWN_COLUMNS;

/* Adds columns for the metrics of the run's plugins, which its configuration describes. */
static void add_columns(const char *dir)
{
    static char key[RT_METRICS_ADDED_MAX][RT_METRIC_NAME + 8], title[RT_METRICS_ADDED_MAX][64];
    rt_config_register_plugins(dir);
    for (int i = RT_METRIC_ROWS; i < rt_metric_kinds(); i++, n_columns++) {
        const rt_metric_row *m = &rt_metric_rows[i];
        int k = i - RT_METRIC_ROWS;
        snprintf(key[k], sizeof key[k], "eval_%s", m->name);
        snprintf(title[k], sizeof title[k], "test %s", m->title);
        columns[n_columns].key = key[k];
        columns[n_columns].title = title[k];
        columns[n_columns].metric = m->name;
    }
}

/* ---- rows ---- */

/* Returns whether a line is a row; if so, calls `row` with it. */
static bool take_line(const char *path, const char *line, size_t len,
                      void (*row)(void *ctx, const json_t *row), void *ctx)
{
    json_t *j = NULL;
    bool good = rt_json_parse(line, len, path, &j) == RT_OK && json_is_object(j) &&
                rt__field_int(j, "step", -1) >= 0;
    if (good)
        row(ctx, j);
    rt_error_clear();
    json_decref(j);
    return good;
}

/* Skips the rest of a line, which begins at `begin`, after only its first part was read. */
static rt_status skip_line(const char *path, FILE *f, off_t begin, int64_t *damaged)
{
    int c;
    do
        c = getc_unlocked(f);
    while (c != '\n' && c != EOF && ftello(f) - begin <= RT_INPUT_LINE_MAX);
    *damaged += c == '\n';
    return c == '\n' || c == EOF ? RT_OK : rt_input_line_too_long(path, begin);
}

rt_status rt__metrics_each(const char *path, void (*row)(void *ctx, const json_t *row), void *ctx,
                           int64_t *damaged)
{
    int fd;
    int64_t bytes;
    char line[LINE_BYTES];
    *damaged = 0;
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &bytes));
    FILE *f = fdopen(fd, "r");
    if (!f) {
        close(fd);
        return RT_FAIL(NOMEM, "%s: out of memory", path);
    }
    rt_status status = RT_OK;
    for (off_t begin = 0; status == RT_OK && fgets(line, sizeof line, f); begin = ftello(f)) {
        size_t len = strlen(line);
        if (len > 0 && line[len - 1] == '\n')
            *damaged += !take_line(path, line, len - 1, row, ctx);
        else /* too long, or still being written */
            status = skip_line(path, f, begin, damaged);
    }
    fclose(f);
    return status;
}

typedef struct reader {
    const char *path;
    int64_t rows, damaged;
    void (*row)(struct reader *r, const json_t *row);
    FILE *to;
    const rt__screen *screen;
    int64_t wanted, all; /* rows that the table may have, rows in the file */
    json_t *picked;
    bool present[COLUMNS_MAX]; /* some row has this column */
} reader;

static void count_and_pass_on(void *ctx, const json_t *row)
{
    reader *r = ctx;
    r->row(r, row);
    r->rows++;
}

static rt_status each_row(reader *r)
{
    r->rows = 0;
    return rt__metrics_each(r->path, count_and_pass_on, r, &r->damaged);
}

static void scan_row(reader *r, const json_t *row)
{
    for (int i = 0; i < n_columns; i++)
        r->present[i] |= json_object_get(row, columns[i].key) != NULL;
}

/* Reads the file once before the rows are written, to count them and find out which metrics they have. */
static rt_status scan_rows(reader *r)
{
    r->row = scan_row;
    RT_TRY(each_row(r));
    r->all = r->rows;
    return RT_OK;
}

static bool is_shown(const reader *r, int column)
{
    return !columns[column].metric || r->present[column];
}

/* ---- CSV and JSON ---- */

static void put_csv_head(const reader *r)
{
    for (int i = 0; i < n_columns; i++)
        if (is_shown(r, i))
            fprintf(r->to, "%s%s", i ? "," : "", columns[i].key);
    fprintf(r->to, "\n");
}

static void put_csv(reader *r, const json_t *row)
{
    rt_text line = {0};
    for (int i = 0; i < n_columns; i++) {
        if (!is_shown(r, i))
            continue;
        double x = rt__field_number(row, columns[i].key);
        rt_text_add(&line, "%s", i ? "," : "");
        if (isfinite(x))
            rt_text_add_number(&line, x);
    }
    fprintf(r->to, "%s\n", line.data ? line.data : "");
    rt_mem_free(line.data);
}

static void put_json(reader *r, const json_t *row)
{
    char *text = rt_json_text(row);
    if (text)
        rt_json_print(r->to, text);
    rt_mem_free(text);
}

/* ---- the table ---- */

/* Picks evenly spaced rows: row i if a multiple of all/wanted falls into it, which always includes the last row. */
static void pick(reader *r, const json_t *row)
{
    int64_t i = r->rows;
    bool shown = r->all <= r->wanted || (i + 1) * r->wanted / r->all > i * r->wanted / r->all;
    if (shown)
        json_array_append(r->picked, (json_t *)row);
}

/* A row of the table, and the reader that knows its columns. */
typedef struct table_row {
    const json_t *row;
    const reader *r;
} table_row;

/* Returns the index in `columns` of the table's n-th column, or n_columns if there are fewer. */
static int place_of(const reader *r, int column)
{
    int at = 0;
    for (; at < n_columns; at++)
        if (columns[at].title && is_shown(r, at) && column-- == 0)
            break;
    return at;
}

static void metric_cell(const char *metric, double x, char out[RT__CELL])
{
    rt_text text = {0};
    rt_metric_text(rt_metric_find(metric), x, &text);
    snprintf(out, RT__CELL, "%s", text.data ? text.data : "");
    rt_mem_free(text.data);
}

static void cell(const void *of, int column, char out[RT__CELL])
{
    const table_row *t = of;
    int at = place_of(t->r, column);
    out[0] = '\0';
    if (at == n_columns || !json_object_get(t->row, columns[at].key))
        return;
    double x = rt__field_number(t->row, columns[at].key);
    const char *key = columns[at].key;
    if (strcmp(key, "step") == 0 || strcmp(key, "samples_per_second") == 0)
        rt__words_number(x, out);
    else if (columns[at].metric)
        metric_cell(columns[at].metric, x, out);
    else if (strcmp(key, "lr") == 0)
        snprintf(out, RT__CELL, "%.4g", x);
    else
        rt_fixed(x, strcmp(key, "epoch") == 0 ? 2 : 4, out);
}

static void put_table(const reader *r)
{
    rt__column shown[COLUMNS_MAX + 1];
    rt__table t = {.columns = shown, .cell = cell};
    for (int i = 0; i < n_columns; i++)
        if (columns[i].title && is_shown(r, i))
            shown[t.count++] =
                (rt__column){.title = columns[i].title, .right = true, .drop = columns[i].drop};
    shown[t.count++] = (rt__column){.title = ""}; /* the last one takes the rest of the line */
    size_t n = json_array_size(r->picked);
    const void **rows = rt_calloc(n + 1, sizeof *rows);
    table_row *row = rt_calloc(n + 1, sizeof *row);
    rt_text out = {0};
    for (size_t i = 0; rows && row && i < n; i++) {
        row[i] = (table_row){json_array_get(r->picked, i), r};
        rows[i] = &row[i];
    }
    if (!rows || !row) {
        rt_mem_free(rows);
        rt_mem_free(row);
        return;
    }
    rt__table_lay_out(&t, rows, n, r->screen->width);
    rt__table_row(&t, NULL, rt__bold, r->screen, &out);
    for (size_t i = 0; i < n; i++)
        rt__table_row(&t, rows[i], NULL, r->screen, &out);
    fputs(out.data ? out.data : "", r->to);
    rt_mem_free(out.data);
    rt_mem_free(rows);
    rt_mem_free(row);
}

static rt_status write_table(reader *r)
{
    int room = r->screen->height - ROWS_UNUSED;
    r->wanted = r->screen->height == 0 ? INT64_MAX : room > 1 ? room : 1;
    r->row = pick;
    r->picked = json_array();
    rt_status status = each_row(r);
    if (status == RT_OK)
        put_table(r);
    json_decref(r->picked);
    return status;
}

rt_status rt__metrics_write(const char *path, rt__curve_form form, const rt__screen *screen,
                            FILE *to, int64_t *damaged)
{
    reader r = {.path = path, .to = to, .screen = screen, .row = put_json};
    rt_status status;
    if (form != RT__CURVE_JSON)
        RT_TRY(scan_rows(&r));
    if (form == RT__CURVE_CSV) {
        put_csv_head(&r);
        r.row = put_csv;
    }
    status = form == RT__CURVE_TABLE ? write_table(&r) : each_row(&r);
    *damaged = r.damaged;
    return status;
}

/* ---- the command ---- */

static rt_status show(const char *run, rt__curve_form form)
{
    char *dir = NULL;
    int64_t damaged = 0;
    RT_TRY(rt__place_find(run, &dir));
    rt__screen screen = rt__screen_of_stdout();
    char *path = rt_path_join(dir, "metrics.jsonl");
    rt_status status = path ? RT_OK : rt_error_code();
    if (status == RT_OK && !rt_path_exists(path))
        status =
            RT_FAIL(NOTFOUND, "%s: has no metrics.jsonl yet: the run has not reported a step", dir);
    if (status == RT_OK)
        add_columns(dir);
    if (status == RT_OK)
        status = rt__metrics_write(path, form, &screen, stdout, &damaged);
    if (damaged > 0)
        rt_text_print(stderr, "ringtorch: %s: skipped %lld damaged line%s\n", path,
                      (long long)damaged, rt_plural(damaged));
    rt_mem_free(path);
    rt_mem_free(dir);
    return status;
}

static rt_status parse(int argc, char **argv, rt_arguments *args, rt__curve_form *form)
{
    bool csv = false, json = false;
    const rt_option options[] = {
        {"csv", 0, NULL,
         "print all rows with a header, for spreadsheets and plotting; unknown values are empty",
         .flag = &csv},
        {"json", 0, NULL, "print all rows as in metrics.jsonl, one JSON object per line",
         .flag = &json},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch metrics",
        {"RUN"},
        1,
        "Shows the curve of a run, even while the run is going on: steps, training loss, learning "
        "rate, speed and evaluations. RUN is a run directory or a file in one. On a terminal it "
        "shows as many evenly spaced rows as fit.",
        options,
        "Exit codes: 0 shown, 2 wrong usage or no run."};
    RT_TRY(rt_options_parse(&usage, argc, argv, args));
    if (csv && json)
        return RT_FAIL(ARG, "--csv and --json cannot be combined: choose one");
    *form = csv ? RT__CURVE_CSV : json ? RT__CURVE_JSON : RT__CURVE_TABLE;
    return RT_OK;
}

int rt__metrics_command(int argc, char **argv)
{
    rt_arguments args = {0};
    rt__curve_form form = RT__CURVE_TABLE;
    rt_status status = parse(argc, argv, &args, &form);
    if (status == RT_OK && !args.help)
        status = show(args.operand[0], form);
    if (status == RT_OK)
        return 0;
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(status);
}
