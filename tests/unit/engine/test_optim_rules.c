/* Tests of rules that look at whole parameters, or keep states other than moments: compared with references, and
 * sharded. */
#include "../../golden/rules.h"
#include "common/base/slices.h"
#include "tests/support/outcome.h"
#include <math.h>
#include <ringtorch/optim.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const rt_module_type bare_type = {"bare", sizeof(rt_module), NULL, NULL};

static rt_module *bare(int count, const rt_dims *shapes)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    rt_module *m = rt_nn_new(&bare_type);
    for (int i = 0; i < count; i++)
        rt_nn_param(m, names[i], rt_zeros(shapes[i]));
    return m;
}

/* ---- against their references ---- */

static rt_optim *make_golden(int which, rt_module *net)
{
    switch (which) {
    case 0:
        return rt_optim_adam(net, .lr = 0.01);
    case 1:
        return rt_optim_adam(net, .lr = 0.01, .beta1 = 0.5, .beta2 = 0.7, .amsgrad = true,
                             .weight_decay = 0.1);
    case 2:
        return rt_optim_lamb(net, .lr = 0.01);
    case 3:
        return rt_optim_lamb(net, .lr = 0.02, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3,
                             .weight_decay = 0.1);
    case 4:
        return rt_optim_adafactor(net);
    default:
        return rt_optim_adafactor(net, .lr = 0.5, .beta2_decay = -0.5, .eps = 0.01,
                                  .eps_scale = 0.5, .clip_threshold = 0.5, .weight_decay = 0.1);
    }
}

/* Writes the gradients of step t, as backward would. */
static void differentiate(const rt_flat *flat, int t)
{
    for (int32_t e = 0; e < flat->entries; e++) {
        const rt_flat_entry *entry = &flat->entry[e];
        rt_tensor *g = rt_empty_like(entry->param);
        for (int64_t i = entry->begin; i < entry->end; i++)
            rt_f32(g)[i - entry->begin] = (float)((7 * i + 3 * t) % 11 - 5) / (float)(8 + 8 * t);
        must(rt_backward(rt_sum(rt_mul(entry->param, g))));
    }
}

static void updates_are_those_of_the_references(void **state)
{
    (void)state;
    const rt_dims shapes[] = {rt_shape(3, 4), rt_shape(5), rt_shape(2, 2, 3)};
    for (int which = 0; which < (int)(sizeof golden_rules / sizeof *golden_rules); which++) {
        rt_scope s = rt_scope_begin();
        rt_optim *o = make_golden(which, bare(3, shapes));
        const rt_flat *flat = rt_optim_flat(o);
        assert_int_equal(flat->count, RULES_ELEMENTS);
        for (int i = 0; i < RULES_ELEMENTS; i++)
            flat->param[i] = (float)(i - 14) / 8;
        for (int t = 0; t < RULES_STEPS; t++) {
            differentiate(flat, t);
            must(rt_optim_step(o));
            for (int i = 0; i < RULES_ELEMENTS; i++) {
                float want = golden_rules[which].after[t][i], got = flat->param[i];
                if (!(fabsf(got - want) <= 2e-6f * (1 + fabsf(want))))
                    fail_msg("%s, step %d, element %d: %.9g, expected %.9g",
                             golden_rules[which].name, t, i, (double)got, (double)want);
            }
        }
        rt_scope_end(s);
    }
}

/* ---- sharded ---- */

enum { RULES = 4, WORLD_MAX = 4, STEPS = 2 };

static rt_optim *make_rule(int which, rt_module *net)
{
    switch (which) {
    case 0:
        return rt_optim_adam(net, .amsgrad = true);
    case 1:
        return rt_optim_lamb(net, .weight_decay = 0.1);
    case 2:
        return rt_optim_adafactor(net, .weight_decay = 0.1);
    default:
        return rt_optim_adamw(net, .weight_decay = 0.1);
    }
}

