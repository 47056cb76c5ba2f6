/* A regression on a table, `configs/regression.yaml` at another size: learnt, and the same bits whoever computes it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "row.h"
#include "runs.h"

static scratch s;
static char config[128], expected[65];

/* Three columns that count, one to leave out, and a target: y = 3a - 2b + c/2, and a little that nothing tells. */
static void write_table(const char *path)
{
    rt_text text = {0};
    uint32_t random = 1;
    rt_text_add(&text, "a,b,id,c,y\n");
    for (int i = 0; i < 700; i++) {
        double v[4];
        for (int k = 0; k < 4; k++) {
            random = random * 1664525 + 1013904223;
            v[k] = (double)(random >> 8) / (1 << 24) - 0.5;
        }
        rt_text_add(&text, "%.6f,%.6f,row %d,%.6f,%.6f\n", v[0], v[1], i, 10 * v[2],
                    3 * v[0] - 2 * v[1] + 5 * v[2] + 0.2 * v[3]);
    }
    char *all = rt_text_take(&text);
    assert_non_null(all);
    assert_int_equal(rt_file_replace(path, all, strlen(all)), RT_OK);
    rt_mem_free(all);
}

#define CONFIG                                                                                     \
    "run: {name: table, seed: 7, steps: 600, report_every: 10}\n"                                  \
    "model:\n"                                                                                     \
    "  layers: [{linear: 16}, relu, {linear: 1}]\n"                                                \
    "data: {dataset: csv, path: \"%s/table.csv\", target: y, ignore: id, share: 0.3, batch: 48}\n" \
    "optimizer: {name: adamw, lr: 0.01}\n"                                                         \
    "parallel: {slices: 4}\n"                                                                      \
    "checkpoint: {every: 100, best: r2}\n"                                                         \
    "evaluate: {every: 100}\n"

/* Trains to the end, or goes on with it. */
static void train(const char *dir, const char *workers, bool resume)
{
    result r = run(&s, LONG, "ringtorch", "train", config, "-n", workers, "--run-dir", dir,
                   resume ? "--resume" : "--json", resume ? "auto" : NULL, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static void expect_same(const char *dir)
{
    char sha[65];
    summary_text(dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, expected);
    assert_true(summary_number(dir, "eval_r2") > 0.98);
}

static int set_up(void **state)
{
    char dir[128];
    (void)state;
    scratch_make(&s);
    assert_int_equal(rt_dir_make(in_scratch(&s, "data"), 0755), RT_OK);
    write_table(in_scratch(&s, "data/table.csv"));
    snprintf(config, sizeof config, "%s", write_config(&s, "table.yaml", CONFIG));
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "w1"));
    train(dir, "1", false);
    summary_text(dir, "weights_sha256", expected, sizeof expected);
    assert_true(summary_number(dir, "eval_r2") > 0.98);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static void same_for_2_to_4_workers(void **state)
{
    (void)state;
    static const char *const workers[] = {"2", "3", "4"};
    for (int i = 0; i < 3; i++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", in_scratch(&s, "w%s", workers[i]));
        train(dir, workers[i], false);
        expect_same(dir);
    }
}

/* Starts it and waits until half of it is done. */
static command start_half(const char *dir, const char *workers)
{
    command c = start(&s, "ringtorch", "train", config, "-n", workers, "--run-dir", dir, NULL);
    await_step(dir, 60, LONG);
    return c;
}

static void same_after_a_worker_was_killed(void **state)
{
    (void)state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "killed"));
    command c = start_half(dir, "2");
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    expect_restarts(dir, 1);
    expect_same(dir);
}

static void same_after_resuming_with_more_workers(void **state)
{
    (void)state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "grow"));
    command c = start_half(dir, "1");
    kill(-c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    train(dir, "3", true);
    expect_same(dir);
}

static void rename_column(const char *from, const char *to)
{
    rt_bytes b;
    char *path = rt_strdup(in_scratch(&s, "data/table.csv"));
    assert_int_equal(rt_file_read(path, 1 << 20, &b), RT_OK);
    assert_memory_equal(b.data, from, strlen(from));
    memcpy(b.data, to, strlen(to));
    assert_int_equal(rt_file_replace(path, b.data, b.len), RT_OK);
    rt_bytes_release(&b);
    rt_mem_free(path);
}

/* As many rows as before, and other data all the same: neither a launch nor a recovery goes on with them, and no step is lost. */
static void other_data_end_a_run_that_goes_on_with_the_former(void **state)
{
    (void)state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "replaced"));
    command c = start_half(dir, "2");
    rename_column("a,b,id", "b,a,id");
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, "data/table.csv: has changed: it is");
    expect_text(r.err,
                "ringtorch: to resume from "); /* its snapshots, or a checkpoint that is newer */
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "train", config, "--run-dir", dir, "--resume", "auto", NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "data/table.csv: has changed: it is");
    expect_text(r.err, "--set model.init=RUN");
    result_release(&r);
    rename_column("b,a,id", "a,b,id");
    train(dir, "2", true);
    expect_same(dir);
}

static void data_that_are_gone_end_a_run_that_goes_on_when_they_are_back(void **state)
{
    (void)state;
    char dir[128], there[160], away[160];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "gone"));
    snprintf(there, sizeof there, "%s", in_scratch(&s, "data/table.csv"));
    snprintf(away, sizeof away, "%s", in_scratch(&s, "data/away.csv"));
    command c = start_half(dir, "2");
    assert_int_equal(rename(there, away), 0);
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 1);
    expect_text(r.err, "data/table.csv: cannot open");
    expect_text(r.err,
                "ringtorch: to resume from "); /* its snapshots, or a checkpoint that is newer */
    result_release(&r);
    assert_int_equal(rename(away, there), 0);
    train(dir, "2", true);
    expect_same(dir);
}

/* What users see first. */
static void the_example_explains_the_prices(void **state)
{
    (void)state;
    char dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "houses"));
    result r =
        run(&s, LONG, "ringtorch", "train", RT_TEST_SOURCE_DIR "/configs/regression.yaml",
            "--run-dir", dir, "--set", "data.path=" RT_TEST_SOURCE_DIR "/configs/houses.csv", NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "R2 0.9");
    result_release(&r);
    assert_true(summary_number(dir, "eval_r2") > 0.95);
}

/* The held-out rows are those that training did not see, whatever the seed of the run is. */
static void eval_measures_what_was_held_out(void **state)
{
    (void)state;
    result r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "w1"), "--json", NULL);
    expect_exit(&r, 0);
    json_t *j = NULL;
    assert_int_equal(rt_json_parse(r.out, strlen(r.out), "eval", &j), RT_OK);
    assert_true(json_number_value(json_object_get(j, "r2")) ==
                summary_number(in_scratch(&s, "w1"), "eval_r2"));
    assert_in_range(json_integer_value(json_object_get(j, "count")), 170, 250);
    json_decref(j);
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "w1"), "--set", "data.share=0.5", NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "held out of training");
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "w1"), "--logits",
            in_scratch(&s, "data/table.csv"), NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "would overwrite the input");
    result_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_for_2_to_4_workers),
        ROW(same_after_a_worker_was_killed),
        ROW(same_after_resuming_with_more_workers),
        ROW(other_data_end_a_run_that_goes_on_with_the_former),
        ROW(data_that_are_gone_end_a_run_that_goes_on_when_they_are_back),
        ROW(the_example_explains_the_prices),
        ROW(eval_measures_what_was_held_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
