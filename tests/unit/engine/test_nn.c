/* Tests of modules: registration, names, forward, layers compared with PyTorch's definitions, initialisers. */
#include "common/base/mem.h"
#include "tests/support/outcome.h"
#include <math.h>
#include <ringtorch/exchange.h>
#include <ringtorch/nn.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- a module of one's own, as nn.h shows it ---- */

typedef struct mlp {
    rt_module base;
    rt_module *fc1, *fc2;
} mlp;

static int mlps_destroyed;

static rt_tensor *mlp_forward(rt_module *m, rt_tensor *x)
{
    mlp *s = (mlp *)m;
    return rt_forward(s->fc2, rt_relu(rt_forward(s->fc1, x)));
}

static void mlp_destroy(rt_module *m)
{
    (void)m;
    mlps_destroyed++;
}

static const rt_module_type mlp_type = {"mlp", sizeof(mlp), mlp_forward, mlp_destroy};

static mlp *new_mlp(void)
{
    mlp *m = rt_nn_new(&mlp_type);
    m->fc1 = rt_nn_child(&m->base, "fc1", rt_nn_linear(3, 4));
    m->fc2 = rt_nn_child(&m->base, "fc2", rt_nn_linear(4, 2, .bias = false));
    return m;
}

static void own_module_registers_and_runs(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    mlp *m = new_mlp();
    static const char *const names[] = {"fc1.weight", "fc1.bias", "fc2.weight"};
    static const int64_t numels[] = {12, 4, 8};
    assert_int_equal(rt_nn_param_count(&m->base), 3);
    assert_int_equal(rt_nn_numel(&m->base), 24);
    for (int64_t i = 0; i < 3; i++) {
        const char *name;
        rt_tensor *p = rt_nn_param_at(&m->base, i, &name);
        assert_string_equal(name, names[i]);
        assert_int_equal(rt_numel(p), numels[i]);
        assert_true(rt_requires_grad(p));
    }
    assert_null(rt_nn_param_at(&m->base, 3, NULL));
    assert_null(rt_nn_param_at(&m->base, -1, NULL));
    const char *name;
    rt_nn_param_at(m->fc1, 1, &name); /* the same parameter, named from its layer */
    assert_string_equal(name, "bias");

    rt_tensor *y = rt_forward(&m->base, rt_ones(rt_shape(5, 3)));
    assert_true(rt_size(y, 0) == 5 && rt_size(y, 1) == 2);
    int before = mlps_destroyed;
    rt_scope_end(s);
    assert_int_equal(mlps_destroyed, before + 1);
}

static void bad_registrations_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    mlp *m = new_mlp();
    assert_null(rt_nn_child(&m->base, "fc1", rt_nn_relu()));
    expect_error(RT_E_EXISTS, "\"fc1\"");
    assert_null(rt_nn_child(&m->base, "a.b", rt_nn_relu()));
    expect_error(RT_E_ARG, "'.'");
    assert_null(rt_nn_param(&m->base, "", rt_ones(rt_shape(1))));
    expect_error(RT_E_ARG, "mlp");
    assert_null(rt_nn_param(&m->base, "index", rt_arange(0, 3, 1, RT_I64)));
    expect_error(RT_E_DTYPE, "int64");
    assert_null(rt_forward(NULL, rt_ones(rt_shape(1))));
    expect_error(RT_E_ARG, "forward: argument 1 is no module (NULL)");
    assert_int_equal(rt_nn_param_count(&m->base), 3);
    rt_scope_end(s);
}

static void nested_names_and_summary(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net =
        rt_nn_sequential(rt_nn_relu(), rt_nn_sequential(rt_nn_linear(2, 2), &new_mlp()->base));
    const char *name;
    rt_nn_param_at(net, 4, &name);
    assert_string_equal(name, "1.1.fc2.weight");
    char *text = rt_nn_summary(net);
    assert_non_null(strstr(text, "sequential"));
    assert_non_null(strstr(text, "weight [2,2]"));
    assert_non_null(strstr(text, "30 parameters"));
    rt_text_free(text);
    rt_scope_end(s);
}

/* ---- layers ---- */

static void set_param(rt_module *m, int64_t i, const float *values)
{
    rt_tensor *p = rt_nn_param_at(m, i, NULL);
    must(rt_copy_into(p, rt_from(values, rt_dims_of(p), RT_F32)));
}

