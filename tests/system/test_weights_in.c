/* Runs that start from weights of elsewhere: the same bits from whatever they are read and whoever reads them, also after
 * a loss before the first checkpoint; and nothing else is taken for them. */
#include <math.h>
#include <ringtorch/formats.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/file.h"
#include "records.h"
#include "row.h"
#include "tiny.h"

static char expected[65]; /* of a run from the first one's weights */

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

/* Starts a run from weights, with other steps, rate, batch, slices and optimiser than the first one's; `more` is one further assignment or NULL. */
static command fine_tune(const char *name, const char *workers, const char *weights,
                         const char *more)
{
    char init[256];
    snprintf(init, sizeof init, "model.init=%s", weights);
    return start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", workers, "--run-dir",
                 in_scratch(&s, "%s", name), "--set", init, "--set",
                 more ? more : "run.report_every=10", "--set", "run.steps=400", "--set",
                 "optimizer.name=sgd", "--set", "optimizer.lr=0.001", "--set", "data.batch=32",
                 "--set", "parallel.slices=8", "--set", "checkpoint.every=0", NULL);
}

static void sha_of(const char *name, char sha[65])
{
    summary_text(in_scratch(&s, "%s", name), "weights_sha256", sha, 65);
}

static void expect_done(command c, const char *name, char sha[65])
{
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    sha_of(name, sha);
}

/* Copies a file of weights as another program would write it: under a prefix, as another type. */
static void rewrite(const char *from, const char *to, const char *prefix, rt_dtype dtype)
{
    rt_st_reader *r;
    rt_st_writer *w;
    static char names[16][64];
    rt_scope scope = rt_scope_begin();
    must(rt_st_open(from, &r));
    must(rt_st_create(to, &w));
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        snprintf(names[i], sizeof names[i], "%s%s", prefix, e->name);
        rt_tensor *x = rt_to(rt_from(e->data, e->shape, e->dtype), dtype);
        must(rt_st_add(w, names[i], dtype, e->shape, rt_data(x)));
    }
    must(rt_st_finish(w, NULL, NULL));
    rt_st_close(r);
    rt_scope_end(scope);
}

static int set_up(void **state)
{
    char sha[65];
    tiny_begin(state);
    train_tiny(&s, in_scratch(&s, "first"), 2, NULL, sha);
    result r = run(&s, LONG, "ringtorch", "export", in_scratch(&s, "first"), "--format",
                   "safetensors", "--out", in_scratch(&s, "first.safetensors"), NULL);
    expect_exit(&r, 0);
    result_release(&r);
    expect_done(fine_tune("from-run", "1", in_scratch(&s, "first"), NULL), "from-run", expected);
    return 0;
}

