/* Nets from a configuration that are not plain sequences: residual blocks with batch normalisation, tied and frozen layers.
 * Running statistics are part of the result, which has the same bits for any number of workers, also after losses. */
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

#include "row.h"
#include "tiny.h"

/* The second linear layer shares the weights of the first, more than one block of 65,536. parallel.slices: auto means 4 for
 * one to four workers, 16 samples each. */
static const char config[] =
    "run: {name: tiny, seed: 7, steps: 120, report_every: 10}\n"
    "model:\n"
    "  layers:\n"
    "    - conv2d: {out: 4, kernel: 3, stride: 2, padding: 1, bias: false}\n"
    "    - batch_norm2d\n"
    "    - relu\n"
    "    - repeat:\n"
    "        n: 2\n"
    "        layers:\n"
    "          - residual: [{conv2d: {out: 4, kernel: 3, padding: same}}, batch_norm2d, relu]\n"
    "    - residual:\n"
    "        layers: [{conv2d: {out: 8, kernel: 3, stride: 2, padding: 1}}, batch_norm2d]\n"
    "        shortcut: [{conv2d: {out: 8, kernel: 1, stride: 2}}, {dropout: 0.1}]\n"
    "    - flatten\n"
    "    - linear: 392\n"
    "    - relu\n"
    "    - tie: \"6\"\n"
    "    - relu\n"
    "    - linear: 10\n"
    "  freeze: [\"0.*\", \"3.1.0.0.bias\"]\n"
    "data: {dataset: fashion-mnist, path: \"%s\", batch: 64}\n"
    "optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.01}\n"
    "parallel: {workers: 2}\n"
    "checkpoint: {every: 40, keep: 5}\n";

/* The run of one worker gives the hash that all others must give. */
static char expected[65];

static int set_up(void **state)
{
    tiny_begin(state);
    write_config(&s, "tiny.yaml", config);
    train_tiny(&s, in_scratch(&s, "w1"), 1, NULL, expected);
    return 0;
}

static void expect_same(const char *name, int workers)
{
    char sha[65];
    train_tiny(&s, in_scratch(&s, "%s", name), workers, NULL, sha);
    assert_string_equal(sha, expected);
}

static void same_for_2_workers(void **state)
{
    (void)state;
    expect_same("w2", 2);
}

static void same_for_3_workers(void **state)
{
    (void)state;
    expect_same("w3", 3);
}

static void same_for_4_workers(void **state)
{
    (void)state;
    expect_same("w4", 4);
}

static void same_after_a_worker_was_killed(void **state)
{
    (void)state;
    char sha[65];
    snprintf(run_dir, sizeof run_dir, "%s", in_scratch(&s, "killed"));
    command c = start(&s, "ringtorch", "train", in_scratch(&s, "tiny.yaml"), "-n", "2", "--run-dir",
                      run_dir, NULL);
    await_step(run_dir, 50, LONG);
    pid_t worker = find_worker(&s, 1, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    result r = finish(c, LONG);
    expect_exit(&r, 0);
    result_release(&r);
    summary_text(run_dir, "weights_sha256", sha, sizeof sha);
    assert_string_equal(sha, expected);
    expect_restarts(run_dir, 1);
}

/* Resumes from a checkpoint, without a snapshot, with more workers than before. */
static void same_after_resuming(void **state)
{
    (void)state;
    char sha[65], dir[128];
    snprintf(dir, sizeof dir, "%s", in_scratch(&s, "resumed"));
    train_tiny(&s, dir, 1, (const char *const[]){"--set", "run.steps=50", NULL}, sha);
    assert_string_not_equal(sha, expected);
    train_tiny(&s, dir, 3, (const char *const[]){"--resume", "auto", NULL}, sha);
    assert_string_equal(sha, expected);
}

/* ---- what is in checkpoints ---- */

static rt_st_reader *export(const char *of, const char *name)
{
    char file[256];
    rt_st_reader *reader;
    snprintf(file, sizeof file, "%s", in_scratch(&s, "%s.safetensors", name));
    result r =
        run(&s, LONG, "ringtorch", "export", in_scratch(&s, "w1/%s", of), "--out", file, NULL);
    expect_exit(&r, 0);
    result_release(&r);
    if (rt_st_open(file, &reader) != RT_OK)
        fail_msg("%s", rt_error());
    return reader;
}

static const float *values(const rt_st_reader *r, const char *name, int64_t count)
{
    const rt_st_entry *e = rt_st_find(r, name);
    if (!e || e->bytes != (size_t)count * sizeof(float))
        fail_msg("%s: %s", name, e ? "of another size" : "not there");
    return e->data;
}

static bool same_bits(const rt_st_reader *a, const rt_st_reader *b, const char *name, int64_t count)
{
    return memcmp(values(a, name, count), values(b, name, count), (size_t)count * sizeof(float)) ==
           0;
}

static void frozen_stays_and_statistics_move(void **state)
{
    (void)state;
    rt_st_reader *then = export("checkpoints/step-00000040", "then"), *now = export(".", "now");
    assert_true(same_bits(then, now, "0.weight", 4 * 9));
    assert_true(same_bits(then, now, "3.1.0.0.bias", 4));
    assert_false(same_bits(then, now, "3.1.0.0.weight", 4 * 4 * 9));
    assert_false(same_bits(then, now, "3.0.0.0.bias", 4));
    assert_false(same_bits(then, now, "6.weight", 392 * 392));
    assert_false(same_bits(then, now, "4.shortcut.0.weight", 8 * 4));
    assert_false(same_bits(then, now, "4.1.running_mean", 8));
    assert_false(same_bits(then, now, "4.1.running_var", 8));
    float count;
    memcpy(&count, values(now, "4.1.num_batches_tracked", 1), sizeof count);
    assert_true(count == 120);
    memcpy(&count, values(then, "1.num_batches_tracked", 1), sizeof count);
    assert_true(count == 40);
    rt_st_close(then);
    rt_st_close(now);
}

/* The export has the layout of a PyTorch state_dict, and can be read again. */
static void a_tied_layer_is_exported_under_all_its_names(void **state)
{
    (void)state;
    rt_st_reader *r = export(".", "tied");
    assert_memory_equal(values(r, "6.weight", 392 * 392), values(r, "8.weight", 392 * 392),
                        392 * 392 * sizeof(float));
    assert_memory_equal(values(r, "6.bias", 392), values(r, "8.bias", 392), 392 * sizeof(float));
    rt_st_close(r);
    result e = run(&s, LONG, "ringtorch", "eval", in_scratch(&s, "tied.safetensors"), "--config",
                   in_scratch(&s, "tiny.yaml"), NULL);
    expect_exit(&e, 0);
    result_release(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_for_2_workers),
        ROW(same_for_3_workers),
        ROW(same_for_4_workers),
        ROW(same_after_a_worker_was_killed),
        ROW(same_after_resuming),
        ROW(frozen_stays_and_statistics_move),
        ROW(a_tied_layer_is_exported_under_all_its_names),
    };
    return cmocka_run_group_tests(tests, set_up, tiny_end);
}
