/* Tests of what modules can do: any number of inputs and results, buffers, tied and frozen parameters, hooks, parameters stored
 * elsewhere, random numbers that depend on the place in the net. */
#include "common/base/mem.h"
#include "tests/support/outcome.h"
#include "worker/engine/nn/from_row.h"
#include "worker/engine/nn/module.h"
#include <ringtorch/formats.h>
#include <ringtorch/nn.h>
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

static void assert_same(rt_tensor *a, rt_tensor *b)
{
    if (!a || !b)
        fail_msg("%s", rt_error());
    assert_int_equal(rt_numel(a), rt_numel(b));
    assert_memory_equal(rt_f32(a), rt_f32(b), (size_t)rt_numel(a) * sizeof(float));
}

static bool equal(rt_tensor *a, rt_tensor *b)
{
    return memcmp(rt_f32(a), rt_f32(b), (size_t)rt_numel(a) * sizeof(float)) == 0;
}

/* ---- any number of inputs and results ---- */

/* Results: sum = a + b (+ c), and all inputs times two. */
static void several_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                            int n_out)
{
    (void)m;
    out[0] = rt_add(in[0], in[1]);
    if (n_in > 2 && in[2])
        out[0] = rt_add(out[0], in[2]);
    if (n_out > 1)
        out[1] = rt_mul_scalar(out[0], 2);
}
static const rt_module_type several_type = {
    "several", sizeof(rt_module), .forward_all = several_forward,
    .n_in = 2, .n_optional = 1,   .n_out = 2};

static void any_number_of_inputs_and_results(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *m = rt_nn_new(&several_type);
    rt_tensor *x = rt_param(rt_ones(rt_shape(2))), *out[2];
    rt_tensor *in[] = {x, rt_ones(rt_shape(2)), rt_ones(rt_shape(2)), x};
    must(rt_forward_all(m, in, 3, out, 2));
    assert_true(rt_f32(out[0])[0] == 3 && rt_f32(out[1])[1] == 6);
    must(rt_backward(rt_sum(rt_add(out[0], out[1]))));
    assert_true(rt_f32(rt_grad_of(x))[0] == 3);
    must(rt_forward_all(m, in, 2, out, 2));
    assert_true(rt_f32(out[0])[0] == 2);
    in[2] = NULL; /* it may be left out this way too */
    must(rt_forward_all(m, in, 3, out, 2));
    assert_true(rt_f32(out[1])[0] == 4);

    assert_int_equal(rt_forward_all(m, in, 1, out, 2), RT_E_ARG);
    assert_null(out[0]);
    expect_error(RT_E_ARG, "several takes 2 or more inputs, got 1");
    rt_forward_all(m, in, 4, out, 2);
    expect_error(RT_E_ARG, "got 4");
    rt_forward_all(m, in, 2, out, 1);
    expect_error(RT_E_ARG, "several has 2 results, but there is room for 1");
    assert_null(rt_forward(m, x));
    expect_error(RT_E_ARG, "several takes 2 or more inputs, got 1");
    in[1] = NULL;
    rt_forward_all(m, in, 2, out, 2);
    expect_error(RT_E_ARG, "argument 3 is no tensor");
    /* a plain module through the general function */
    must(rt_forward_all(rt_nn_relu(), in, 1, out, 1));
    assert_same(out[0], x);
    rt_free(x);
    rt_scope_end(s);
}

/* Results: as many as there is room for, each the input. */
static void copies_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out, int n_out)
{
    (void)m, (void)n_in;
    for (int k = 0; k < n_out; k++)
        out[k] = rt_mul_scalar(in[0], 1);
}
static const rt_module_type copies_type = {
    "copies", sizeof(rt_module), .forward_all = copies_forward, .n_in = RT_MANY, .n_out = RT_MANY};