static void same_bits_from_every_source(void **state)
{
    (void)state;
    char sha[65], checkpoint[160];
    snprintf(checkpoint, sizeof checkpoint, "%s", newest_checkpoint(&s, in_scratch(&s, "first")));
    rewrite(in_scratch(&s, "first.safetensors"), in_scratch(&s, "ddp.safetensors"), "module.",
            RT_F32);
    const struct {
        const char *name, *workers, *weights;
    } rows[] = {
        {"from-checkpoint", "2", checkpoint},
        {"from-file", "3", "first.safetensors"},
        {"from-ddp", "4", "ddp.safetensors"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool absolute = rows[i].weights[0] == '/';
        expect_done(fine_tune(rows[i].name, rows[i].workers,
                              absolute ? rows[i].weights : in_scratch(&s, "%s", rows[i].weights),
                              NULL),
                    rows[i].name, sha);
        assert_string_equal(sha, expected);
    }
    expect_done(fine_tune("fresh", "1", "\"\"", NULL), "fresh", sha);
    assert_string_not_equal(sha, expected);
}

/* A run directory stands for the checkpoint that was its newest, whatever it holds later. */
static void the_origin_of_the_weights_is_recorded(void **state)
{
    (void)state;
    rt_bytes text;
    must(rt_file_read(in_scratch(&s, "from-run/config.yaml"), 1 << 20, &text));
    expect_text((const char *)text.data, "first/checkpoints/step-00000200\"");
    rt_bytes_release(&text);
    must(rt_file_read(in_scratch(&s, "from-run/journal"), 1 << 20, &text));
    assert_non_null(memmem(text.data, text.len, "\"kind\":\"init\"", 13));
    rt_bytes_release(&text);
}

/* Holds a worker, to be killed, of a run that has neither snapshots nor checkpoints: all will begin again. */
static command stop_a_worker(const char *name, const char *weights, pid_t *worker)
{
    command c = fine_tune(name, "2", weights, "snapshot.every=0");
    await_step(in_scratch(&s, "%s", name), 30, LONG);
    *worker = signal_worker(&s, 1, SIGSTOP);
    return c;
}

static void a_loss_before_the_first_checkpoint_begins_again_with_them(void **state)
{
    (void)state;
    char sha[65];
    pid_t worker;
    command c = stop_a_worker("begun-again", in_scratch(&s, "first.safetensors"), &worker);
    kill(worker, SIGKILL);
    expect_done(c, "begun-again", sha);
    assert_string_equal(sha, expected);
    expect_restarts(in_scratch(&s, "begun-again"), 1);
}

static void other_weights_in_their_place_are_refused(void **state)
{
    (void)state;
    const char *file = in_scratch(&s, "first.safetensors");
    rewrite(file, in_scratch(&s, "changing.safetensors"), "", RT_F32);
    pid_t worker;
    command c = stop_a_worker("changed", in_scratch(&s, "changing.safetensors"), &worker);
    rewrite(in_scratch(&s, "first.safetensors"), in_scratch(&s, "changing.safetensors"), "",
            RT_F16);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 1); /* it had begun */
    expect_text(r.err, "changing.safetensors: has changed since this run began");
    result_release(&r);
}

/* Going on needs the file no more, and takes no other. */
static void going_on_keeps_the_weights(void **state)
{
    (void)state;
    char init[256];
    must(rt_remove_tree(in_scratch(&s, "ddp.safetensors")));
    result r =
        run(&s, LONG, "ringtorch", "train", in_scratch(&s, "from-ddp/config.yaml"), "--run-dir",
            in_scratch(&s, "from-ddp"), "--resume", "auto", "--set", "run.steps=420", NULL);
    expect_exit(&r, 0);
    result_release(&r);
    snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "first.safetensors"));
    r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "from-ddp/config.yaml"), "--run-dir",
            in_scratch(&s, "from-ddp"), "--resume", "auto", "--set", "run.steps=440", "--set", init,
            NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "did not begin with model.init");
    result_release(&r);
}

static void what_does_not_fit_is_listed(void **state)
{
    (void)state;
    command c = fine_tune("misfit", "2", in_scratch(&s, "first"),
                          "model.layers=[flatten, {linear: 96}, relu, {linear: 10}]");
    result r = finish(c, LONG);
    expect_exit(&r, 2);
    expect_text(r.err, "\"1.weight\" [96,784] is missing; \"1.bias\" [96] is missing");
    expect_text(r.err, "\"4.bias\" [96] is not in this model; and 2 more");
    result_release(&r);
    r = finish(fine_tune("misfit", "2", in_scratch(&s, "nowhere"), NULL), LONG);
    expect_exit(&r, 2);
    expect_text(r.err, "model.init: ");
    expect_text(r.err, "nowhere: no such file, checkpoint or run directory");
    result_release(&r);
}

/* Copies a file of weights, with another value in a tensor. */
static void spoil(const char *from, const char *to, const char *tensor, float value)
{
    rt_st_reader *r;
    rt_st_writer *w;
    rt_scope scope = rt_scope_begin();
    must(rt_st_open(from, &r));
    must(rt_st_create(to, &w));
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        rt_tensor *x = rt_from(e->data, e->shape, e->dtype);
        if (strcmp(e->name, tensor) == 0)
            rt_f32(x)[1] = value;
        must(rt_st_add(w, e->name, e->dtype, e->shape, rt_data(x)));
    }
    must(rt_st_finish(w, NULL, NULL));
    rt_st_close(r);
    rt_scope_end(scope);
}

