/* The preprocessing that turned data into numbers belongs to the weights: it is in checkpoints and exports, and eval, and a
 * run that starts from these weights, read other data with it. */
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
#include "records.h"
#include "row.h"
#include "runs.h"
#include <ringtorch/safetensors.h>

static scratch s;
static char table[128], text[128]; /* configurations */

static void put(const char *name, rt_text *t)
{
    char *all = rt_text_take(t);
    assert_non_null(all);
    assert_int_equal(rt_file_replace(in_scratch(&s, "%s", name), all, strlen(all)), RT_OK);
    rt_mem_free(all);
}

/* y = 3a - 2b, with inputs that are `scale` times as large. */
static void write_table(const char *name, bool other_order, double scale)
{
    rt_text t = {0};
    uint32_t random = 1;
    rt_text_add(&t, other_order ? "y,note,b,a\n" : "a,b,y\n");
    for (int i = 0; i < 400; i++) {
        double v[2];
        for (int k = 0; k < 2; k++) {
            random = random * 1664525 + 1013904223;
            v[k] = scale * (double)(random >> 8) / (1 << 24);
        }
        double y = 3 * v[0] - 2 * v[1];
        if (other_order)
            rt_text_add(&t, "%.6f,row %d,%.6f,%.6f\n", y, i, v[1], v[0]);
        else
            rt_text_add(&t, "%.6f,%.6f,%.6f\n", v[0], v[1], y);
    }
    put(name, &t);
}

static void write_sums(const char *name, int most, const char *more)
{
    rt_text t = {0};
    for (int i = 0; i < 400; i++) {
        int a = i / 20 % most, b = i % 20 % most;
        rt_text_add(&t, "%d+%d=%d\n", a, b, a + b);
    }
    rt_text_add(&t, "%s", more);
    put(name, &t);
}

#define REST                                                                                       \
    "optimizer: {name: adamw, lr: 0.01}\n"                                                         \
    "parallel: {slices: 2}\n"                                                                      \
    "checkpoint: {every: 50}\n"
#define TABLE                                                                                      \
    "run: {name: table, seed: 7, steps: 100}\n"                                                    \
    "model: {layers: [{linear: 16}, relu, {linear: 1}]}\n"                                         \
    "data: {dataset: csv, path: \"%s/table.csv\", target: y, batch: 40}\n" REST
#define TEXT                                                                                       \
    "run: {name: text, seed: 7, steps: 50}\n"                                                      \
    "model: {layers: [{embedding: {tokens: 13, out: 8}}, {linear: 8}, relu, {linear: 13}]}\n"      \
    "data: {dataset: text, path: \"%s/text.txt\", context: 16, batch: 16}\n" REST

static result ringtorch(const char *const *words)
{
    return run_list(&s, LONG, "ringtorch", words);
}
#define RINGTORCH(...) ringtorch((const char *const[]){__VA_ARGS__, NULL})

static void fine(result r, const char *says)
{
    expect_exit(&r, 0);
    expect_text(r.out, says);
    result_release(&r);
}

static void refused(result r, const char *says)
{
    expect_exit(&r, 2);
    expect_text(r.err, says);
    result_release(&r);
}

static json_t *evaluate(result r)
{
    json_t *j;
    expect_exit(&r, 0);
    assert_int_equal(rt_json_parse(r.out, strlen(r.out), "eval", &j), RT_OK);
    result_release(&r);
    return j;
}

/* Returns a member of eval's output. */
static double number(json_t *evaluation, const char *key)
{
    double x = json_number_value(json_object_get(evaluation, key));
    json_decref(evaluation);
    return x;
}

static char *set_path(const char *name)
{
    static char sets[4][160];
    static int at;
    char *set = sets[at++ % 4];
    snprintf(set, sizeof sets[0], "data.path=%s", in_scratch(&s, "data/%s", name));
    return set;
}

/* Returns a copy, because in_scratch has only a few buffers. */
static char *place(const char *name)
{
    static char places[8][128];
    static int at;
    char *to = places[at++ % 8];
    snprintf(to, sizeof places[0], "%s", in_scratch(&s, "%s", name));
    return to;
}