static void expect_values(rt_tensor *y, rt_dims shape, const float *values)
{
    if (!y)
        fail_msg("%s", rt_error());
    assert_string_equal(rt_dims_text(rt_dims_of(y)), rt_dims_text(shape));
    y = rt_contiguous(y);
    for (int64_t i = 0; i < rt_numel(y); i++)
        if (fabsf(rt_f32(y)[i] - values[i]) > 1e-5f)
            fail_msg("element %d is %g, expected %g", (int)i, (double)rt_f32(y)[i],
                     (double)values[i]);
}

static void linear_and_conv2d_compute(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *l = rt_nn_linear(2, 2);
    set_param(l, 0, (float[]){1, 2, 3, 4});
    set_param(l, 1, (float[]){10, 20});
    rt_tensor *x = rt_from((float[]){1, 1, 2, 0}, rt_shape(2, 2), RT_F32);
    expect_values(rt_forward(l, x), rt_shape(2, 2), (float[]){13, 27, 12, 26});

    /* A 2x2 kernel of ones sums windows; stride, padding, dilation and groups move them. */
    rt_tensor *image = rt_from((float[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, rt_shape(1, 1, 3, 3), RT_F32);
    rt_module *c = rt_nn_conv2d(1, 1, 2);
    set_param(c, 0, (float[]){1, 1, 1, 1});
    set_param(c, 1, (float[]){100});
    expect_values(rt_forward(c, image), rt_shape(1, 1, 2, 2), (float[]){112, 116, 124, 128});
    c = rt_nn_conv2d(1, 1, 2, .stride = 2, .padding = 1, .bias = false);
    set_param(c, 0, (float[]){1, 1, 1, 1});
    expect_values(rt_forward(c, image), rt_shape(1, 1, 2, 2), (float[]){1, 5, 11, 28});
    c = rt_nn_conv2d(1, 1, 2, .dilation = 2, .bias = false);
    set_param(c, 0, (float[]){1, 1, 1, 1});
    expect_values(rt_forward(c, image), rt_shape(1, 1, 1, 1), (float[]){20});
    c = rt_nn_conv2d(1, 1, 3, .padding = RT_NN_SAME, .bias = false);
    set_param(c, 0, (float[]){0, 0, 0, 0, 1, 0, 0, 0, 0});
    expect_values(rt_forward(c, image), rt_shape(1, 1, 3, 3), rt_f32(image));
    c = rt_nn_conv2d(1, 1, 1, .kernel_w = 3, .bias = false);
    set_param(c, 0, (float[]){1, 0, 1});
    expect_values(rt_forward(c, image), rt_shape(1, 1, 3, 1), (float[]){4, 10, 16});
    c = rt_nn_conv2d(2, 2, 1, .groups = 2, .bias = false);
    set_param(c, 0, (float[]){2, 3});
    rt_tensor *two = rt_from((float[]){1, 10}, rt_shape(1, 2, 1, 1), RT_F32);
    expect_values(rt_forward(c, two), rt_shape(1, 2, 1, 1), (float[]){2, 30});
    rt_scope_end(s);
}

static void layers_without_parameters_compute(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *image = rt_from((float[]){1, -2, 3, 4}, rt_shape(1, 1, 2, 2), RT_F32);
    expect_values(rt_forward(rt_nn_max_pool2d(2), image), rt_shape(1, 1, 1, 1), (float[]){4});
    expect_values(rt_forward(rt_nn_avg_pool2d(2), image), rt_shape(1, 1, 1, 1), (float[]){1.5f});
    expect_values(rt_forward(rt_nn_max_pool2d(2, .stride = 1, .padding = 1), image),
                  rt_shape(1, 1, 3, 3), (float[]){1, 1, -2, 3, 4, 4, 3, 4, 4});
    expect_values(rt_forward(rt_nn_flatten(), image), rt_shape(1, 4), (float[]){1, -2, 3, 4});
    rt_tensor *x = rt_from((float[]){-1, 0, 2}, rt_shape(3), RT_F32);
    expect_values(rt_forward(rt_nn_relu(), x), rt_shape(3), (float[]){0, 0, 2});
    expect_values(rt_forward(rt_nn_gelu(), x), rt_shape(3), (float[]){-0.15865525f, 0, 1.9544997f});
    expect_values(rt_forward(rt_nn_tanh(), x), rt_shape(3),
                  (float[]){-0.76159416f, 0, 0.96402758f});
    expect_values(rt_forward(rt_nn_sigmoid(), x), rt_shape(3),
                  (float[]){0.26894142f, 0.5f, 0.88079708f});
    expect_values(rt_forward(rt_nn_silu(), x), rt_shape(3), (float[]){-0.26894142f, 0, 1.7615942f});
    rt_scope_end(s);
}

static void dropout_drops_only_in_training(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_dropout(0.25));
    rt_tensor *x = rt_ones(rt_shape(10000));
    rt_random_seek(5, 0, 0);
    rt_tensor *y = rt_forward(net, x);
    int64_t zeros = 0;
    for (int64_t i = 0; i < 10000; i++) {
        float v = rt_f32(y)[i];
        assert_true(v == 0 || fabsf(v - 4 / 3.f) < 1e-6f);
        zeros += v == 0;
    }
    assert_true(zeros > 2300 && zeros < 2700);
    rt_random_seek(5, 0, 0);
    assert_memory_equal(rt_f32(rt_forward(net, x)), rt_f32(y), 10000 * sizeof(float));
    rt_random_seek(5, 0, 1); /* another slice has another mask */
    assert_memory_not_equal(rt_f32(rt_forward(net, x)), rt_f32(y), 10000 * sizeof(float));
    rt_nn_train(net, false);
    expect_values(rt_forward(net, x), rt_shape(10000), rt_f32(x));
    rt_nn_train(net, true);
    assert_true(rt_item(rt_sum(rt_forward(net, x))) != 10000);
    rt_scope_end(s);
}

/* Compares with PyTorch's values: two batches in training, then evaluation. */
static void batch_norm2d_follows_its_batches(void **state)
{
    (void)state;
    static const float trained[] = {
        0.236337617f,  0.484606773f,  0.699273884f,   0.851284683f,  0.922613263f, 0.8447299f,
        0.474034637f,  -0.139300957f, -0.0188666563f, -1.10377932f,  -2.1139369f,  -2.91261864f,
        -0.424905479f, -0.446949989f, -0.376514703f,  -0.223132744f, -2.11824584f, -1.30337656f,
        -0.490582854f, 0.210128039f,  2.09885073f,    2.38716769f,   2.27775669f,  1.78542674f};
    static const float evaluated[] = {
        0.0598345511f, 0.223409057f,  0.364844501f,   0.464998275f,  0.359192133f, 0.321799934f,
        0.143827081f,  -0.1506387f,   -0.0385379754f, -0.726295114f, -1.36666298f, -1.8729701f,
        -0.375831753f, -0.390356004f, -0.34394902f,   -0.242891878f, -1.10074103f, -0.709517777f,
        -0.319291055f, 0.0171240792f, 1.30394351f,    1.48671591f,   1.41735721f,  1.10525513f};
    rt_scope s = rt_scope_begin();
    rt_module *b = rt_nn_batch_norm2d(3, .eps = 1e-3, .momentum = 0.2);
    rt_tensor *x = rt_sin(rt_mul_scalar(rt_arange(0, 24, 1, RT_F32), 0.37));
    rt_dims shape = rt_shape(2, 3, 2, 2);
    x = rt_reshape(x, shape);
    set_param(b, 0, (float[]){0.5f, 1, 2});
    set_param(b, 1, (float[]){0.1f, -0.2f, 0.3f});
    expect_values(rt_forward(b, x), shape, trained);
    assert_non_null(rt_forward(b, rt_add_scalar(rt_mul_scalar(x, 2), 1)));
    expect_values(rt_nn_find(b, "running_mean"), rt_shape(3),
                  (float[]){0.0887940824f, 0.478361458f, 0.361684889f});
    expect_values(rt_nn_find(b, "running_var"), rt_shape(3),
                  (float[]){1.22080719f, 0.855507433f, 1.14353108f});
    expect_values(rt_nn_find(b, "num_batches_tracked"), rt_shape(), (float[]){2});
    rt_nn_train(b, false);
    expect_values(rt_forward(b, x), shape, evaluated);
    expect_values(rt_nn_find(b, "num_batches_tracked"), rt_shape(), (float[]){2});
    rt_nn_train(b, true);

    assert_int_equal(rt_nn_param_count(rt_nn_batch_norm2d(3, .affine = false)), 0);
    assert_null(rt_forward(b, rt_ones(rt_shape(1, 3, 1, 1))));
    expect_error(RT_E_SHAPE, "has 1 value per channel");
    assert_null(rt_forward(b, rt_ones(rt_shape(2, 4, 2, 2))));
    expect_error(RT_E_SHAPE, "expected [n, 3, height, width]");
    assert_null(rt_nn_batch_norm2d(3, .momentum = 1.5));
    expect_error(RT_E_RANGE, "momentum is 1.5");
    rt_scope_end(s);
}

/* Outside of a run there is one slice, so it equals batch normalisation bit for bit, for features and planes. */
static void sync_batch_norm_alone_is_batch_norm(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *one = rt_nn_batch_norm2d(3, .eps = 1e-3, .momentum = 0.2),
              *other = rt_nn_sync_batch_norm(3, .eps = 1e-3, .momentum = 0.2);
    rt_tensor *x = rt_randn(rt_shape(4, 3, 2, 5));
    for (int training = 1; training >= 0; training--) {
        rt_nn_train(one, training);
        rt_nn_train(other, training);
        expect_values(rt_forward(other, x), rt_shape(4, 3, 2, 5), rt_f32(rt_forward(one, x)));
        for (int i = 0; i < 3; i++) {
            const char *name;
            rt_tensor *buffer = rt_nn_buffer_at(one, i, &name, NULL);
            expect_values(rt_nn_find(other, name), rt_dims_of(buffer), rt_f32(buffer));
        }
    }
    rt_nn_train(other, true);
    assert_non_null(rt_forward(other, rt_randn(rt_shape(4, 3))));
    assert_non_null(rt_forward(other, rt_randn(rt_shape(4, 3, 7))));
    assert_null(rt_forward(other, rt_ones(rt_shape(1, 3))));
    expect_error(RT_E_SHAPE, "sync_batch_norm: [1,3] has 1 value per channel");
    assert_null(rt_forward(other, rt_ones(rt_shape(3))));
    expect_error(RT_E_SHAPE, "expected [n, 3, ...]");
    assert_int_equal(rt_exchange_slices(), 1);
    assert_int_equal(rt_exchange_slice(), 0);
    rt_scope_end(s);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    assert_null(rt_nn_linear(0, 5));
    expect_error(RT_E_RANGE, "linear: in is 0");
    assert_null(rt_nn_conv2d(1, 1, 0));
    expect_error(RT_E_RANGE, "kernel");
    assert_null(rt_nn_conv2d(3, 4, 3, .groups = 2));
    expect_error(RT_E_ARG, "groups");
    assert_null(rt_nn_conv2d(1, 1, 3, .stride = 2, .padding = RT_NN_SAME));
    expect_error(RT_E_ARG, "same");
    assert_null(rt_nn_max_pool2d(2, .padding = 2));
    expect_error(RT_E_ARG, "max_pool2d");
    assert_null(rt_nn_dropout(1));
    expect_error(RT_E_RANGE, "dropout");
    assert_null(rt_nn_dropout(NAN));
    expect_error(RT_E_RANGE, "dropout");
    /* The first error stays, whatever is built on the failed module. */
    assert_null(rt_nn_sequential(rt_nn_linear(-1, 5), rt_nn_relu()));
    expect_error(RT_E_RANGE, "linear");
    /* A shape that does not fit is the op's error, with the shapes. */
    assert_null(rt_forward(rt_nn_linear(3, 2), rt_ones(rt_shape(5, 4))));
    assert_int_equal(rt_error_code(), RT_E_SHAPE);
    rt_error_clear();
    rt_scope_end(s);
}

/* ---- initialisation ---- */

static void weights_depend_on_the_seed_alone(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_random_seek(7, 0, 0);
    rt_module *a = rt_nn_linear(30, 20);
    rt_random_seek(7, 0, 0);
    rt_module *b = rt_nn_linear(30, 20);
    rt_random_seek(8, 0, 0);
    rt_module *c = rt_nn_linear(30, 20);
    const float *wa = rt_f32(rt_nn_param_at(a, 0, NULL));
    assert_memory_equal(wa, rt_f32(rt_nn_param_at(b, 0, NULL)), 600 * sizeof(float));
    assert_memory_not_equal(wa, rt_f32(rt_nn_param_at(c, 0, NULL)), 600 * sizeof(float));
    assert_memory_not_equal(wa, rt_f32(rt_nn_param_at(a, 1, NULL)), 20 * sizeof(float));
    rt_scope_end(s);
}

/* Checks mean and spread of many draws: within 5 standard errors of what is expected. */
static void expect_spread(rt_tensor *x, double mean, double std, double bound)
{
    int64_t n = rt_numel(x);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)rt_f32(x)[i];
        sum += v;
        squares += (v - mean) * (v - mean);
        assert_true(fabs(v - mean) <= bound * 1.0001);
    }
    assert_true(fabs(sum / (double)n - mean) < 5 * std / sqrt((double)n));
    assert_true(fabs(sqrt(squares / (double)n) / std - 1) < 5 / sqrt((double)n));
}

