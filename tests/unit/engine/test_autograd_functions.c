/* Tests what is built on gradients: hooks, checkpoints, products with the Hessian, and the modes of recording. */
#include "check.h"

#include "tests/unit/common/random.h"

static rt_tensor *param(rt_dims shape)
{
    rt_tensor *x = rt_param(rt_uniform(shape, -1, 1));
    rt_free(x); /* the scope owns it */
    return x;
}

/* ---- hooks ---- */

static rt_tensor *doubles(rt_tensor *dy, void *count)
{
    ++*(int *)count;
    return rt_mul_scalar(dy, 2);
}

static rt_tensor *looks(rt_tensor *dy, void *seen)
{
    *(float *)seen = rt_f32(dy)[0];
    return NULL;
}

static void hooks_see_and_replace_gradients(void **state)
{
    (void)state;
    int calls = 0;
    float before = 0, after = 0;
    rt_tensor *x = param(rt_shape(2)), *h = rt_mul_scalar(x, 3);
    rt_on_grad(h, looks, &before);
    rt_on_grad(h, doubles, &calls);
    rt_on_grad(h, looks, &after);
    rt_on_grad(x, doubles, &calls);
    rt_backward(rt_sum(rt_add(h, h)));
    assert_values(rt_grad_of(x), 24, 24); /* 2 from the sum, doubled, times 3, doubled */
    assert_int_equal(calls, 2);
    assert_true(before == 2 && after == 4);
}

static void hooks_of_results_are_called_for_rt_grad(void **state)
{
    (void)state;
    int calls = 0;
    rt_tensor *x = param(rt_shape(2)), *h = rt_square(x), *out;
    rt_on_grad(h, doubles, &calls);
    rt_grad(rt_sum(h), .inputs = &h, .count = 1, .out = &out);
    assert_values(out, 2, 2);
    assert_int_equal(calls, 1);
}

static void hooks_may_be_differentiated(void **state)
{
    (void)state;
    int calls = 0;
    rt_tensor *x = param(rt_shape()), *g, *gg;
    rt_fill(rt_detach(x), 3);
    rt_on_grad(x, doubles, &calls);
    rt_tensor *y = rt_square(rt_mul(x, x));
    rt_grad(y, .inputs = &x, .count = 1, .out = &g, .create_graph = true);
    assert_values(g, 216); /* 2 (4 x^3) */
    rt_grad(g, .inputs = &x, .count = 1, .out = &gg);
    assert_values(gg, 432); /* 2 (24 x^2) */
}

static void hooks_are_removed(void **state)
{
    (void)state;
    int calls = 0;
    rt_tensor *x = param(rt_shape(1));
    int64_t first = rt_on_grad(x, doubles, &calls), second = rt_on_grad(x, doubles, &calls);
    assert_true(first > 0 && second > first);
    assert_int_equal(rt_off_grad(x, first), RT_OK);
    rt_backward(rt_sum(x));
    assert_int_equal(calls, 1);
    rt_off_grad(x, first);
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    rt_error_clear();
}

static rt_tensor *other_shape(rt_tensor *dy, void *context)
{
    (void)dy, (void)context;
    return rt_ones(rt_shape(7));
}

static void wrong_hooks_are_refused(void **state)
{
    (void)state;
    rt_tensor *x = param(rt_shape(2));
    rt_on_grad(rt_ones(rt_shape(2)), looks, NULL);
    assert_error(ARG, "on_grad: float32[2] cpu wants no gradient");
    rt_on_grad(x, other_shape, NULL);
    rt_backward(rt_sum(x));
    assert_error(SHAPE, "backward: a hook made float32[7] cpu of the gradient float32[2] cpu: "
                        "expected the same kind");
}

/* ---- checkpoints ---- */

/* Two layers with dropout between them; context counts the calls. */
static void block(rt_tensor *const *in, rt_tensor **out, void *context)
{
    ++*(int *)context;
    rt_tensor *h = rt_dropout(rt_tanh(rt_linear(in[0], in[1])), 0.5);
    out[0] = rt_linear(h, in[2]);
    out[1] = rt_square(h);
}

static void block_gradients(bool checkpointed, rt_tensor **in, rt_tensor **dx, int *calls)
{
    rt_random_seek(7, 1, 0);
    rt_tensor *out[2];
    if (checkpointed)
        rt_checkpoint(block, .context = calls, .in = in, .n_in = 3, .out = out, .n_out = 2);
    else
        block(in, out, calls);
    rt_tensor *loss = rt_add(rt_sum(rt_square(out[0])), rt_sum(out[1]));
    rt_tensor *later = rt_rand(rt_shape(3)); /* backward must not disturb the streams */
    rt_grad(rt_add(loss, rt_sum(later)), .inputs = in, .count = 3, .out = dx);
    dx[3] = rt_rand(rt_shape(3));
    dx[4] = loss;
}

