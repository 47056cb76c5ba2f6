/* Tests of optimisers whose parameters are not in their usual memory: absent, in other memory, taken by another optimiser, or with
 * views of them. */
#include "tests/support/outcome.h"
#include <math.h>
#include <ringtorch/formats.h>
#include <ringtorch/optim.h>
#include <ringtorch/random.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];

/* ---- a net, and memory that its parameters are fetched into ---- */

static rt_tensor *again_forward(rt_module *m, rt_tensor *x)
{
    return rt_linear(x, rt_nn_own_param_at(m, 0, NULL));
}
static const rt_module_type again_type = {"again", sizeof(rt_module), again_forward, NULL};

/* An MLP whose third layer has the weights of the first. */
static rt_module *make_net(void)
{
    rt_random_seek(3, 0, 0);
    rt_module *first = rt_nn_linear(6, 6), *again = rt_nn_new(&again_type);
    rt_nn_tie(again, "weight", rt_nn_own_param_at(first, 0, NULL));
    return rt_nn_sequential(first, rt_nn_tanh(), again, rt_nn_relu(), rt_nn_linear(6, 3));
}

enum { PARAMS = 8 };
typedef struct store {
    struct {
        rt_tensor *param, *memory;
    } at[PARAMS];
    int count, present, most;
} store;

static rt_tensor *memory_of(const store *t, const rt_tensor *param)
{
    for (int k = 0; k < t->count; k++)
        if (t->at[k].param == param)
            return t->at[k].memory;
    fail_msg("a parameter that is none of the net's");
    return NULL;
}

/* Copies a parameter from its home into the store's memory and shows it there; a parameter without a home has its first value in the
 * store. The memory of a parameter not needed any more is overwritten with garbage. */
static void fetch(void *ctx, rt_module *of, bool needed)
{
    store *t = ctx;
    rt_tensor *p;
    for (int i = 0; (p = rt_nn_own_param_at(of, i, NULL)); i++) {
        rt_tensor *memory = memory_of(t, p);
        if (needed && rt_param_home(p))
            must(rt_copy_into(memory, rt_param_home(p)));
        must(needed ? rt_param_present(p, memory) : rt_param_absent(p));
        if (!needed && !rt_failed())
            must(rt_fill(memory, NAN));
    }
    t->present += needed ? 1 : -1;
    t->most = t->present > t->most ? t->present : t->most;
}

/* Takes all parameters out of the net. */
static void put_away(store *t, rt_module *net)
{
    rt_tensor *p;
    *t = (store){0};
    for (int i = 0; (p = rt_nn_param_at(net, i, NULL)); i++) {
        rt_tensor *memory = rt_empty(rt_dims_of(p));
        must(rt_copy_out(p, rt_f32(memory)));
        must(rt_param_absent(p));
        t->at[t->count].param = p;
        t->at[t->count++].memory = memory;
    }
    must(rt_nn_on_need(net, fetch, t));
}

/* ---- the same bits ---- */

enum { RULES = 3, STEPS = 20 };

static rt_optim *make_rule(int which, rt_module *net)
{
    switch (which) {
    case 0:
        return rt_optim_adamw(net, .lr = 0.01, .weight_decay = 0.1);
    case 1:
        return rt_optim_lamb(net, .lr = 0.01, .weight_decay = 0.1);
    default:
        return rt_optim_adafactor(net, .weight_decay = 0.1);
    }
}

/* Runs forward and backward; returns the norm of the gradients. */
static double differentiate(rt_optim *o, rt_module *net, int t)
{
    rt_scope s = rt_scope_begin();
    rt_random_seek(4, (uint64_t)t, 0);
    rt_tensor *x = rt_randn(rt_shape(5, 6));
    must(rt_backward(rt_sum(rt_square(rt_forward(net, x)))));
    rt_scope_end(s);
    return rt_optim_grad_norm(o, 1);
}

/* Makes a step like the trainer, with gradients clipped to a norm of 1. */
static void clipped_step(rt_optim *o, int t, double norm)
{
    double lr = rt_optim_lr(o), scale = norm > 1 ? 1 / norm : 1;
    int64_t all = rt_optim_flat(o)->count;
    for (int round = 0; round < rt_optim_rounds(o); round++) {
        must(rt_optim_measure(o, round, 0, all, t, lr, scale));
        must(rt_optim_settle(o, round, t));
    }
    must(rt_optim_update(o, 0, all, t, lr, scale));
    rt_optim_zero_grad(o);
}

static void assert_same_values(const rt_optim *a, const rt_optim *b)
{
    const rt_flat *x = rt_optim_flat(a), *y = rt_optim_flat(b);
    assert_int_equal(x->tail, y->tail);
    assert_memory_equal(x->param, y->param, (size_t)x->tail * sizeof(float));
}

