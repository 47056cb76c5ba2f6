/* Tests of nets from JSON: inferred shapes, presets, and errors about wrong lists. */
#include "common/base/mem.h"
#include "common/config/layers.h"
#include <ringtorch/nn.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

/* Covers every layer and option; the inferred shapes must equal the shapes that the operations give. */
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
        "[\"batch_norm2d\", {\"batch_norm2d\": {\"affine\": false, \"momentum\": 0.3}}, "
        "\"flatten\", "
        "{\"linear\": 3}]",
        "[{\"conv2d\": {\"out\": 6, \"kernel\": 3, \"kernel_w\": 1, \"padding\": \"same\"}}, "
        "{\"residual\": [{\"conv2d\": {\"out\": 6, \"kernel\": 3, \"padding\": 1}}, "
        "\"batch_norm2d\"]}, "
        "{\"avg_pool2d\": {\"kernel\": 11, \"stride\": \"auto\"}}, \"flatten\", {\"linear\": 3}]",
        "[\"sync_batch_norm\", \"flatten\", {\"linear\": 4}, {\"sync_batch_norm\": {\"affine\": "
        "false}}, {\"linear\": 3}]",
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
    {"{}", {"layers: expected a list of at least one layer"}},
    {"[]", {"layers: expected a list of at least one layer"}},
    {"[5]", {"layers[0]: expected a name"}},
    {"[{}]", {"layers[0]: expected a name"}},
    {"[{\"relu\": {}, \"tanh\": {}}]", {"layers[0]: expected a name"}},
    {"[\"flatten\", \"rely\"]", {"layers[1]: unknown layer 'rely'", "did you mean 'relu'?"}},
    {"[{\"conv2\": {}}]", {"'conv2'", "did you mean 'conv2d'?", "max_pool2d"}},
    {"[\"transformer\"]", {"unknown layer 'transformer' (allowed: linear, conv2d"}},
    {"[{\"conv2d\": {\"out\": 4, \"kernal\": 3}}]",
     {"layers[0]: conv2d has no option 'kernal': did you mean 'kernel'?"}},
    {"[{\"conv2d\": {\"out\": 4, \"shape\": 3}}]",
     {"conv2d has no option 'shape' (it has: out, kernel, kernel_w, stride"}},
    {"[{\"conv2d\": {\"out\": 4}}]", {"conv2d needs 'kernel': height"}},
    {"[\"linear\"]", {"linear needs 'out'"}},
    {"[{\"linear\": {\"out\": 3, \"in\": 4}}]", {"linear has no option 'in'"}},
    {"[{\"linear\": 0}]", {"linear: out is 0, expected 1 to 16777216"}},
    {"[{\"linear\": 1.5}]", {"linear: out is 1.5, expected an integer"}},
    {"[{\"linear\": \"ten\"}]", {"linear: out is \"ten\", expected an integer"}},
    {"[{\"linear\": 99999999999}]", {"linear: out is 99999999999, expected 1 to"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"padding\": \"full\"}}]",
     {"padding is \"full\", expected an integer or \"same\""}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"padding\": -2}}]",
     {"padding is -2, expected 0 to 16777216, or \"same\""}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"bias\": 1}}]",
     {"bias is 1, expected true or false"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 40}}]", {"kernel of 40", "11 x 13"}},
    {"[{\"conv2d\": {\"out\": 1, \"kernel\": 3, \"kernel_w\": 14}}]", {"kernel of 3 x 14"}},
    {"[{\"conv2d\": {\"out\": 3, \"kernel\": 3, \"groups\": 2}}]",
     {"layers[0]: conv2d: 2 groups do not divide"}},
    {"[{\"conv2d\": {\"out\": 3, \"kernel\": 3, \"padding\": \"same\", \"stride\": 2}}]",
     {"padding \"same\" needs stride 1"}},
    {"[{\"max_pool2d\": {\"kernel\": 2, \"padding\": 2}}]",
     {"layers[0]: max_pool2d: padding is 2", "half of the kernel"}},
    {"[{\"max_pool2d\": {\"kernel\": 2, \"stride\": 0}}]", {"max_pool2d: stride is 0"}},
    {"[\"flatten\", \"batch_norm2d\"]", {"layers[1]: batch_norm2d: needs an input [channels"}},
    {"[{\"dropout\": 1}]", {"dropout: p is 1, expected 0 to 0.9999999"}},
    {"[{\"relu\": 3}]", {"relu takes no options"}},
    {"[{\"relu\": {\"slope\": 3}}]", {"relu has no option 'slope'"}},
    {"[\"flatten\", {\"max_pool2d\": 2}]",
     {"layers[1]: max_pool2d: needs an input [channels, height, width], got [286]"}},

    /* groups */
    {"[\"relu\", {\"residual\": [\"relu\", \"rely\"]}]",
     {"layers[1].residual[1]: unknown layer 'rely'"}},
    {"[{\"residual\": {\"layers\": [\"relu\"], \"shortcut\": [\"relu\", {\"linear\": 0}]}}]",
     {"layers[0].residual.shortcut[1]: linear: out is 0"}},
    {"[{\"repeat\": {\"n\": 2, \"layers\": [{\"block\": [\"relu\", \"rely\"]}]}}]",
     {"layers[0].repeat.layers[0].block[1]: unknown layer"}},
    {"[{\"repeat\": {\"n\": 2, \"layers\": {\"max_pool2d\": 9}}}]",
     {"layers[0].repeat.layers: max_pool2d: a kernel of 9 x 9", "into an input of 1 x 1"}},
    {"[{\"residual\": [{\"linear\": 7}]}]",
     {"layers[0]: residual: its layers give [2,11,7] and the input is [2,11,13]", "a shortcut"}},
    {"[{\"residual\": {\"layers\": [{\"linear\": 7}], \"shortcut\": [{\"linear\": 8}]}}]",
     {"residual: its layers give [2,11,7] and the shortcut [2,11,8]"}},
    {"[{\"block\": []}]", {"layers[0]: layers: expected a list of at least one layer"}},
    {"[\"block\"]", {"layers[0]: block needs 'layers'"}},
    {"[{\"block\": 5}]", {"layers[0].block: expected a name"}},
    {"[{\"repeat\": {\"n\": 0, \"layers\": [\"relu\"]}}]", {"repeat: n is 0, expected 1 to 1024"}},
    {"[{\"tie\": \"0\"}]", {"layers[0]: tie: no finished layer before it is named \"0\""}},
    {"[{\"block\": [\"relu\", {\"tie\": \"0\"}]}]",
     {"layers[0].block[1]: tie: no finished layer before it is named \"0\""}},
    {"[{\"linear\": 13}, {\"tie\": \"0.weight\"}]", {"is named \"0.weight\""}},
    {"[\"relu\", {\"tie\": \"0\"}]",
     {"layers[1]: tie: the layer shares no parameter name with \"0\""}},
    {"[{\"linear\": 4}, {\"tie\": {\"to\": \"0\", \"layer\": {\"linear\": 5}}}]",
     {"layers[1].tie.layer: weight is [5,4] here, but [4,13] in the layer that it is tied to"}},
    {"[{\"linear\": 4}, {\"tie\": \"0\"}]", {"layers[1]: weight is [4,4] here, but [4,13] in"}},
    {"[{\"block\": [{\"linear\": 4}]}, {\"block\": [\"relu\", {\"tie\": \"0\"}]}]",
     {"layers[1].block[1]: weight is [4,4] here, but [4,13] in"}},

    /* sizes too large to be meant */
    {"[{\"linear\": 1}, {\"linear\": 16777216}, {\"linear\": 16777216}, \"relu\"]",
     {"layers[2]: linear: its parameters take 1125899973951488 bytes, and with those of earlier "
      "layers "
      "1125900108169272: this machine has only"}},
    {"[{\"repeat\": {\"n\": 1024, \"layers\": [\"relu\", \"relu\", \"relu\", \"relu\"]}}]",
     {"layers[0].repeat.layers[3]: more than 4096 layers"}},
    {"[{\"repeat\": {\"n\": 1024, \"layers\": [{\"repeat\": {\"n\": 1024, \"layers\": "
     "[{\"repeat\": {\"n\": 1024, \"layers\": [\"relu\"]}}]}}]}}]",
     {"more than 4096 layers"}},
    {"[{\"block\": [{\"block\": [{\"block\": [{\"block\": [{\"block\": [{\"block\": [{\"block\": "
     "[{\"block\": [{\"block\": [{\"block\": [{\"block\": [{\"block\": [{\"block\": [\"relu\"]}]}]}"
     "]}]}]}]}]}]}]}]}]}]}]",
     {"more than 12 nested groups"}},
    {"[{\"block\": [{\"linear\": 13}]}, {\"block\": [{\"tie\": \"0\"}, {\"tie\": \"0\"}]}, "
     "{\"block\": [{\"tie\": \"1\"}, {\"tie\": \"1\"}]}, {\"block\": [{\"tie\": \"2\"}, {\"tie\": "
     "\"2\"}]}, {\"block\": [{\"tie\": \"3\"}, {\"tie\": \"3\"}]}, {\"block\": [{\"tie\": \"4\"}, "
     "{\"tie\": \"4\"}]}, {\"block\": [{\"tie\": \"5\"}, {\"tie\": \"5\"}]}, {\"block\": "
     "[{\"tie\": "
     "\"6\"}, {\"tie\": \"6\"}]}, {\"block\": [{\"tie\": \"7\"}, {\"tie\": \"7\"}]}, {\"block\": "
     "[{\"tie\": \"8\"}, {\"tie\": \"8\"}]}, {\"block\": [{\"tie\": \"9\"}, {\"tie\": \"9\"}]}, "
     "{\"block\": [{\"tie\": \"10\"}, {\"tie\": \"10\"}]}]",
     {"more than 4096 layers"}},
};

