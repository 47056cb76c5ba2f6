/* What a run prints and leaves behind: JSON lines, the files of the run directory, and help from the tables. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/control/events.h"
#include "common/control/results.h"
#include "row.h"
#include "tiny.h"

/* Calls f with each line of text as a JSON object. Returns the number of lines. Fails the test if a line is not a JSON
 * object. */
static int each_object(const char *text, const char *name, void (*f)(json_t *, void *),
                       void *context)
{
    int count = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1, count++) {
        json_t *object = NULL;
        if (rt_json_parse(text, (size_t)(end - text), name, &object) != RT_OK)
            fail_msg("%s", rt_error());
        assert_true(json_is_object(object));
        if (f)
            f(object, context);
        json_decref(object);
    }
    assert_string_equal(text, ""); /* the last line ends, too */
    return count;
}

static char *read_text(const char *path)
{
    rt_bytes text = {0};
    if (rt_file_read(path, 16 << 20, &text) != RT_OK)
        fail_msg("%s", rt_error());
    return (char *)text.data;
}

static void json_is_one_object_a_line(void **state)
{
    (void)state;
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2",
                   "--run-dir", in_scratch(&s, "json"), "--json", NULL);
    expect_exit(&r, 0);
    assert_true(each_object(r.out, "output", NULL, NULL) > 20); /* 200 steps, a report every 10 */
    expect_text(r.out, "weights_sha256");
    assert_string_equal(r.err, "");
    result_release(&r);
}

static void check_metrics(json_t *line, void *context)
{
    static const char *const keys[] = {"step",    "epoch",      "loss",
                                       "lr",      "grad_norm",  "samples_per_second",
                                       "seconds", "world_size", "generation"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_is_number(json_object_get(line, keys[i])))
            fail_msg("metrics.jsonl: no number '%s'", keys[i]);
    int64_t *last = context, step = json_integer_value(json_object_get(line, "step"));
    assert_true(step > *last);
    *last = step;
    bool evaluated = step == 200; /* the end of the run */
    assert_int_equal(json_is_number(json_object_get(line, "eval_loss")), evaluated);
    assert_int_equal(json_is_number(json_object_get(line, "eval_accuracy")), evaluated);
}

static void metrics_have_every_key_and_rising_steps(void **state)
{
    (void)state;
    char *text = read_text(in_scratch(&s, "json/metrics.jsonl"));
    int64_t last = 0;
    assert_int_equal(each_object(text, "metrics.jsonl", check_metrics, &last), 20);
    assert_int_equal(last, 200);
    rt_mem_free(text);
}

static void check_event(json_t *line, void *context)
{
    rt_event event;
    (void)context;
    if (rt_event_read(line, &event) != RT_OK)
        fail_msg("%s", rt_error());
}

static void summary_has_every_key(void **state)
{
    (void)state;
    static const char *const numbers[] = {"steps",
                                          "epochs",
                                          "train_loss",
                                          "eval_loss",
                                          "eval_accuracy",
                                          "seconds",
                                          "seconds_to_first_step",
                                          "samples_per_second",
                                          "restarts",
                                          "lost_steps"};
    json_t *summary = read_summary(in_scratch(&s, "json"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!json_is_number(json_object_get(summary, numbers[i])))
            fail_msg("summary.json: no number '%s'", numbers[i]);
    assert_string_equal(json_string_value(json_object_get(summary, "status")), "done");
    assert_int_equal(json_array_size(json_object_get(summary, "world_sizes")), 1);
    assert_int_equal(json_array_size(json_object_get(summary, "peak_rss_bytes")), 2);
    assert_true(json_is_array(json_object_get(summary, "recovery_seconds")));
    json_decref(summary);
}

/* The pictures are easy: a net that learns gets them right, one that does not learn stays near one in ten. */
static void it_learns(void **state)
{
    (void)state;
    json_t *summary = read_summary(in_scratch(&s, "json"));
    double accuracy = json_number_value(json_object_get(summary, "eval_accuracy"));
    json_decref(summary);
    if (accuracy < 0.95 || accuracy > 1)
        fail_msg("accuracy %g, expected at least 0.95", accuracy);
}

static void only_the_newest_checkpoints_stay(void **state)
{
    (void)state;
    rt_names names = {0};
    if (rt_dir_list(in_scratch(&s, "json/checkpoints"), &names) != RT_OK)
        fail_msg("%s", rt_error());
    assert_int_equal(names.count, 3); /* keep: 3 */
    assert_string_equal(names.name[0], "step-00000100");
    assert_string_equal(names.name[2], "step-00000200");
    rt_names_release(&names);
}

static int64_t resident_bytes(pid_t pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* After the first steps a worker allocates nothing more from the system: a thousand steps later it has the same size. */
static void memory_stays_flat(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the sanitizer keeps freed memory to detect its use */
#endif
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "flat"));
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                      dir, "--set", "run.steps=1000000", "--set", "schedule.name=constant", NULL);
    await_step(dir, 200, LONG); /* checkpoints have been written, too */
    pid_t worker = find_worker(&s, 0, LONG);
    assert_true(worker > 0);
    int64_t before = resident_bytes(worker);
    await_step(dir, 1200, LONG);
    int64_t after = resident_bytes(worker);
    kill(-c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    if (after > before + (1 << 20))
        fail_msg("a worker grew from %lld to %lld bytes in 1,000 steps", (long long)before,
                 (long long)after);
}