/* The layer of a plugin's row is compared with what the row has promised, which needs an input and a result. */
static void a_layer_of_a_row_may_be_run_for_no_result(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *m = rt_nn_new(&copies_type);
    rt_tensor *x = rt_ones(rt_shape(4, 2)), *y;
    const rt__layer_row row = {.name = "copies"};
    const rt_layer_row no_functions = {0};
    const rt_layer_place place = {.list = "layers"};
    const rt_nn_sample sample = {.dims = rt_shape(2), .dtype = RT_F32},
                       other = {.dims = rt_shape(3), .dtype = RT_F32};
    must(rt__from_row_set(m, &row, &no_functions, &place, &sample, &sample));
    must(rt_forward_all(m, &x, 1, NULL, 0));
    must(rt_forward_all(m, NULL, 0, NULL, 0));
    must(rt_forward_all(m, &x, 1, &y, 1));
    must(rt__from_row_set(m, &row, &no_functions, &place, &sample, &other));
    must(rt_forward_all(m, &x, 1, NULL, 0));
    rt_forward_all(m, &x, 1, &y, 1);
    expect_error(RT_E_SHAPE, "returned float32[4,2]");
    rt_scope_end(s);
}

static void types_that_cannot_be_are_refused(void **state)
{
    (void)state;
    rt_module_type t = several_type;
    t.n_in = 100;
    assert_null(rt_nn_new(&t));
    expect_error(RT_E_ARG, "100 inputs");
    t = several_type;
    t.forward = rt_forward;
    assert_null(rt_nn_new(&t));
    expect_error(RT_E_ARG, "takes one input and gives one result");
}

/* ---- buffers ---- */

static const rt_module_type holder_type = {"holder", sizeof(rt_module), NULL, NULL};

static void buffers_are_listed_apart(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_new(&holder_type), *inner = rt_nn_new(&holder_type);
    rt_nn_child(net, "inner", inner);
    rt_nn_buffer(inner, "mean", rt_zeros(rt_shape(3)), RT_PERSISTENT);
    rt_nn_param(inner, "weight", rt_ones(rt_shape(2)));
    assert_int_equal(rt_nn_buffer_count(net), 1);
    rt_nn_buffer(inner, "mask", rt_arange(0, 4, 1, RT_I64), 0); /* after the index was made */
    assert_int_equal(rt_nn_buffer_count(net), 2);
    assert_int_equal(rt_nn_param_count(net), 1);
    const char *name;
    bool persistent;
    rt_tensor *mean = rt_nn_buffer_at(net, 0, &name, &persistent);
    assert_string_equal(name, "inner.mean");
    assert_true(persistent && !rt_requires_grad(mean));
    rt_nn_buffer_at(net, 1, &name, &persistent);
    assert_string_equal(name, "inner.mask");
    assert_true(!persistent);
    assert_null(rt_nn_buffer_at(net, 2, &name, NULL));
    assert_ptr_equal(rt_nn_find(net, "inner.mean"), mean);
    assert_null(rt_nn_find(net, "inner.none"));
    assert_null(rt_nn_find(net, "inner"));
    assert_ptr_equal(rt_nn_find_module(net, "inner"), inner);
    assert_null(rt_nn_buffer(inner, "ids", rt_arange(0, 4, 1, RT_I64), RT_PERSISTENT));
    expect_error(RT_E_DTYPE, "ids");
    assert_null(rt_nn_buffer(inner, "more", rt_ones(rt_shape(1)), 2));
    expect_error(RT_E_ARG, "flags");
    char *text = rt_nn_summary(net);
    assert_non_null(strstr(text, " mean [3] (buffer) weight [2] mask [4] (buffer, not saved)\n"));
    assert_non_null(strstr(text, "2 parameters, and 7 numbers in buffers\n"));
    rt_text_free(text);
    rt_scope_end(s);
}

typedef struct seen {
    rt_tensor *buffer;
    float value;
    double momentum;
} seen;

static rt_status note(void *ctx, rt_tensor *buffer, rt_tensor *value, double momentum)
{
    *(seen *)ctx = (seen){buffer, rt_f32(value)[0], momentum};
    return RT_OK;
}