static void initialisers_have_the_spread_they_promise(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_random_seek(3, 0, 0);
    rt_tensor *w = rt_empty(rt_shape(64, 32, 3, 3)); /* fan-in 288, fan-out 576 */
    must(rt_init_uniform(w, -2, 4));
    expect_spread(w, 1, 6 / sqrt(12), 3);
    must(rt_init_normal(w, 1, 2));
    expect_spread(w, 1, 2, 20);
    must(rt_init_xavier_uniform(w, 2));
    double bound = 2 * sqrt(6.0 / (288 + 576));
    expect_spread(w, 0, bound / sqrt(3), bound);
    must(rt_init_xavier_normal(w, 1));
    expect_spread(w, 0, sqrt(2.0 / (288 + 576)), 1);
    must(rt_init_kaiming_uniform(w, 0));
    bound = sqrt(2) * sqrt(3.0 / 288);
    expect_spread(w, 0, bound / sqrt(3), bound);
    must(rt_init_kaiming_normal(w, 1));
    expect_spread(w, 0, 1 / sqrt(288), 1);
    must(rt_init_constant(w, 1.5));
    assert_true(rt_f32(w)[0] == 1.5f && rt_f32(w)[rt_numel(w) - 1] == 1.5f);
    assert_int_equal(rt_init_kaiming_normal(rt_empty(rt_shape(3)), 0), RT_E_SHAPE);
    rt_error_clear();

    rt_module *c = rt_nn_conv2d(32, 64, 3); /* PyTorch's default */
    bound = 1 / sqrt(288);
    expect_spread(rt_nn_param_at(c, 0, NULL), 0, bound / sqrt(3), bound);
    expect_spread(rt_nn_param_at(c, 1, NULL), 0, bound / sqrt(3), bound);
    rt_scope_end(s);
}