/* Makes 20 steps, some of them clipped; the first layer is frozen for a while, and in between the net is restored from a file. */
static void train(rt_module *const net[2], rt_optim *const o[2])
{
    must(rt_nn_save(net[1], path)); /* saves the net whose parameters are absent */
    for (int t = 1; t <= STEPS; t++) {
        double norm[2];
        for (int i = 0; i < 2; i++) {
            if (t == 5 || t == 8)
                must(rt_nn_freeze(net[i], "0.*", t == 5));
            if (t == 13)
                must(rt_nn_load(net[i], path));
            norm[i] = differentiate(o[i], net[i], t);
            if (t % 2 == 0)
                must(rt_optim_step(o[i]));
            else
                clipped_step(o[i], t, norm[i]);
        }
        assert_true(norm[0] == norm[1] && norm[0] > 0);
        assert_same_values(o[0], o[1]);
        assert_int_equal(rt_optim_param_updates(o[1], 0), rt_optim_param_updates(o[0], 0));
        assert_true(rt_optim_param_updates(o[1], 0) == 4 || t < 5 || t > 7);
    }
}

static void training_gives_the_same_bits_wherever_parameters_are(void **state)
{
    (void)state;
    for (int which = 0; which < RULES; which++)
        for (int before = 0; before < 2;
             before++) { /* absent before the optimiser is made, or after */
            rt_scope s = rt_scope_begin();
            rt_module *net[2] = {make_net(), make_net()};
            rt_optim *o[2];
            store t;
            if (before)
                put_away(&t, net[1]);
            for (int i = 0; i < 2; i++)
                o[i] = make_rule(which, net[i]);
            if (!before)
                put_away(&t, net[1]);
            else
                /* their first values are copied to their homes */
                rt_forward(net[1], rt_zeros(rt_shape(1, 6)));
            train(net, o);
            assert_true(t.present == 0 && t.most == 1 && t.count == 4);
            for (int k = 0; k < t.count; k++)
                assert_false(rt_param_is_present(t.at[k].param));
            /* Makes the parameters present permanently. */
            must(rt_nn_on_need(net[1], NULL, NULL));
            for (int k = 0; k < t.count; k++)
                must(rt_param_present(t.at[k].param, rt_param_home(t.at[k].param)));
            assert_ptr_equal(rt_f32(t.at[0].param), rt_optim_flat(o[1])->param);
            rt_scope_end(s);
        }
}

/* ---- absent before there is an optimiser ---- */

static void values_that_never_came_are_not_updated(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = make_net(), *other = make_net();
    must(rt_nn_save(other, path));
    rt_tensor *w = rt_nn_find(net, "0.weight"), *b = rt_nn_find(net, "4.bias");
    must(rt_param_absent(w));
    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    assert_null(rt_param_home(w));
    assert_non_null(rt_param_home(b));
    must(rt_backward(rt_sum(b)));
    must(rt_optim_step(o)); /* w has no gradient, and is left alone */
    must(rt_backward(rt_sum(b)));
    float before = rt_f32(b)[0];
    assert_int_equal(rt_optim_update(o, 0, 1, 1, 1, 1), RT_E_ARG);
    expect_error(RT_E_ARG, "sgd: the value of 0.weight has always been absent");
    assert_int_equal(rt_nn_save(net, path), RT_E_ARG);
    expect_error(RT_E_ARG, "nn_save: the value of float32[6,6] cpu is absent");
    must(rt_nn_save(other, path));

    must(rt_nn_load(net, path)); /* one of two ways to get its value */
    assert_false(rt_param_is_present(w));
    assert_memory_equal(rt_f32(rt_param_home(w)), rt_f32(rt_nn_find(other, "0.weight")),
                        36 * sizeof(float));
    must(rt_optim_update(o, 0, 1, 1, 1, 1));
    assert_true(rt_f32(b)[0] != before);
    rt_scope_end(s);
}

/* ---- what backward must not meet ---- */

static void updates_in_between_are_noticed(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = make_net();
        rt_optim *o = rt_optim_sgd(net, .lr = 1);
        store t;
        put_away(&t, net);
        rt_tensor *loss = rt_sum(rt_forward(net, rt_ones(rt_shape(1, 6))));
        if (how == 1) /* the weights of the last layer, which backward reads */
            must(rt_optim_update(o, 42, 60, 1, 1, 1));
        if (how == 2)
            must(rt_fill(rt_param_home(rt_nn_find(net, "4.weight")), 2));
        must(how == 0 ? rt_backward(loss) : RT_OK);
        if (how > 0) {
            assert_int_equal(rt_backward(loss), RT_E_ARG);
            expect_error(RT_E_ARG, "was changed in place");
        }
        rt_scope_end(s);
    }
}