static int set_up(void **state)
{
    (void)state;
    scratch_make(&s);
    assert_int_equal(rt_dir_make(in_scratch(&s, "data"), 0755), RT_OK);
    write_table("data/table.csv", false, 1);
    write_table("data/ordered.csv", true, 1);
    write_table("data/large.csv", true, 4);
    write_sums("data/text.txt", 20, "");
    write_sums("data/few.txt", 5, ""); /* lacks a 9 */
    write_sums("data/other.txt", 20, "twenty\n");
    snprintf(table, sizeof table, "%s", write_config(&s, "table.yaml", TABLE));
    snprintf(text, sizeof text, "%s", write_config(&s, "text.yaml", TEXT));
    fine(RINGTORCH("train", table, "--run-dir", place("table")), "done: 100 steps");
    fine(RINGTORCH("train", text, "--run-dir", place("text")), "done: 50 steps");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static void other_tables_are_scaled_as_the_model_knows_it(void **state)
{
    (void)state;
    double own = number(evaluate(RINGTORCH("eval", place("table"), "--json")), "loss");
    assert_true(own < 0.1);
    /* the same rows in other columns */
    assert_true(number(evaluate(RINGTORCH("eval", place("table"), "--json", "--set",
                                          set_path("ordered.csv"))),
                       "loss") == own);
    /* rows unlike those the model has seen: with their own statistics they would look like the others */
    assert_true(number(evaluate(RINGTORCH("eval", place("table"), "--json", "--set",
                                          set_path("large.csv"))),
                       "loss") > 3 * own);
    refused(RINGTORCH("eval", place("table"), "--set", set_path("text.txt")), "data/text.txt:");
}

static void other_texts_are_numbered_as_the_model_knows_them(void **state)
{
    (void)state;
    double own = number(evaluate(RINGTORCH("eval", place("text"), "--json")), "loss");
    double few = number(
        evaluate(RINGTORCH("eval", place("text"), "--json", "--set", set_path("few.txt"))), "loss");
    assert_true(few < own + 1);
    refused(RINGTORCH("eval", place("text"), "--set", set_path("other.txt")),
            "data/other.txt:401:1: 't' is not in the vocabulary of 13 that the model was trained "
            "with; 6 of the ");
}

/* An export contains everything about the data that a checkpoint contains. */
static void exports_carry_it(void **state)
{
    (void)state;
    static const char *const runs[] = {"table", "text"};
    for (int i = 0; i < 2; i++) {
        rt_st_reader *r;
        char file[128];
        snprintf(file, sizeof file, "%s", in_scratch(&s, "%s.safetensors", runs[i]));
        fine(RINGTORCH("export", place(runs[i]), "--out", file),
             ", and the preprocessing of its data");
        assert_int_equal(rt_st_open(file, &r), RT_OK);
        expect_text(rt_st_get_metadata(r, "ringtorch.preprocessing"),
                    i == 0 ? "{\"dataset\":\"csv\",\"inputs\":[{\"name\":\"a\",\"mean\":0."
                           : "\"vocabulary\":\"\\n+0123456789=\"}");
        rt_st_close(r);
        result shown = RINGTORCH("checkpoint", "show", place(runs[i]));
        expect_text(shown.out, "\"preprocessing\": {");
        result_release(&shown);
        char *set = set_path(i == 0 ? "large.csv" : "few.txt");
        assert_true(
            number(evaluate(RINGTORCH("eval", file, "--config", i == 0 ? table : text, "--json",
                                      "--set", set)),
                   "loss") ==
            number(evaluate(RINGTORCH("eval", place(runs[i]), "--json", "--set", set)), "loss"));
    }
}

/* The preprocessing comes with the weights and stays with the run, even if their origin disappears. */
static void initial_weights_bring_it_along(void **state)
{
    (void)state;
    static const char *const from[] = {"first", "first/checkpoints/step-00000100",
                                       "first.safetensors"};
    char known[4096];
    fine(RINGTORCH("train", table, "--run-dir", place("first")), "done: 100 steps");
    fine(RINGTORCH("export", place("first"), "--out", place("first.safetensors")), "");
    for (int i = 0; i < 3; i++) {
        rt_bytes b;
        char init[160], dir[128];
        snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "%s", from[i]));
        snprintf(dir, sizeof dir, "%s", in_scratch(&s, "on%d", i));
        fine(RINGTORCH("train", table, "--run-dir", dir, "--set", init, "--set",
                       set_path("large.csv"), "--set", "run.steps=50"),
             "done: 50 steps");
        assert_int_equal(rt_file_read(in_scratch(&s, "on%d/preprocessing.json", i), 4000, &b),
                         RT_OK);
        if (i > 0)
            assert_string_equal((char *)b.data, known);
        snprintf(known, sizeof known, "%s", (char *)b.data);
        rt_bytes_release(&b);
    }
    refused(RINGTORCH("train", table, "--run-dir", place("misfit"), "--set", set_path("other.txt"),
                      "--set", "model.init=first"),
            "model.init: first: no such file");
    assert_int_equal(rt_remove_tree(in_scratch(&s, "first")), RT_OK);
    assert_int_equal(rt_remove_tree(in_scratch(&s, "first.safetensors")), RT_OK);
    fine(RINGTORCH("train", table, "--run-dir", place("on0"), "--set", set_path("large.csv"),
                   "--resume", "auto", "--set", "run.steps=100"),
         "done: 100 steps");
    fine(RINGTORCH("train", table, "--run-dir", place("from-path"), "--set", set_path("large.csv"),
                   "--resume", place("on0"), "--set", "run.steps=150"),
         "done: 150 steps");
    char sha[65], straight[65];
    summary_text(place("on0"), "weights_sha256", sha, sizeof sha);
    assert_int_equal(rt_remove_tree(in_scratch(&s, "on1/preprocessing.json")), RT_OK);
    fine(RINGTORCH("train", table, "--run-dir", place("on1"), "--set", set_path("large.csv"),
                   "--resume", "auto", "--set", "run.steps=100"), /* it is in the checkpoint */
         "done: 100 steps");
    summary_text(place("on1"), "weights_sha256", straight, sizeof straight);
    assert_string_equal(sha, straight);
}

