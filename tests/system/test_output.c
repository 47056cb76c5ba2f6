/* What a run says and leaves behind: JSON lines, the files of the run directory, help from the
 * tables. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/metrics.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "row.h"
#include "tiny.h"

/* Calls f for each line of text, parsed; returns how many there are. Fails the test on a line that
 * is no JSON object. */
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

static void events_are_json(void **state)
{
    (void)state;
    char *text = read_text(in_scratch(&s, "json/events.jsonl"));
    assert_true(each_object(text, "events.jsonl", NULL, NULL) >=
                5); /* a generation, 4 checkpoints */
    rt_mem_free(text);
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

/* The pictures are easy: a net that learns gets them right, one that does not stays near one in
 * ten. */
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

/* After the first steps a worker takes nothing more from the system: a thousand steps later it is as large. */
static void memory_stays_flat(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the sanitizer keeps freed memory aside, so that it can tell who uses it */
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

/* For people: accuracy, speed, the run directory and what to do next. */
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

typedef struct documented {
    char *page;       /* docs/RUN.md */
    const char *part; /* its heading; NULL: events, each of which has a row of its own */
    int fields;
} documented;

/* Returns the part of the page that has this heading, up to the next one, or the row of an event. */
static const char *text_of(const documented *d, const char *event, size_t *len)
{
    char what[80];
    if (event)
        snprintf(what, sizeof what, "\n| `%s` |", event);
    else
        snprintf(what, sizeof what, "\n## %s\n", d->part);
    const char *events = strstr(d->page, "\n## events.jsonl\n");
    assert_non_null(events);
    const char *at = strstr(event ? events : d->page, what);
    if (!at)
        fail_msg("docs/RUN.md: no '%s'", what + 1);
    const char *end = strstr(at + 1, event ? "\n" : "\n## ");
    *len = end ? (size_t)(end - at) : strlen(at);
    return at;
}

/* Metrics have a part of their own, whatever stands in front of their names. */
static bool is_a_documented_metric(const documented *d, const char *key)
{
    static const char *const prefixes[] = {"eval_", "best_", ""};
    char row[80];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(key, prefixes[i], n) != 0 || !rt_metric_find(key + n))
            continue;
        size_t len;
        documented metrics = {d->page, "What evaluations tell"};
        const char *text = text_of(&metrics, NULL, &len);
        snprintf(row, sizeof row, "| `%s` |", key + n);
        return memmem(text, len, row, strlen(row));
    }
    return false;
}

static void expect_fields_documented(json_t *object, void *context)
{
    static const char *const common[] = {"event", "time", "seconds", "generation"};
    documented *d = context;
    const char *event = d->part ? NULL : json_string_value(json_object_get(object, "event"));
    const char *as_done = event && strcmp(event, "failed") == 0 ? "done" : event;
    size_t len;
    const char *text = text_of(d, as_done, &len), *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char quoted[80];
        bool everywhere = is_a_documented_metric(d, key);
        for (size_t i = 0; event && i < sizeof common / sizeof *common; i++)
            everywhere |= strcmp(key, common[i]) == 0;
        snprintf(quoted, sizeof quoted, "`%s`", key);
        if (!everywhere && !memmem(text, len, quoted, strlen(quoted)))
            fail_msg("docs/RUN.md does not explain '%s' of %s", key, event ? event : d->part);
        d->fields++;
    }
}

/* What runs write is what docs/RUN.md says that they write. */
static void every_field_is_documented(void **state)
{
    (void)state;
    static const struct {
        const char *run, *file, *part;
        int at_least;
    } rows[] = {
        {"json", "metrics.jsonl", "metrics.jsonl", 180},
        {"json", "events.jsonl", NULL, 30},
        {"json", "summary.json", "summary.json", 20},
        {"nan1", "metrics.jsonl", "metrics.jsonl", 9},
        {"nan1", "events.jsonl", NULL, 30},
    };
    char *page = read_text(RT_TEST_SOURCE_DIR "/docs/RUN.md");
    for (int i = 0; i < RT_METRIC_ROWS; i++) /* of tasks that the runs here do not have, too */
        if (!is_a_documented_metric(&(documented){page}, rt_metric_rows[i].name))
            fail_msg("docs/RUN.md does not explain the metric '%s'", rt_metric_rows[i].name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        documented d = {page, rows[i].part, 0};
        char *text = read_text(in_scratch(&s, "%s/%s", rows[i].run, rows[i].file));
        size_t len = strlen(text);
        json_t *summary = NULL;
        if (text[len - 1] == '\n')
            each_object(text, rows[i].file, expect_fields_documented, &d);
        else if (rt_json_parse(text, len, rows[i].file, &summary) == RT_OK)
            expect_fields_documented(summary, &d);
        json_decref(summary);
        assert_true(d.fields >= rows[i].at_least);
        rt_mem_free(text);
    }
    rt_mem_free(page);
}

/* Nothing is started and nothing changes, and both kinds of output say so. */
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

/* A run that learns nothing because its loss is not a number says so, and has failed. */
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
        ROW(events_are_json),
        ROW(summary_has_every_key),
        ROW(it_learns),
        ROW(only_the_newest_checkpoints_stay),
        ROW(memory_stays_flat),
        ROW(written_configuration_repeats_the_run),
        ROW(plain_output_ends_with_what_matters),
        ROW(a_finished_run_has_nothing_left_to_do),
        ROW(a_run_without_finite_steps_has_failed),
        ROW(every_field_is_documented),
        ROW(gzipped_data_gives_the_same_weights),
        ROW(help_lists_every_key),
    };
    return cmocka_run_group_tests(tests, tiny_begin, tiny_end);
}