static void wrong_places_are_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_ones(rt_shape(2));
    assert_null(rt_param_home(x));
    expect_error(RT_E_ARG, "param_home: float32[2] cpu is no parameter");
    rt_tensor *p = rt_param(x);
    assert_null(rt_param_home(p));
    assert_false(rt_failed());
    rt_free(p);
    rt_scope_end(s);
}

/* ---- another optimiser ---- */

static void a_second_optimiser_takes_values_from_home(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = make_net();
    rt_tensor *w = rt_nn_find(net, "0.weight"), *b = rt_nn_find(net, "4.bias");
    rt_optim *first = rt_optim_adamw(net);
    float value = rt_f32(w)[0], of_b = rt_f32(b)[0];
    must(rt_param_absent(w));
    must(rt_param_present(b, rt_zeros(rt_shape(3)))); /* other memory with other numbers */
    rt_optim *second = rt_optim_sgd(net, .lr = 1);
    const rt_flat *flat = rt_optim_flat(second);
    assert_false(rt_param_is_present(w));
    assert_ptr_equal(rt_f32(rt_param_home(w)), flat->param);
    assert_true(flat->param[0] == value && rt_f32(b)[0] == of_b);
    assert_int_equal(rt_optim_step(first), RT_E_ARG);
    expect_error(RT_E_ARG, "adamw: another optimiser has since taken over 0.weight: use that one");

    /* A home is kept longer than its optimiser. */
    rt_keep(net);
    rt_scope_end(s);
    must(rt_param_present(w, rt_param_home(w)));
    assert_true(rt_f32(w)[0] == value);
    rt_free(net);
}

/* A view counts even when the tensor that the parameter was made from, or moved to, has been freed. */
static void views_outlive_what_a_parameter_was_made_of(void **state)
{
    (void)state;
    for (int brought = 0; brought < 2; brought++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = rt_nn_new(&again_type);
        rt_scope inner = rt_scope_begin();
        rt_tensor *memory = rt_ones(rt_shape(6)), *shown = rt_view(memory, rt_shape(2, 3));
        rt_tensor *w = rt_nn_param(net, "weight", brought ? rt_zeros(rt_shape(2, 3)) : shown);
        if (brought) {
            must(rt_param_absent(w));
            must(rt_param_present(w, shown));
        }
        rt_tensor *view = rt_keep(rt_narrow(w, 0, 0, 1));
        bool former = rt_no_grad_begin();
        must(rt_copy_into(rt_narrow(memory, 0, 1, 3), rt_select(w, 0, 0))); /* which overlap */
        must(rt_fill(memory, 5));
        rt_no_grad_end(former);
        assert_true(rt_f32(w)[0] == 5 && rt_f32(view)[0] == 5);
        rt_scope_end(inner);
        assert_null(rt_optim_sgd(net, .lr = 1));
        expect_error(RT_E_ARG, "sgd: weight must move, but 1 other tensor shows its memory");
        rt_free(view);
        assert_non_null(rt_optim_sgd(net, .lr = 1));
        rt_scope_end(s);
    }
}

/* A gradient would end at the home, of which the parameter's history knows nothing. */
static void homes_take_no_history(void **state)
{
    (void)state;
    for (int window = 0; window < 2; window++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = make_net();
        rt_optim *o = rt_optim_sgd(net, .lr = 1);
        rt_tensor *w = rt_nn_find(net, "0.weight"), *home = rt_param_home(w);
        rt_tensor *to = window ? rt_narrow(home, 0, 0, 6) : home;
        rt_tensor *wanted = rt_param(rt_full(rt_shape(6, 6), 3, RT_F32));
        assert_null(rt_mul_inplace(to, wanted));
        expect_error(RT_E_ARG,
                     window ? "mul: float32[6,6] cpu is a view of the home of a parameter, which"
                            : "mul: float32[6,6] cpu is the home of a parameter, which");
        assert_int_equal(rt_copy_into(to, rt_mul_scalar(wanted, 2)), RT_E_ARG);
        expect_error(RT_E_ARG, "the home of a parameter, which has no history");
        bool former = rt_no_grad_begin(); /* as for writes into the parameter */
        assert_non_null(rt_mul_inplace(home, wanted));
        rt_no_grad_end(former);
        must(rt_copy_into(to, rt_detach(wanted)));
        assert_non_null(rt_add_inplace(home, rt_ones(rt_shape(6, 6))));
        assert_false(rt_requires_grad(home));
        assert_true(rt_f32(w)[0] == 4);
        must(rt_optim_step(o));
        rt_free(wanted);
        rt_scope_end(s);
    }
    /* A former home is a tensor like any other. */
    rt_scope s = rt_scope_begin();
    rt_module *net = make_net();
    rt_optim_sgd(net, .lr = 1);
    rt_tensor *w = rt_nn_find(net, "0.weight"), *home = rt_keep(rt_param_home(w));
    rt_optim_sgd(net, .lr = 1);
    assert_non_null(rt_mul_inplace(home, w));
    assert_true(rt_requires_grad(home));
    rt_free(home);
    rt_scope_end(s);
}