/* ---- memory ---- */

static void nets_leave_nothing_behind(void **state)
{
    (void)state;
    rt_shutdown();
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 500);
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        rt_module *net = rt_nn_sequential(rt_nn_conv2d(1, 2, 3, .padding = RT_NN_SAME),
                                          rt_nn_relu(), rt_nn_max_pool2d(2), rt_nn_flatten(),
                                          rt_nn_linear(8, 3), rt_nn_dropout(0.5));
        const char *name = NULL;
        rt_nn_param_at(net, 3, &name);
        rt_tensor *y = rt_forward(net, rt_ones(rt_shape(2, 1, 4, 4)));
        rt_status status = rt_backward(rt_sum(y));
        rt_mem_fail_after(-1);
        done = status == RT_OK && name;
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_live_objects(), objects);
        assert_int_equal(rt_mem_live(), memory);
    }
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_module_registers_and_runs),
        cmocka_unit_test(bad_registrations_are_refused),
        cmocka_unit_test(nested_names_and_summary),
        cmocka_unit_test(linear_and_conv2d_compute),
        cmocka_unit_test(layers_without_parameters_compute),
        cmocka_unit_test(dropout_drops_only_in_training),
        cmocka_unit_test(batch_norm2d_follows_its_batches),
        cmocka_unit_test(sync_batch_norm_alone_is_batch_norm),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(weights_depend_on_the_seed_alone),
        cmocka_unit_test(initialisers_have_the_spread_they_promise),
        cmocka_unit_test(nets_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