static void observations_move_buffers_or_are_collected(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *m = rt_nn_new(&holder_type);
    rt_tensor *mean = rt_nn_buffer(m, "mean", rt_ones(rt_shape(1)), RT_PERSISTENT);
    rt_tensor *value = rt_param(rt_mul_scalar(rt_ones(rt_shape(1)), 5));
    must(rt_nn_observe(m, "mean", value, 0.25));
    assert_true(rt_f32(mean)[0] == 2 && !rt_requires_grad(mean));
    assert_true(rt_nn_buffer_momentum(m, 0) == 0.25);

    seen last = {0};
    rt__nn_observer o = {note, &last};
    const rt__nn_observer *former = rt__nn_observed_by(&o);
    must(rt_nn_observe(m, "mean", value, 0.5));
    assert_ptr_equal(rt__nn_observed_by(former), &o);
    assert_true(rt_f32(mean)[0] == 2 && last.buffer == mean && last.value == 5 &&
                last.momentum == 0.5);

    rt_nn_observe(m, "none", value, 0.5);
    expect_error(RT_E_ARG, "no buffer \"none\"");
    rt_nn_observe(m, "mean", rt_ones(rt_shape(2)), 0.5);
    expect_error(RT_E_SHAPE, "holder.mean");
    rt_nn_observe(m, "mean", value, 1.5);
    expect_error(RT_E_RANGE, "1.5");
    rt_free(value);
    rt_scope_end(s);
}

/* ---- one tensor, several names ---- */

static void a_tied_parameter_counts_once(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_new(&holder_type), *a = rt_nn_linear(2, 3, .bias = false),
              *b = rt_nn_new(&holder_type);
    rt_nn_child(net, "a", a);
    rt_nn_child(net, "b", b);
    rt_nn_child(net, "again", a); /* a module under two names */
    rt_tensor *w = rt_nn_find(net, "a.weight");
    assert_ptr_equal(rt_nn_tie(b, "w", w), w);
    assert_int_equal(rt_nn_param_count(net), 1);
    assert_int_equal(rt_nn_numel(net), 6);
    assert_int_equal(rt_nn_alias_count(net), 2);
    const char *name, *first;
    assert_ptr_equal(rt_nn_alias_at(net, 0, &name, &first), w);
    assert_string_equal(name, "b.w");
    assert_string_equal(first, "a.weight");
    rt_nn_alias_at(net, 1, &name, NULL);
    assert_string_equal(name, "again.weight");
    assert_null(rt_nn_tie(b, "x", rt_ones(rt_shape(1))));
    expect_error(RT_E_ARG, "no parameter of another module");
    char *text = rt_nn_summary(net);
    assert_non_null(strstr(text, "w [3,2] (is a.weight)"));
    rt_text_free(text);

    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    assert_int_equal(rt_optim_flat(o)->count, 6);
    must(rt_nn_freeze(net, "b.*", true)); /* through its other name */
    assert_true(!rt_requires_grad(w) && !rt_nn_param_trainable(net, 0));
    rt_scope_end(s);
}

static char path[64];

static void tied_and_buffered_nets_are_saved(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net[2];
    for (int i = 0; i < 2; i++) {
        net[i] = rt_nn_new(&holder_type);
        rt_nn_param(net[i], "weight", rt_rand(rt_shape(3)));
        rt_nn_tie(net[i], "same", rt_nn_find(net[i], "weight"));
        rt_nn_buffer(net[i], "mean", rt_rand(rt_shape(2)), RT_PERSISTENT);
        rt_nn_buffer(net[i], "scratch", rt_rand(rt_shape(2)), 0);
    }
    must(rt_nn_save(net[0], path));
    rt_st_reader *r;
    must(rt_st_open(path, &r));
    assert_int_equal(rt_st_count(r), 3);
    assert_non_null(rt_st_find(r, "same"));
    rt_st_close(r);
    must(rt_nn_load(net[1], path));
    assert_same(rt_nn_find(net[0], "weight"), rt_nn_find(net[1], "weight"));
    assert_same(rt_nn_find(net[0], "mean"), rt_nn_find(net[1], "mean"));
    assert_false(equal(rt_nn_find(net[0], "scratch"), rt_nn_find(net[1], "scratch")));

    /* A file needs only one of the names, and it may contain counts of batches that belong to no layer. */
    rt_st_writer *w;
    float two[] = {1, 2}, three[] = {1, 2, 3}, other[] = {1, 2, 4};
    must(rt_st_create(path, &w));
    must(rt_st_add(w, "same", RT_F32, rt_shape(3), three));
    must(rt_st_add(w, "mean", RT_F32, rt_shape(2), two));
    must(rt_st_add(w, "num_batches_tracked", RT_I64, rt_shape(), &(int64_t){7}));
    must(rt_st_finish(w, NULL, NULL));
    must(rt_nn_load(net[1], path));
    assert_true(rt_f32(rt_nn_find(net[1], "weight"))[2] == 3);
    must(rt_st_create(path, &w));
    must(rt_st_add(w, "weight", RT_F32, rt_shape(3), three));
    must(rt_st_add(w, "same", RT_F32, rt_shape(3), other));
    must(rt_st_finish(w, NULL, NULL));
    assert_int_equal(rt_nn_load(net[1], path), RT_E_MISMATCH);
    assert_non_null(strstr(rt_error(), "\"mean\" [2] is missing"));
    expect_error(RT_E_MISMATCH, "\"weight\" and \"same\" differ, but are one tensor here");
    rt_scope_end(s);
}

