/* Nets from JSON: shapes inferred, presets, and what is said about lists that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <ringtorch/nn.h>
#include "common/mem.h"

static void expect_params(const rt_module *net, const char *const *names, const char *const *shapes,
                          int64_t count)
{
    if (!net)
        fail_msg("%s", rt_error());
    assert_int_equal(rt_nn_param_count(net), count);
    for (int64_t i = 0; i < count; i++) {
        const char *name;
        rt_tensor *p = rt_nn_param_at(net, i, &name);
        assert_string_equal(name, names[i]);
        assert_string_equal(rt_dims_text(rt_dims_of(p)), shapes[i]);
    }
}

static void presets_are_the_nets_they_promise(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    char *json = rt_nn_preset("cnn", 10);
    rt_module *net = rt_nn_from_json(json, rt_shape(1, 28, 28));
    rt_text_free(json);
    expect_params(net,
                  (const char *[]){"0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias",
                                   "9.weight", "9.bias"},
                  (const char *[]){"[32,1,3,3]", "[32]", "[64,32,3,3]", "[64]", "[128,3136]",
                                   "[128]", "[10,128]", "[10]"},
                  8);
    assert_int_equal(rt_nn_numel(net), 421642);
    rt_tensor *y = rt_forward(net, rt_zeros(rt_shape(2, 1, 28, 28)));
    assert_string_equal(rt_dims_text(rt_dims_of(y)), "[2,10]");

    json = rt_nn_preset("mlp", 7);
    net = rt_nn_from_json(json, rt_shape(1, 28, 28));
    rt_text_free(json);
    expect_params(net, (const char *[]){"1.weight", "1.bias", "3.weight", "3.bias"},
                  (const char *[]){"[128,784]", "[128]", "[7,128]", "[7]"}, 4);
    assert_null(rt_nn_preset("resnet", 10));
    assert_false(rt_failed());
    rt_scope_end(s);
}

/* Every layer and option; the inferred shapes must be what the ops really give. */
static void inferred_shapes_are_those_of_the_ops(void **state)
{
    (void)state;
    static const char *const nets[] = {
        "[{\"conv2d\": {\"out\": 6, \"kernel\": 5, \"stride\": 2, \"padding\": 1}}, \"flatten\", "
        "{\"linear\": 3}]",
        "[{\"conv2d\": {\"out\": 4, \"kernel\": 2, \"padding\": \"same\", \"groups\": 2}}, "
        "\"gelu\", \"flatten\", "
        "{\"linear\": {\"out\": 3, \"bias\": false}}]",
        "[{\"conv2d\": {\"out\": 4, \"kernel\": 3, \"dilation\": 2, \"bias\": false}}, \"silu\", "
        "\"flatten\", "
        "{\"linear\": 3}]",
        "[{\"max_pool2d\": 3}, \"tanh\", \"flatten\", {\"linear\": 3}]",
        "[{\"max_pool2d\": {\"kernel\": 3, \"stride\": 2, \"padding\": 1}}, \"flatten\", "
        "{\"linear\": 3}]",
        "[{\"avg_pool2d\": {\"kernel\": 2, \"stride\": 1}}, \"sigmoid\", \"flatten\", "
        "{\"dropout\": 0.5}, "
        "{\"linear\": 3}]",
        "[\"relu\", \"flatten\", {\"dropout\": {\"p\": 0}}, {\"linear\": 8}, {\"linear\": "
        "{\"out\": 3}}]",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = rt_nn_from_json(nets[i], rt_shape(2, 11, 13));
        rt_tensor *y = net ? rt_forward(net, rt_ones(rt_shape(4, 2, 11, 13))) : NULL;
        if (!y)
            fail_msg("%s: %s", nets[i], rt_error());
        assert_string_equal(rt_dims_text(rt_dims_of(y)), "[4,3]");
        rt_scope_end(s);
    }
}

static const struct {
    const char *json;
    const char *says[3];
} wrong[] = {
    {"[", {"layers:1:"}},
    {"{}", {"a list of 1 to"}},
    {"[]", {"a list of 1 to"}},
    {"[5]", {"layer 1 of 1", "expected a name"}},
    {"[{}]", {"layer 1 of 1", "expected a name"}},
    {"[{\"relu\": {}, \"tanh\": {}}]", {"layer 1 of 1", "expected a name"}},
    {"[\"flatten\", \"rely\"]", {"layer 2 of 2", "'rely'", "did you mean 'relu'"}},
    {"[{\"conv2\": {}}]", {"'conv2'", "did you mean 'conv2d'", "max_pool2d"}},
    {"[\"transformer\"]", {"unknown layer 'transformer' (allowed: linear, conv2d"}},
    {"[{\"conv2d\": {\"out\": 4, \"kernal\": 3}}]",
     {"conv2d: unknown option 'kernal'", "mean 'kernel'", "groups"}},
    {"[{\"conv2d\": {\"out\": 4}}]", {"conv2d", "option 'kernel' is missing"}},
    {"[\"linear\"]", {"linear", "option 'out' is missing"}},
    {"[{\"linear\": 0}]", {"linear: out: expected an integer from 1"}},
    {"[{\"linear\": 1.5}]", {"linear: out: expected an integer"}},
    {"[{\"linear\": \"ten\"}]", {"linear: out: expected an integer"}},
    {"[{\"linear\": 99999999999}]", {"linear: out: expected an integer"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"padding\": \"full\"}}]",
     {"padding", "or \"same\""}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"padding\": -1}}]", {"padding", "from 0"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"bias\": 1}}]", {"bias: expected true or false"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 40}}]", {"kernel of 40", "11 x 13"}},
    {"[{\"conv2d\": {\"out\": 3, \"kernel\": 3, \"groups\": 2}}]",
     {"layer 1 of 1: conv2d", "groups"}},
    {"[{\"conv2d\": {\"out\": 3, \"kernel\": 3, \"padding\": \"same\", \"stride\": 2}}]", {"same"}},
    {"[{\"max_pool2d\": {\"kernel\": 2, \"padding\": 2}}]",
     {"layer 1 of 1: max_pool2d", "padding"}},
    {"[{\"dropout\": 1}]", {"dropout: p: expected a number"}},
    {"[{\"relu\": 3}]", {"relu: takes no options"}},
    {"[{\"relu\": {\"slope\": 3}}]", {"relu: unknown option 'slope' (allowed: none)"}},
    {"[\"flatten\", {\"max_pool2d\": 2}]",
     {"layer 2 of 2: max_pool2d", "[channels, height, width]", "[286]"}},
};

static void wrong_lists_are_refused_by_name(void **state)
{
    (void)state;
    rt_shutdown();
    int64_t memory = rt_mem_live();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rt_scope s = rt_scope_begin();
        assert_null(rt_nn_from_json(wrong[i].json, rt_shape(2, 11, 13)));
        assert_int_equal(rt_status_exit_code(rt_error_code()), 2);
        for (int k = 0; k < 3 && wrong[i].says[k]; k++)
            if (!strstr(rt_error(), wrong[i].says[k]))
                fail_msg("%s: \"%s\" does not say \"%s\"", wrong[i].json, rt_error(),
                         wrong[i].says[k]);
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
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
        cmocka_unit_test(presets_are_the_nets_they_promise),
        cmocka_unit_test(inferred_shapes_are_those_of_the_ops),
        cmocka_unit_test(wrong_lists_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
