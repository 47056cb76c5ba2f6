#include "launch/tui/display.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/outer_job.h"
#include "common/base/text.h"
#include "common/control/sentence.h"
#include "common/control/words.h"
#include "launch/tui/advice.h"
#include "launch/tui/screen.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The least time between two reports, in a pipe and on a terminal. */
static const double PLAIN_SECONDS = 1, LIVE_SECONDS = 0.05;
enum {
    LAYERS_SHOWN = 13,  /* rows of the table of layers; odd */
    HISTORY_LINES = 20, /* reports of a run that stay on a terminal */
};

/* Returns whether a line can be redrawn: not in a pipe or on a dumb terminal. */
static bool can_draw_over(void)
{
    const char *term = getenv("TERM");
    return rt_outer_job_terminal(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

void rt__display_init(rt__display *d, bool json, const char *run_dir, int64_t batch)
{
    *d = (rt__display){
        .json = json,
        .terminal = !json && can_draw_over(),
        .run_dir = run_dir,
        .batch = batch,
        .last_line_at = -1e9,
    };
}

/* ---- writing ---- */

/* A run continues when its output cannot be written (a closed pipe, a full disk): its directory is complete without it.
 * The disk may have room again later, so we keep trying. */
static bool flush_output(rt__display *d)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (!d->output_lost)
        fprintf(stderr,
                "ringtorch: standard output cannot be written: %s: training continues; ringtorch "
                "status shows it\n",
                errno ? strerror(errno) : "an earlier write failed");
    d->output_lost = true;
    clearerr(stdout);
    return false;
}

/* Discards what could not be printed: the exit code must tell how the run ended, not that output was lost. */
static void drop_output(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        return;
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
    fflush(stdout);
}

static int width(void)
{
    return rt__screen_of_stdout().width;
}

void rt__display_end(rt__display *d)
{
    if (d->live.columns > 0)
        putchar('\n');
    d->live.columns = 0;
    if (!flush_output(d))
        drop_output();
}

void rt__display_refresh(rt__display *d)
{
    int now = d->live.columns > 0 ? width() : d->live.width;
    if (now == d->live.width)
        return;
    rt__live_fit(&d->live, now, stdout);
    flush_output(d);
}

static void draw(rt__display *d, const rt__part *parts, int count)
{
    rt__live_draw(&d->live, parts, count, width(), stdout);
    flush_output(d);
}

static void draw_text(rt__display *d, const char *text)
{
    rt__part part = {.drop = 0};
    snprintf(part.text, sizeof part.text, "%s", text);
    draw(d, &part, 1);
}

/* Erases the live line. */
static void clear_line(rt__display *d)
{
    if (d->live.columns > 0)
        rt__live_erase(&d->live, width(), stdout);
}

/* Prints a line, in a style (NULL: plain) if the terminal shows styles. */
static void say(rt__display *d, const char *style, const char *fmt, va_list ap)
{
    if (d->json)
        return;
    bool styled = style && d->terminal && rt__screen_of_stdout().color;
    clear_line(d);
    if (styled)
        printf("\033[%sm", style);
    rt_text_vprint(stdout, fmt, ap);
    fputs(styled ? "\033[0m\n" : "\n", stdout);
    flush_output(d);
}

void rt__display_say(rt__display *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(d, NULL, fmt, ap);
    va_end(ap);
}

/* Prints a line in a style, for what the user should notice. */
__attribute__((format(printf, 3, 4))) static void alert(rt__display *d, const char *style,
                                                        const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(d, style, fmt, ap);
    va_end(ap);
}

void rt__display_warn(rt__display *d, const char *fmt, ...)
{
    clear_line(d);
    flush_output(d);
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt_text_print(stderr, "ringtorch: %s\n", text);
}

/* ---- reading ---- */

static int64_t integer(const json_t *j, const char *key)
{
    return rt__field_int(j, key, 0);
}

/* ---- the model, progress and the summary ---- */

/* Shows how far the verification of a checkpoint is: on a terminal each time, in a pipe now and then. */
static void show_progress(rt__display *d, const json_t *j)
{
    static const double PIPE_SECONDS = 10;
    rt_text words = {0};
    const json_t *verifying = json_object_get(j, "verifying");
    if (!json_is_object(verifying)) {
        d->step = integer(j, "step");
        return;
    }
    if (!d->terminal && rt_clock() - d->last_line_at < PIPE_SECONDS)
        return;
    d->last_line_at = rt_clock();
    rt_text_add(&words, "verifying ");
    rt__words_verifying(verifying, &words);
    if (words.data && d->terminal)
        draw_text(d, words.data);
    else if (words.data)
        rt__display_say(d, "%s", words.data);
    rt_mem_free(words.data);
}

/* Returns "5,625", in one of a few buffers that are reused in turn. */
static const char *grouped(double number)
{
    static char texts[4][RT__WORDS];
    static int next;
    return rt__words_number(number, texts[next++ % 4]);
}

static const char *grouped_field(const json_t *j, const char *key)
{
    return grouped(rt__field_number(j, key));
}

static int history_of(const rt__display *d, int64_t step)
{
    return d->end_step > 0 ? (int)((double)step / (double)d->end_step * HISTORY_LINES) : 0;
}

/* Writes a shape as "32 x 28 x 28". */
static void shape_text(const json_t *shape, char text[RT__CELL])
{
    size_t used = 0, i;
    json_t *size;
    text[0] = '\0';
    json_array_foreach(shape, i, size)
    {
        int64_t n = json_integer_value(size);
        if (used < RT__CELL)
            used += (size_t)snprintf(text + used, RT__CELL - used, "%s%" PRId64, i ? " x " : "", n);
    }
}

/* A row of the table of layers is [name, shape, parameters], or only a text that tells how many rows are omitted. */
static void layer_cell(const void *row, int column, char out[RT__CELL])
{
    const json_t *cell = json_array_get(row, (size_t)column);
    if (json_is_string(cell))
        rt__cell_clean(json_string_value(cell), out);
    else if (json_is_array(cell))
        shape_text(cell, out);
    else if (json_integer_value(cell) > 0)
        rt__words_number((double)json_integer_value(cell), out);
    else
        snprintf(out, RT__CELL, "%s", "");
}

/* Picks the first and the last layers, with `gap` between them if there are more. Returns the number of rows. */
static size_t pick_layers(const json_t *layers, const json_t *gap, const void *rows[LAYERS_SHOWN])
{
    size_t all = json_array_size(layers), n = 0, half = (LAYERS_SHOWN - 1) / 2;
    for (size_t i = 0; i < all; i++) {
        if (all <= LAYERS_SHOWN || i < half || i >= all - half)
            rows[n++] = json_array_get(layers, i);
        else if (i == half)
            rows[n++] = gap;
    }
    return n;
}

static void show_model(rt__display *d, const json_t *j)
{
    const json_t *layers = rt__field_list(j, "layers");
    size_t all = json_array_size(layers);
    const void *rows[LAYERS_SHOWN];
    if (d->json || all == 0)
        return;
    rt__column columns[] = {{"layer"}, {"output"}, {"parameters", .right = true}, {""}};
    rt__table t = {columns, 4, layer_cell};
    rt__screen screen = rt__screen_of_stdout();
    rt_text out = {0};
    char left_out[48];
    snprintf(left_out, sizeof left_out, "(%zu more)", all - (LAYERS_SHOWN - 1));
    json_t *gap = json_pack("[s]", left_out);
    size_t n = pick_layers(layers, gap, rows);
    rt__table_lay_out(&t, rows, n, screen.width);
    rt__table_row(&t, NULL, d->terminal ? rt__bold : NULL, &screen, &out);
    for (size_t i = 0; i < n; i++)
        rt__table_row(&t, rows[i], NULL, &screen, &out);
    clear_line(d);
    fputs(out.data ? out.data : "", stdout);
    flush_output(d);
    json_decref(gap);
    rt_mem_free(out.data);
}

/* Writes the parts of a line of progress in order. On a narrow screen, those with the highest numbers are dropped first. */
static int progress_parts(const rt__display *d, const json_t *j, rt__part parts[RT__PARTS])
{
    char clock[RT__WORDS], number[RT_FIXED];
    int n = 0;
    int64_t step = integer(j, "step");
    double speed = rt__field_number(j, "samples_per_second"), lr = rt__field_number(j, "lr");
    double eta = speed > 0 ? (double)(d->end_step - step) * (double)d->batch / speed : NAN;
#define PART(goes, ...) (parts[n].drop = (goes), snprintf(parts[n++].text, RT__PART, __VA_ARGS__))
    PART(0, "step %s/%s", grouped((double)step), grouped((double)d->end_step));
    if (d->end_step > 0)
        PART(1, "%d %%", (int)(100.0 * (double)step / (double)d->end_step));
    if (json_object_get(j, "epoch"))
        PART(5, "epoch %s", rt_fixed(rt__field_number(j, "epoch"), 2, number));
    PART(0, "loss %s", rt_fixed(rt__field_number(j, "loss"), 4, number));
    if (isfinite(lr))
        PART(6, "lr %.3g", lr);
    PART(3, "%s samples/s", grouped(speed));
    if (json_object_get(j, "seconds"))
        PART(4, "%s", rt__words_duration(rt__field_number(j, "seconds"), clock));
    PART(2, "ETA %s", rt__words_duration(eta, clock));
    PART(7, "%" PRId64 " worker%s", d->workers, rt_plural(d->workers));
#undef PART
    return n;
}

/* On a terminal the line is redrawn in place. Now and then one stays, so that the user sees how the loss develops. */
static void show_report(rt__display *d, const json_t *j)
{
    rt__part parts[RT__PARTS];
    char text[RT__LIVE_TEXT];
    int64_t step = d->step = integer(j, "step");
    int count = progress_parts(d, j, parts), history = history_of(d, step);
    double now = rt_clock();
    d->stepped = true;
    bool stays = d->terminal && history > d->kept;
    double pause = d->terminal ? LIVE_SECONDS : PLAIN_SECONDS;
    if (!stays && now - d->last_line_at < pause && step < d->end_step)
        return;
    d->last_line_at = now;
    d->kept = history;
    if (stays || !d->terminal)
        rt__display_say(d, "%s", rt__live_text(parts, count, d->terminal ? width() : 0, text));
    else
        draw(d, parts, count);
}

static void show_what_next(rt__display *d, int64_t steps, bool ended_early)
{
    char text[RT__ADVICE];
    rt__display_say(d, "try next:");
    rt__display_say(d, "  %s", rt__advice_eval(d->run_dir, d->plugins, text));
    if (ended_early)
        rt__display_say(d, "  %s   # trains on anyway",
                        rt__advice_without_patience(d->run_dir, text));
    else if (d->cosine) /* its learning rate has fallen to its end: resuming would hardly train */
        rt__display_say(d, "  %s   # trains on from these weights, with a new cosine",
                        rt__advice_from_weights(d->run_dir, text));
    else
        rt__display_say(d, "  %s   # trains on", rt__advice_train_on(d->run_dir, 2 * steps, text));
    int64_t other = d->workers > 1 ? d->workers - 1 : 2;
    if (other <= d->slices)
        rt__display_say(d, "  %s   # the same weights from another number of workers",
                        rt__advice_other_workers(d->run_dir, other, text));
}

/* Shows the last evaluation, unless it has just been shown. */
static void show_result(rt__display *d, const json_t *j)
{
    bool told = d->evaluated_step == integer(j, "steps") && d->evaluated_step > 0;
    rt_metrics metrics = rt_metrics_from(j, "eval_");
    rt_text words = {0};
    if (told || !rt_metrics_any_finite(&metrics))
        return;
    rt_metrics_text(&metrics, &words);
    if (words.data)
        rt__display_say(d, "test %s", words.data);
    rt_mem_free(words.data);
}

static void show_done(rt__display *d, const json_t *j)
{
    char speed[RT__WORDS], clock[RT__WORDS], epochs[RT_FIXED];
    rt__display_say(d, "done: %s step%s (%s epochs) in %s, %s samples/s", grouped_field(j, "steps"),
                    rt_plural(integer(j, "steps")),
                    rt_fixed(rt__field_number(j, "epochs"), 1, epochs),
                    rt__words_duration(rt__field_number(j, "seconds"), clock),
                    rt__words_number(rt__field_number(j, "samples_per_second"), speed));
    int64_t skipped = integer(j, "skipped_steps");
    if (skipped > 0)
        rt__display_say(d,
                        "%" PRId64 " of these steps %s left out: their loss or gradient was not "
                        "finite (run.nan_loss: skip)",
                        skipped, skipped == 1 ? "was" : "were");
    show_result(d, j);
    if (rt__field_text(j, "note")[0] != '\0')
        rt__display_say(d, "note: %s", rt__field_text(j, "note"));
    rt__display_say(d, "run directory %s", d->run_dir);
    show_what_next(d, integer(j, "steps"), json_is_true(json_object_get(j, "ended_early")));
}

static void show_summary(rt__display *d, const json_t *j)
{
    d->concluded = true;
    const char *status = rt__field_text(j, "status");
    if (strcmp(status, "done") == 0) {
        show_done(d, j);
        return;
    }
    bool stopped = strcmp(status, "stopped") == 0;
    if (!d->stepped && !stopped) /* the error message says everything */
        return;
    char text[RT__ADVICE];
    bool resumable = json_is_integer(json_object_get(j, "checkpoint_step"));
    rt__display_say(d, "%s after step %s; run directory %s", status, grouped_field(j, "steps"),
                    d->run_dir);
    if (!stopped || d->in_memory) /* the launcher says how to resume */
        return;
    if (resumable)
        rt__display_say(d, "resume from step %" PRId64 ": %s", integer(j, "checkpoint_step"),
                        rt__advice_resume(d->run_dir, text));
    else
        rt__display_say(d, "no checkpoint was written; start over: %s",
                        rt__advice_resume(d->run_dir, text));
}

/* ---- events ---- */

/* Records what an event says about the run, for what we show later. */
static void note_event(rt__display *d, const json_t *j, rt_event_id event)
{
    switch (event) {
    case RT_EVENT_generation:
        d->workers = integer(j, "world_size");
        break;
    case RT_EVENT_running:
        d->start_step = d->step = integer(j, "start_step");
        d->end_step = integer(j, "end_step");
        d->slices = integer(j, "slices");
        d->kept = history_of(d, d->start_step);
        break;
    case RT_EVENT_evaluation:
        d->evaluated_step = integer(j, "step");
        break;
    case RT_EVENT_verifying:
        d->last_line_at = rt_clock();
        break;
    case RT_EVENT_stopped:
        d->in_memory = json_is_true(json_object_get(j, "in_memory"));
        break;
    default:
        break;
    }
}

/* Returns an addition to the event's sentence that only concerns the user who watches this run; "" for most events. */
static const char *advice_for(const rt__display *d, const json_t *j, rt_event_id event,
                              char text[128])
{
    bool fresh = strcmp(rt__field_text(j, "source"), "fresh") == 0;
    bool ctrl_c = strcmp(rt__field_text(j, "name"), "SIGINT") == 0;
    text[0] = '\0';
    if (event == RT_EVENT_running && fresh &&
        d->slices == 1) /* the user must know it before the first step */
        snprintf(text, 128, " (for 1 worker; to get the same bits with more, set parallel.slices)");
    else if (event == RT_EVENT_running && fresh)
        snprintf(text, 128, " (for at most %" PRId64 " workers)", d->slices);
    else if (event == RT_EVENT_interrupted)
        snprintf(text, 128, "; %s stops at once", ctrl_c ? "Ctrl-C again" : "a second signal");
    return text;
}

static void show_event(rt__display *d, const json_t *j, const rt_event_row *row)
{
    static const char *const styles[] = {
        [RT_EVENT_NOTICE] = NULL, [RT_EVENT_WARNING] = rt__yellow, [RT_EVENT_ERROR] = rt__red};
    rt_event_id event = (rt_event_id)(row - rt_event_rows);
    rt_text words = {0};
    char advice[128];
    note_event(d, j, event);
    if (event == RT_EVENT_model)
        show_model(d, j);
    if (row->severity == RT_EVENT_DETAIL || (event == RT_EVENT_checkpoint && d->terminal))
        return;
    rt__sentence_of(j, &words);
    if (words.data)
        alert(d, styles[row->severity], "%s%s", words.data, advice_for(d, j, event, advice));
    rt_mem_free(words.data);
}

void rt__display_show(rt__display *d, const char *json_text)
{
    json_t *j = NULL;
    if (rt_json_parse(json_text, strlen(json_text), "SHOW", &j) != RT_OK) {
        rt_error_clear();
        return;
    }
    const char *kind = rt__field_text(j, "event");
    const rt_event_row *row = rt_event_row_of(j);
    if (d->json && strcmp(kind, "progress") != 0) {
        rt_json_print(stdout, json_text);
        flush_output(d);
    }
    if (row)
        show_event(d, j, row);
    else if (strcmp(kind, "progress") == 0)
        show_progress(d, j);
    else if (strcmp(kind, "report") == 0)
        show_report(d, j);
    else if (strcmp(kind, "summary") == 0)
        show_summary(d, j);
    json_decref(j);
}
