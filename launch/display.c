#include "launch/display.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "common/text.h"
#include "launch/advice.h"
#include "launch/screen.h"
#include "launch/words.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Least time between two reports, in a pipe and on a terminal. */
static const double PLAIN_SECONDS = 1, LIVE_SECONDS = 0.05;
enum {
    LAYERS_SHOWN = 13,  /* rows of the table of layers; odd */
    HISTORY_LINES = 20, /* reports of a run that stay on a terminal */
};

/* Pipes and dumb terminals get whole lines. */
static bool can_draw_over(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
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

/* A run goes on when nobody takes its output any more, a closed pipe or a full disk: what it leaves in its
 * directory is whole without it. The disk may have room again later, so writing is tried again. */
static bool flush_output(rt__display *d)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (!d->output_lost)
        fprintf(stderr,
                "ringtorch: standard output cannot be written: %s: training goes on; ringtorch "
                "status shows it\n",
                errno ? strerror(errno) : "an earlier write failed");
    d->output_lost = true;
    clearerr(stdout);
    return false;
}

/* Lets go of what could not be printed: the exit code is to tell of the run. */
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

/* Takes the live line off the screen. */
static void clear_line(rt__display *d)
{
    if (d->live.columns > 0)
        rt__live_erase(&d->live, width(), stdout);
}

/* Says something in a style (NULL: none), where that can be seen. */
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

/* What the user should look at. */
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

/* ---- one function per kind of object ---- */

static void show_verifying(rt__display *d, const json_t *j)
{
    char size[RT__WORDS];
    rt__display_say(d, "verifying checkpoint %s (%s)", rt__field_text(j, "checkpoint"),
                    rt__words_bytes(rt__field_number(j, "bytes"), size));
    d->last_line_at = rt_clock();
}

/* How far it is: on a terminal as it goes, in a pipe now and then. */
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

static void show_generation(rt__display *d, const json_t *j)
{
    d->workers = integer(j, "world_size");
    rt__display_say(d, "starting %" PRId64 " worker%s", d->workers, rt_plural(d->workers));
}

/* "5,625"; one of a few buffers that are reused in turn. */
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

static void show_running(rt__display *d, const json_t *j)
{
    d->start_step = d->step = integer(j, "start_step");
    d->end_step = integer(j, "end_step");
    d->slices = integer(j, "slices");
    d->kept = history_of(d, d->start_step);
    const char *source = rt__field_text(j, "source");
    bool fresh = source[0] == '\0' || strcmp(source, "fresh") == 0;
    char room[64] = "";
    if (fresh) /* who wants more must say so at the start */
        snprintf(room, sizeof room, " (for at most %" PRId64 " worker%s)", d->slices,
                 rt_plural(d->slices));
    rt__display_say(d, "%s parameter%s, steps %s to %s%s%s, %" PRId64 " slice%s a step%s, %s, %s",
                    grouped_field(j, "parameters"), rt_plural(integer(j, "parameters")),
                    grouped_field(j, "start_step"), grouped_field(j, "end_step"),
                    fresh ? "" : " from ", fresh ? "" : source, d->slices, rt_plural(d->slices),
                    room, rt__field_text(j, "isa"), rt__field_text(j, "blas"));
}

/* "32 x 28 x 28" */
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

/* A row of the table of layers is [name, shape, parameters], or only tells how many are left out. */
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

/* The first and the last layers, and how many there are between them. */
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

/* The parts of a line of progress, in order; numbers say what gives way first on a narrow screen. */
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

/* On a terminal the line is drawn over, and one in a while stays, so that the way of the loss can be seen. */
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

static void show_checkpoint(rt__display *d, const json_t *j)
{
    if (!d->terminal)
        rt__display_say(d, "checkpoint %s", rt__field_text(j, "path"));
}

static void show_checkpoint_failed(rt__display *d, const json_t *j)
{
    alert(d, rt__yellow, "checkpoint of step %s not made: %s: training goes on",
          grouped_field(j, "step"), rt__field_text(j, "reason"));
}

static void show_unusable(rt__display *d, const json_t *j)
{
    rt__display_say(d, "checkpoint passed over: %s", rt__field_text(j, "reason"));
}