/* The resolved configuration gives the same run again. */
static void written_configuration_repeats_the_run(void **state)
{
    (void)state;
    char first[65], second[65];
    summary_text(in_scratch(&s, "json"), "weights_sha256", first, sizeof first);
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "json/config.yaml"), "--run-dir",
                   in_scratch(&s, "again"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(in_scratch(&s, "again"), "weights_sha256", second, sizeof second);
    assert_string_equal(second, first);
}

/* Without --json it prints for people: accuracy, speed, the run directory and what to do next. */
static void plain_output_ends_with_what_matters(void **state)
{
    (void)state;
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2",
                   "--run-dir", in_scratch(&s, "plain"), "--set", "run.steps=50", NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "accuracy");
    expect_text(r.out, "samples/s");
    expect_text(r.out, in_scratch(&s, "plain"));
    expect_text(r.out, "ringtorch ");
    if (strchr(r.out, '\r') || strchr(r.out, '\033'))
        fail_msg("terminal codes in a pipe:\n%s", r.out);
    result_release(&r);
}

static void check_report(json_t *line, void *context)
{
    rt_run_report report;
    (void)context;
    memcpy(&report, rt_run_report_schema.defaults, sizeof report);
    if (rt__schema_set(&rt_run_report_schema, &report, line) != RT_OK)
        fail_msg("%s", rt_error());
}

static void check_summary(const json_t *object)
{
    rt_run_summary summary;
    memcpy(&summary, rt_run_summary_schema.defaults, sizeof summary);
    if (rt__schema_set(&rt_run_summary_schema, &summary, object) != RT_OK)
        fail_msg("%s", rt_error());
}

/* Runs write what the rows describe, from which docs/RUN.md is made (tests/unit/common/test_events.c). One of the runs ends
 * without a loss. */
static void records_are_what_the_rows_say(void **state)
{
    (void)state;
    static const char *const runs[] = {"json", "nan1"};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char *events = read_text(in_scratch(&s, "%s/events.jsonl", runs[i])),
             *rows = read_text(in_scratch(&s, "%s/metrics.jsonl", runs[i]));
        json_t *summary = read_summary(in_scratch(&s, "%s", runs[i]));
        assert_true(each_object(events, "events.jsonl", check_event, NULL) >= 5);
        assert_true(each_object(rows, "metrics.jsonl", check_report, NULL) >= 1);
        check_summary(summary);
        json_decref(summary);
        rt_mem_free(events);
        rt_mem_free(rows);
    }
}

