/* Tests of the trainer: a configured run in one process. */
#include "common/base/mem.h"
#include "idx_files.h"
#include "most_threads.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/engine/train/run.h"
#include <math.h>
#include <ringtorch/plugin.h>
#include <ringtorch/train.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { TRAIN = 40, TEST = 20, SIDE = 6 };
static char dir[FOLDER_MAX], config[96];

/* Makes images that are easy to learn: those of class c are dark except in row c % 6 or column c - 6. */
static bytes images_of(uint32_t n)
{
    bytes b = idx_images(n, SIDE, SIDE);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t p = 0; p < SIDE * SIDE; p++) {
            uint32_t class = i % 10;
            bool lit = class < SIDE ? p / SIDE == class : p % SIDE == class - SIDE;
            b.at[16 + i * SIDE * SIDE + p] = (uint8_t)(lit ? 255 : (i * 7 + p * 13) % 40);
        }
    return b;
}

static int make_data(void **state)
{
    (void)state;
    if (!folder_make(dir, "trainer"))
        return -1;
    bytes train = images_of(TRAIN), test = images_of(TEST), labels = idx_labels(TRAIN);
    write_file(dir, "train-images-idx3-ubyte", &train);
    write_file(dir, "train-labels-idx1-ubyte", &labels);
    write_file(dir, "t10k-images-idx3-ubyte", &test);
    labels = idx_labels(TEST);
    write_file(dir, "t10k-labels-idx1-ubyte", &labels);
    bytes text = {0};
    snprintf(config, sizeof config, "%s/config.yaml", dir);
    text.len = (size_t)snprintf(
        (char *)text.at, sizeof text.at,
        "run: {steps: 60, seed: 5}\n"
        "model: {layers: [flatten, {linear: 32}, relu, {dropout: 0.1}, {linear: 10}]}\n"
        "data: {path: %s, batch: 20}\n"
        "optimizer: {name: adamw, lr: 0.01}\n"
        "schedule: {name: cosine, warmup: 5}\n"
        "parallel: {slices: 4}\n",
        dir);
    write_file(dir, "config.yaml", &text);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

static rt_trainer *open_with(const char *assignment)
{
    const char *set[] = {assignment, NULL};
    return rt_trainer_open(config, .set = set);
}

static void train(rt_trainer *t)
{
    if (!t)
        fail_msg("%s", rt_error());
    while (rt_trainer_at(t) < rt_trainer_steps(t))
        must(rt_trainer_step(t));
}

static void learns(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_trainer *t = rt_trainer_open(config);
    assert_int_equal(rt_trainer_steps(t), 60);
    assert_int_equal(rt_trainer_at(t), 0);
    assert_int_equal(rt_nn_param_count(rt_trainer_net(t)), 4);
    must(rt_trainer_step(t));
    double first = rt_trainer_loss(t);
    assert_true(first > 1.8 && first < 3);
    train(t);
    assert_true(rt_trainer_loss(t) < first / 4);
    rt_evaluation e;
    must(rt_trainer_evaluate(t, &e));
    assert_int_equal(e.count, TEST);
    assert_true(rt_metrics_get(&e.metrics, "accuracy") >= 19.0 / TEST);
    assert_true(rt_metrics_get(&e.metrics, "loss") < 0.5);
    rt_scope_end(s);
}

static void hash_after(const char *assignment, char hex[65])
{
    rt_scope s = rt_scope_begin();
    rt_trainer *t = open_with(assignment);
    train(t);
    must(rt_trainer_weights_sha256(t, hex));
    rt_scope_end(s);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    char a[65], b[65], threads[32];
    hash_after("parallel.threads=1", a);
    for (int n = 2; n <= MOST_THREADS; n++) {
        snprintf(threads, sizeof threads, "parallel.threads=%d", n);
        hash_after(threads, b);
        assert_string_equal(a, b);
    }
    hash_after("parallel.slices=2", b); /* other slices give other sums */
    assert_string_not_equal(a, b);
    hash_after("run.seed=6", b);
    assert_string_not_equal(a, b);
}

/* Runs two ranks, each with half of the slices and of the buffer, as the worker does with collectives. */
static void trainer_and_two_ranks_make_the_same_weights(void **state)
{
    (void)state;
    static const char clip[] = "optimizer.clip_norm=0.3";
    char one[65], two[65];
    hash_after(clip, one);

    const char *set[] = {clip};
    rt_config cfg;
    must(rt_config_load(config, set, 1, &cfg));
    rt_run *rank[2];
    for (int k = 0; k < 2; k++)
        must(rt_run_open(&cfg, 4, &rank[k]));
    const rt_flat *flat[2] = {rt_run_flat(rank[0]), rt_run_flat(rank[1])};
    size_t size = (size_t)flat[0]->length * sizeof(float);
    rt_range all = {0, flat[0]->length};
    int64_t clipped = 0;
    for (int64_t step = 0; step < 60; step++) {
        rt_run_partial parts[2][RT_TREE_NODES_MAX];
        int count[2];
        for (int k = 0; k < 2; k++)
            must(
                rt_run_gradients(rank[k], step, (rt_range){2 * k, 2 * k + 2}, parts[k], &count[k]));
        assert_true(count[0] == 1 && count[1] == 1);
        for (int64_t i = 0; i < all.end; i++)
            flat[0]->grad[i] = parts[0][0].data[i] + parts[1][0].data[i];
        memcpy(flat[1]->grad, flat[0]->grad, size);
        double sums[3], scale = 1;
        assert_int_equal(rt_run_blocks(rank[0]), 1);
        must(rt_run_sums(rank[0], all, sums));
        double norm = rt_optim_norm_of_blocks(sums, 1) / (double)cfg.data.batch;
        if (norm > 0.3) {
            scale = 0.3 / norm;
            clipped++;
        }
        for (int k = 0; k < 2; k++)
            must(rt_run_update(rank[k], step, all, scale));
    }
    assert_true(clipped > 0);
    must(rt_run_weights_sha256(rank[1], two));
    assert_string_equal(one, two);
    for (int k = 0; k < 2; k++)
        rt_run_close(rank[k]);
    rt_config_release(&cfg);
}

static void a_loss_that_is_not_finite_ends_it(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    /* Decay that overshoots multiplies the weights by -1e6 at each step. */
    const char *set[] = {"optimizer.lr=1", "optimizer.weight_decay=1e6", "optimizer.name=sgd",
                         NULL};
    rt_trainer *t = rt_trainer_open(config, .set = set);
    rt_status status = RT_OK;
    char before[65], after[65];
    while (status == RT_OK && rt_trainer_at(t) < rt_trainer_steps(t)) {
        must(rt_trainer_weights_sha256(t, before));
        status = rt_trainer_step(t);
    }
    assert_int_equal(status, RT_E_NUMERIC);
    char step[32];
    snprintf(step, sizeof step, "step %d, slice", (int)rt_trainer_at(t) + 1);
    assert_non_null(strstr(rt_error(), step));
    assert_non_null(strstr(rt_error(), "samples "));
    assert_non_null(strstr(rt_error(), "optimizer.lr"));
    assert_int_equal(rt_trainer_step(t),
                     RT_E_NUMERIC); /* and it stays ended until the error is cleared */
    rt_error_clear();
    must(rt_trainer_weights_sha256(t, after));
    assert_string_equal(after, before);
    rt_scope_end(s);
}

static void wrong_configurations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *says;
    } wrong[] = {
        {"optimizer.lrr=1", "optimizer.lr"},
        {"data.batch=3", "slices"},
        {"data.path=/no/such/folder", "no such dir"},
        {"model.layers=[flatten, {linear: 9}]", "9 outputs"},
        {"parallel.workers=8", "slices"},
    };
    rt_shutdown();
    int64_t memory = rt_mem_live();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rt_scope s = rt_scope_begin();
        assert_null(open_with(wrong[i].set));
        if (rt_status_exit_code(rt_error_code()) != 2 || !strstr(rt_error(), wrong[i].says))
            fail_msg("%s: %s", wrong[i].set, rt_error());
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_mem_live(), memory);
    }
    assert_null(rt_trainer_open("/no/such/config.yaml"));
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    rt_error_clear();
    assert_null(rt_trainer_open(NULL));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();
}

/* This program, unlike test_plugin, is linked as programs are: its functions are not there for what it loads. */
static void a_program_that_exports_nothing_is_told_how_to(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* its list of suppressed libraries bears no library that is loaded later */
#endif
    (void)state;
    assert_int_equal(rt_plugin_load(RT_TEST_BINARY_DIR "/bin/tests/engine/libhills.so"),
                     RT_E_UNSUPPORTED);
    assert_non_null(strstr(rt_error(), "undefined symbol: rt_"));
    assert_non_null(strstr(rt_error(), "does not export the library's functions: link it with "
                                       "-rdynamic"));
    rt_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(trainer_and_two_ranks_make_the_same_weights),
        cmocka_unit_test(a_loss_that_is_not_finite_ends_it),
        cmocka_unit_test(wrong_configurations_are_refused),
        cmocka_unit_test(a_program_that_exports_nothing_is_told_how_to),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
