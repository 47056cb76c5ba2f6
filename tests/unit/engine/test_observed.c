/* Tests of batch statistics in a step of several slices: the buffer gets one update, by the mean over the step's
 * samples. */
#include "common/base/slices.h"
#include "tests/support/outcome.h"
#include "worker/engine/train/run_inside.h"
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { WIDTH = 150000, SLICES = 6 };
static const double MOMENTUM = 0.25;
static const int samples_of[SLICES] = {3, 1, 4, 1, 5, 2}; /* 16 */

/* Observes the mean of its input over the batch during training. */
static rt_tensor *watch_forward(rt_module *self, rt_tensor *x)
{
    if (self->training)
        rt_nn_observe(self, "mean", rt_mean(x, .axes = rt_shape(0)), MOMENTUM);
    return x;
}

static const rt_module_type watch_type = {"watch", sizeof(rt_module), watch_forward, NULL};

/* Makes a watching module. ahead: elements of a parameter before the buffer, so that the buffer crosses the borders of
 * blocks. */
static rt_module *watch(int64_t ahead, unsigned flags)
{
    rt_module *m = rt_nn_new(&watch_type);
    rt_nn_param(m, "weight", rt_zeros(rt_shape(ahead)));
    rt_nn_buffer(m, "mean", rt_ones(rt_shape(WIDTH)), flags);
    return m;
}

/* Runs the forward passes of a slice as a run does; *sum is its flat buffer. */
static void compute(rt__observed *o, rt_module *net, int slice, int times, float *sum)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(7, 0, (uint32_t)slice);
    memset(sum, 0, (size_t)o->flat->length * sizeof *sum);
    rt__observing seen;
    must(rt__observed_begin(&seen, o, sum, samples_of[slice]));
    for (int i = 0; i < times; i++)
        rt_forward(net, rt_randn(rt_shape(samples_of[slice], WIDTH)));
    rt__observed_end(&seen);
    must(rt_error_code());
    rt_scope_end(s);
}

/* Adds slices [lo, hi) in the order of the tree, into `sum`. */
static void reduce(rt__observed *o, rt_module *net, int64_t lo, int64_t hi, int times, float *sum)
{
    if (hi - lo == 1) {
        compute(o, net, (int)lo, times, sum);
        return;
    }
    int64_t middle = rt_tree_split(lo, hi);
    float *right = malloc((size_t)o->flat->length * sizeof *right);
    reduce(o, net, lo, middle, times, sum);
    reduce(o, net, middle, hi, times, right);
    for (int64_t i = 0; i < o->flat->length; i++)
        sum[i] += right[i];
    free(right);
}

/* Makes a step of `world` workers, each of which updates the blocks it owns. */
static void step(rt__observed *o, rt_module *net, int world, int times)
{
    rt__observed_begin_step(o);
    reduce(o, net, 0, SLICES, times, o->flat->grad);
    for (int rank = 0; rank < world; rank++)
        rt__observed_commit(o, rt_owned_by_rank(o->flat->length, world, rank), 16);
}

/* Expects the mean over all samples, computed in double. */
static void expect_means(const float *mean)
{
    double *all = calloc(WIDTH, sizeof *all);
    for (int slice = 0; slice < SLICES; slice++) {
        rt_scope s = rt_scope_begin();
        rt_random_seek(7, 0, (uint32_t)slice);
        const float *x = rt_f32(rt_randn(rt_shape(samples_of[slice], WIDTH)));
        for (int64_t i = 0; i < (int64_t)samples_of[slice] * WIDTH; i++)
            all[i % WIDTH] += (double)x[i] / 16;
        rt_scope_end(s);
    }
    for (int64_t i = 0; i < WIDTH; i++) {
        double want = (1 - MOMENTUM) * 1 + MOMENTUM * all[i], off = (double)mean[i] - want;
        if (off > 1e-6 || off < -1e-6)
            fail_msg("element %lld: %.9g, expected %.9g", (long long)i, (double)mean[i], want);
    }
    free(all);
}