/* Parameters that lie across the borders of blocks in every way; `frozen` is not updated. */
static rt_module *wide_net(void)
{
    const rt_dims shapes[] = {rt_shape(300, 700), rt_shape(1000), rt_shape(3, 200, 300),
                              rt_shape(10, 10), rt_shape(RT_BLOCK)};
    rt_module *net = bare(5, shapes);
    rt_random_seek(11, 0, 0);
    for (int i = 0; i < 5; i++)
        must(rt_copy_into(rt_nn_param_at(net, i, NULL), rt_randn(shapes[i])));
    rt_nn_freeze(net, "d", true);
    return net;
}

static void fill_gradient(const rt_flat *flat, int t)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(12, (uint64_t)t, 0);
    memcpy(flat->grad, rt_f32(rt_randn(rt_shape(flat->count))),
           (size_t)flat->count * sizeof *flat->grad);
    rt_scope_end(s);
}

static rt_range params_of(const rt_flat *flat, int world, int rank)
{
    rt_range r = rt_owned_by_rank(flat->length, world, rank);
    r.begin = r.begin < flat->count ? r.begin : flat->count;
    r.end = r.end < flat->count ? r.end : flat->count;
    return r;
}

/* Sends what rank `of` has measured to all ranks. */
static void tell_all(rt_optim *const *o, int world, int of, int round, rt_range owned)
{
    int64_t first, last, count;
    rt_optim_measured(o[of], round, owned.begin, owned.end, &first, &last);
    const double *from = rt_optim_measures(o[of], round, &count);
    assert_true(0 <= first && first <= last && last <= count);
    for (int to = 0; to < world; to++)
        if (to != of)
            memcpy(rt_optim_measures(o[to], round, &count) + first, from + first,
                   (size_t)(last - first) * sizeof *from);
}

/* Makes a step of `world` workers. In each worker, everything that it must not read is NaN. */
static void step(rt_optim *const *o, int world, int t)
{
    const rt_flat *flat = rt_optim_flat(o[0]);
    for (int rank = 0; rank < world; rank++) {
        const rt_flat *mine = rt_optim_flat(o[rank]);
        rt_range owned = params_of(flat, world, rank);
        fill_gradient(mine, t);
        for (int64_t i = 0; i < flat->count; i++)
            if (i < owned.begin || i >= owned.end)
                mine->grad[i] = NAN;
    }
    for (int round = 0; round < rt_optim_rounds(o[0]); round++) {
        for (int rank = 0; rank < world; rank++) {
            rt_range owned = params_of(flat, world, rank);
            must(rt_optim_measure(o[rank], round, owned.begin, owned.end, t, 0.01, 0.5));
            tell_all(o, world, rank, round, owned);
        }
        for (int rank = 0; rank < world; rank++)
            must(rt_optim_settle(o[rank], round, t));
    }
    for (int rank = 0; rank < world; rank++) {
        rt_range owned = params_of(flat, world, rank);
        must(rt_optim_update(o[rank], owned.begin, owned.end, t, 0.01, 0.5));
        for (int to = 0; to < world; to++)
            if (to != rank)
                memcpy(rt_optim_flat(o[to])->param + owned.begin,
                       rt_optim_flat(o[rank])->param + owned.begin,
                       (size_t)(owned.end - owned.begin) * sizeof(float));
    }
}

static void any_number_of_workers_gives_the_same_bits(void **state)
{
    (void)state;
    for (int which = 0; which < RULES; which++) {
        rt_scope s = rt_scope_begin();
        rt_optim *alone = make_rule(which, wide_net());
        for (int t = 1; t <= STEPS; t++)
            step(&alone, 1, t);
        const rt_flat *flat = rt_optim_flat(alone);
        for (int64_t i = 0; i < flat->tail; i++)
            assert_true(isfinite(flat->param[i]));
        for (int world = 2; world <= WORLD_MAX; world++) {
            rt_scope inner = rt_scope_begin();
            rt_optim *o[WORLD_MAX];
            for (int rank = 0; rank < world; rank++)
                o[rank] = make_rule(which, wide_net());
            for (int t = 1; t <= STEPS; t++)
                step(o, world, t);
            for (int rank = 0; rank < world; rank++) /* small states too */
                assert_memory_equal(rt_optim_flat(o[rank])->param, flat->param,
                                    (size_t)flat->tail * sizeof(float));
            rt_scope_end(inner);
        }
        rt_scope_end(s);
    }
}

