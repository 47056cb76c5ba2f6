/* The states that optimisers keep, their shapes, and the parts of a saved state. */
#include "common/config/config.h"
#include "common/config/optimizer_states.h"
#include "common/state/saved_parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Writes [2,3,4] as "2 3 4 ", or "-" if the state has no elements. */
static const char *shape_text(rt_state_layout layout, rt_dims param, int64_t i)
{
    static char text[64];
    rt_dims shape;
    text[0] = 0;
    if (!rt_state_shape(layout, param, i, &shape))
        return "-";
    for (int k = 0; k < shape.n; k++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", (int)shape.d[k]);
    return text;
}

static void a_state_has_a_shape_for_each_parameter(void **state)
{
    (void)state;
    const rt_dims none = {.n = 0}, vector = {.n = 1, .d = {5}}, matrix = {.n = 2, .d = {3, 4}},
                  stack = {.n = 4, .d = {6, 2, 3, 4}};
    static const struct {
        rt_state_layout layout;
        const char *none, *vector, *matrix, *stack;
    } rows[] = {
        {RT_STATE_LIKE_PARAM, "", "5 ", "3 4 ", "6 2 3 4 "},
        {RT_STATE_PER_ROW, "", "5 ", "3 ", "6 2 3 "},
        {RT_STATE_PER_COLUMN, "-", "-", "4 ", "6 2 4 "},
        {RT_STATE_PER_TENSOR, "", "", "", ""},
        {RT_STATE_SCALAR, "-", "-", "-", "-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(shape_text(rows[i].layout, none, 1), rows[i].none);
        assert_string_equal(shape_text(rows[i].layout, vector, 1), rows[i].vector);
        assert_string_equal(shape_text(rows[i].layout, matrix, 1), rows[i].matrix);
        assert_string_equal(shape_text(rows[i].layout, stack, 1), rows[i].stack);
    }
    assert_string_equal(shape_text(RT_STATE_SCALAR, stack, 0), ""); /* with the first */
}

static void states_are_those_that_the_numbers_need(void **state)
{
    (void)state;
    static const struct {
        const char *config, *states;
    } rows[] = {
        {"{name: sgd}", ""},
        {"{name: sgd, momentum: 0.9}", "momentum_buffer "},
        {"{name: adamw}", "exp_avg exp_avg_sq "},
        {"{name: adam}", "exp_avg exp_avg_sq "},
        {"{name: adam, amsgrad: true}", "exp_avg exp_avg_sq max_exp_avg_sq "},
        {"{name: lamb}", "exp_avg exp_avg_sq "},
        {"{name: adafactor}", "row_var col_var "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[128], text[128] = "";
        rt_config cfg;
        rt_optimizer_state s[RT_OPTIMIZER_STATES_MAX];
        snprintf(yaml, sizeof yaml, "optimizer: %s", rows[i].config);
        assert_int_equal(rt_config_parse(yaml, strlen(yaml), "x.yaml", &cfg), RT_OK);
        int n = rt_config_optimizer_states(&cfg, s);
        for (int k = 0; k < n; k++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", s[k].name);
        assert_string_equal(text, rows[i].states);
        rt_config_release(&cfg);
    }
}

static void parts_follow_from_layout_and_optimiser(void **state)
{
    (void)state;
    static const char layout[] =
        "[{\"name\":\"w\",\"dtype\":\"float32\",\"shape\":[3,4]},"
        "{\"name\":\"b\",\"dtype\":\"float32\",\"shape\":[3]},"
        "{\"name\":\"mean\",\"dtype\":\"float32\",\"shape\":[7],\"kind\":\"buffer\"}]";
    static const struct {
        const char *kind, *tensor;
        int64_t elements;
    } expected[] = {{"param", "w", 12},  {"param", "b", 3},   {"buffer", "mean", 7},
                    {"row_var", "w", 3}, {"row_var", "b", 3}, {"col_var", "w", 4}};
    rt_manifest m = {.config = "optimizer: {name: adafactor}"};
    rt_saved_parts p;
    assert_int_equal(rt_json_parse(layout, strlen(layout), "layout", &m.layout), RT_OK);
    assert_int_equal(rt_saved_parts_list(&m, "x", &p), RT_OK);
    assert_int_equal(p.count, 6);
    int64_t at = 0;
    for (int i = 0; i < 6; i++) {
        const rt_saved_part *part = rt_saved_parts_find(&p, expected[i].kind, expected[i].tensor);
        assert_ptr_equal(part, &p.part[i]);
        assert_int_equal(part->elements, expected[i].elements);
        assert_int_equal(part->at, at);
        at += part->elements;
    }
    assert_int_equal(p.elements, at);
    assert_null(rt_saved_parts_find(&p, "col_var", "b"));
    assert_null(rt_saved_parts_find(&p, "row_var", "mean"));
    assert_null(rt_saved_parts_find(&p, "param", "mean"));
    assert_true(rt_saved_parts_have_kind(&p, "col_var") && rt_saved_parts_have_tensor(&p, "b"));
    assert_false(rt_saved_parts_have_kind(&p, "exp_avg") || rt_saved_parts_have_tensor(&p, "x"));
    rt_saved_parts_release(&p);
    json_decref(m.layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_has_a_shape_for_each_parameter),
        cmocka_unit_test(states_are_those_that_the_numbers_need),
        cmocka_unit_test(parts_follow_from_layout_and_optimiser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
