/* Nets that are trained for something else than classes of pictures: a language model on a text file, with masked targets, a regression on a
 * table, and classes of texts of any length, which a net sees by their lengths. Weights and evaluations are the same, bit for bit, for any number of workers, after a worker was killed and after a resume. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "row.h"
#include "runs.h"

enum { WORDS = 4000, ROWS = 400, TEXTS = 500 };

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

/* Attention that sees all places, in a group and in a repeated one, and a mean: each of them would look at padding if it could. Slices
 * are padded to lengths of their own. */
static task texts = {
    "texts",
    "run: {name: texts, seed: 7, steps: 120, report_every: 10}\n"
    "model:\n"
    "  layers:\n"
    "    - embedding: {tokens: 256, out: 32, std: 0.3}\n"
    "    - positions\n"
    "    - residual: [layer_norm, {attention: {heads: 4, mask: tokens.length, dropout: 0.05}}]\n"
    "    - repeat: {n: 2, layers: [{residual: [layer_norm, {linear: 900}, gelu, {linear: 32}]}, "
    "{residual: [{attention: {heads: 2, mask: tokens.length}}]}]}\n"
    "    - mean_places: tokens.length\n"
    "    - linear: 3\n"
    "data: {dataset: labelled-text, path: \"%s/texts.txt\", context: 24, batch: 16, share: 0.2}\n"
    "task: {name: classification, weights: \"1,2,1\", label_smoothing: 0.02}\n"
    "optimizer: {name: adamw, lr: 2.0e-3, clip_norm: 1.0}\n"
    "parallel: {workers: 2, slices: 4}\n"
    "checkpoint: {every: 40, keep: 3}\n"
    "evaluate: {every: 60}\n",
    {"eval_loss", "eval_accuracy"},
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

/* Words of 3 to 26 letters; the label says whether there are more of a, of b, or as many. */
static void write_labelled(void)
{
    uint32_t state = 3;
    FILE *f = create("texts.txt");
    for (int i = 0; i < TEXTS; i++) {
        char word[32];
        int length = 3 + (int)(draw(&state) % 24), more = 0;
        for (int k = 0; k < length; k++) {
            word[k] = "abcde"[draw(&state) % 5];
            more += (word[k] == 'a' && k < 24) - (word[k] == 'b' && k < 24);
        }
        fprintf(f, "%s\t%.*s\n", more > 0 ? "a" : more < 0 ? "b" : "both", length, word);
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
    write_labelled();
    train_alone(&language);
    train_alone(&regression);
    train_alone(&texts);
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

static void texts_are_the_same_for_any_number_of_workers(void **state)
{
    (void)state;
    same_for_any_number_of_workers(&texts);
}

static void texts_are_the_same_after_a_kill_and_a_resume(void **state)
{
    (void)state;
    same_after_a_kill_and_a_resume(&texts, 40);
}

static void texts_are_learnt(void **state)
{
    (void)state;
    assert_true(texts.value[1] > 0.8);
}

/* Outputs of all test samples, with what the net has seen of them. */
static void outputs_of_texts_are_written(void **state)
{
    (void)state;
    result r = run(&s, LONG, "ringtorch", "eval", dir_of(&texts, "w1"), "--logits",
                   in_scratch(&s, "logits"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
    static const char *const parts[] = {"inputs I64 [", "tokens.length I64 [", "logits F32 [",
                                        "labels I64 ["};
    r = run(&s, LONG, "grep", "-a", "-o", "\"[a-z.]*\":{\"dtype\":\"[A-Z0-9]*\"",
            in_scratch(&s, "logits"), NULL);
    expect_exit(&r, 0);
    for (int i = 0; i < 4; i++) {
        char part[64], name[32], type[8];
        sscanf(parts[i], "%31s %7s", name, type);
        snprintf(part, sizeof part, "\"%s\":{\"dtype\":\"%s\"", name, type);
        expect_text(r.out, part);
    }
    result_release(&r);
}

/* Layers that would look at padding, and fields that are no mask or are not there. */
static void nets_that_do_not_fit_texts_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"attention: 2", "model.layers[1]: attention: samples have different lengths, and the "
                         "layer must not see their padding: add mask: tokens.length"},
        {"mean_places", "model.layers[1]: mean_places: samples have different lengths"},
        {"mean_places: length",
         "model.layers[1]: mean_places: mask: samples have no field 'length', "
         "only tokens, tokens.length, y"},
        {"mean_places: y", "mask: field y is int64 []: expected int64 [], the length of a sample"},
        {"flatten", "model.layers[1]: flatten takes samples of one shape, but the length of these "
                    "varies, up to [24,8]: put mean_places before it"},
        {"linear: 3", "the net's results are sequences whose length varies, up to [24,3]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char layers[160];
        bool named = strchr(wrong[i][0], ':');
        snprintf(layers, sizeof layers, "model.layers=[{embedding: {tokens: 256, out: 8}}, %s%s%s]",
                 named ? "{" : "", wrong[i][0], named ? "}" : "");
        result r = run(&s, LONG, "ringtorch", "train", config_of(&texts), "-n", "1", "--run-dir",
                       dir_of(&texts, "wrong"), "--set", layers, NULL);
        expect_exit(&r, 2);
        expect_text(r.err, wrong[i][1]);
        result_release(&r);
    }
}

/* What counts nothing is told before a step is made, with the key that says so. */
static void what_counts_nothing_is_told_at_the_start(void **state)
{
    (void)state;
    static const struct {
        const task *of;
        const char *set, *said;
    } rows[] = {
        {&texts, "task.weights=0,0,0",
         "nothing in the training samples counts, so they have no loss: change "
         "task.weights"},
        {&language, "data.mask_share=1.0e-4",
         "test samples counts, so they have no loss: change data.mask, data.mask_share"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        result r = run(&s, LONG, "ringtorch", "train", config_of(rows[i].of), "-n", "2",
                       "--run-dir", dir_of(rows[i].of, "nothing"), "--set", rows[i].set, NULL);
        expect_exit(&r, 2);
        expect_text(r.err, rows[i].said);
        result_release(&r);
    }
}

/* Both numbers: of the samples, and of those that the metrics are about. */
static void eval_tells_how_many_count(void **state)
{
    (void)state;
    result r =
        run(&s, LONG, "ringtorch", "train", config_of(&texts), "--run-dir",
            dir_of(&texts, "ignore"), "--set", "task.ignore=2", "--set", "run.steps=2", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "eval", dir_of(&texts, "ignore"), NULL);
    expect_exit(&r, 0);
    expect_text(r.out, " samples, of which ");
    expect_text(r.out, " samples count: accuracy ");
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "eval", dir_of(&language, "w1"), NULL);
    expect_exit(&r, 0);
    expect_text(r.out, " tokens count: perplexity ");
    result_release(&r);
}

/* A task that is named is the one that `auto` had found, and the other way round; its options are compared. */
static void a_task_is_the_same_whether_named_or_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *more, *said; /* NULL: it goes on */
    } rows[] = {
        {"task.name=regression", "run.steps=4", NULL},
        {"task.name=auto", "run.steps=6", NULL},
        {"task.name=regression", "task.loss=mae", "task.loss: mse there, mae here"},
        {"task.name=classification", "run.steps=8", "task.name: auto there, classification here"},
    };
    char dir[128];
    snprintf(dir, sizeof dir, "%s", dir_of(&regression, "auto"));
    result r = run(&s, LONG, "ringtorch", "train", config_of(&regression), "--run-dir", dir,
                   "--set", "run.steps=2", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        r = run(&s, LONG, "ringtorch", "train", config_of(&regression), "--run-dir", dir,
                "--resume", "auto", "--set", rows[i].name, "--set", rows[i].more, NULL);
        expect_exit(&r, rows[i].said ? 2 : 0);
        if (rows[i].said)
            expect_text(r.err, rows[i].said);
        result_release(&r);
    }
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
        ROW(texts_are_learnt),
        ROW(texts_are_the_same_for_any_number_of_workers),
        ROW(texts_are_the_same_after_a_kill_and_a_resume),
        ROW(outputs_of_texts_are_written),
        ROW(nets_that_do_not_fit_texts_are_refused),
        ROW(what_counts_nothing_is_told_at_the_start),
        ROW(eval_tells_how_many_count),
        ROW(a_task_is_the_same_whether_named_or_found),
        ROW(regression_is_learnt),
        ROW(regression_is_the_same_for_any_number_of_workers),
        ROW(regression_is_the_same_after_a_kill_and_a_resume),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