static void wrong_inputs_are_refused_by_name(void **state)
{
    (void)state;
    assert_null(rt_nn_from_json("[{\"linear\": 2}]", .input = {.n = 99}));
    assert_string_equal(rt_error(), "nn_from_json: input: 99 axes, expected 0 to 8");
    rt_error_clear();
    assert_null(rt_nn_from_json("[\"relu\"]", .input = rt_shape(-1)));
    assert_string_equal(rt_error(), "nn_from_json: input: negative size in [-1]");
    rt_error_clear();
    assert_null(rt_nn_from_json("[\"relu\"]", rt_shape(3), .dtype = (rt_dtype)50));
    assert_string_equal(rt_error(), "nn_from_json: dtype is 50, expected RT_F32 or RT_I64");
    rt_error_clear();
}

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

/* ---- groups ---- */

/* Checks names and shapes of parameters, in order, and the shape of the result. */
static void groups_have_the_names_of_nested_sequentials(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net =
        rt_nn_from_json("[{\"block\": [{\"linear\": 4}, \"relu\"]}, "
                        "{\"residual\": [{\"linear\": {\"out\": 4, \"bias\": false}}]}, "
                        "{\"repeat\": {\"n\": 2, \"layers\": [\"tanh\", {\"linear\": 4}]}}, "
                        "{\"residual\": {\"layers\": [{\"linear\": 2}], \"shortcut\": "
                        "[{\"linear\": {\"out\": 2, \"bias\": false}}]}}]",
                        rt_shape(3));
    expect_params(net,
                  (const char *[]){"0.0.weight", "0.0.bias", "1.0.weight", "2.0.1.weight",
                                   "2.0.1.bias", "2.1.1.weight", "2.1.1.bias", "3.0.weight",
                                   "3.0.bias", "3.shortcut.0.weight"},
                  (const char *[]){"[4,3]", "[4]", "[4,4]", "[4,4]", "[4]", "[4,4]", "[4]", "[2,4]",
                                   "[2]", "[2,4]"},
                  10);
    rt_scope_end(s);
}