static void show_evaluation(rt__display *d, const json_t *j)
{
    rt_text words = {0};
    rt_metrics metrics = rt_metrics_from(j, "");
    d->evaluated_step = integer(j, "step");
    rt_metrics_words(&metrics, &words);
    if (words.data)
        rt__display_say(d, "step %s: test %s%s", grouped_field(j, "step"), words.data,
                        json_is_true(json_object_get(j, "best")) ? ", the best so far" : "");
    rt_mem_free(words.data);
}

static void show_lost(rt__display *d, const json_t *j)
{
    alert(d, rt__yellow, "lost at step %s: %s", grouped_field(j, "step"),
          rt__field_text(j, "cause"));
}

/* Adds "name 0.25" to a list, if the object has that number. */
static void add_seconds(char *text, size_t size, const json_t *j, const char *key, const char *name)
{
    size_t used = strlen(text);
    if (json_is_number(json_object_get(j, key)))
        snprintf(text + used, size - used, "%s%s %.2f", used ? ", " : "", name,
                 rt__field_number(j, key));
}

static void show_recovered(rt__display *d, const json_t *j)
{
    static const char *const phases[][2] = {{"detect", "to see"},
                                            {"stop", "to end"},
                                            {"start", "to start"},
                                            {"restore", "to restore"},
                                            {"first_step", "to step"}};
    char spent[256] = "", lost[64] = "", seconds[RT_FIXED];
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        add_seconds(spent, sizeof spent, j, phases[i][0], phases[i][1]);
    int64_t steps = integer(j, "lost_steps");
    if (json_is_integer(json_object_get(j, "lost_steps")))
        snprintf(lost, sizeof lost, ", %s step%s lost", grouped((double)steps), rt_plural(steps));
    rt__display_say(d, "back at step %s after %s s%s%s%s%s", grouped_field(j, "step"),
                    rt_fixed(rt__field_number(j, "recovery_seconds"), 2, seconds), lost,
                    spent[0] ? " (" : "", spent, spent[0] ? ")" : "");
}

/* What the coordinator has put into words itself. */
static void show_text(rt__display *d, const json_t *j)
{
    if (rt__field_text(j, "text")[0] != '\0')
        rt__display_say(d, "%s", rt__field_text(j, "text"));
}

static void show_note(rt__display *d, const json_t *j)
{
    rt__display_say(d, "note: %s", rt__field_text(j, "text"));
}

static void show_stall(rt__display *d, const json_t *j)
{
    if (rt__field_text(j, "text")[0] != '\0')
        alert(d, rt__yellow, "%s", rt__field_text(j, "text"));
}

static void show_corruption(rt__display *d, const json_t *j)
{
    alert(d, rt__red, "%s", rt__field_text(j, "text"));
}

static void show_stall_over(rt__display *d, const json_t *j)
{
    if (rt__field_text(j, "text")[0] != '\0')
        show_text(d, j);
    else
        rt__display_say(d, "worker %" PRId64 " moves again", integer(j, "rank"));
}

static void show_scaled(rt__display *d, const json_t *j)
{
    rt__display_say(d, "from %" PRId64 " to %" PRId64 " worker%s", integer(j, "from"),
                    integer(j, "to"), rt_plural(integer(j, "to")));
}

static void show_leave(rt__display *d, const json_t *j)
{
    rt__display_say(d, "worker %" PRId64 " on %s has to leave: %s", integer(j, "rank"),
                    rt__field_text(j, "host"), rt__field_text(j, "reason"));
}

static void show_host_lost(rt__display *d, const json_t *j)
{
    char seconds[RT_FIXED];
    alert(d, rt__yellow, "host %s is left out for %s s: %s", rt__field_text(j, "host"),
          rt_fixed(rt__field_number(j, "cooldown_seconds"), 0, seconds),
          rt__field_text(j, "reason"));
}

static void show_host_back(rt__display *d, const json_t *j)
{
    rt__display_say(d, "host %s is back", rt__field_text(j, "host"));
}

static void show_step_skipped(rt__display *d, const json_t *j)
{
    if (rt__field_text(j, "text")[0] != '\0')
        show_text(d, j);
    else
        rt__display_say(d, "step %" PRId64 " skipped: its loss or gradient was not finite",
                        integer(j, "step"));
}