static void buffers_move_once_by_the_mean_of_all_samples(void **state)
{
    (void)state;
    static const int64_t ahead[] = {1, RT_BLOCK - 1, RT_BLOCK, 70000};
    for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++)
        for (int world = 1; world <= 4; world++) {
            rt_scope s = rt_scope_begin();
            rt__observed o;
            rt_module *net = watch(ahead[i], RT_PERSISTENT);
            rt_tensor *mean = rt_nn_buffer_at(net, 0, NULL, NULL);
            const rt_flat *flat = rt_optim_flat(rt_optim_sgd(net, .lr = 1));
            must(rt__observed_init(&o, flat));
            assert_ptr_equal(rt_f32(mean), flat->param + flat->count);
            step(&o, net, world, 1);
            expect_means(rt_f32(mean));
            for (int64_t k = 0; k < flat->count; k++)
                assert_true(flat->param[k] == 0);
            rt__observed_release(&o);
            rt_scope_end(s);
        }
}

/* A layer that runs twice in a slice, like a tied one, counts as many samples as one that runs once. */
static void a_layer_that_runs_twice_counts_by_its_mean(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt__observed o;
    rt_module *net = watch(1, RT_PERSISTENT);
    rt_tensor *mean = rt_nn_buffer_at(net, 0, NULL, NULL);
    must(rt__observed_init(&o, rt_optim_flat(rt_optim_sgd(net, .lr = 1))));
    must(rt_fill(mean, 0));
    rt__observed_begin_step(&o);
    float *sum = calloc((size_t)o.flat->length, sizeof *sum);
    rt__observing seen;
    must(rt__observed_begin(&seen, &o, sum, 4));
    rt_forward(net, rt_full(rt_shape(4, WIDTH), 1, RT_F32));
    rt_forward(net, rt_full(rt_shape(4, WIDTH), 3, RT_F32));
    rt__observed_end(&seen);
    memcpy(o.flat->grad, sum, (size_t)o.flat->length * sizeof *sum);
    rt__observed_commit(&o, (rt_range){0, o.flat->length}, 4);
    assert_true(rt_f32(mean)[0] == 2 * (float)MOMENTUM);
    free(sum);
    rt__observed_release(&o);
    rt_scope_end(s);
}

static void buffers_that_nobody_tells_of_stay(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt__observed o;
    rt_module *net = watch(1, RT_PERSISTENT);
    rt_tensor *mean = rt_nn_buffer_at(net, 0, NULL, NULL);
    must(rt__observed_init(&o, rt_optim_flat(rt_optim_sgd(net, .lr = 1))));
    step(&o, net, 2, 1);
    float before = rt_f32(mean)[5];
    rt_nn_train(net, false); /* in the middle of a run */
    step(&o, net, 2, 1);
    assert_true(rt_f32(mean)[5] == before);
    rt__observed_release(&o);
    rt_scope_end(s);
}

static void buffers_that_are_not_saved_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt__observed o;
    rt_module *net = watch(1, 0);
    must(rt__observed_init(&o, rt_optim_flat(rt_optim_sgd(net, .lr = 1))));
    rt__observing seen;
    must(rt__observed_begin(&seen, &o, o.flat->grad, 1));
    rt_forward(net, rt_ones(rt_shape(1, WIDTH)));
    rt__observed_end(&seen);
    assert_int_equal(rt_error_code(), RT_E_UNSUPPORTED);
    assert_non_null(strstr(rt_error(), "RT_PERSISTENT"));
    rt_error_clear();
    rt__observed_release(&o);
    rt_scope_end(s);
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_move_once_by_the_mean_of_all_samples),
        cmocka_unit_test(a_layer_that_runs_twice_counts_by_its_mean),
        cmocka_unit_test(buffers_that_nobody_tells_of_stay),
        cmocka_unit_test(buffers_that_are_not_saved_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