static void expect_refused(result r, const char *says)
{
    expect_exit(&r, 2);
    expect_text(r.err, says);
    result_release(&r);
}

#define BATCH_NORM                                                                                 \
    "run: {steps: 1}\nmodel:\n  layers: [{conv2d: {out: 2, kernel: 4, stride: 4}}, "               \
    "batch_norm2d, relu, flatten, {linear: 10}]\n"                                                 \
    "data: {path: \"%s\"}\noptimizer: {lr: 0}\n"

/* What no rate would help against is told before a step is made, and is not measured. */
static void weights_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    static const char golden[] = RT_TEST_SOURCE_DIR "/tests/golden/weights/batch_norm.safetensors";
    char first[160], bad[160], config[160], init[256];
    snprintf(first, sizeof first, "%s", in_scratch(&s, "first.safetensors"));
    snprintf(bad, sizeof bad, "%s", in_scratch(&s, "bad.safetensors"));
    snprintf(init, sizeof init, "model.init=%s", bad);
    write_config(&s, "pytorch.yaml", BATCH_NORM);
    const struct {
        const char *from, *config, *tensor;
        float value;
        const char *says;
    } rows[] = {
        {first, "tiny.yaml", "4.bias", NAN,
         "\"4.bias\": element 1 is nan, expected a finite number"},
        {golden, "pytorch.yaml", "1.running_var", NAN,
         "\"1.running_var\": element 1 is nan, expected "},
        {golden, "pytorch.yaml", "1.running_var", -1,
         "\"1.running_var\": element 1 is -1, expected "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        spoil(rows[i].from, bad, rows[i].tensor, rows[i].value);
        snprintf(config, sizeof config, "%s", in_scratch(&s, "%s", rows[i].config));
        expect_refused(run(&s, LONG, "ringtorch", "train", config, "--run-dir",
                           in_scratch(&s, "nan%zu", i), "--set", init, NULL),
                       rows[i].says);
        expect_refused(run(&s, LONG, "ringtorch", "eval", bad, "--config", config, NULL),
                       rows[i].says);
    }
}

/* Transfer: a net with another last layer begins with what fits, the same for any number of workers. */
static void what_fits_is_taken_on_request(void **state)
{
    (void)state;
    char sha[3][65], init[256];
    snprintf(init, sizeof init, "model.init=%s", in_scratch(&s, "first"));
    static const char layers[] =
        "model.layers=[{conv2d: {out: 4, kernel: 3, padding: same}}, relu, "
        "{max_pool2d: 2}, flatten, {linear: 96}, relu, {linear: 12}]";
    for (int i = 0; i < 3; i++) {
        const char *dir = in_scratch(&s, "transfer%d", i);
        result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n",
                       i == 1 ? "2" : "1", "--run-dir", dir, "--set", "run.steps=40", "--set",
                       layers, "--set", i < 2 ? init : "run.seed=7", "--set",
                       i < 2 ? "model.init_partial=true" : "run.seed=7", NULL);
        expect_exit(&r, 0);
        result_release(&r);
        summary_text(dir, "weights_sha256", sha[i], sizeof sha[i]);
    }
    assert_string_equal(sha[0], sha[1]);
    assert_string_not_equal(sha[0], sha[2]);
    rt_bytes log;
    must(rt_file_read(in_scratch(&s, "transfer0/logs/worker-0.g1.log"), 1 << 20, &log));
    expect_text((const char *)log.data, "loaded in part: \"6.weight\" [12,96] is missing");
    rt_bytes_release(&log);
}