static void expect_note(const char *dir, const char *says)
{
    records r;
    records_open(&r, dir);
    records_read(&r);
    bool found = false;
    size_t at = 0;
    for (json_t *e = find_event(&r, 0, "note", &at); e && !found;
         e = find_event(&r, at + 1, "note", &at)) {
        const char *note = event_string(e, "text");
        found = strstr(note, "model.init_partial: ") && strstr(note, says);
    }
    records_close(&r);
    assert_true(found);
}

static void what_does_not_fit_the_weights_is_refused_or_read_anew(void **state)
{
    (void)state;
    char init[160];
    snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "text"));
    refused(RINGTORCH("train", text, "--run-dir", place("other"), "--set", init, "--set",
                      set_path("other.txt")),
            "'t' is not in the vocabulary of 13");
    fine(RINGTORCH(
             "train", text, "--run-dir", place("anew"), "--set", init, "--set",
             "model.init_partial=true", "--set",
             "model.layers=[{embedding: {tokens: 18, out: 8}}, {linear: 8}, relu, {linear: 18}]",
             "--set", set_path("other.txt")),
         "done: 50 steps");
    expect_note(place("anew"), "'t' is not in the vocabulary of 13");
    snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "table"));
    fine(RINGTORCH("train", table, "--run-dir", place("predicts-a"), "--set", init, "--set",
                   "model.init_partial=true", "--set", "data.target=a"),
         "target: 'a', but the model predicts 'y'");
    expect_note(place("predicts-a"), "target: 'a', but the model predicts 'y'");
}

/* If a run has no checkpoint yet and somebody has removed or emptied its preprocessing.json, only the origin of its weights
 * has the preprocessing. */
static void it_is_restored_from_the_origin(void **state)
{
    (void)state;
    static const char *const left[] = {NULL, "{}", "{}"};
    char init[160], dir[128], file[160];
    for (int i = 0; i < 3; i++) {
        bool origin = i < 2;
        snprintf(dir, sizeof dir, "%s", in_scratch(&s, "memory%d", i));
        snprintf(file, sizeof file, "%s/preprocessing.json", dir);
        fine(RINGTORCH("export", place("table"), "--out", place("origin.safetensors")), "");
        snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "origin.safetensors"));
        command c = start(&s, "ringtorch", "train", table, "--run-dir", dir, "--set", init, "--set",
                          set_path("large.csv"), "--set", "run.steps=1000000", "--set",
                          "checkpoint.every=0", NULL);
        await_step(dir, 30, LONG);
        kill(c.pid, SIGKILL);
        result killed = finish(c, LONG);
        result_release(&killed);
        assert_true(all_ended(&s, LONG));
        assert_int_equal(left[i] ? rt_file_replace(file, left[i], strlen(left[i]))
                                 : rt_remove_tree(file),
                         RT_OK);
        if (!origin)
            assert_int_equal(rt_remove_tree(in_scratch(&s, "origin.safetensors")), RT_OK);
        char stop[64];
        snprintf(stop, sizeof stop, "run.steps=%lld", (long long)last_step(dir) + 1000);
        result r = RINGTORCH("train", table, "--run-dir", dir, "--set", set_path("large.csv"),
                             "--resume", "auto", "--set", stop, "--set", "checkpoint.every=0");
        if (origin)
            fine(r, "done: ");
        else
            refused(r, "/preprocessing.json (of model.init: ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(other_tables_are_scaled_as_the_model_knows_it),
        ROW(other_texts_are_numbered_as_the_model_knows_them),
        ROW(exports_carry_it),
        ROW(initial_weights_bring_it_along),
        ROW(what_does_not_fit_the_weights_is_refused_or_read_anew),
        ROW(it_is_restored_from_the_origin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
