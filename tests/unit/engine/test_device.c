/* Tests of tensors on a device other than the CPU: where results lie, what is refused, what runs on the CPU instead, and nets
 * that train there to the same bits as on the CPU. Without an OpenCL device the test is skipped with a message. */
#include "kernels/device.h"
#include "ringtorch/ringtorch.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const rt_device there = {RT_OPENCL, 0}, cpu;

static int begin(void **state)
{
    (void)state;
    rt_init("cpu", .seed = 7, .blas = "builtin");
    return rt_failed();
}

/* Checks that no object is left, on the device either. */
static int end(void **state)
{
    (void)state;
    static int64_t used = -1;
    int failed = rt_shutdown();
    int64_t now = rt_gpu_memory(rt_gpu_open(there)).used;
    used = used < 0 ? now : used;
    return failed || rt_live_objects() != 0 || now != used;
}

static void fails_with(rt_status code, const char *text)
{
    if (rt_error_code() != code || !strstr(rt_error(), text))
        fail_msg("expected '%s', got %d '%s'", text, rt_error_code(), rt_error());
    rt_error_clear();
}

static void ok(void)
{
    if (rt_failed())
        fail_msg("%s", rt_error());
}

/* Fails unless two tensors, on any devices, have the same bits. */
static void same_bits(const char *what, const rt_tensor *got, const rt_tensor *want)
{
    ok();
    int64_t n = rt_numel(want);
    assert_int_equal(rt_numel(got), n);
    assert_int_equal(rt_dtype_of(got), rt_dtype_of(want));
    size_t bytes = (size_t)n * rt_dtype_size(rt_dtype_of(want));
    char *a = malloc(bytes + 1), *b = malloc(bytes + 1);
    assert_int_equal(rt_copy_out(got, a), RT_OK);
    assert_int_equal(rt_copy_out(want, b), RT_OK);
    if (memcmp(a, b, bytes) != 0)
        fail_msg("%s: other bits than on the CPU", what);
    free(a);
    free(b);
}

/* ---- moving ---- */

static void test_there_and_back(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_randn(rt_shape(3, 5)), *y = rt_to_device(x, there);
    assert_string_equal(rt_describe(y), "float32[3,5] opencl:0");
    assert_ptr_equal(rt_to_device(y, there), y);
    same_bits("copy", rt_to_device(y, cpu), x);
    same_bits("a view of what is there", rt_to_device(rt_transpose(y, 0, 1), cpu),
              rt_contiguous(rt_transpose(x, 0, 1)));
    same_bits("a transposed tensor", rt_to_device(rt_transpose(x, 0, 1), there),
              rt_contiguous(rt_transpose(x, 0, 1)));
    same_bits("converted there", rt_to(y, RT_BF16), rt_to(x, RT_BF16));
    same_bits("zeros", rt_zeros(rt_shape(70000), .device = there), rt_zeros(rt_shape(70000)));
    same_bits("nothing", rt_to_device(rt_zeros(rt_shape(0, 3)), there), rt_zeros(rt_shape(0, 3)));
    assert_float_equal(rt_item(rt_select(rt_select(y, 0, 1), 0, 2)), rt_f32(x)[7], 0);
    rt_tensor *z = rt_zeros(rt_shape(5, 3), .device = there);
    rt_copy_into(z, rt_transpose(x, 0, 1)); /* between devices, with gaps in memory */
    same_bits("copy_into", z, rt_contiguous(rt_transpose(x, 0, 1)));
    rt_fill(rt_narrow(z, 1, 1, 1), 2.5);
    rt_tensor *w = rt_contiguous(rt_transpose(x, 0, 1));
    rt_fill(rt_narrow(w, 1, 1, 1), 2.5);
    same_bits("fill of a view", z, w);
    rt_scope_end(s);
}

static void test_refusals(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_device d;
    rt_tensor *x = rt_ones(rt_shape(2)), *y = rt_to_device(x, there);
    assert_null(rt_add(x, y));
    fails_with(RT_E_DEVICE, "add: float32[2] cpu and float32[2] opencl:0 lie on different devices");
    assert_null(rt_data(y));
    fails_with(RT_E_DEVICE, "data: float32[2] opencl:0 lies on a device");
    assert_null(rt_f32(y));
    fails_with(RT_E_DEVICE, "move it with rt_to_device");
    assert_null(rt_to_device(x, (rt_device){RT_OPENCL, 99}));
    fails_with(RT_E_DEVICE, "opencl:99");
    assert_null(rt_zeros(rt_shape(1), .device = {RT_CUDA, 0}));
    fails_with(RT_E_DEVICE, "cuda:0");
    assert_null(rt_to_device(y, (rt_device){RT_CPU, 1}));
    fails_with(RT_E_DEVICE, "cpu:1");
    rt_device_named("opencl:99", &d);
    fails_with(RT_E_DEVICE, "opencl:99");
    rt_device_named("gpu", &d);
    fails_with(RT_E_DEVICE, "'gpu' is no device");
    assert_int_equal(rt_device_named("opencl", &d), RT_OK);
    assert_int_equal(d.kind, RT_OPENCL);
    rt_scope_end(s);
}

