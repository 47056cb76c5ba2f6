/* Tests of parameters with their own numbers, and of parameters that are skipped. */
#include "tests/support/outcome.h"
#include <ringtorch/optim.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const rt_module_type bare_type = {"bare", sizeof(rt_module), NULL, NULL};

/* Makes a net of parameters of ones, 3 elements each. */
static rt_module *bare(int count, const char *const *names)
{
    rt_module *m = rt_nn_new(&bare_type);
    for (int i = 0; i < count; i++)
        rt_nn_param(m, names[i], rt_ones(rt_shape(3)));
    return m;
}

/* Makes some steps, with gradients that differ by parameter and step. */
static void steps(rt_optim *o, int first)
{
    const rt_flat *flat = rt_optim_flat(o);
    for (int t = 0; t < 4; t++) {
        for (int32_t i = 0; i < flat->entries; i++)
            must(rt_backward(
                rt_mul_scalar(rt_sum(flat->entry[i].param), (double)(first + i + 1) / (t + 1))));
        must(rt_optim_step(o));
    }
}

static void groups_are_as_optimisers_of_their_own(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    const char *const all[] = {"weight", "bias", "scale"};
    rt_optim *o = rt_optim_adamw(bare(3, all), .lr = 0.1, .weight_decay = 0.5);
    must(rt_optim_group(o, "b*", "{\"weight_decay\": 0}"));
    must(rt_optim_group(o, "*a*", "{\"beta1\": 0.5, \"lr_scale\": 0.25}")); /* bias is matched */
    steps(o, 0);
    rt_optim *alone[] = {
        rt_optim_adamw(bare(1, all), .lr = 0.1, .weight_decay = 0.5),
        rt_optim_adamw(bare(1, all), .lr = 0.1),
        rt_optim_adamw(bare(1, all), .lr = 0.025, .weight_decay = 0.5, .beta1 = 0.5),
    };
    for (int i = 0; i < 3; i++) {
        steps(alone[i], i);
        assert_memory_equal(rt_optim_flat(o)->param + 3 * i, rt_optim_flat(alone[i])->param,
                            3 * sizeof(float));
    }
    rt_scope_end(s);
}

static void wrong_groups_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *json;
        rt_status code;
        const char *says;
    } cases[] = {
        {"none", "{}", RT_E_NOTFOUND, "no parameter matches 'none'"},
        {"a", "{\"weight_decay\": 1}", RT_E_NOTFOUND, "in earlier groups"},
        {"b", "{\"weight_decai\": 1}", RT_E_ARG, "did you mean 'weight_decay'?"},
        {"b", "{\"weight_decay\": -1}", RT_E_RANGE, "expected 0 to 1000000"},
        {"b", "{\"lr_scale\": -1}", RT_E_RANGE, "lr_scale"},
        {"b", "{\"lr_scale\": \"1\"}", RT_E_RANGE, "lr_scale"},
        {"b", "[]", RT_E_ARG, "no JSON object"},
        {"b", "{", RT_E_FORMAT, "optim_group"},
        {"b", "{\"momentum\": 0.5}", RT_E_ARG, "momentum: with this value"},
        {"b", "{\"nesterov\": true}", RT_E_RANGE, "nesterov"},
    };
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_sgd(bare(2, (const char *const[]){"a", "b"}), .lr = 1);
    must(rt_optim_group(o, "a", "{\"weight_decay\": 0.5}"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rt_optim_group(o, cases[i].pattern, cases[i].json);
        if (rt_error_code() != cases[i].code || !strstr(rt_error(), cases[i].says))
            fail_msg("%s: got %s: \"%s\"", cases[i].json, rt_status_name(rt_error_code()),
                     rt_error());
        rt_error_clear();
    }
    steps(o, 0); /* as without the refused calls: a decays, b does not */
    rt_optim *plain = rt_optim_sgd(bare(2, (const char *const[]){"a", "b"}), .lr = 1);
    steps(plain, 0);
    assert_memory_equal(rt_optim_flat(o)->param + 3, rt_optim_flat(plain)->param + 3,
                        3 * sizeof(float));
    assert_true(rt_optim_flat(o)->param[0] != rt_optim_flat(plain)->param[0]);
    rt_scope_end(s);
}

/* Also in an update of the flat buffers, in which every parameter seems to have a gradient. */
static void frozen_and_skipped_parameters_stay(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = bare(3, (const char *const[]){"a", "b", "c"});
    rt_optim *o = rt_optim_adamw(net, .lr = 0.1, .weight_decay = 0.5);
    const rt_flat *flat = rt_optim_flat(o);
    rt_nn_freeze(net, "b", true);
    rt_optim_set_skipped(o, 2, true);
    for (int i = 0; i < 9; i++)
        flat->grad[i] = 1;
    must(rt_optim_update(o, 0, 9, 1, 0.1, 1));
    for (int i = 0; i < 9; i++)
        assert_int_equal(flat->param[i] == 1, i >= 3);
    assert_int_equal(rt_optim_param_updates(o, 1), 0);
    rt_nn_freeze(net, "b", false);
    rt_optim_set_skipped(o, 2, false);
    must(rt_optim_update(o, 0, 9, 2, 0.1, 1));
    for (int i = 0; i < 9; i++)
        assert_true(flat->param[i] < 1);
    rt_optim_set_skipped(o, 3, true);
    assert_int_equal(rt_error_code(), RT_E_RANGE);
    rt_error_clear();
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
        cmocka_unit_test(groups_are_as_optimisers_of_their_own),
        cmocka_unit_test(wrong_groups_are_refused),
        cmocka_unit_test(frozen_and_skipped_parameters_stay),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