static void assert_same(const rt_tensor *a, const rt_tensor *b)
{
    assert_fine();
    assert_int_equal(rt_numel(a), rt_numel(b));
    assert_memory_equal(rt_data(a), rt_data(b), (size_t)rt_numel(a) * sizeof(float));
}

static void checkpoints_change_no_bit(void **state)
{
    (void)state;
    rt_tensor *in[] = {param(rt_shape(5, 4)), param(rt_shape(6, 4)), param(rt_shape(3, 6))};
    rt_tensor *plain[5], *again[5];
    int calls = 0;
    block_gradients(false, in, plain, &calls);
    assert_int_equal(calls, 1);
    block_gradients(true, in, again, &calls);
    assert_int_equal(calls, 3);
    for (int i = 0; i < 5; i++)
        assert_same(plain[i], again[i]);
}

static void checkpoints_keep_only_inputs(void **state)
{
    (void)state;
    int calls = 0;
    rt_tensor *in[] = {rt_rand(rt_shape(100, 64)), param(rt_shape(256, 64)),
                       param(rt_shape(8, 256))};
    rt_tensor *out[2], *kept[2];
    int64_t before = rt_memory().bytes_used;
    rt_scope s = rt_scope_begin();
    rt_checkpoint(block, .context = &calls, .in = in, .n_in = 3, .out = out, .n_out = 2);
    kept[0] = rt_keep(out[0]);
    rt_scope_end(s);
    int64_t checkpointed = rt_memory().bytes_used - before;
    s = rt_scope_begin();
    block(in, out, &calls);
    kept[1] = rt_keep(out[0]);
    rt_scope_end(s);
    int64_t plain = rt_memory().bytes_used - before - checkpointed;
    assert_fine();
    assert_true(plain > 100 * 256 * 4);
    assert_true(checkpointed < 64 * 1024);
    rt_free(kept[0]);
    rt_free(kept[1]);
}

/* Takes 40 inputs, more than there are bits for them. */
static void sum_of_squares(rt_tensor *const *in, rt_tensor **out, void *context)
{
    out[0] = rt_square(in[0]);
    for (int i = 1; i < *(const int *)context; i++)
        out[0] = rt_add(out[0], rt_square(in[i]));
}

static void checkpoints_take_many_inputs(void **state)
{
    (void)state;
    int count = 40;
    rt_tensor *in[40], *y;
    for (int i = 0; i < count; i++)
        in[i] = i % 2 ? param(rt_shape(2)) : rt_ones(rt_shape(2));
    rt_checkpoint(sum_of_squares, .context = &count, .in = in, .n_in = count, .out = &y,
                  .n_out = 1);
    rt_backward(rt_sum(y));
    assert_fine();
    for (int i = 1; i < count; i += 2)
        assert_same(rt_grad_of(in[i]), rt_mul_scalar(rt_detach(in[i]), 2));
    /* inputs are kept, so a change of one is found */
    rt_checkpoint(sum_of_squares, .context = &count, .in = in, .n_in = count, .out = &y,
                  .n_out = 1);
    rt_fill(in[38], 3);
    rt_backward(rt_sum(y));
    assert_error(ARG,
                 "backward: an input of checkpoint, float32[2] cpu, was changed in place after "
                 "it was used: clone it first");
}

/* Returns its input, and a constant. */
static void nothing_new(rt_tensor *const *in, rt_tensor **out, void *context)
{
    (void)context;
    out[0] = in[0];
    out[1] = rt_ones(rt_shape(2), RT_I64);
}

static void checkpoints_may_return_inputs(void **state)
{
    (void)state;
    rt_tensor *x = param(rt_shape(2)), *out[2];
    rt_checkpoint(nothing_new, .in = &x, .n_in = 1, .out = out, .n_out = 2);
    assert_true(rt_requires_grad(out[0]) && !rt_requires_grad(out[1]));
    rt_backward(rt_sum(rt_mul(out[0], x)));
    assert_same(rt_grad_of(x), rt_mul_scalar(rt_detach(x), 2));
}

static void uses_another(rt_tensor *const *in, rt_tensor **out, void *parameter)
{
    out[0] = parameter ? rt_mul(in[0], parameter) : NULL;
}

