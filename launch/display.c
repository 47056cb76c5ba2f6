#include "launch/display.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "launch/advice.h"
#include "launch/words.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double PLAIN_SECONDS = 1; /* least time between two reports in a pipe */

void rt__display_init(rt__display *d, bool json, const char *run_dir, int64_t batch)
{
    *d = (rt__display){
        .json = json,
        .terminal = !json && isatty(STDOUT_FILENO),
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

/* Replaces the live line, cut to the width of the terminal. */
static void live(rt__display *d, const char *text)
{
    struct winsize size = {0};
    int width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    printf("\r\033[K%.*s", width - 1, text);
    flush_output(d);
    d->line_open = true;
}

void rt__display_end(rt__display *d)
{
    if (d->line_open)
        putchar('\n');
    d->line_open = false;
    if (!flush_output(d))
        drop_output();
}

/* Takes the live line off the screen. */
static void clear_line(rt__display *d)
{
    if (d->line_open)
        fputs("\r\033[K", stdout);
    d->line_open = false;
}

void rt__display_say(rt__display *d, const char *fmt, ...)
{
    if (d->json)
        return;
    clear_line(d);
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    flush_output(d);
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
    fprintf(stderr, "ringtorch: %s\n", text);
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
    if (!json_is_object(verifying))
        return;
    if (!d->terminal && rt_clock() - d->last_line_at < PIPE_SECONDS)
        return;
    d->last_line_at = rt_clock();
    rt_text_add(&words, "verifying ");
    rt__words_verifying(verifying, &words);
    if (words.data && d->terminal)
        live(d, words.data);
    else if (words.data)
        rt__display_say(d, "%s", words.data);
    rt_mem_free(words.data);
}

static void show_generation(rt__display *d, const json_t *j)
{
    d->workers = integer(j, "world_size");
    rt__display_say(d, "starting %" PRId64 " worker%s", d->workers, d->workers == 1 ? "" : "s");
}

static void show_running(rt__display *d, const json_t *j)
{
    char parameters[RT__WORDS];
    d->start_step = integer(j, "start_step");
    d->end_step = integer(j, "end_step");
    d->slices = integer(j, "slices");
    const char *source = rt__field_text(j, "source");
    bool fresh = source[0] == '\0' || strcmp(source, "fresh") == 0;
    rt__display_say(
        d, "%s parameters, steps %" PRId64 " to %" PRId64 "%s%s, %" PRId64 " slices a step, %s, %s",
        rt__words_number(rt__field_number(j, "parameters"), parameters), d->start_step, d->end_step,
        fresh ? "" : " from ", fresh ? "" : source, integer(j, "slices"), rt__field_text(j, "isa"),
        rt__field_text(j, "blas"));
}

static void show_report(rt__display *d, const json_t *j)
{
    char text[256], speed_text[RT__WORDS], eta_text[RT__WORDS], loss[RT_FIXED];
    int64_t step = integer(j, "step");
    double speed = rt__field_number(j, "samples_per_second"), now = rt_clock();
    double eta = speed > 0 ? (double)(d->end_step - step) * (double)d->batch / speed : NAN;
    d->stepped = true;
    if (!d->terminal && now - d->last_line_at < PLAIN_SECONDS && step < d->end_step)
        return;
    d->last_line_at = now;
    snprintf(text, sizeof text,
             "step %" PRId64 "/%" PRId64 "  loss %s  %s images/s  ETA %s  %" PRId64 " worker%s",
             step, d->end_step, rt_fixed(rt__field_number(j, "loss"), 4, loss),
             rt__words_number(speed, speed_text), rt__words_duration(eta, eta_text), d->workers,
             d->workers == 1 ? "" : "s");
    if (d->terminal)
        live(d, text);
    else
        rt__display_say(d, "%s", text);
}

static void show_checkpoint(rt__display *d, const json_t *j)
{
    if (!d->terminal)
        rt__display_say(d, "checkpoint %s", rt__field_text(j, "path"));
}

static void show_checkpoint_failed(rt__display *d, const json_t *j)
{
    rt__display_say(d, "checkpoint of step %" PRId64 " not made: %s: training goes on",
                    integer(j, "step"), rt__field_text(j, "reason"));
}

static void show_unusable(rt__display *d, const json_t *j)
{
    rt__display_say(d, "checkpoint passed over: %s", rt__field_text(j, "reason"));
}

static void show_evaluation(rt__display *d, const json_t *j)
{
    char accuracy[RT_FIXED], loss[RT_FIXED];
    rt__display_say(d, "step %" PRId64 ": test accuracy %s %%, loss %s", integer(j, "step"),
                    rt_fixed(100 * rt__field_number(j, "accuracy"), 2, accuracy),
                    rt_fixed(rt__field_number(j, "loss"), 4, loss));
}

static void show_lost(rt__display *d, const json_t *j)
{
    rt__display_say(d, "lost at step %" PRId64 ": %s", integer(j, "step"),
                    rt__field_text(j, "cause"));
}

/* Adds "name 0.25 s" to a list, if the object has that number. */
static void add_seconds(char *text, size_t size, const json_t *j, const char *key, const char *name)
{
    size_t used = strlen(text);
    if (json_is_number(json_object_get(j, key)))
        snprintf(text + used, size - used, "%s%s %.2f s", used ? ", " : "", name,
                 rt__field_number(j, key));
}

static void show_recovered(rt__display *d, const json_t *j)
{
    static const char *const phases[][2] = {{"detect", "seen after"},
                                            {"stop", "ended"},
                                            {"start", "started"},
                                            {"restore", "restored"},
                                            {"first_step", "first step"}};
    char spent[256] = "", lost[64] = "", seconds[RT_FIXED];
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        add_seconds(spent, sizeof spent, j, phases[i][0], phases[i][1]);
    int64_t steps = integer(j, "lost_steps");
    if (json_is_integer(json_object_get(j, "lost_steps")))
        snprintf(lost, sizeof lost, ", %" PRId64 " step%s lost", steps, steps == 1 ? "" : "s");
    rt__display_say(d, "back at step %" PRId64 " after %s s%s%s%s%s", integer(j, "step"),
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

static void show_stall_over(rt__display *d, const json_t *j)
{
    if (rt__field_text(j, "text")[0] != '\0')
        show_text(d, j);
    else
        rt__display_say(d, "worker %" PRId64 " moves again", integer(j, "rank"));
}

static void show_scaled(rt__display *d, const json_t *j)
{
    rt__display_say(d, "from %" PRId64 " to %" PRId64 " workers", integer(j, "from"),
                    integer(j, "to"));
}

static void show_leave(rt__display *d, const json_t *j)
{
    rt__display_say(d, "worker %" PRId64 " on %s has to leave: %s", integer(j, "rank"),
                    rt__field_text(j, "host"), rt__field_text(j, "reason"));
}

static void show_host_lost(rt__display *d, const json_t *j)
{
    char seconds[RT_FIXED];
    rt__display_say(d, "host %s is left out for %s s: %s", rt__field_text(j, "host"),
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

static void show_what_next(rt__display *d, int64_t steps)
{
    char text[RT__ADVICE];
    rt__display_say(d, "try next:");
    rt__display_say(d, "  %s", rt__advice_eval(d->run_dir, text));
    if (d->cosine) /* its learning rate has fallen: there is nothing to go on with */
        rt__display_say(d, "  %s   # trains on from these weights, with a new cosine",
                        rt__advice_from_weights(d->run_dir, text));
    else
        rt__display_say(d, "  %s   # trains on", rt__advice_longer(d->run_dir, 2 * steps, text));
    int64_t other = d->workers > 1 ? d->workers - 1 : 2;
    if (other <= d->slices)
        rt__display_say(d, "  %s   # the same weights from another number of workers",
                        rt__advice_again(d->run_dir, other, text));
}

static void show_done(rt__display *d, const json_t *j)
{
    char speed[RT__WORDS], clock[RT__WORDS], epochs[RT_FIXED], accuracy[RT_FIXED], loss[RT_FIXED];
    rt__display_say(d, "done: %" PRId64 " steps (%s epochs) in %s, %s images/s",
                    integer(j, "steps"), rt_fixed(rt__field_number(j, "epochs"), 1, epochs),
                    rt__words_duration(rt__field_number(j, "seconds"), clock),
                    rt__words_number(rt__field_number(j, "samples_per_second"), speed));
    int64_t skipped = integer(j, "skipped_steps");
    if (skipped > 0)
        rt__display_say(d,
                        "%" PRId64 " of these steps %s left out: their loss or gradient was not "
                        "finite (run.nan_loss: skip)",
                        skipped, skipped == 1 ? "was" : "were");
    if (!json_is_null(json_object_get(j, "eval_accuracy")))
        rt__display_say(d, "test accuracy %s %%, loss %s",
                        rt_fixed(100 * rt__field_number(j, "eval_accuracy"), 2, accuracy),
                        rt_fixed(rt__field_number(j, "eval_loss"), 4, loss));
    rt__display_say(d, "run directory %s", d->run_dir);
    show_what_next(d, integer(j, "steps"));
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
    d->resumable = json_is_integer(json_object_get(j, "checkpoint_step"));
    rt__display_say(d, "%s after step %" PRId64 "; run directory %s", status, integer(j, "steps"),
                    d->run_dir);
    if (!stopped || d->in_memory) /* the launcher says how to go on */
        return;
    if (d->resumable)
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
        {"report", show_report},
        {"checkpoint", show_checkpoint},
        {"checkpoint_failed", show_checkpoint_failed},
        {"checkpoint_unusable", show_unusable},
        {"evaluation", show_evaluation},
        {"early_stop", show_text},
        {"worker_lost", show_lost},
        {"recovered", show_recovered},
        {"note", show_note},
        {"stall", show_text},
        {"stall_over", show_stall_over},
        {"scaled", show_scaled},
        {"leave", show_leave},
        {"host_lost", show_host_lost},
        {"host_back", show_host_back},
        {"corruption", show_text},
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
        printf("%s\n", json_text);
        flush_output(d);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(event, kinds[i].event) == 0)
            kinds[i].show(d, j);
    json_decref(j);
}
