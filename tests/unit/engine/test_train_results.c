/* Tests of runs whose nets have several results, and of how often a run on a device makes the host wait. */
#include "idx_files.h"
#include "kernels/device.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include "worker/engine/nn/net_json.h"
#include "worker/engine/tasks/task.h"
#include "worker/engine/train/run.h"
#include "worker/engine/train/run_inside.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { TRAIN = 50, TEST = 23, SIDE = 12 };
static char dir[FOLDER_MAX];

static int make_data(void **state)
{
    (void)state;
    if (!folder_make(dir, "results"))
        return -1;
    bytes images = idx_images(TRAIN, SIDE, SIDE), labels = idx_labels(TRAIN);
    write_file(dir, "train-images-idx3-ubyte", &images);
    write_file(dir, "train-labels-idx1-ubyte", &labels);
    images = idx_images(TEST, SIDE, SIDE);
    labels = idx_labels(TEST);
    write_file(dir, "t10k-images-idx3-ubyte", &images);
    write_file(dir, "t10k-labels-idx1-ubyte", &labels);
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    return rt_remove_tree(dir) != RT_OK || rt_shutdown();
}

/* Returns a configuration for the test's data, 12 samples a step, with one more assignment. */
static rt_config configure(const char *more)
{
    rt_config cfg;
    char text[96];
    must(rt_config_default(&cfg));
    snprintf(text, sizeof text, "data.path=%s", dir);
    must(rt_config_set(&cfg, text));
    must(rt_config_set(&cfg, "model.layers=[flatten, {linear: 16}, relu, {linear: 10}]"));
    must(rt_config_set(&cfg, more));
    cfg.data.batch = 12;
    cfg.run.steps = 40;
    return cfg;
}

/* ---- nets of several results ---- */

/* A net with an auxiliary head on its hidden state, used only in training (Szegedy et al. 2015). */
typedef struct two_heads {
    rt_module base;
    rt_module *body, *head, *early;
} two_heads;

static void two_heads_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                              int n_out)
{
    two_heads *t = (two_heads *)m;
    assert_int_equal(n_in, 1);
    assert_int_equal(n_out, 2);
    rt_tensor *hidden = rt_forward(t->body, in[0]);
    out[0] = rt_forward(t->head, rt_tanh(hidden));
    out[1] = rt_forward(t->early, hidden);
}

static rt_module *make_two_heads(void *ctx, const rt_dataset *train, rt__net *about)
{
    static const rt_module_type type = {"two_heads", sizeof(two_heads),
                                        .forward_all = two_heads_forward, .n_out = 2};
    assert_int_equal(rt_data_size(train), TRAIN);
    two_heads *t = rt_nn_new(&type);
    t->body = rt_nn_child(&t->base, "body",
                          rt_nn_sequential(rt_nn_flatten(), rt_nn_linear(SIDE * SIDE, 7)));
    t->head = rt_nn_child(&t->base, "head", rt_nn_linear(7, 10));
    t->early = rt_nn_child(&t->base, "early", rt_nn_linear(7, 10));
    *about = (rt__net){.inputs = {1, {0}}, .results = *(const int *)ctx};
    about->result[0] = about->result[1] = rt_shape(10);
    return &t->base;
}

static rt_status two_heads_open(rt_task *t, const void *options, const rt_dataset *d)
{
    (void)options;
    (void)d;
    t->sums = 2;
    t->weight = 1;
    return RT_OK;
}

static rt_status two_heads_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
{
    (void)t;
    (void)d;
    assert_string_equal(rt_dims_text(shape[0]), "[10]");
    assert_string_equal(rt_dims_text(shape[1]), "[10]");
    return RT_OK;
}

static const double SHARE = 0.25; /* of the auxiliary head in the loss */

static rt_tensor *two_heads_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                                 double *weight)
{
    (void)t;
    rt_tensor *y = rt_batch_field(b, "y");
    *weight = (double)b->n;
    return rt_add(rt_cross_entropy(results[0], y, .reduction = RT_SUM),
                  rt_mul_scalar(rt_cross_entropy(results[1], y, .reduction = RT_SUM), SHARE));
}

static rt_status two_heads_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                                 double *sums)
{
    double weight;
    sums[0] = rt_item(two_heads_loss(t, results, b, &weight));
    sums[1] = weight;
    return rt_error_code();
}

static void two_heads_tell(const rt_task *t, const double *sums, rt_metrics *out)
{
    (void)t;
    rt_metrics_add(out, "loss", sums[0] / sums[1]);
}

static const rt_task_row two_heads_task = {
    .name = "two_heads",
    .target = "y",
    .target_name = "labels",
    .results = {"logits", "early"},
    .open = two_heads_open,
    .check = two_heads_check,
    .loss = two_heads_loss,
    .score = two_heads_score,
    .tell = two_heads_tell,
};

static void train_steps(rt_run *r, int64_t slices, int64_t steps)
{
    for (int64_t t = 0; t < steps; t++) {
        rt_run_partial parts[RT_TREE_NODES_MAX];
        int count;
        must(rt_run_gradients(r, t, (rt_range){0, slices}, parts, &count));
        for (int32_t i = 0; i < rt_run_flat(r)->entries; i++) { /* both heads and the body */
            const rt_flat_entry *e = &rt_run_flat(r)->entry[i];
            double sum = 0;
            for (int64_t k = e->begin; k < e->end; k++)
                sum += fabs((double)rt_run_flat(r)->grad[k]);
            if (!(sum > 0))
                fail_msg("%s has no gradient", e->name);
        }
        must(rt_run_update(r, t, (rt_range){0, rt_run_flat(r)->length}, 1));
    }
}