static void wrong_checkpoints_are_refused(void **state)
{
    (void)state;
    rt_tensor *x = param(rt_shape(2)), *hidden = param(rt_shape(2)), *y, *g;
    rt_checkpoint(uses_another, .context = hidden, .in = &x, .n_in = 1, .out = &y, .n_out = 1);
    rt_backward(rt_sum(y));
    assert_error(ARG,
                 "checkpoint: its function uses a parameter, float32[2] cpu, that is not among its "
                 "inputs: pass it");
    rt_checkpoint(uses_another, .in = &x, .n_in = 1, .out = &y, .n_out = 1);
    assert_error(ARG, "checkpoint: result: argument 1 is no tensor (NULL)");
    rt_checkpoint(uses_another, .context = hidden, .in = &x, .n_in = 0, .out = &y, .n_out = 1);
    assert_error(ARG, "checkpoint: 0 inputs and 1 results: expected one or more of each");
    rt_checkpoint(uses_another, .context = rt_detach(hidden), .in = &x, .n_in = 1, .out = &y,
                  .n_out = 1);
    rt_grad(rt_sum(rt_square(y)), .inputs = &x, .count = 1, .out = &g, .create_graph = true);
    assert_error(UNSUPPORTED, "checkpoint: its results can be differentiated once");
}

/* ---- products with the Hessian ---- */

static void hvp_is_the_hessian_times_v(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_from((const float[]){1, 2}, rt_shape(2), RT_F32));
    rt_tensor *y = rt_param(rt_full(rt_shape(), 3, RT_F32));
    rt_free(x), rt_free(y);
    /* f = y sum(x^3): H = [6 y x on the diagonal, 3 x^2 between x and y, 0] */
    rt_tensor *loss = rt_mul(y, rt_sum(rt_mul(x, rt_square(x)))), *out[2];
    rt_tensor *in[] = {x, y};
    rt_tensor *v[] = {rt_from((const float[]){1, -1}, rt_shape(2), RT_F32), rt_scalar(2)};
    rt_hvp(loss, .inputs = in, .v = v, .count = 2, .out = out);
    assert_values(out[0], 18 + 6, -36 + 24);
    assert_values(out[1], 3 - 12);
    assert_false(rt_requires_grad(out[0]));
    rt_hvp(rt_sum(x), .inputs = in, .v = v, .count = 2, .out = out);
    assert_values(out[0], 0, 0);
    assert_values(out[1], 0);
    v[1] = v[0];
    rt_hvp(loss, .inputs = in, .v = v, .count = 2, .out = out);
    assert_error(SHAPE,
                 "hvp: v[1] is float32[2] cpu, expected the shape and type of float32[] cpu");
    assert_null(out[0]);
}

/* ---- modes ---- */

static void modes_say_what_is_recorded(void **state)
{
    (void)state;
    rt_tensor *x = param(rt_shape(2)), *y = rt_square(x);
    assert_int_equal(rt_set_grad_mode(RT_GRAD_OFF), RT_GRAD_ON);
    assert_false(rt_requires_grad(rt_square(x)));
    rt_grad_mode off = rt_set_grad_mode(RT_GRAD_ON);
    assert_true(rt_requires_grad(rt_square(x)));
    assert_int_equal(rt_set_grad_mode(off), RT_GRAD_ON);
    assert_int_equal(rt_set_grad_mode(RT_GRAD_INFERENCE), RT_GRAD_OFF);
    assert_false(rt_requires_grad(rt_square(x)));
    rt_backward(rt_sum(y));
    assert_error(ARG, "backward: no gradients are computed in RT_GRAD_INFERENCE");
    rt_param(rt_ones(rt_shape(2)));
    assert_error(ARG, "param: no gradients are computed in RT_GRAD_INFERENCE");
    assert_int_equal(rt_set_grad_mode(RT_GRAD_ON), RT_GRAD_INFERENCE);
    rt_backward(rt_sum(y));
    assert_fine();
}

/* ---- passes within passes ---- */

/* Differentiates the square of the parameter that the outer pass differentiates as well. */
static rt_tensor *penalises(rt_tensor *dy, void *context)
{
    rt_tensor *w = context, *g;
    rt_grad_mode mode = rt_set_grad_mode(RT_GRAD_ON);
    rt_grad(rt_sum(rt_square(w)), .inputs = &w, .count = 1, .out = &g);
    rt_set_grad_mode(mode);
    return dy;
}