static void bare_weights_are_evaluated(void **state)
{
    (void)state;
    const char *half = in_scratch(&s, "half.safetensors");
    rewrite(in_scratch(&s, "first.safetensors"), half, "", RT_F16);
    result r = run(&s, LONG, "ringtorch", "eval", half, "--config", in_scratch(&s, "tiny.yaml"),
                   "--json", NULL);
    expect_exit(&r, 0);
    expect_text(r.out, "\"step\":null,\"task\":\"classification\",\"count\":100,\"loss\":");
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "eval", half, NULL);
    expect_exit(&r, 2);
    expect_text(r.err, "add --config CONFIG");
    result_release(&r);
}

/* A file as PyTorch wrote it (golden/make_weights_golden.py), with and without the count of batches, which is int64 there. */
static const char *pytorch_file(bool counts)
{
    static char path[256];
    rt_st_reader *r;
    rt_st_writer *w;
    snprintf(path, sizeof path, "%s", in_scratch(&s, "pytorch%d.safetensors", counts));
    must(rt_st_open(RT_TEST_SOURCE_DIR "/tests/golden/weights/batch_norm.safetensors", &r));
    must(rt_st_create(path, &w));
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        if (counts || e->dtype != RT_I64)
            must(rt_st_add(w, e->name, e->dtype, e->shape, e->data));
    }
    must(rt_st_finish(w, NULL, NULL));
    rt_st_close(r);
    return path;
}

/* Fails unless the run's newest checkpoint has the weights of the file. */
static void expect_weights(const char *dir, const char *file)
{
    rt_st_reader *ours, *theirs;
    const char *out = in_scratch(&s, "exported.safetensors");
    result r = run(&s, LONG, "ringtorch", "export", dir, "--out", out, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    must(rt_st_open(out, &ours));
    must(rt_st_open(file, &theirs));
    for (int64_t i = 0; i < rt_st_count(theirs); i++) {
        const rt_st_entry *e = rt_st_at(theirs, i), *o = rt_st_find(ours, e->name);
        assert_non_null(o);
        bool moves = strstr(e->name, "running_") || e->dtype == RT_I64; /* in a step */
        if (!moves)
            assert_memory_equal(o->data, e->data, e->bytes);
    }
    rt_st_close(ours);
    rt_st_close(theirs);
}

static void weights_of_pytorch_are_taken(void **state)
{
    (void)state;
    char init[300], config[256], loss[2][32];
    write_config(&s, "pytorch.yaml", BATCH_NORM);
    snprintf(config, sizeof config, "%s", in_scratch(&s, "pytorch.yaml"));
    for (int counts = 0; counts < 2; counts++) {
        const char *file = pytorch_file(counts);
        snprintf(init, sizeof init, "model.init=%s", file);
        result r = run(&s, LONG, "ringtorch", "eval", file, "--config", config, "--json", NULL);
        expect_exit(&r, 0);
        assert_int_equal(sscanf(r.out, "%*[^.]%31[^,]", loss[counts]), 1);
        result_release(&r);
        for (int partial = 0; partial < 2; partial++) {
            const char *dir = in_scratch(&s, "pytorch-%d-%d", counts, partial);
            r = run(&s, LONG, "ringtorch", "train", config, "-n", "1", "--run-dir", dir, "--set",
                    init, "--set", partial ? "model.init_partial=true" : "model.init_partial=false",
                    NULL);
            expect_exit(&r, 0);
            result_release(&r);
            expect_weights(in_scratch(&s, "pytorch-%d-%d", counts, partial), file);
        }
    }
    assert_string_equal(loss[0], loss[1]); /* nothing is computed with the count */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_bits_from_every_source),
        ROW(the_origin_of_the_weights_is_recorded),
        ROW(a_loss_before_the_first_checkpoint_begins_again_with_them),
        ROW(other_weights_in_their_place_are_refused),
        ROW(going_on_keeps_the_weights),
        ROW(what_does_not_fit_is_listed),
        ROW(weights_that_are_no_numbers_are_refused),
        ROW(what_fits_is_taken_on_request),
        ROW(bare_weights_are_evaluated),
        ROW(weights_of_pytorch_are_taken),
    };
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
