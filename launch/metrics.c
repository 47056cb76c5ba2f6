#include "launch/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/error.h"
#include "common/fields.h"
#include "common/input.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/options.h"
#include "common/text.h"
#include "launch/place.h"
#include "launch/words.h"

enum {
    LINE_BYTES = 16384, /* room for the longest row many times over */
    ROWS_UNUSED = 4     /* lines of a screen for the prompt and the titles */
};

/* The columns of the CSV; those with a title are in the table, too. */
static const struct {
    const char *key, *title;
    int drop;           /* when the screen is narrow; see screen.h */
    const char *metric; /* there if a row has it; NULL: always */
} columns[] = {{"step", "step", 0},          {"epoch", "epoch", 3},
               {"loss", "loss", 0},          {"lr", "rate", 2},
               {"grad_norm", "gradient", 1}, {"samples_per_second", "samples/s", 4},
               {"seconds", NULL, 0},         {"world_size", NULL, 0},
               {"generation", NULL, 0},      {"eval_loss", "test loss", 0},
#define METRIC(task, name, better, form, title, help) {"eval_" #name, "test " title, 0, #name},
               RT_TASK_METRICS(METRIC)};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* ---- rows ---- */

/* Is a line a row? Then `row` is shown it. */
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

/* Takes a line of which only the beginning, from `begin` on, was read: the rest of it is passed over. */
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
    int64_t wanted, all; /* of the table's rows, of those that there are */
    json_t *picked;
    bool told[COLUMNS]; /* by a row */
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

static void look(reader *r, const json_t *row)
{
    for (int i = 0; i < COLUMNS; i++)
        r->told[i] |= json_object_get(row, columns[i].key) != NULL;
}

/* Before the rows are written: how many there are, and which of the metrics. */
static rt_status look_through(reader *r)
{
    r->row = look;
    RT_TRY(each_row(r));
    r->all = r->rows;
    return RT_OK;
}

static bool is_shown(const reader *r, int column)
{
    return !columns[column].metric || r->told[column];
}

/* ---- CSV and JSON ---- */

static void put_csv_head(const reader *r)
{
    for (int i = 0; i < COLUMNS; i++)
        if (is_shown(r, i))
            fprintf(r->to, "%s%s", i ? "," : "", columns[i].key);
    fprintf(r->to, "\n");
}

static void put_csv(reader *r, const json_t *row)
{
    rt_text line = {0};
    for (int i = 0; i < COLUMNS; i++) {
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

/* Rows evenly apart: row i is shown if a multiple of all/wanted falls into it; so is the last. */
static void pick(reader *r, const json_t *row)
{
    int64_t i = r->rows;
    bool shown = r->all <= r->wanted || (i + 1) * r->wanted / r->all > i * r->wanted / r->all;
    if (shown)
        json_array_append(r->picked, (json_t *)row);
}

/* A row of the table, and whose. */
typedef struct table_row {
    const json_t *row;
    const reader *r;
} table_row;

/* Returns the place in `columns` of a column of the table; COLUMNS behind the last. */
static int place_of(const reader *r, int column)
{
    int at = 0;
    for (; at < COLUMNS; at++)
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
    if (at == COLUMNS || !json_object_get(t->row, columns[at].key))
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
    rt__column shown[COLUMNS];
    rt__table t = {.columns = shown, .cell = cell};
    for (int i = 0; i < COLUMNS; i++)
        if (columns[i].title && is_shown(r, i))
            shown[t.count++] =
                (rt__column){.title = columns[i].title, .right = true, .drop = columns[i].drop};
    shown[t.count++] = (rt__column){.title = ""}; /* the last takes what is left of a line */
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
        RT_TRY(look_through(&r));
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
        status = RT_FAIL(NOTFOUND, "%s: has no metrics.jsonl yet: no step was reported", dir);
    if (status == RT_OK)
        status = rt__metrics_write(path, form, &screen, stdout, &damaged);
    if (damaged > 0)
        rt_text_print(stderr, "ringtorch: %s: %lld damaged line%s left out\n", path,
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
         "all rows, with a header, for spreadsheets and plotting; what is not known is empty",
         .flag = &csv},
        {"json", 0, NULL, "all rows, one JSON object a line, as in metrics.jsonl", .flag = &json},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch metrics",
        {"RUN"},
        1,
        "Shows the curve of a run, also of one that goes on: steps, training loss, rate, speed, "
        "and what evaluations gave. RUN is a run directory, or a file in one. On a terminal as "
        "many rows as fit, evenly apart.",
        options,
        "Exit codes: 0 shown, 2 wrong usage, or no run."};
    RT_TRY(rt_options_parse(&usage, argc, argv, args));
    if (csv && json)
        return RT_FAIL(ARG, "--csv and --json: choose one of them");
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