static void a_pass_within_a_pass_shares_nothing_with_it(void **state)
{
    (void)state;
    rt_tensor *w = rt_param(rt_ones(rt_shape(3))), *other = rt_param(rt_ones(rt_shape(3)));
    rt_tensor *h = rt_mul_scalar(w, 3);
    int64_t number = rt_on_grad(h, penalises, w);
    assert_int_equal(rt_backward(rt_sum(h), .retain_graph = true), RT_E_ARG);
    assert_error(ARG, "backward: a parameter takes part in the backward pass that calls this one: "
                      "call it after that pass");
    assert_int_equal(rt_off_grad(h, number), RT_OK);
    rt_on_grad(h, penalises, other);
    rt_backward(rt_sum(h));
    assert_fine();
    assert_values(rt_grad_of(w), 3, 3, 3);
    rt_free(w), rt_free(other);
}

static void multiplies_by_context(rt_tensor *const *in, rt_tensor **out, void *context)
{
    out[0] = rt_mul(in[0], context);
}

/* The other user of h is still to be differentiated when the function is. */
static void a_checkpointed_function_needs_its_results_as_inputs(void **state)
{
    (void)state;
    rt_tensor *w = rt_param(rt_ones(rt_shape(3))), *x = rt_param(rt_ones(rt_shape(3))), *y;
    rt_tensor *h = rt_mul(rt_exp(w), rt_sin(w));
    rt_checkpoint(multiplies_by_context, .context = h, .in = &x, .n_in = 1, .out = &y, .n_out = 1);
    assert_int_equal(rt_backward(rt_add(rt_sum(y), rt_sum(rt_mul_scalar(h, 2)))), RT_E_ARG);
    assert_error(ARG, "checkpoint: its function uses a result of mul that is not among its inputs: "
                      "pass it");
    rt_free(w), rt_free(x);
}

/* ---- hooks that remove hooks ---- */

static int64_t removed[2];

static rt_tensor *removes_both(rt_tensor *dy, void *context)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(rt_off_grad(context, removed[i]), RT_OK);
    assert_int_equal(rt_off_grad(context, removed[1]), RT_E_NOTFOUND);
    rt_error_clear();
    return dy;
}

static void a_hook_may_remove_the_next_one(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(3)));
    int calls = 0;
    removed[0] = rt_on_grad(x, removes_both, x);
    removed[1] = rt_on_grad(x, doubles, &calls);
    rt_backward(rt_sum(x));
    assert_fine();
    assert_values(rt_grad_of(x), 1, 1, 1);
    assert_int_equal(calls, 0);
    assert_int_equal(rt_off_grad(x, removed[0]), RT_E_NOTFOUND);
    rt_error_clear();
    rt_free(x);
}

static int added;

static rt_tensor *adds_itself(rt_tensor *dy, void *context)
{
    added++;
    assert_true(rt_on_grad(context, adds_itself, context) > 0);
    return dy;
}

static void a_hook_that_a_hook_adds_waits_for_the_next_pass(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(3)));
    rt_on_grad(x, adds_itself, x);
    rt_backward(rt_sum(x));
    assert_int_equal(added, 1);
    rt_backward(rt_sum(x));
    assert_int_equal(added, 3);
    assert_fine();
    rt_free(x);
}

/* An empty view has stride 0 where it shows nothing, and its gradient is written nowhere. */
static void a_write_to_an_empty_view_has_an_empty_gradient(void **state)
{
    (void)state;
    rt_tensor *w = rt_param(rt_ones(rt_shape(3, 4), RT_F64));
    rt_tensor *x = rt_mul_scalar(rt_narrow(rt_mul_scalar(w, 1), 0, 1, 0), 1), *d = rt_diagonal(x);
    rt_mul_inplace(d, d);
    rt_backward(rt_add(rt_sum(rt_square(d)), rt_sum(rt_square(x))));
    assert_fine();
    assert_int_equal(rt_item(rt_sum(rt_abs(rt_grad_of(w)))), 0);
    rt_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pass_within_a_pass_shares_nothing_with_it),
        TEST(a_checkpointed_function_needs_its_results_as_inputs),
        TEST(a_hook_may_remove_the_next_one),
        TEST(a_hook_that_a_hook_adds_waits_for_the_next_pass),
        TEST(a_write_to_an_empty_view_has_an_empty_gradient),
        TEST(hooks_see_and_replace_gradients),
        TEST(hooks_of_results_are_called_for_rt_grad),
        TEST(hooks_may_be_differentiated),
        TEST(hooks_are_removed),
        TEST(wrong_hooks_are_refused),
        TEST(checkpoints_change_no_bit),
        TEST(checkpoints_keep_only_inputs),
        TEST(checkpoints_take_many_inputs),
        TEST(checkpoints_may_return_inputs),
        TEST(wrong_checkpoints_are_refused),
        TEST(hvp_is_the_hessian_times_v),
        TEST(modes_say_what_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
