/* A run on an OpenCL device has the weights and the evaluation of a run on the CPU, also after its worker was killed and after a resume;
 * what a device cannot do is refused by name. Without a device, what needs one is skipped, and says so. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "kernels/device.h"
#include "row.h"
#include "runs.h"

#define MLP_CONFIG                                                                                 \
    "run: {name: device, seed: 7, steps: 120, report_every: 5}\n"                                  \
    "model: {layers: [flatten, {linear: 96}, relu, {dropout: 0.1}, {linear: 10}]}\n"               \
    "data: {dataset: fashion-mnist, path: \"%s\", batch: 64}\n"                                    \
    "task: {name: classification, label_smoothing: 0.1, weights: \"1,1,2,1,1,1,1,1,1,0.5\"}\n"     \
    "optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.01, clip_norm: 1.0}\n"                   \
    "parallel: {slices: 4, blas: builtin}\n"                                                       \
    "device_fallback: error\n"                                                                     \
    "checkpoint: {every: 40, keep: 3}\n"

static scratch s;

static int set_up(void **state)
{
    (void)state;
    tiny_setup(&s);
    write_config(&s, "mlp.yaml", MLP_CONFIG);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&s);
    return 0;
}

static void need_device(void)
{
    if (rt_gpu_count(RT_OPENCL) > 0)
        return;
    printf("test_device: SKIPPED: there is no OpenCL device (apt install pocl-opencl-icd)\n");
    skip();
}

static result train(const char *dir, const char *device)
{
    return run(&s, LONG, "ringtorch", "train", in_scratch(&s, "mlp.yaml"), "--run-dir", dir,
               "--set", device, NULL);
}

static void expect_same(const char *got, const char *want)
{
    static const char *const metrics[] = {"train_loss", "eval_loss", "eval_accuracy"};
    char a[65], b[65];
    summary_text(got, "weights_sha256", a, sizeof a);
    summary_text(want, "weights_sha256", b, sizeof b);
    assert_string_equal(a, b);
    for (int i = 0; i < 3; i++)
        assert_true(summary_number(got, metrics[i]) == summary_number(want, metrics[i]));
}

/* What eval prints of a run, without the time it took. */
static void evaluate(const char *dir, char out[200])
{
    result r = run(&s, LONG, "ringtorch", "eval", dir, NULL);
    expect_exit(&r, 0);
    const char *at = strstr(r.out, "samples: ");
    assert_non_null(at);
    snprintf(out, 200, "%s", at);
    *strstr(out, ", step") = '\0';
    result_release(&r);
}

static void same_weights_on_a_device(void **state)
{
    (void)state;
    need_device();
    char here[128], there[128], want[200], got[200];
    snprintf(here, sizeof here, "%s", in_scratch(&s, "cpu"));
    snprintf(there, sizeof there, "%s", in_scratch(&s, "opencl"));
    result r = train(here, "device=cpu");
    expect_exit(&r, 0);
    result_release(&r);

    command c = start(&s, "ringtorch", "train", in_scratch(&s, "mlp.yaml"), "--run-dir", there,
                      "--set", "device=opencl:0", NULL);
    await_step(there, 30, LONG);
    pid_t worker = find_worker(&s, 0, LONG);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    await_step(there, 60, LONG);
    kill(-c.pid, SIGINT);
    r = finish(c, LONG);
    expect_exit(&r, 130);
    result_release(&r);
    r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "mlp.yaml"), "--run-dir", there, "--set",
            "device=opencl:0", "--resume", "auto", NULL);
    expect_exit(&r, 0);
    assert_non_null(strstr(r.out, "opencl:0"));
    result_release(&r);

    expect_same(there, here);
    evaluate(here, want);
    evaluate(there, got);
    assert_string_equal(got, want);
}

static void expect_refusal(const char *device, const char *more, const char *text)
{
    result r = run(&s, LONG, "ringtorch", "train", in_scratch(&s, "mlp.yaml"), "--run-dir",
                   in_scratch(&s, "refused"), "--set", device, "--set", more, NULL);
    expect_exit(&r, 2);
    if (!strstr(r.err, text))
        fail_msg("expected '%s' in '%s'", text, r.err);
    result_release(&r);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    expect_refusal("device=gpu", "run.seed=1", "device: 'gpu' is no device");
    expect_refusal("device=opencl:63", "run.seed=1", "device: opencl:63: ");
    expect_refusal("device=cuda", "run.seed=1", "device: cuda:0: ");
    expect_refusal("device=opencl:0", "parallel.workers=2",
                   "device: opencl:0 is for one worker, and parallel.workers is 2");
}

static void missing_kernel_ends_the_run(void **state)
{
    (void)state;
    need_device();
    expect_refusal("device=opencl:0",
                   "model.layers=[{conv2d: {out: 4, kernel: 3}}, flatten, {linear: 10}]",
                   "no kernel conv on opencl:0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(same_weights_on_a_device),
        ROW(what_cannot_be_is_refused),
        ROW(missing_kernel_ends_the_run),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