/* Nothing is started and nothing changes; both kinds of output say so. */
static void a_finished_run_has_nothing_left_to_do(void **state)
{
    (void)state;
    static const char *const files[] = {"journal", "summary.json", "metrics.jsonl", "events.jsonl",
                                        "config.yaml"};
    enum { FILES = sizeof files / sizeof *files };
    char dir[128], *before[FILES], path[200];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "json"));
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        before[i] = read_text(path);
    }
    const char *yaml = in_scratch(&s, "tiny.yaml");
    result plain =
        run(&s, LONG, "ringtorch", "train", yaml, "--run-dir", dir, "--resume", "auto", NULL);
    expect_exit(&plain, 0);
    expect_text(plain.out, "nothing left to do: the run in");
    result json = run(&s, LONG, "ringtorch", "train", yaml, "--run-dir", dir, "--resume", "auto",
                      "--json", NULL);
    expect_exit(&json, 0);
    assert_int_equal(each_object(json.out, "output", NULL, NULL), 1);
    expect_text(json.out, "\"event\":\"summary\"");
    result fewer = run(&s, LONG, "ringtorch", "train", yaml, "--run-dir", dir, "--resume", "auto",
                       "--set", "run.steps=10", NULL);
    expect_exit(&fewer, 2);
    expect_text(fewer.err, "has made 200 steps already");
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        char *after = read_text(path);
        assert_string_equal(after, before[i]);
        rt_mem_free(after);
        rt_mem_free(before[i]);
    }
    result_release(&plain);
    result_release(&json);
    result_release(&fewer);
}

/* A run that learns nothing because its loss is not a number fails and says so. */
static void a_run_without_finite_steps_has_failed(void **state)
{
    (void)state;
    static const struct {
        const char *limit, *error;
    } rows[] = {{"run.nan_skip_limit=4", "the last 4 steps up to step"},
                {"run.nan_skip_limit=0", "the training loss at the end is not a number"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", in_scratch(&s, "nan%zu", i));
        result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "--run-dir",
                       dir, "--set", "run.steps=20", "--set", "run.nan_loss=skip", "--set",
                       rows[i].limit, "--set", "optimizer.name=sgd", "--set", "optimizer.lr=1e6",
                       "--set", "optimizer.weight_decay=1e6", NULL);
        expect_exit(&r, 1);
        expect_text(r.err, rows[i].error);
        if (strstr(r.out, "loss 0.0000") || strstr(r.out, "done:"))
            fail_msg("it is said to have gone well:\n%s", r.out);
        result_release(&r);
        json_t *summary = read_summary(dir);
        assert_true(json_integer_value(json_object_get(summary, "skipped_steps")) >= 4);
        json_decref(summary);
    }
    result r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "nan1"), NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "loss nan");
    result_release(&r);
}

static void gzipped_data_gives_the_same_weights(void **state)
{
    (void)state;
    char plain[65], gzipped[65];
    const char *more[] = {"--set", "run.steps=20", NULL};
    train_tiny(&s, in_scratch(&s, "idx"), 2, more, plain);
    if (rt_remove_tree(in_scratch(&s, "data")) != RT_OK)
        fail_msg("%s", rt_error());
    make_data(&s, &(data_set){.train = 520, .test = 100, .gzip = true});
    train_tiny(&s, in_scratch(&s, "gz"), 2, more, gzipped);
    assert_string_equal(gzipped, plain);
}

/* ---- what a reader of a pipe sees ---- */

/* A command whose standard output and error go into one end of a pair of sockets, which keep apart what each write(2) wrote. */
typedef struct watched {
    command c;
    int fd;
    int lines;
} watched;

/* Takes everything written so far, or up to the write that contains the fragment (NULL: none); returns whether there was one.
 * Whoever is killed between two writes has written whole lines. */