static void expect_same(rt_tensor *a, rt_tensor *b)
{
    if (!a || !b)
        fail_msg("%s", rt_error());
    assert_string_equal(rt_dims_text(rt_dims_of(a)), rt_dims_text(rt_dims_of(b)));
    assert_memory_equal(rt_f32(a), rt_f32(b), (size_t)rt_numel(a) * sizeof(float));
}

/* A configured group computes the same as the equivalent C program, from the same random numbers. */
static void groups_compute_their_formula(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_random_seek(3, 0, 0);
    rt_module *net = rt_nn_from_json("[{\"residual\": [{\"linear\": 4}, \"tanh\"]}, {\"residual\": "
                                     "{\"layers\": [{\"linear\": 2}], "
                                     "\"shortcut\": [{\"linear\": 2}, \"relu\"]}}]",
                                     rt_shape(4));
    rt_random_seek(3, 0, 0);
    rt_module *f = rt_nn_linear(4, 4), *g = rt_nn_linear(4, 2), *h = rt_nn_linear(4, 2);
    rt_tensor *x = rt_uniform(rt_shape(5, 4), -1, 1);
    rt_tensor *y = rt_add(x, rt_tanh(rt_forward(f, x)));
    rt_tensor *z = rt_add(rt_forward(g, y), rt_relu(rt_forward(h, y)));
    expect_same(rt_forward(net, x), z);
    rt_module *made = rt_nn_sequential(rt_nn_residual(f, rt_nn_tanh()),
                                       rt_nn_residual_with(rt_nn_sequential(h, rt_nn_relu()), g));
    expect_same(rt_forward(made, x), z);
    /* Broadcasting could add these, but a residual must not. */
    assert_null(rt_forward(rt_nn_residual(rt_nn_linear(4, 1)), x));
    assert_non_null(strstr(rt_error(), "residual: its layers give [5,1] and the input is [5,4]"));
    rt_error_clear();
    rt_scope_end(s);
}

