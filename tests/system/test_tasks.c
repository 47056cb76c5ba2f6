/* Nets that are trained for something else than classes: a language model on a text file, with masked targets, and a regression on a
 * table. Weights and evaluations are the same, bit for bit, for any number of workers, after a worker was killed and after a resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "row.h"
#include "runs.h"

enum { WORDS = 4000, ROWS = 400 };

static scratch s;

/* A task, and what its run of one worker gave. */
typedef struct task {
    const char *name, *config; /* %s in it is the data folder */
    const char *metrics[4];    /* of the summary; NULL behind the last */
    char sha[65];
    double value[4];
} task;

/* With more than one block of 65,536 parameters, so that ranks own different ones; with dropout in the attention and elsewhere. */
static task language = {
    "language",
    "run: {name: language, seed: 7, steps: 120, report_every: 5}\n"
    "model:\n"
    "  layers:\n"
    "    - embedding: {tokens: 32, out: 32, std: 0.1}\n"
    "    - positions\n"
    "    - residual: [layer_norm, {attention: {heads: 4, causal: true, dropout: 0.1}}]\n"
    "    - residual: [layer_norm, {linear: 1024}, gelu, {dropout: 0.1}, {linear: 32}]\n"
    "    - layer_norm\n"
    "    - tie: {to: \"0\", layer: {linear: 32}}\n"
    "data: {dataset: text, path: \"%s/text.txt\", context: 16, batch: 16, mask: random, "
    "mask_share: 0.6}\n"
    "task: {name: language, label_smoothing: 0.05}\n"
    "optimizer: {name: adamw, lr: 3.0e-3, clip_norm: 1.0}\n"
    "schedule: {name: cosine, warmup: 10}\n"
    "parallel: {workers: 2, slices: 4}\n"
    "checkpoint: {every: 40, keep: 3}\n"
    "evaluate: {every: 60}\n",
    {"eval_loss", "eval_perplexity"},
    "",
    {0},
};

static task regression = {
    "regression",
    "run: {name: regression, seed: 7, steps: 200, report_every: 10}\n"
    "model: {layers: [{linear: 300}, tanh, {linear: 300}, tanh, {linear: 2}]}\n"
    "data: {dataset: csv, path: \"%s/table.csv\", target: \"u,v\", batch: 32}\n"
    "optimizer: {name: adamw, lr: 1.0e-3}\n"
    "parallel: {workers: 2, slices: 4}\n"
    "checkpoint: {every: 50, keep: 3}\n"
    "evaluate: {every: 100}\n",
    {"eval_loss", "eval_r2", "eval_mse", "eval_mae"},
    "",
    {0},
};

/* ---- data ---- */

static uint32_t draw(uint32_t *state)
{
    return (*state = *state * 1664525 + 1013904223) >> 16;
}

static FILE *create(const char *name)
{
    FILE *f = fopen(in_scratch(&s, "data/%s", name), "w");
    assert_non_null(f);
    return f;
}

static void write_text(void)
{
    static const char *const words[] = {"to", "be", "or", "not", "that", "is", "the", "question"};
    uint32_t state = 1;
    FILE *f = create("text.txt");
    for (int i = 0; i < WORDS; i++)
        fprintf(f, "%s%c", words[draw(&state) % 8], i % 9 == 8 ? '\n' : ' ');
    fclose(f);
}

static void write_table(void)
{
    uint32_t state = 2;
    FILE *f = create("table.csv");
    fputs("a,b,c,u,v\n", f);
    for (int i = 0; i < ROWS; i++) {
        double a = draw(&state) % 1000 / 1e3, b = draw(&state) % 1000 / 1e3,
               c = draw(&state) % 1000 / 1e3;
        fprintf(f, "%.3f,%.3f,%.3f,%.6f,%.6f\n", a, b, c, 3 * a - b + 5, a * b + c);
    }
    fclose(f);
}

/* ---- runs ---- */

static const char *config_of(const task *t)
{
    return in_scratch(&s, "%s.yaml", t->name);
}

static const char *dir_of(const task *t, const char *what)
{
    return in_scratch(&s, "%s-%s", t->name, what);
}

/* Does the finished run have the weights and the evaluation of that of one worker? */
static void expect_same(const task *t, const char *dir)
{
    char sha[65];
    summary_text(dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, t->sha);
    for (int i = 0; i < 4 && t->metrics[i]; i++)
        assert_true(summary_number(dir, t->metrics[i]) == t->value[i]);
}