/* rt_optim_step gives the same as the trainer's separate calls. */
static void a_step_is_measurements_and_an_update(void **state)
{
    (void)state;
    const rt_dims shapes[] = {rt_shape(3, 4), rt_shape(5), rt_shape(2, 2, 3)};
    for (int which = 0; which < RULES; which++) {
        rt_scope s = rt_scope_begin();
        rt_optim *o = make_rule(which, bare(3, shapes)), *parts = make_rule(which, bare(3, shapes));
        const rt_flat *flat = rt_optim_flat(o), *other = rt_optim_flat(parts);
        for (int i = 0; i < RULES_ELEMENTS; i++)
            flat->param[i] = other->param[i] = (float)(i - 14) / 8;
        rt_optim_set_lr(o, 0.01);
        for (int t = 0; t < 3; t++) {
            differentiate(flat, t);
            differentiate(other, t);
            must(rt_optim_step(o));
            for (int round = 0; round < rt_optim_rounds(parts); round++) {
                must(rt_optim_measure(parts, round, 0, other->count, t + 1, 0.01, 1));
                must(rt_optim_settle(parts, round, t + 1));
            }
            must(rt_optim_update(parts, 0, other->count, t + 1, 0.01, 1));
            rt_optim_zero_grad(parts);
        }
        assert_memory_equal(flat->param, other->param, (size_t)flat->tail * sizeof(float));
        rt_scope_end(s);
    }
}

/* ---- where states lie ---- */

static void small_states_lie_behind_the_parameters(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    const rt_dims shapes[] = {rt_shape(3, 4), rt_shape(5), rt_shape(2, 2, 3)};
    rt_optim *o = rt_optim_adafactor(bare(3, shapes));
    const rt_flat *flat = rt_optim_flat(o);
    static const struct {
        const char *kind, *name;
        int64_t elements;
    } expected[] = {{"row_var", "a", 3},
                    {"row_var", "b", 5},
                    {"row_var", "c", 4},
                    {"col_var", "a", 4},
                    {"col_var", "c", 6}};
    assert_int_equal(rt_optim_states(o), 0);
    assert_int_equal(flat->small, 5);
    assert_int_equal(flat->tail, flat->count + 3 + 5 + 4 + 4 + 6);
    assert_int_equal(flat->length, flat->tail + RT_FLAT_SCALARS);
    int64_t at = flat->count;
    for (int i = 0; i < 5; i++) {
        const rt_flat_entry *e = &flat->entry[flat->entries + i];
        assert_string_equal(e->kind, expected[i].kind);
        assert_string_equal(e->name, expected[i].name);
        assert_int_equal(e->begin, at);
        assert_int_equal(e->end - e->begin, expected[i].elements);
        at = e->end;
    }
    rt_scope_end(s);
}

/* ---- mistakes ---- */

static void wrong_ranges_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt_optim_lamb(wide_net());
    int64_t count = rt_optim_flat(o)->count;
    assert_int_equal(rt_optim_measure(o, 0, 1, count, 1, 1, 1), RT_E_RANGE);
    assert_non_null(strstr(rt_error(), "whole blocks"));
    rt_error_clear();
    assert_int_equal(rt_optim_measure(o, 1, 0, count, 1, 1, 1), RT_E_RANGE);
    assert_non_null(strstr(rt_error(), "lamb has 1"));
    rt_error_clear();
    assert_int_equal(rt_optim_measure(o, 0, 0, count + 1, 1, 1, 1), RT_E_RANGE);
    rt_error_clear();
    assert_int_equal(rt_optim_settle(o, 0, 0), RT_E_RANGE);
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
        cmocka_unit_test(updates_are_those_of_the_references),
        cmocka_unit_test(any_number_of_workers_gives_the_same_bits),
        cmocka_unit_test(a_step_is_measurements_and_an_update),
        cmocka_unit_test(small_states_lie_behind_the_parameters),
        cmocka_unit_test(wrong_ranges_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