/* A tied layer is the whole layer again, nested ones too, or another layer with the same weight. Gradients are
 * summed. */
static void tied_layers_share_parameters(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_from_json(
        "[{\"block\": [{\"linear\": 3}, \"tanh\"]}, {\"tie\": \"0\"}, "
        "{\"tie\": {\"to\": \"0.0\", \"layer\": {\"linear\": {\"out\": 3, \"bias\": false}}}}, "
        "{\"repeat\": {\"n\": 2, \"layers\": [{\"tie\": \"1.0\"}]}}]",
        rt_shape(3));
    expect_params(net, (const char *[]){"0.0.weight", "0.0.bias"}, (const char *[]){"[3,3]", "[3]"},
                  2);
    static const char *const others[] = {"1.0.weight", "1.0.bias",     "2.weight",  "3.0.0.weight",
                                         "3.0.0.bias", "3.1.0.weight", "3.1.0.bias"};
    assert_int_equal(rt_nn_alias_count(net), 7);
    for (int i = 0; i < 7; i++) {
        const char *name;
        rt_nn_alias_at(net, i, &name, NULL);
        assert_string_equal(name, others[i]);
    }
    rt_tensor *w = rt_nn_find(net, "0.0.weight"), *b = rt_nn_find(net, "0.0.bias");
    rt_tensor *x = rt_uniform(rt_shape(2, 3), -1, 1);
    rt_tensor *y = rt_tanh(rt_linear(rt_tanh(rt_linear(x, w, b)), w, b));
    y = rt_linear(rt_linear(rt_linear(y, w, NULL), w, b), w, b);
    expect_same(rt_forward(net, x), y);
    rt_scope_end(s);
}

/* ---- docs/LAYERS.md ---- */

/* The page's table must follow from the rows; otherwise the test prints the right table. */
static void the_page_has_every_layer(void **state)
{
    (void)state;
    char *table = NULL, page[65536];
    size_t len = 0;
    FILE *to = open_memstream(&table, &len),
         *from = fopen(RT_TEST_SOURCE_DIR "/docs/LAYERS.md", "r");
    assert_true(to && from);
    rt_layers_help(to);
    fclose(to);
    page[fread(page, 1, sizeof page - 1, from)] = 0;
    fclose(from);
    if (!strstr(page, table)) {
        fputs(table, stderr); /* longer than a message may be */
        fail_msg("docs/LAYERS.md lacks what is above");
    }
    free(table);
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
        cmocka_unit_test(groups_have_the_names_of_nested_sequentials),
        cmocka_unit_test(groups_compute_their_formula),
        cmocka_unit_test(tied_layers_share_parameters),
        cmocka_unit_test(the_page_has_every_layer),
        cmocka_unit_test(wrong_lists_are_refused_by_name),
        cmocka_unit_test(wrong_inputs_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