/* PyTorch writes the count of batches as int64. */
static void batch_norms_of_pytorch_are_loaded(void **state)
{
    (void)state;
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    rt_scope s = rt_scope_begin();
    rt_module *b = rt_nn_batch_norm2d(2);
    float two[] = {1, 2};
    rt_st_writer *w;
    must(rt_st_create(path, &w));
    for (int i = 0; i < 4; i++)
        must(rt_st_add(w, names[i], RT_F32, rt_shape(2), two));
    must(rt_st_add(w, "num_batches_tracked", RT_I64, rt_shape(), &(int64_t){7}));
    must(rt_st_finish(w, NULL, NULL));
    must(rt_nn_load(b, path));
    assert_true(rt_item(rt_nn_find(b, "num_batches_tracked")) == 7);
    assert_true(rt_f32(rt_nn_find(b, "running_var"))[1] == 2);
    rt_scope_end(s);
}

/* ---- frozen parameters ---- */

static void frozen_parameters_stay_in_their_place(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_linear(2, 2), rt_nn_linear(2, 2));
    rt_optim *o = rt_optim_adamw(net, .lr = 0.1, .weight_decay = 0.5);
    rt_tensor *x = rt_ones(rt_shape(1, 2)), *w = rt_nn_find(net, "0.weight"),
              *b = rt_nn_find(net, "0.bias");
    rt_tensor *before = rt_clone(rt_detach(w)), *bias = rt_clone(rt_detach(b));
    must(rt_nn_freeze(net, "?.weight", true));
    assert_false(rt_nn_param_trainable(net, 0));
    assert_true(rt_nn_param_trainable(net, 1));
    must(rt_backward(rt_sum(rt_forward(net, x))));
    assert_null(rt_grad_of(w));
    must(rt_optim_step(o));
    assert_same(w, before);
    assert_false(equal(b, bias));
    char *text = rt_nn_summary(net);
    assert_non_null(strstr(text, "weight [2,2] (frozen) bias"));
    assert_non_null(strstr(text, "12 parameters, 8 of them frozen"));
    rt_text_free(text);

    /* Its gradient is written to the same memory as before. */
    must(rt_nn_freeze(net, "*", false));
    must(rt_backward(rt_sum(rt_forward(net, x))));
    assert_ptr_equal(rt_f32(rt_grad_of(w)), rt_optim_flat(o)->grad);
    must(rt_optim_step(o));
    assert_false(equal(w, before));
    rt_nn_freeze(net, "2.*", true);
    expect_error(RT_E_NOTFOUND, "no parameter matches \"2.*\"");
    must(rt_nn_freeze(net, "*", true)); /* all of them: nothing is left to differentiate */
    assert_int_equal(rt_backward(rt_sum(rt_forward(net, x))), RT_E_ARG);
    rt_error_clear();
    rt_scope_end(s);
}

/* ---- hooks ---- */

static void add_one(void *ctx, rt_module *m, rt_tensor **in, int n_in)
{
    (void)m;
    assert_int_equal(n_in, 1);
    in[0] = rt_add_scalar(in[0], 1);
    ++*(int *)ctx;
}