/* A view of a parameter would go on showing the memory that an optimiser moves it from. */
static void parameters_with_views_are_not_taken(void **state)
{
    (void)state;
    for (int second = 0; second < 2; second++) {
        rt_scope s = rt_scope_begin();
        rt_module *net = make_net();
        rt_tensor *w = rt_nn_find(net, "4.weight");
        rt_optim *o = second ? rt_optim_adamw(net) : NULL;
        rt_tensor *views[] = {rt_keep(rt_detach(w)), rt_keep(rt_narrow(w, 0, 0, 1))};
        assert_null(rt_optim_sgd(net, .lr = 1)); /* the temporaries are in this scope as well */
        expect_error(RT_E_ARG, "sgd: 4.weight must move, but 2 other tensors show its memory");
        if (second) /* nothing has changed */
            must(rt_optim_update(o, 0, rt_optim_flat(o)->count, 1, 0.1, 1));
        assert_true(rt_f32(views[0])[0] == rt_f32(w)[0]);
        for (int i = 0; i < 2; i++)
            rt_free(views[i]);
        rt_scope_end(s);
    }
    rt_scope s = rt_scope_begin();
    rt_module *norm = rt_nn_batch_norm2d(2); /* running statistics move as well */
    rt_tensor *view = rt_keep(rt_view(rt_nn_find(norm, "running_var"), rt_shape(2, 1)));
    assert_null(rt_optim_sgd(norm, .lr = 1));
    expect_error(RT_E_ARG, "sgd: running_var must move, but 1 other tensor shows its memory");
    rt_free(view);
    rt_scope_end(s);

    s = rt_scope_begin();
    rt_module *net = make_net();
    rt_tensor *w = rt_nn_find(net, "4.weight");
    rt_scope inner = rt_scope_begin();
    rt_tensor *clone = rt_scope_return(inner, rt_clone(rt_detach(w)));
    rt_optim *o = rt_optim_sgd(net, .lr = 1); /* clones have their own parameters */
    must(rt_fill(rt_param_home(w), 7));
    assert_true(rt_f32(clone)[0] != 7 && rt_f32(w)[0] == 7);

    /* The tensor that a parameter was made from is not a view of it. */
    rt_module *again = rt_nn_new(&again_type);
    rt_nn_param(again, "weight", rt_view(rt_arange(0, 6, 1, RT_F32), rt_shape(2, 3)));
    rt_nn_param(again, "bias", rt_clone(rt_detach(clone)));
    assert_non_null(rt_optim_sgd(again, .lr = 1));
    assert_non_null(o);

    /* Nor is memory that it was brought to; what fills a home leaves no history there. */
    net = make_net();
    w = rt_nn_find(net, "4.weight");
    rt_tensor *value = rt_mul_scalar(w, 2), *mine = rt_clone(rt_detach(value));
    must(rt_param_present(w, mine));
    assert_non_null(rt_optim_sgd(net, .lr = 1));
    rt_module *absent = make_net();
    w = rt_nn_find(absent, "4.weight");
    must(rt_param_absent(w));
    assert_non_null(rt_optim_sgd(absent, .lr = 1));
    must(rt_param_present(w, value));
    assert_false(rt_requires_grad(rt_param_home(w)));
    assert_memory_equal(rt_f32(rt_param_home(w)), rt_f32(mine), 18 * sizeof(float));
    rt_scope_end(s);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/rt_absent_XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int shut_down(void **state)
{
    (void)state;
    unlink(path);
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_gives_the_same_bits_wherever_parameters_are),
        cmocka_unit_test(values_that_never_came_are_not_updated),
        cmocka_unit_test(updates_in_between_are_noticed),
        cmocka_unit_test(wrong_places_are_refused),
        cmocka_unit_test(a_second_optimiser_takes_values_from_home),
        cmocka_unit_test(parameters_with_views_are_not_taken),
        cmocka_unit_test(homes_take_no_history),
        cmocka_unit_test(views_outlive_what_a_parameter_was_made_of),
    };
    return cmocka_run_group_tests(tests, set_up, shut_down);
}