/* A net that moves to another device takes its values from their homes, wherever its tensors are, and is separated from its
 * optimiser. */
static void test_net_that_moves(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_linear(3, 2);
    rt_tensor *w = rt_nn_find(net, "weight"), *b = rt_nn_find(net, "bias");
    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    rt_tensor *value = rt_clone(rt_param_home(w));
    rt_param_absent(w);
    rt_param_present(b, rt_zeros(rt_shape(2)));
    ok();
    rt_param_present(b, rt_zeros(rt_shape(2), .device = there));
    fails_with(RT_E_DEVICE,
               "param_present: float32[2] opencl:0, but its gradient has a fixed place in "
               "float32[2] cpu");
    rt_nn_to_device(net, there);
    same_bits("a net from home", w, value);
    assert_null(rt_param_home(b));
    rt_optim_step(o);
    fails_with(RT_E_ARG, "sgd: rt_nn_to_device has since moved weight: make a new optimiser");
    o = rt_optim_sgd(net, .lr = 1);
    rt_backward(rt_sum(rt_forward(net, rt_to_device(rt_ones(rt_shape(1, 3)), there))));
    rt_optim_step(o);
    same_bits("its step there", rt_to_device(rt_param_home(w), cpu), rt_add_scalar(value, -1));
    rt_scope_end(s);
}

/* An invalid label is reported by the next check of the device. */
static void test_wrong_label(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    int64_t labels[] = {0, 5};
    rt_tensor *x = rt_to_device(rt_ones(rt_shape(2, 3)), there);
    rt_tensor *y = rt_to_device(rt_from(labels, rt_shape(2), RT_I64), there);
    rt_item(rt_cross_entropy(x, y));
    fails_with(RT_E_RANGE, "cross_entropy: target 5 in row 1, expected 0 to 2");
    rt_scope_end(s);
}

/* ---- operations and their gradients, there and on the CPU ---- */

typedef rt_tensor *body(rt_tensor *a, rt_tensor *b);

static rt_tensor *f_pointwise(rt_tensor *a, rt_tensor *b)
{
    return rt_gelu(rt_add(rt_mul(a, rt_narrow(b, 0, 0, 1)), rt_mul_scalar(rt_tanh(b), 0.3)));
}

static rt_tensor *f_matmul(rt_tensor *a, rt_tensor *b)
{
    return rt_matmul(a, b, .transpose_b = true);
}

static rt_tensor *f_softmax(rt_tensor *a, rt_tensor *b)
{
    return rt_mul(rt_softmax(a, 0), rt_log_softmax(b, 1));
}

static rt_tensor *f_reduce(rt_tensor *a, rt_tensor *b)
{
    return rt_sub(rt_sum(a, rt_shape(0)), rt_amax(b, rt_shape(1)));
}

static rt_tensor *f_maximum(rt_tensor *a, rt_tensor *b) /* whose gradient has constants */
{
    return rt_maximum(rt_pow(rt_abs(a), rt_abs(b)), rt_leaky_relu(b, .slope = 0.1));
}

static rt_tensor *f_cat(rt_tensor *a, rt_tensor *b)
{
    rt_tensor *both[] = {rt_transpose(a, 0, 1), b};
    return rt_cat(both, 2, 1);
}

static rt_tensor *f_topk(rt_tensor *a, rt_tensor *b) /* no kernel there, for its gradient neither */
{
    return rt_mul(rt_topk(a, 2, .axis = 1).values, rt_narrow(b, 1, 0, 2));
}

static rt_tensor *f_pool(rt_tensor *a, rt_tensor *b) /* saves a result of the CPU */
{
    rt_tensor *image = rt_reshape(rt_mul(a, b), rt_shape(1, 1, 6, 6));
    return rt_max_pool2d(image, .kernel = {2, 2});
}

static rt_tensor *f_bf16(rt_tensor *a, rt_tensor *b)
{
    return rt_to(rt_matmul(rt_to(a, RT_BF16), rt_to(b, RT_BF16)), RT_F32);
}