static void times_ten(void *ctx, rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                      int n_out)
{
    (void)m;
    assert_true(n_in == 1 && n_out == 1 && in[0]);
    out[0] = rt_mul_scalar(out[0], 10);
    ++*(int *)ctx;
}

static void spoil(void *ctx, rt_module *m, rt_tensor **in, int n_in)
{
    (void)ctx;
    (void)m;
    (void)n_in;
    in[0] = NULL;
}

static void hooks_see_and_change(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *relu = rt_nn_relu(), *net = rt_nn_sequential(relu, rt_nn_relu());
    int first = 0, second = 0;
    must(rt_nn_hook(relu, (rt_nn_hooks){&first, .before = add_one, .after = times_ten}));
    must(rt_nn_hook(relu, (rt_nn_hooks){&second, .after = times_ten}));
    must(rt_nn_hook(relu, (rt_nn_hooks){NULL, .before = spoil}));
    assert_null(rt_forward(net, rt_ones(rt_shape(1))));
    expect_error(RT_E_ARG, "forward: argument 2 is no tensor (NULL)");
    rt_nn_unhook(relu, NULL);
    assert_true(rt_item(rt_forward(net, rt_ones(rt_shape(1)))) == 200);
    rt_nn_unhook(relu, &first);
    assert_true(rt_item(rt_forward(net, rt_ones(rt_shape(1)))) == 10);
    assert_true(first == 3 && second == 2);
    rt_nn_hook(relu, (rt_nn_hooks){NULL});
    expect_error(RT_E_ARG, "neither");
    rt_scope_end(s);
}

/* ---- parameters that are elsewhere ---- */

enum { STORES = 8 };
typedef struct store {
    struct {
        rt_tensor *param;
        float *value;
    } at[STORES];
    int count, present, most, calls;
} store;

static void put_away(store *t, rt_module *net)
{
    rt_tensor *p;
    for (int i = 0; (p = rt_nn_param_at(net, i, NULL)); i++) {
        size_t bytes = (size_t)rt_numel(p) * sizeof(float);
        t->at[i].param = p;
        t->at[i].value = malloc(bytes);
        must(rt_copy_out(p, t->at[i].value));
        must(rt_param_absent(p));
        t->count = i + 1;
    }
}

static void fetch(void *ctx, rt_module *m, bool needed)
{
    store *t = ctx;
    rt_tensor *p;
    t->calls++;
    for (int i = 0; (p = rt_nn_own_param_at(m, i, NULL)); i++)
        for (int k = 0; k < t->count; k++)
            if (t->at[k].param == p && needed)
                must(rt_param_present(p, rt_from(t->at[k].value, rt_dims_of(p), RT_F32)));
            else if (t->at[k].param == p)
                must(rt_param_absent(p));
    t->present += needed ? 1 : -1;
    t->most = t->present > t->most ? t->present : t->most;
}

/* Only one layer's parameters are present at a time, in forward and in backward; the bits equal those of a net that has them
 * all. */
static void parameters_may_be_elsewhere(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net[2];
    rt_tensor *x = rt_param(rt_rand(rt_shape(5, 4)));
    store t = {0};
    for (int i = 0; i < 2; i++) {
        rt_random_seek(3, 0, 0);
        net[i] = rt_nn_sequential(rt_nn_linear(4, 6), rt_nn_tanh(), rt_nn_linear(6, 6),
                                  rt_nn_relu(), rt_nn_linear(6, 2));
    }
    put_away(&t, net[1]);
    assert_false(rt_param_is_present(t.at[0].param));
    assert_null(rt_forward(net[1], x));
    expect_error(RT_E_ARG, "linear: the value of float32[6,4] cpu is absent");
    must(rt_nn_on_need(net[1], fetch, &t));
    rt_tensor *grad[2];
    for (int i = 0; i < 2; i++) {
        must(rt_backward(rt_sum(rt_square(rt_forward(net[i], x)))));
        grad[i] = rt_clone(rt_grad_of(x));
        rt_grad_clear(x);
    }
    assert_same(grad[0], grad[1]);
    for (int i = 0; i < t.count; i++) {
        assert_same(rt_grad_of(rt_nn_param_at(net[0], i, NULL)), rt_grad_of(t.at[i].param));
        assert_false(rt_param_is_present(t.at[i].param));
        free(t.at[i].value);
    }
    assert_true(t.present == 0 && t.most == 1 && t.calls == 12);
    rt_free(x);
    rt_scope_end(s);
}