/* Runs two results through everything: check, loss, gradients, evaluation, predictions. */
static void a_task_may_take_two_results(void **state)
{
    (void)state;
    int results = 2, count;
    rt_config cfg = configure("optimizer.name=sgd");
    rt_run_parts parts = {.ctx = &results, .make = make_two_heads, .task = &two_heads_task};
    rt_run *r;
    must(rt_run_open_with(&cfg, 3, &parts, &r));
    train_steps(r, 3, 4);
    rt_scope s = rt_scope_begin();
    double sums[2][2], loss = 0;
    rt_evaluation e;
    assert_int_equal(rt_run_eval_sums(r), 2);
    for (int64_t c = 0; c < rt_run_eval_chunks(r); c++)
        must(rt_run_eval_chunk(r, c, sums[c]));
    must(rt_run_eval_finish(r, sums[0], &e));
    assert_int_equal(e.count, TEST);
    assert_int_equal(e.counted, TEST);
    rt_run_prediction o[RT_RUN_PREDICTIONS];
    must(rt_run_predict(r, 0, TEST, o, &count));
    static const char *const names[] = {"inputs", "logits", "early", "labels"};
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(o[i].name, names[i]);
    for (int i = 1; i < 3; i++)
        loss += (i == 1 ? 1 : SHARE) * rt_item(rt_cross_entropy(o[i].value, o[3].value));
    assert_true(fabs(rt_metrics_get(&e.metrics, "loss") - loss) < 1e-5);
    rt_scope_end(s);
    rt_run_close(r);

    results = 1;
    assert_int_equal(rt_run_open_with(&cfg, 3, &parts, &r), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "the model gives 1 result, but the task two_heads takes 2"));
    rt_error_clear();
    rt_config_release(&cfg);
}

/* ---- devices ---- */

static bool has_device(void)
{
    if (rt_gpu_count(RT_OPENCL) > 0)
        return true;
    printf("SKIPPED: there is no OpenCL device (apt install pocl-opencl-icd)\n");
    return false;
}

static const rt_device_ops *real;
static int waits;

static rt_status counted_get(rt_gpu *d, void *to, const void *from, size_t size)
{
    waits++;
    return real->get(d, to, from, size);
}

static rt_status counted_wait(rt_gpu *d)
{
    waits++;
    return real->wait(d);
}

/* For any number of slices, the host does not wait for the device until it reads the outcome of the step. */
static void a_step_waits_for_a_device_once(void **state)
{
    (void)state;
    if (!has_device())
        return;
    for (int64_t slices = 1; slices <= 4; slices += 3) {
        rt_config cfg = configure("device=opencl:0");
        must(rt_config_set(&cfg, "parallel.blas=builtin"));
        must(rt_config_set(&cfg, "device_fallback=error"));
        must(rt_run_start_engine(&cfg));
        rt_run *r;
        must(rt_run_open(&cfg, slices, &r));
        rt_gpu *gpu = rt_gpu_open((rt_device){RT_OPENCL, 0});
        real = gpu->ops;
        rt_device_ops counting = *real;
        counting.get = counted_get;
        counting.wait = counted_wait;
        gpu->ops = &counting;
        for (int64_t t = 0; t < 2; t++) {
            rt_run_partial parts[RT_TREE_NODES_MAX];
            int count;
            waits = 0;
            rt_status status = rt_run_gradients(r, t, (rt_range){0, slices}, parts, &count);
            /* one wait for the sums, one for faults of kernels */
            if (status != RT_OK || waits != 2)
                gpu->ops = real;
            must(status);
            assert_int_equal(waits, 2);
        }
        gpu->ops = real;
        rt_run_close(r);
        rt_config_release(&cfg);
    }
}

/* Infinite parameters make the loss of every slice infinite; the error names the first slice. */
static void the_slice_that_is_not_finite_is_found_on_a_device(void **state)
{
    (void)state;
    if (!has_device())
        return;
    rt_config cfg = configure("device=opencl:0");
    must(rt_config_set(&cfg, "parallel.blas=builtin"));
    must(rt_run_start_engine(&cfg));
    rt_run *r;
    must(rt_run_open(&cfg, 4, &r));
    rt_run_flat(r)->param[0] = INFINITY;
    must(rt_run_send(r));
    rt_run_partial parts[RT_TREE_NODES_MAX];
    int count;
    must(rt_run_gradients(r, 0, (rt_range){0, 4}, parts, &count));
    assert_int_equal(r->bad_slice, 0);
    assert_false(isfinite(r->bad_loss));
    rt_run_close(r);
    rt_config_release(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_may_take_two_results),
        cmocka_unit_test(a_step_waits_for_a_device_once),
        cmocka_unit_test(the_slice_that_is_not_finite_is_found_on_a_device),
    };
    return cmocka_run_group_tests(tests, make_data, remove_data);
}