static bool take_writes(watched *w, const char *fragment)
{
    static char text[1 << 20];
    ssize_t n;
    while ((n = recv(w->fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0) {
        text[n] = '\0';
        if (text[n - 1] != '\n')
            fail_msg("a write that is not of whole lines: \"%.*s\"", (int)n, text);
        for (ssize_t i = 0; i < n; i++)
            w->lines += text[i] == '\n';
        if (fragment && strstr(text, fragment))
            return true;
    }
    return false;
}

static void await_write(watched *w, const char *fragment)
{
    for (double end = rt_clock() + LONG; !take_writes(w, fragment); rt_clock_sleep(0.002))
        if (rt_clock() > end)
            fail_msg("it never wrote \"%s\"", fragment);
}

static watched start_watched(const char *config, const char *dir, const char *more)
{
    int ends[2];
    char line[1024];
    watched w = {.lines = 0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    snprintf(line, sizeof line,
             "exec " RT_TEST_BINARY_DIR "/bin/ringtorch train %s -n 2 --run-dir %s --set "
             "run.steps=10000000 --set schedule.name=constant --set checkpoint.every=0 %s "
             ">&%d 2>&%d %d>&-",
             config, dir, more, ends[1], ends[1], ends[1]);
    w.c = start(&s, "sh", "-c", line, NULL);
    w.fd = ends[0];
    close(ends[1]);
    return w;
}

static int finish_watched(watched *w)
{
    result r = finish(w->c, LONG);
    int code = r.exit_code;
    result_release(&r);
    assert_true(all_ended(&s, LONG));
    take_writes(w, NULL);
    close(w->fd);
    return code;
}

/* A net whose description alone is longer than what pipes take at once, and than the usual buffer of an output. */
static const char *write_deep_config(void)
{
    enum { LAYERS = 300 };
    const char *before = strstr(TINY_CONFIG, "    - linear: 10\n");
    rt_text text = {0};
    rt_text_add(&text, "%.*s", (int)(before - TINY_CONFIG), TINY_CONFIG);
    for (int i = 0; i < LAYERS; i++)
        rt_text_add(&text, "    - linear: 4\n");
    rt_text_add(&text, "%s", before);
    const char *path = write_config(&s, "deep.yaml", text.data);
    rt_mem_free(text.data);
    return path;
}

static void a_killed_launcher_leaves_whole_lines(void **state)
{
    (void)state;
    static const char *const more[] = {"--json", ""};
    const char *config = write_deep_config();
    for (int i = 0; i < 2; i++) {
        watched w = start_watched(config, in_scratch(&s, "cut%d", i), more[i]);
        await_write(&w, i ? "loss" : "\"step\":100,");
        assert_int_equal(kill(w.c.pid, SIGKILL), 0);
        assert_int_equal(finish_watched(&w), 128 + SIGKILL);
        assert_true(w.lines > 5);
    }
}

/* A run that has lost its coordinator ends with lines on standard error, which has no buffer. */
static void a_killed_coordinator_leaves_whole_lines(void **state)
{
    (void)state;
    watched w = start_watched(in_scratch(&s, "tiny.yaml"), in_scratch(&s, "orphan"),
                              "--set run.max_restarts=0");
    await_write(&w, "loss");
    assert_int_equal(kill(find_program(&s, "ringtorch-coordinator", LONG), SIGKILL), 0);
    await_write(&w, "ringtorch: gave up after 0 restarts of the coordinator");
    assert_int_equal(finish_watched(&w), 1);
}

/* Every key that config.def has is explained, with its range or its choices. */
static void help_lists_every_key(void **state)
{
    (void)state;
    static const char *const keys[] = {"run.seed",         "run.steps",     "model.preset",
                                       "data.batch",       "optimizer.lr",  "parallel.slices",
                                       "checkpoint.every", "evaluate.every"};
    result r = run(&s, LONG, "ringtorch", "train", "--help-config", NULL);
    expect_exit(&r, 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        expect_text(r.out, strchr(keys[i], '.') + 1);
    expect_text(r.out, "fashion-mnist");
    result_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(json_is_one_object_a_line),
        ROW(metrics_have_every_key_and_rising_steps),
        ROW(summary_has_every_key),
        ROW(it_learns),
        ROW(only_the_newest_checkpoints_stay),
        ROW(memory_stays_flat),
        ROW(written_configuration_repeats_the_run),
        ROW(plain_output_ends_with_what_matters),
        ROW(a_finished_run_has_nothing_left_to_do),
        ROW(a_run_without_finite_steps_has_failed),
        ROW(records_are_what_the_rows_say),
        ROW(gzipped_data_gives_the_same_weights),
        ROW(a_killed_launcher_leaves_whole_lines),
        ROW(a_killed_coordinator_leaves_whole_lines),
        ROW(help_lists_every_key),
    };
    return cmocka_run_group_tests(tests, tiny_begin, tiny_end);
}
