/* Tests of layers on sequences: their values compared with PyTorch's, and language models from configurations. */
#include "common/base/mem.h"
#include "tests/support/outcome.h"
#include <math.h>
#include <ringtorch/nn.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void expect_values(rt_tensor *y, const char *shape, const float *values)
{
    if (!y)
        fail_msg("%s", rt_error());
    assert_string_equal(rt_dims_text(rt_dims_of(y)), shape);
    y = rt_contiguous(y);
    for (int64_t i = 0; i < rt_numel(y); i++)
        if (!(fabsf(rt_f32(y)[i] - values[i]) <= 1e-6f))
            fail_msg("element %d is %.8g, expected %.8g", (int)i, (double)rt_f32(y)[i],
                     (double)values[i]);
}

/* Element i is ((7 i + 3 number) mod 11 - 5) / 8. */
static void fill(rt_tensor *x, int64_t number)
{
    for (int64_t i = 0; i < rt_numel(x); i++)
        rt_f32(x)[i] = (float)((i * 7 + number * 3) % 11 - 5) / 8;
}

static rt_tensor *filled(rt_dims shape, int64_t number)
{
    rt_tensor *x = rt_empty(shape);
    fill(x, number);
    return x;
}

static void fill_params(rt_module *m)
{
    for (int64_t i = 0; i < rt_nn_param_count(m); i++)
        fill(rt_nn_param_at(m, i, NULL), i);
}

/* Expects the values of torch.nn.MultiheadAttention(4, 2, batch_first=True) with the same numbers. */
static void attention_is_that_of_pytorch(void **state)
{
    (void)state;
    static const float all[] = {0.9889514f, -0.2497903f, -0.0681969f, 0.0680614f,
                                0.9911754f, -0.2287942f, -0.0682950f, 0.0867355f,
                                0.9889288f, -0.2488016f, -0.0683315f, 0.0689382f},
                       earlier[] = {1.2011719f, -0.2304688f, 0.1425781f,  0.0859375f,
                                    0.9211047f, -0.2833562f, -0.1363817f, 0.0341574f,
                                    0.9889288f, -0.2488016f, -0.0683315f, 0.0689382f};
    static const char *const names[] = {"in_proj_weight", "in_proj_bias", "out_proj.weight",
                                        "out_proj.bias"};
    rt_scope s = rt_scope_begin();
    rt_tensor *x = filled(rt_shape(1, 3, 4), 9);
    for (int causal = 0; causal < 2; causal++) {
        rt_module *m = rt_nn_attention(4, 2, .causal = causal);
        for (int i = 0; i < 4; i++) {
            const char *name = "none";
            rt_nn_param_at(m, i, &name);
            assert_string_equal(name, names[i]);
        }
        fill_params(m);
        expect_values(rt_forward(m, x), "[1,3,4]", causal ? earlier : all);
    }
    rt_scope_end(s);
}

/* Later places must not influence earlier ones, nor samples each other. */
static void causal_attention_does_not_look_ahead(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *m = rt_nn_attention(6, 3, .causal = true);
    rt_tensor *x = rt_uniform(rt_shape(2, 5, 6), -1, 1), *other = rt_clone(x);
    rt_f32(other)[1 * 30 + 3 * 6 + 2] += 1; /* place 3 of the second sample */
    rt_tensor *y = rt_forward(m, x), *z = rt_forward(m, other);
    assert_memory_equal(rt_f32(y), rt_f32(z), (30 + 3 * 6) * sizeof(float));
    for (int place = 3; place < 5; place++)
        assert_memory_not_equal(rt_f32(y) + 30 + place * 6, rt_f32(z) + 30 + place * 6,
                                6 * sizeof(float));
    rt_scope_end(s);
}

/* Returns a mask for samples of three, one and two places, as lengths or as a number for each place. */
static rt_tensor *mask_of(bool lengths)
{
    return lengths ? rt_from((int64_t[]){3, 1, 2}, rt_shape(3), RT_I64)
                   : rt_from((float[]){1, 1, 1, 1, 0, 0, 2, -1, 0}, rt_shape(3, 3), RT_F32);
}