static void train(const task *t, const char *dir, const char *workers, const char *key)
{
    result r = run(&s, LONG, "ringtorch", "train", config_of(t), "-n", workers, "--run-dir", dir,
                   "--set", key, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static void train_alone(task *t)
{
    char dir[128], name[40];
    snprintf(dir, sizeof dir, "%s", dir_of(t, "w1"));
    snprintf(name, sizeof name, "%s.yaml", t->name);
    write_config(&s, name, t->config);
    train(t, dir, "1", "parallel.threads=1");
    summary_text(dir, "weights_sha256", t->sha, sizeof t->sha);
    for (int i = 0; i < 4 && t->metrics[i]; i++)
        t->value[i] = summary_number(dir, t->metrics[i]);
}

static int set_up(void **state)
{
    (void)state;
    tiny_setup(&s);
    write_text();
    write_table();
    train_alone(&language);
    train_alone(&regression);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static void same_for_any_number_of_workers(const task *t)
{
    static const char *const workers[] = {"2", "3", "4"};
    for (int i = 0; i < 3; i++) {
        char dir[128];
        snprintf(dir, sizeof dir, "%s", dir_of(t, workers[i]));
        train(t, dir, workers[i], i == 0 ? "parallel.threads=2" : "parallel.threads=1");
        expect_same(t, dir);
    }
}

/* Kills a worker, stops the run after it has recovered, and resumes it with another number of workers. */
static void same_after_a_kill_and_a_resume(const task *t, int64_t step)
{
    char dir[128];
    snprintf(dir, sizeof dir, "%s", dir_of(t, "killed"));
    command c = start(&s, "ringtorch", "train", config_of(t), "-n", "2", "--run-dir", dir, NULL);
    await_step(dir, step, LONG);
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    await_step(dir, 2 * step, LONG);
    kill(-c.pid, SIGINT);
    result r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "train", config_of(t), "-n", "3", "--run-dir", dir, "--resume",
            "auto", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    expect_same(t, dir);
}

static void language_is_the_same_for_any_number_of_workers(void **state)
{
    (void)state;
    same_for_any_number_of_workers(&language);
}

static void language_is_the_same_after_a_kill_and_a_resume(void **state)
{
    (void)state;
    same_after_a_kill_and_a_resume(&language, 40);
}

/* Words of eight take 3 bits each, in about 4 characters: guessing letters by their frequency gives more than 2.5. */
static void language_is_learnt(void **state)
{
    (void)state;
    assert_true(language.value[0] < 1.6);
    assert_true(language.value[1] > 1 && language.value[1] < 5);
}

/* Nets that have no room for all characters of the text, which are 14. */
static void a_vocabulary_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"model.layers=[{embedding: {tokens: 13, out: 8}}, {linear: 14}]",
         "model.layers[0]: embedding: tokens is 13, expected at least 14"},
        {"model.layers=[{embedding: {tokens: 14, out: 8}}, {linear: 13}]",
         "has 13 outputs for each token: field targets has 14 classes"},
    };
    for (int i = 0; i < 2; i++) {
        result r = run(&s, LONG, "ringtorch", "train", config_of(&language), "-n", "1", "--run-dir",
                       dir_of(&language, "wrong"), "--set", wrong[i][0], NULL);
        expect_exit(&r, 2);
        expect_text(r.err, wrong[i][1]);
        result_release(&r);
    }
}

static void regression_is_the_same_for_any_number_of_workers(void **state)
{
    (void)state;
    same_for_any_number_of_workers(&regression);
}

static void regression_is_the_same_after_a_kill_and_a_resume(void **state)
{
    (void)state;
    same_after_a_kill_and_a_resume(&regression, 70);
}

static void regression_is_learnt(void **state)
{
    (void)state;
    assert_true(regression.value[1] > 0.9); /* R2 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(language_is_learnt),
        ROW(language_is_the_same_for_any_number_of_workers),
        ROW(language_is_the_same_after_a_kill_and_a_resume),
        ROW(a_vocabulary_that_does_not_fit_is_refused),
        ROW(regression_is_learnt),
        ROW(regression_is_the_same_for_any_number_of_workers),
        ROW(regression_is_the_same_after_a_kill_and_a_resume),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