static void show_interrupted(rt__display *d, const json_t *j)
{
    const char *name = rt__field_text(j, "name");
    bool saves = json_is_true(json_object_get(j, "saves"));
    rt__display_say(d, "%s: %s; %s stops at once", name,
                    saves ? "finishing the step and writing a checkpoint" : "nothing to save yet",
                    strcmp(name, "SIGINT") == 0 ? "Ctrl-C again" : "a second signal");
}

static void show_what_next(rt__display *d, int64_t steps, bool ended_early)
{
    char text[RT__ADVICE];
    rt__display_say(d, "try next:");
    rt__display_say(d, "  %s", rt__advice_eval(d->run_dir, text));
    if (ended_early)
        rt__display_say(d, "  %s   # goes on all the same", rt__advice_patient(d->run_dir, text));
    else if (d->cosine) /* its learning rate has fallen: there is nothing to go on with */
        rt__display_say(d, "  %s   # trains on from these weights, with a new cosine",
                        rt__advice_from_weights(d->run_dir, text));
    else
        rt__display_say(d, "  %s   # trains on", rt__advice_longer(d->run_dir, 2 * steps, text));
    int64_t other = d->workers > 1 ? d->workers - 1 : 2;
    if (other <= d->slices)
        rt__display_say(d, "  %s   # the same weights from another number of workers",
                        rt__advice_again(d->run_dir, other, text));
}

/* Unless it has just been told. */
static void show_result(rt__display *d, const json_t *j)
{
    bool told = d->evaluated_step == integer(j, "steps") && d->evaluated_step > 0;
    rt_metrics metrics = rt_metrics_from(j, "eval_");
    rt_text words = {0};
    if (told || !rt_metrics_tell(&metrics))
        return;
    rt_metrics_words(&metrics, &words);
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

static void show_stopped(rt__display *d, const json_t *j)
{
    d->in_memory = json_is_true(json_object_get(j, "in_memory"));
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
    if (!d->stepped && !stopped) /* the error says it all */
        return;
    char text[RT__ADVICE];
    bool resumable = json_is_integer(json_object_get(j, "checkpoint_step"));
    rt__display_say(d, "%s after step %s; run directory %s", status, grouped_field(j, "steps"),
                    d->run_dir);
    if (!stopped || d->in_memory) /* the launcher says how to go on */
        return;
    if (resumable)
        rt__display_say(d, "go on from step %" PRId64 ": %s", integer(j, "checkpoint_step"),
                        rt__advice_resume(d->run_dir, text));
    else
        rt__display_say(d, "no checkpoint was made; start over: %s",
                        rt__advice_resume(d->run_dir, text));
}

void rt__display_show(rt__display *d, const char *json_text)
{
    static const struct {
        const char *event;
        void (*show)(rt__display *d, const json_t *j);
    } kinds[] = {
        {"verifying", show_verifying},
        {"progress", show_progress},
        {"generation", show_generation},
        {"running", show_running},
        {"model", show_model},
        {"report", show_report},
        {"checkpoint", show_checkpoint},
        {"checkpoint_failed", show_checkpoint_failed},
        {"checkpoint_unusable", show_unusable},
        {"evaluation", show_evaluation},
        {"early_stop", show_text},
        {"worker_lost", show_lost},
        {"recovered", show_recovered},
        {"note", show_note},
        {"stall", show_stall},
        {"stall_over", show_stall_over},
        {"scaled", show_scaled},
        {"leave", show_leave},
        {"host_lost", show_host_lost},
        {"host_back", show_host_back},
        {"corruption", show_corruption},
        {"step_skipped", show_step_skipped},
        {"snapshot_trouble", show_text},
        {"data_fault", show_text},
        {"interrupted", show_interrupted},
        {"stopped", show_stopped},
        {"summary", show_summary},
    };
    json_t *j = NULL;
    if (rt_json_parse(json_text, strlen(json_text), "SHOW", &j) != RT_OK) {
        rt_error_clear();
        return;
    }
    const char *event = rt__field_text(j, "event");
    if (d->json && strcmp(event, "progress") != 0) {
        rt_json_print(stdout, json_text);
        flush_output(d);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(event, kinds[i].event) == 0)
            kinds[i].show(d, j);
    json_decref(j);
}