/* Expects the values of torch.nn.MultiheadAttention(4, 2, batch_first=True) with key_padding_mask, at the places that are not
 * padding. */
static void masked_attention_is_that_of_pytorch(void **state)
{
    (void)state;
    static const float there[] = {0.9889514f,  -0.2497903f, -0.0681969f, 0.0680614f,  0.9911754f,
                                  -0.2287942f, -0.0682950f, 0.0867355f,  0.9889288f,  -0.2488016f,
                                  -0.0683315f, 0.0689382f,  0.9589844f,  -0.2324219f, -0.2207031f,
                                  -0.0371094f, 0.6287127f,  0.1367102f,  -0.4837026f, 0.3992949f,
                                  0.6268588f,  0.1377505f,  -0.4855171f, 0.4003746f};
    static const int64_t length[] = {3, 1, 2};
    rt_scope s = rt_scope_begin();
    rt_tensor *x = filled(rt_shape(3, 3, 4), 9);
    for (int lengths = 0; lengths < 2; lengths++) {
        rt_module *m = rt_nn_attention(4, 2, .mask = "given");
        fill_params(m);
        rt_tensor *y;
        if (rt_forward_all(m, (rt_tensor *[]){x, mask_of(lengths)}, 2, &y, 1) != RT_OK)
            fail_msg("%s", rt_error());
        const float *expected = there;
        for (int64_t i = 0; i < 3; i++) {
            rt_tensor *places = rt_narrow(rt_select(y, 0, i), 0, 0, length[i]);
            expect_values(places, rt_dims_text(rt_shape(length[i], 4)), expected);
            expected += length[i] * 4;
        }
    }
    rt_scope_end(s);
}

/* Runs a net of attention and a mean that both take a mask, through groups. The content of padding must change no bit of results and
 * gradients, and the amount of padding changes only the order of sums. */
static void padding_is_not_looked_at(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(
        rt_nn_residual(rt_nn_layer_norm(4), rt_nn_attention(4, 2, .mask = "given")),
        rt_nn_residual_with(rt_nn_sequential(rt_nn_attention(4, 2, .mask = "given")),
                            rt_nn_linear(4, 4)),
        rt_nn_mean_places("given"), rt_nn_linear(4, 2));
    fill_params(net);
    rt_tensor *x = filled(rt_shape(3, 3, 4), 9), *other = rt_clone(x), *y[2], *grad[2], *leaf;
    rt_fill(rt_narrow(rt_select(other, 0, 1), 0, 1, 2), 7);
    rt_fill(rt_narrow(rt_select(other, 0, 2), 0, 2, 1), -3);
    for (int i = 0; i < 2; i++) {
        leaf = rt_param(i == 0 ? x : other);
        rt_forward_all(net, (rt_tensor *[]){leaf, mask_of(i == 0)}, 2, &y[i], 1);
        if (rt_backward(rt_sum(rt_square(y[i]))) != RT_OK)
            fail_msg("%s", rt_error());
        grad[i] = rt_clone(rt_grad_of(leaf));
        rt_free(leaf);
    }
    assert_memory_equal(rt_f32(y[0]), rt_f32(y[1]), 6 * sizeof(float));
    assert_memory_equal(rt_f32(grad[0]), rt_f32(grad[1]), 36 * sizeof(float));
    for (int k = 4; k < 12; k++)
        assert_true(rt_f32(grad[0])[12 + k] == 0); /* the second sample has one place */

    rt_tensor *alone, *first = rt_narrow(rt_narrow(x, 0, 1, 1), 1, 0, 1),
                      *one = rt_from((int64_t[]){1}, rt_shape(1), RT_I64);
    rt_forward_all(net, (rt_tensor *[]){first, one}, 2, &alone, 1);
    expect_values(alone, "[1,2]", rt_f32(rt_narrow(y[0], 0, 1, 1)));
    rt_scope_end(s);
}