static rt_tensor *f_dropout(rt_tensor *a, rt_tensor *b)
{
    rt_random_seek(3, 1, 1);
    return rt_mul(rt_dropout(a, 0.4), b);
}

static rt_tensor *f_in_place(rt_tensor *a, rt_tensor *b) /* into a result and into a view of it */
{
    rt_tensor *x = rt_mul(a, b);
    rt_mul_inplace(rt_narrow(x, 1, 1, 2), rt_narrow(b, 1, 0, 2));
    rt_copy_into(rt_select(x, 0, 3), rt_select(a, 0, 2));
    return rt_relu_inplace(x);
}

static rt_tensor *f_picks(rt_tensor *a, rt_tensor *b) /* no kernels there to pick by an index */
{
    int64_t at[] = {3, 0, 3, 5};
    rt_tensor *index = rt_to_device(rt_from(at, rt_shape(4), RT_I64), rt_device_of(a));
    return rt_add(rt_embedding(a, index), rt_embedding(b, index));
}

static const struct row {
    const char *name;
    body *f;
} rows[] = {
    {"pointwise", f_pointwise}, {"matmul", f_matmul},     {"softmax", f_softmax},
    {"reduce", f_reduce},       {"maximum", f_maximum},   {"cat", f_cat},
    {"topk", f_topk},           {"pool", f_pool},         {"bf16", f_bf16},
    {"dropout", f_dropout},     {"in place", f_in_place}, {"picks", f_picks},
};

/* Makes a parameter that only the scope owns. */
static rt_tensor *param(rt_tensor *x)
{
    rt_free(rt_param(x));
    return x;
}

/* Computes y, then the gradients of a and of b, into out. */
static void differentiate(body *f, rt_device d, rt_tensor *out[3])
{
    rt_random_seek(9, 0, 0);
    rt_tensor *a = param(rt_to_device(rt_randn(rt_shape(6, 6)), d));
    rt_tensor *b = param(rt_to_device(rt_randn(rt_shape(6, 6)), d));
    out[0] = f(a, b);
    rt_backward(rt_sum(rt_mul(out[0], out[0])));
    out[1] = rt_grad_of(a);
    out[2] = rt_grad_of(b);
}

static void test_operation(void **state)
{
    const struct row *r = *state;
    static const char *const what[] = {"result", "first gradient", "second gradient"};
    rt_scope s = rt_scope_begin();
    rt_tensor *got[3], *want[3];
    differentiate(r->f, cpu, want);
    ok();
    differentiate(r->f, there, got);
    for (int i = 0; i < 3; i++) {
        ok();
        assert_int_equal(rt_device_of(got[i]).kind, RT_OPENCL);
        same_bits(what[i], got[i], want[i]);
    }
    rt_scope_end(s);
}

/* A gradient returns to the device that the value came from. */
static void test_gradient_crosses_devices(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = param(rt_randn(rt_shape(4)));
    rt_tensor *y = rt_square(rt_to_device(rt_exp(x), there));
    rt_backward(rt_sum(rt_to_device(y, cpu)));
    ok();
    assert_int_equal(rt_device_of(rt_grad_of(x)).kind, RT_CPU);
    rt_tensor *z = param(rt_detach(rt_clone(x)));
    rt_backward(rt_sum(rt_square(rt_exp(z))));
    same_bits("gradient", rt_grad_of(x), rt_grad_of(z));
    rt_scope_end(s);
}

/* ---- an operation of a user's, which reads memory ---- */

#define SCALED_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_TYPE(F32), "any shape")                                              \
    F(NUMBER, s, 1, RT_ANY, "the factor")
typedef struct scaled_args {
    RT_STRUCT(SCALED_FIELDS)
} scaled_args;

