/* Runs that start from weights of elsewhere: the same bits from whatever they are read and whoever reads them, also after
 * a loss before the first checkpoint; and nothing else is taken for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <ringtorch/formats.h>
#include <ringtorch/ringtorch.h>

#include "common/file.h"
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
static void what_it_began_with_is_written_down(void **state)
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
    assert_int_equal(summary_int(in_scratch(&s, "begun-again"), "restarts"), 1);
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
    expect_exit(&r, 2);
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
    expect_text(r.err, "\"4.bias\" [96] is not of this model; and 2 more");
    result_release(&r);
    r = finish(fine_tune("misfit", "2", in_scratch(&s, "nowhere"), NULL), LONG);
    expect_exit(&r, 2);
    expect_text(r.err, "model.init: ");
    expect_text(r.err, "nowhere: no such file, checkpoint or run directory");
    result_release(&r);
}

/* Transfer: a net with another last layer begins with what fits, the same for any number of workers. */
static void what_fits_is_taken_over_if_that_is_wanted(void **state)
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
    expect_text((const char *)log.data, "taken over in part: \"6.weight\" [12,96] is missing");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_bits_from_every_source),
        ROW(what_it_began_with_is_written_down),
        ROW(a_loss_before_the_first_checkpoint_begins_again_with_them),
        ROW(other_weights_in_their_place_are_refused),
        ROW(going_on_keeps_the_weights),
        ROW(what_does_not_fit_is_listed),
        ROW(what_fits_is_taken_over_if_that_is_wanted),
        ROW(bare_weights_are_evaluated),
    };
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