static void weights_of_attention_drop_only_in_training(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *m = rt_nn_sequential(rt_nn_attention(6, 3, .dropout = 0.5));
    rt_tensor *x = rt_uniform(rt_shape(2, 5, 6), -1, 1);
    size_t size = 60 * sizeof(float);
    rt_random_seek(1, 0, 0);
    rt_tensor *y = rt_forward(m, x);
    rt_random_seek(1, 0, 1);
    assert_memory_not_equal(rt_f32(y), rt_f32(rt_forward(m, x)), size);
    rt_nn_train(m, false);
    y = rt_forward(m, x);
    rt_random_seek(1, 0, 0);
    assert_memory_equal(rt_f32(y), rt_f32(rt_forward(m, x)), size);
    rt_scope_end(s);
}

static void tables_and_norms_compute(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *e = rt_nn_embedding(3, 2), *p = rt_nn_positions(3, 2), *n = rt_nn_layer_norm(2);
    rt_tensor *table = rt_nn_param_at(e, 0, NULL), *places = rt_nn_param_at(p, 0, NULL);
    rt_copy_into(table, rt_from((float[]){1, 2, 3, 4, 5, 6}, rt_shape(3, 2), RT_F32));
    rt_copy_into(places, rt_from((float[]){10, 20, 30, 40, 50, 60}, rt_shape(3, 2), RT_F32));
    rt_tensor *x = rt_from((int64_t[]){2, 0, 1, 1}, rt_shape(2, 2), RT_I64);
    rt_tensor *y = rt_forward(e, x);
    expect_values(y, "[2,2,2]", (float[]){5, 6, 1, 2, 3, 4, 3, 4});
    expect_values(rt_forward(p, y), "[2,2,2]", (float[]){15, 26, 31, 42, 13, 24, 33, 44});
    float one = (float)(0.5 / sqrt(0.25 + 1e-5));
    expect_values(rt_forward(n, y), "[2,2,2]",
                  (float[]){-one, one, -one, one, -one, one, -one, one});
    rt_tensor *starts = rt_nn_param_at(rt_nn_embedding(100, 100, .std = 0.1), 0, NULL);
    double std = sqrt(rt_item(rt_var_mean(starts).var));
    assert_true(std > 0.097 && std < 0.103);
    rt_scope_end(s);
}