static rt_tensor *first_column(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_narrow(x, 1, 0, 1);
}

/* Nothing says which shape a layer of a program should return, so a misfit is told with both of its sides. */
static void layers_that_do_not_fit_are_both_named(void **state)
{
    (void)state;
    static const rt_module_type type = {"mine", sizeof(rt_module), first_column, NULL};
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_rand(rt_shape(5, 4));
    rt_module *net = rt_nn_sequential(rt_nn_linear(4, 6), rt_nn_new(&type), rt_nn_linear(6, 2));
    assert_null(rt_forward(net, x));
    expect_error(RT_E_SHAPE, "layer 2 (linear), given what layer 1 (mine) returned: linear: ");
    rt_module *first = rt_nn_sequential(rt_nn_linear(6, 2), rt_nn_tanh());
    assert_null(rt_forward(first, x));
    assert_null(strstr(rt_error(), "given what layer"));
    expect_error(RT_E_SHAPE, "linear: ");
    rt_scope_end(s);
}

static void an_optimiser_wants_float32_without_gaps(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *wide = rt_nn_new(&holder_type);
    rt_nn_param(wide, "weight", rt_zeros(rt_shape(2), RT_F64));
    assert_null(rt_optim_adamw(wide));
    expect_error(RT_E_DTYPE, "adamw: weight is float64[2] cpu, expected float32");
    assert_int_equal(rt_nn_save(wide, path), RT_E_DTYPE);
    expect_error(RT_E_DTYPE, "nn_save: weight is float64[2] cpu, expected float32");
    rt_module *gaps = rt_nn_new(&holder_type);
    rt_nn_param(gaps, "weight", rt_t(rt_zeros(rt_shape(2, 3))));
    assert_null(rt_optim_adamw(gaps));
    expect_error(RT_E_ARG, "adamw: weight is a view with gaps, expected what rt_contiguous gives");
    rt_scope_end(s);
}

/* ---- random numbers ---- */

static rt_module *noisy(void)
{
    return rt_nn_sequential(rt_nn_dropout(0.5), rt_nn_sequential(rt_nn_dropout(0.5)),
                            rt_nn_dropout(0.5));
}

static rt_tensor *mask_of(rt_module *m)
{
    return rt_forward(m, rt_ones(rt_shape(256)));
}

static void each_place_in_a_net_has_its_own_numbers(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *net = noisy(), *twin = noisy();
    rt_module *part[] = {rt_nn_find_module(net, "0"), rt_nn_find_module(net, "1"),
                         rt_nn_find_module(net, "2")};
    rt_tensor *one[3], *other[3];
    rt_random_seek(9, 4, 2);
    for (int i = 0; i < 3; i++)
        one[i] = mask_of(part[i]);
    assert_false(equal(one[0], one[1]) || equal(one[0], one[2]) || equal(one[1], one[2]));
    rt_random_seek(9, 4, 2);
    rt_rand(rt_shape(3)); /* neither draws outside of the net nor the order of the parts matter */
    for (int i = 2; i >= 0; i--)
        other[i] = mask_of(rt_nn_find_module(twin, i == 0 ? "0" : i == 1 ? "1" : "2"));
    for (int i = 0; i < 3; i++)
        assert_same(one[i], other[i]);

    /* Each part draws the same numbers alone, later, as within the whole net. */
    rt_random_seek(9, 4, 2);
    assert_same(mask_of(net), rt_mul(rt_mul(one[0], one[1]), one[2]));
    assert_false(equal(mask_of(part[1]), one[1])); /* its second draw in this slice */
    rt_random_seek(9, 4, 2);
    assert_same(mask_of(part[1]), one[1]);
    rt_random_seek(9, 4, 3);
    assert_false(equal(mask_of(part[1]), one[1]));
    rt_random_seek(9, 5, 2);
    assert_false(equal(mask_of(part[1]), one[1]));
    rt_random_seek(8, 4, 2);
    assert_false(equal(mask_of(part[1]), one[1]));
    rt_scope_end(s);
}