static rt_status scaled_infer(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status scaled_run(rt_call *c)
{
    const scaled_args *a = c->args;
    for (int64_t i = 0; i < rt_numel(c->out[0]); i++)
        rt_f32(c->out[0])[i] = rt_f32(c->in[0])[i] * (float)a->s;
    return RT_OK;
}

static const rt_op scaled_op = {
    .name = "scaled",
    RT_ARGS(scaled_args, SCALED_FIELDS),
    .infer = scaled_infer,
    .run = scaled_run,
};

static void test_operation_that_reads_memory(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_randn(rt_shape(7)), *y = rt_to_device(x, there);
    same_bits("scaled", rt_apply(&scaled_op, &(scaled_args){.x = y, .s = 3}),
              rt_apply(&scaled_op, &(scaled_args){.x = x, .s = 3}));
    rt_allow_fallback(false);
    assert_null(rt_apply(&scaled_op, &(scaled_args){.x = y, .s = 3}));
    rt_allow_fallback(true);
    fails_with(RT_E_UNSUPPORTED, "scaled: no kernel scaled on opencl:0");
    rt_scope_end(s);
}

/* ---- training ---- */

enum { STEPS = 6, SAMPLES = 24, INPUTS = 20, CLASSES = 5 };

static rt_module *make_net(void)
{
    return rt_nn_sequential(rt_nn_linear(INPUTS, 33), rt_nn_relu(), rt_nn_linear(33, CLASSES));
}

static rt_tensor *labels_of(int step)
{
    int64_t v[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        v[i] = (i * 7 + step) % CLASSES;
    return rt_from(v, rt_shape(SAMPLES), RT_I64);
}

typedef rt_optim *optimiser(rt_module *net);

static rt_optim *use_adam(rt_module *net)
{
    return rt_optim_adam(net, .lr = 0.01, .amsgrad = 1);
}

static rt_optim *use_sgd(rt_module *net)
{
    return rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01);
}

static rt_optim *use_adamw(rt_module *net)
{
    return rt_optim_adamw(net, .lr = 0.01, .weight_decay = 0.1);
}

/* Trains on a device; returns losses, gradient norms and, at the end, all parameters, on the CPU. */
static void train(optimiser *make, rt_device d, double loss[STEPS], double norm[STEPS],
                  float *param, int64_t *count)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(11, 0, 0);
    rt_module *net = make_net();
    rt_nn_to_device(net, d);
    rt_optim *o = make(net);
    for (int t = 0; t < STEPS; t++) {
        rt_scope step = rt_scope_begin();
        rt_random_seek(11, 1, (uint32_t)t);
        rt_tensor *x = rt_to_device(rt_randn(rt_shape(SAMPLES, INPUTS)), d);
        rt_tensor *y = rt_cross_entropy(rt_forward(net, x), rt_to_device(labels_of(t), d),
                                        .label_smoothing = 0.1);
        rt_backward(y);
        norm[t] = rt_optim_grad_norm(o, 1);
        rt_optim_step(o);
        loss[t] = rt_item(y);
        rt_scope_end(step);
    }
    ok();
    *count = 0;
    for (int64_t i = 0; i < rt_nn_param_count(net); i++) {
        rt_tensor *p = rt_nn_param_at(net, i, NULL);
        assert_int_equal(rt_device_of(p).kind, d.kind);
        assert_int_equal(rt_copy_out(p, param + *count), RT_OK);
        *count += rt_numel(p);
    }
    rt_scope_end(s);
}

static void test_training(void **state)
{
    optimiser *make = *(optimiser **)*state;
    enum { MOST = 4096 };
    static float want[MOST], got[MOST];
    double loss[2][STEPS], norm[2][STEPS];
    int64_t n, m;
    train(make, cpu, loss[0], norm[0], want, &n);
    rt_allow_fallback(false);
    train(make, there, loss[1], norm[1], got, &m);
    rt_allow_fallback(true);
    assert_true(n == m && n > 0 && n < MOST);
    assert_memory_equal(loss[1], loss[0], sizeof loss[0]);
    assert_memory_equal(norm[1], norm[0], sizeof norm[0]);
    assert_memory_equal(got, want, (size_t)n * sizeof *want);
    assert_true(loss[0][STEPS - 1] != loss[0][0]);
}

int main(void)
{
    static optimiser *const makers[] = {use_sgd, use_adamw, use_adam};
    enum { ROWS = sizeof rows / sizeof *rows };
    struct CMUnitTest tests[ROWS + 9] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, begin, end),
        cmocka_unit_test_setup_teardown(test_refusals, begin, end),
        cmocka_unit_test_setup_teardown(test_net_that_moves, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_label, begin, end),
        cmocka_unit_test_setup_teardown(test_gradient_crosses_devices, begin, end),
        cmocka_unit_test_setup_teardown(test_operation_that_reads_memory, begin, end),
        {"training with sgd", test_training, begin, end, (void *)&makers[0]},
        {"training with adam", test_training, begin, end, (void *)&makers[2]},
        {"training with adamw", test_training, begin, end, (void *)&makers[1]},
    };
    for (int i = 0; i < ROWS; i++)
        tests[9 + i] =
            (struct CMUnitTest){rows[i].name, test_operation, begin, end, (void *)&rows[i]};
    if (rt_gpu_count(RT_OPENCL) == 0) {
        printf("test_device: SKIPPED: there is no OpenCL device (apt install pocl-opencl-icd)\n");
        return 0;
    }
    return _cmocka_run_group_tests("devices", tests, 9 + ROWS, NULL, NULL);
}