static void wrong_sequences_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *masked[] = {rt_nn_attention(6, 3, .mask = "given"), rt_nn_mean_places("given")};
    for (int i = 0; i < 2; i++) {
        rt_tensor *y, *x = rt_ones(rt_shape(2, 5, 6));
        rt_forward_all(masked[i], (rt_tensor *[]){x, rt_ones(rt_shape(2, 4))}, 2, &y, 1);
        expect_error(RT_E_SHAPE, "mask float32[2,4] cpu, expected int64[2], the length of each "
                                 "sample, or float32[2,5]");
        assert_null(rt_forward(masked[i], x));
        expect_error(RT_E_ARG, "was made with a mask, but got no second input");
    }
    assert_null(rt_nn_from_json("[{\"attention\": {\"heads\": 2, \"mask\": \"x.length\"}}]",
                                rt_shape(3, 4)));
    expect_error(RT_E_CONFIG, "layers[0]: attention: mask: samples have no field 'x.length'");
    assert_null(rt_nn_attention(6, 4));
    expect_error(RT_E_CONFIG, "attention: 4 heads do not divide the 6 features of the input");
    assert_null(rt_forward(rt_nn_attention(6, 3), rt_ones(rt_shape(2, 6))));
    expect_error(RT_E_SHAPE, "attention: x [2,6], expected [n, places, 6]");
    assert_null(rt_forward(rt_nn_positions(3, 2), rt_ones(rt_shape(2, 4, 2))));
    expect_error(RT_E_SHAPE, "positions: x [2,4,2], expected [..., t, 2] with t up to 3");
    assert_null(rt_nn_embedding(0, 2));
    expect_error(RT_E_RANGE, "embedding: tokens is 0");
    assert_null(rt_forward(rt_nn_layer_norm(3), rt_ones(rt_shape(2, 4))));
    expect_error(RT_E_SHAPE, "layer_norm: weight [3], expected [4]");
    static const char *const wrong[][2] = {
        {"[{\"attention\": 2}]", "layers[0]: attention takes numbers (float32), but its input is"},
        {"[{\"embedding\": {\"tokens\": 5, \"out\": 4}}, {\"attention\": 3}]",
         "layers[1]: attention: 3 heads do not divide the 4 features"},
        {"[{\"embedding\": {\"tokens\": 5, \"out\": 4}}, \"flatten\", \"positions\"]",
         "layers[2]: positions: needs an input [places, features], got [24]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(rt_nn_from_json(wrong[i][0], rt_shape(6), .dtype = RT_I64));
        if (!strstr(rt_error(), wrong[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", rt_error(), wrong[i][1]);
        rt_error_clear();
    }
    rt_scope_end(s);
}

/* Makes a language model from a configuration; checks the shape of its result, tied weights, and a gradient for every parameter. */
static void language_model_from_a_configuration(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_from_json(
        "[{\"embedding\": {\"tokens\": 7, \"out\": 8}}, \"positions\", "
        "{\"repeat\": {\"n\": 2, \"layers\": ["
        "{\"residual\": [\"layer_norm\", {\"attention\": {\"heads\": 2, \"causal\": true}}]}, "
        "{\"residual\": [\"layer_norm\", {\"linear\": 16}, \"gelu\", {\"linear\": 8}]}]}}, "
        "\"layer_norm\", {\"tie\": {\"to\": \"0\", \"layer\": {\"linear\": 7}}}]",
        rt_shape(6), .dtype = RT_I64);
    rt_tensor *x = rt_randint(rt_shape(3, 6), 0, 7);
    rt_tensor *y = net ? rt_forward(net, x) : NULL;
    if (!y)
        fail_msg("%s", rt_error());
    assert_string_equal(rt_dims_text(rt_dims_of(y)), "[3,6,7]");
    assert_ptr_equal(rt_nn_find(net, "4.weight"), rt_nn_find(net, "0.weight"));
    assert_non_null(rt_nn_find(net, "2.1.0.1.out_proj.bias"));
    rt_backward(rt_cross_entropy(rt_flatten(y, 0, 1), rt_flatten(x, 0, 1)));
    for (int64_t i = 0; i < rt_nn_param_count(net); i++) {
        const char *name;
        rt_tensor *g = rt_grad_of(rt_nn_param_at(net, i, &name));
        if (!g || !(rt_item(rt_sum(rt_abs(g))) > 0))
            fail_msg("%s has no gradient", name);
    }
    rt_scope_end(s);
}

/* Tying an attention also ties the projection within it. */
static void attention_is_tied_as_a_whole(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_from_json("[{\"attention\": 2}, {\"tie\": \"0\"}]", rt_shape(3, 4));
    if (!net)
        fail_msg("%s", rt_error());
    assert_int_equal(rt_nn_param_count(net), 4);
    assert_ptr_equal(rt_nn_find(net, "1.out_proj.weight"), rt_nn_find(net, "0.out_proj.weight"));
    rt_scope_end(s);
}

static int shut_down(void **state)
{
    (void)state;
    rt_shutdown();
    return rt_mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_that_of_pytorch),
        cmocka_unit_test(causal_attention_does_not_look_ahead),
        cmocka_unit_test(masked_attention_is_that_of_pytorch),
        cmocka_unit_test(padding_is_not_looked_at),
        cmocka_unit_test(weights_of_attention_drop_only_in_training),
        cmocka_unit_test(tables_and_norms_compute),
        cmocka_unit_test(wrong_sequences_are_refused),
        cmocka_unit_test(language_model_from_a_configuration),
        cmocka_unit_test(attention_is_tied_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