/* Uses more places than the table of draws has at first: growing must not lose counts. */
static void many_places_draw_apart(void **state)
{
    (void)state;
    enum { MANY = 300 };
    rt_scope s = rt_scope_begin();
    rt_module *layer[MANY];
    for (int i = 0; i < MANY; i++)
        layer[i] = rt_nn_dropout(0.5);
    rt_nn_sequential_(layer, MANY);
    rt_tensor *first[MANY];
    rt_random_seek(1, 0, 0);
    for (int i = 0; i < MANY; i++)
        first[i] = mask_of(layer[i]);
    for (int i = 0; i < MANY; i++) {
        assert_false(equal(first[i], first[(i + 1) % MANY]));
        assert_false(equal(mask_of(layer[i]), first[i]));
    }
    rt_random_seek(1, 0, 0);
    for (int i = 0; i < MANY; i++)
        assert_same(mask_of(layer[i]), first[i]);
    rt_scope_end(s);
}

/* A module removed from its net draws as a net of its own, like one that never was in a net. */
static void numbers_outside_of_modules_are_as_before(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_module *kept = rt_keep(rt_nn_dropout(0.5));
    rt_random_seek(2, 0, 0);
    rt_tensor *alone = mask_of(kept);
    rt_scope inner = rt_scope_begin();
    rt_module *net = rt_nn_sequential(rt_nn_relu(), kept);
    rt_random_seek(2, 0, 0);
    assert_false(equal(mask_of(net), alone));
    rt_scope_end(inner);
    rt_random_seek(2, 0, 0);
    assert_same(mask_of(kept), alone);
    rt_free(kept);
    rt_scope_end(s);
}

/* ---- memory ---- */

static void nothing_is_left_behind(void **state)
{
    (void)state;
    rt_shutdown();
    int64_t memory = rt_mem_live(), objects = rt_live_objects();
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 500);
        int calls = 0;
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        rt_module *net = rt_nn_sequential(rt_nn_linear(2, 2), rt_nn_dropout(0.5));
        rt_module *other = net ? rt_nn_new(&holder_type) : NULL;
        if (other) {
            rt_nn_child(other, "net", net);
            rt_nn_child(other, "again", net);
            rt_nn_buffer(other, "b", rt_ones(rt_shape(1)), 0);
            rt_nn_hook(net, (rt_nn_hooks){&calls, .before = add_one});
        }
        int64_t aliases = other ? rt_nn_alias_count(other) : 0;
        rt_status status = rt_backward(rt_sum(rt_forward(net, rt_ones(rt_shape(2, 2)))));
        rt_mem_fail_after(-1);
        done = status == RT_OK && aliases == 2;
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_live_objects(), objects);
        assert_int_equal(rt_mem_live(), memory);
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/rt_nn_module_XXXXXX");
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
        cmocka_unit_test(any_number_of_inputs_and_results),
        cmocka_unit_test(a_layer_of_a_row_may_be_run_for_no_result),
        cmocka_unit_test(types_that_cannot_be_are_refused),
        cmocka_unit_test(buffers_are_listed_apart),
        cmocka_unit_test(observations_move_buffers_or_are_collected),
        cmocka_unit_test(a_tied_parameter_counts_once),
        cmocka_unit_test(tied_and_buffered_nets_are_saved),
        cmocka_unit_test(batch_norms_of_pytorch_are_loaded),
        cmocka_unit_test(frozen_parameters_stay_in_their_place),
        cmocka_unit_test(hooks_see_and_change),
        cmocka_unit_test(parameters_may_be_elsewhere),
        cmocka_unit_test(layers_that_do_not_fit_are_both_named),
        cmocka_unit_test(an_optimiser_wants_float32_without_gaps),
        cmocka_unit_test(each_place_in_a_net_has_its_own_numbers),
        cmocka_unit_test(many_places_draw_apart),
        cmocka_unit_test(numbers_outside_of_modules_are_as_before),
        cmocka_unit_test(nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, set_up, shut_down);
}
