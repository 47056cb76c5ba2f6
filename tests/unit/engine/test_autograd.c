/* Tests of the graph: gradients of leaves, what is kept and for how long, errors, failing allocations. */
#include "check.h"

#include "common/base/mem.h"
#include "worker/engine/autograd/op.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static rt_tensor *param(double value)
{
    return rt_param(rt_full(rt_shape(2), value, RT_F32));
}

/* ---- gradients of leaves ---- */

static void gradients_add_until_cleared(void **state)
{
    (void)state;
    rt_tensor *x = param(3);
    assert_true(rt_requires_grad(x));
    assert_null(rt_grad_of(x));
    rt_backward(rt_sum(rt_square(x)));
    assert_values(rt_grad_of(x), 6, 6);
    rt_backward(rt_sum(rt_square(x)));
    assert_values(rt_grad_of(x), 12, 12);
    rt_grad_clear(x);
    assert_null(rt_grad_of(x));
    rt_backward(rt_sum(rt_square(x)), .grad = rt_scalar(-2));
    assert_values(rt_grad_of(x), -12, -12);
    rt_free(x);
}

static void gradient_belongs_to_its_leaf_alone(void **state)
{
    (void)state;
    rt_tensor *x = param(1), *y = param(2), *dy = rt_ones(rt_shape(2));
    rt_backward(rt_add(x, y), .grad = dy); /* the same dy goes to both */
    rt_fill(rt_grad_of(x), 50);
    assert_values(rt_grad_of(y), 1, 1);
    assert_values(dy, 1, 1);
    rt_free(x);
    rt_free(y);
}

static void diamond_is_visited_once_its_gradient_is_complete(void **state)
{
    (void)state;
    rt_tensor *x = param(2);
    rt_tensor *a = rt_square(x);                       /* a = x^2 */
    rt_tensor *b = rt_mul(a, x);                       /* b = x^3 */
    rt_tensor *c = rt_add(rt_mul(a, b), rt_add(a, b)); /* x^5 + x^2 + x^3 */
    rt_backward(rt_sum(c));
    assert_values(rt_grad_of(x), 96, 96); /* 5 * 16 + 4 + 12 */
    rt_free(x);
}

static void gradient_in_a_fixed_place(void **state)
{
    (void)state;
    rt_tensor *flat = rt_full(rt_shape(6), 77, RT_F32), *x = param(3), *y = param(4);
    assert_int_equal(rt_grad_place(x, rt_narrow(flat, 0, 0, 2)), RT_OK);
    assert_int_equal(rt_grad_place(y, rt_narrow(flat, 0, 2, 2)), RT_OK);
    assert_null(rt_grad_of(x)); /* empty, whatever the memory holds */
    rt_backward(rt_sum(rt_mul(x, y)));
    assert_values(flat, 4, 4, 3, 3, 77, 77);
    assert_ptr_equal(rt_data(rt_grad_of(x)), rt_data(flat));
    rt_backward(rt_sum(rt_mul(x, y)));
    assert_values(flat, 8, 8, 6, 6, 77, 77);
    rt_grad_clear(x);
    assert_values(flat, 8, 8, 6, 6, 77, 77); /* no memory is touched */
    rt_backward(rt_sum(rt_add(x, y)));
    assert_values(flat, 1, 1, 7, 7, 77, 77);
    rt_grad_place(x, rt_narrow(flat, 0, 4, 2)); /* copies the gradient that is there */
    assert_values(flat, 1, 1, 7, 7, 1, 1);
    rt_grad_place(x, rt_zeros(rt_shape(3)));
    assert_error(SHAPE, "grad_place: float32[3] cpu, expected a contiguous float32[2] cpu");
    rt_grad_place(flat, flat);
    assert_error(ARG, "grad_place: float32[6] cpu is no parameter: make it with rt_param");
    rt_free(x);
    rt_free(y);
}

/* Weight gradients are either computed directly in their final memory or added to it; both must give the same. */
static void weight_gradients_go_straight_to_their_place(void **state)
{
    (void)state;
    rt_random_seek(1, 0, 0);
    rt_tensor *w = rt_param(rt_randn(rt_shape(4, 3))), *b = rt_param(rt_randn(rt_shape(4)));
    rt_tensor *k = rt_param(rt_randn(rt_shape(2, 1, 3, 3))), *c = rt_param(rt_randn(rt_shape(2)));
    rt_tensor *x = rt_randn(rt_shape(5, 3)), *image = rt_randn(rt_shape(2, 1, 5, 5));
    rt_tensor *leaf[] = {w, b, k, c}, *expected[4], *place[4];
    for (int round = 0; round < 4; round++) {
        if (round == 1) {
            for (int i = 0; i < 4; i++) {
                expected[i] = rt_clone(rt_grad_of(leaf[i]));
                rt_grad_clear(leaf[i]);
                place[i] = rt_full(rt_dims_of(leaf[i]), NAN, RT_F32);
                rt_grad_place(leaf[i], place[i]);
            }
        }
        rt_tensor *loss = rt_add(rt_sum(rt_square(rt_linear(x, w, b))),
                                 rt_sum(rt_square(rt_conv2d(image, k, c, .padding = {1, 1}))));
        rt_backward(loss);
        assert_fine();
        for (int i = 0; round >= 1 && i < 4; i++) {
            const float *got = rt_f32(place[i]), *once = rt_f32(expected[i]);
            for (int64_t j = 0; j < rt_numel(place[i]); j++)
                assert_true(got[j] == (round == 2 ? 2 * once[j] : once[j]));
            if (round == 2)
                rt_grad_clear(leaf[i]);
        }
    }
    for (int i = 0; i < 4; i++)
        rt_free(leaf[i]);
}

static void weight_used_twice_gets_both_gradients(void **state)
{
    (void)state;
    rt_random_seek(2, 0, 0);
    rt_tensor *w = rt_param(rt_randn(rt_shape(3, 3))), *x = rt_randn(rt_shape(5, 3));
    rt_backward(rt_sum(rt_square(rt_linear(rt_linear(x, w), w))));
    rt_tensor *expected = rt_clone(rt_grad_of(w)), *place = rt_zeros(rt_shape(3, 3));
    rt_grad_clear(w);
    rt_grad_place(w, place);
    rt_backward(rt_sum(rt_square(rt_linear(rt_linear(x, w), w))));
    assert_fine();
    assert_memory_equal(rt_data(place), rt_data(expected), 9 * sizeof(float));
    rt_free(w);
}

static void grad_does_not_use_the_place(void **state)
{
    (void)state;
    rt_tensor *w = rt_param(rt_ones(rt_shape(2, 2))), *place = rt_full(rt_shape(2, 2), 77, RT_F32);
    rt_tensor *dw;
    rt_grad_place(w, place);
    rt_grad(rt_sum(rt_linear(rt_ones(rt_shape(3, 2)), w)), &w, 1, &dw);
    assert_values(dw, 3, 3, 3, 3);
    assert_values(place, 77, 77, 77, 77);
    rt_free(w);
}

static void grad_leaves_the_leaves_alone(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *y = param(5), *place = rt_full(rt_shape(2), 77, RT_F32);
    rt_grad_place(x, place);
    rt_tensor *middle = rt_square(x), *loss = rt_sum(rt_mul(middle, middle));
    rt_tensor *in[] = {x, y, middle}, *out[3];
    assert_int_equal(rt_grad(loss, in, 3, out), RT_OK);
    assert_values(out[0], 108, 108); /* 4 x^3 */
    assert_values(out[1], 0, 0);
    assert_values(out[2], 18, 18);
    assert_null(rt_grad_of(x));
    assert_values(place, 77, 77);
    rt_free(x);
    rt_free(y);
}

/* ---- higher derivatives ---- */

static void gradients_can_be_differentiated_twice(void **state)
{
    (void)state;
    rt_tensor *x = param(2), *dx, *ddx, *dddx;
    rt_tensor *y = rt_sum(rt_mul(rt_mul(x, x), rt_mul(x, x)));
    rt_grad(y, &x, 1, &dx, .create_graph = true);
    rt_grad(rt_sum(dx), &x, 1, &ddx, .create_graph = true);
    rt_grad(rt_sum(ddx), &x, 1, &dddx);
    assert_values(dx, 32, 32);
    assert_values(ddx, 48, 48);
    assert_values(dddx, 48, 48);
    rt_free(x);
}

static void third_derivative_of_a_function_is_refused(void **state)
{
    (void)state;
    rt_tensor *x = param(1), *dx, *ddx, *dddx;
    rt_grad(rt_sum(rt_tanh(x)), &x, 1, &dx, .create_graph = true);
    rt_grad(rt_sum(dx), &x, 1, &ddx, .create_graph = true);
    assert_fine();
    assert_int_equal(rt_grad(rt_sum(ddx), &x, 1, &dddx), RT_E_UNSUPPORTED);
    assert_null(dddx);
    assert_error(UNSUPPORTED, "tanh: third derivatives are not supported");
    rt_free(x);
}

static void gradient_penalty_reaches_the_weights(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *w = param(2), *dx;
    rt_tensor *y = rt_sum(rt_mul(w, rt_square(x)));
    rt_grad(y, &x, 1, &dx, .create_graph = true); /* 2 w x = 12 */
    rt_backward(rt_sum(rt_square(dx)));           /* d (2 w x)^2 / dw = 8 w x^2 */
    assert_values(rt_grad_of(w), 144, 144);
    rt_free(x);
    rt_free(w);
}

static void placed_gradients_cannot_carry_history(void **state)
{
    (void)state;
    rt_tensor *x = param(3);
    rt_grad_place(x, rt_zeros(rt_shape(2)));
    rt_backward(rt_sum(rt_mul(x, rt_square(x))), .create_graph = true);
    assert_error(UNSUPPORTED,
                 "backward: .create_graph with gradients in a fixed place: use rt_grad");
    rt_free(x);
}

/* ---- errors ---- */

static void backward_says_what_is_wrong(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *y = rt_square(x), *out;
    rt_backward(rt_ones(rt_shape()));
    assert_error(ARG, "backward: float32[] cpu depends on nothing that wants a gradient");
    rt_backward(y);
    assert_error(SHAPE, "backward: float32[2] cpu is not one number, pass .grad");
    rt_backward(y, .grad = rt_ones(rt_shape(3)));
    assert_error(SHAPE, "backward: .grad is float32[3] cpu, expected float32[2] cpu");
    rt_backward(NULL);
    assert_error(ARG, "backward: argument 1 is no tensor (NULL)");
    rt_tensor *plain = rt_ones(rt_shape(2));
    rt_grad(rt_sum(y), &plain, 1, &out);
    assert_error(ARG, "grad: input 0, float32[2] cpu, wants no gradient: make it with rt_param");
    rt_param(y);
    assert_error(ARG, "param: float32[2] cpu is a result of square: detach it first");
    rt_param(rt_zeros(rt_shape(2), RT_I64));
    assert_error(DTYPE, "param: int64[2] cpu, expected a type of floating-point or "
                        "complex numbers");
    rt_free(x);
}

static void graph_is_used_once_unless_retained(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *y = rt_sum(rt_square(x));
    rt_backward(y, .retain_graph = true);
    rt_backward(y);
    assert_values(rt_grad_of(x), 12, 12);
    rt_backward(y);
    assert_error(ARG, "backward: sum was already differentiated: pass .retain_graph = true "
                      "the first time");
    rt_free(x);
}

static void change_in_place_is_noticed(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *w = rt_full(rt_shape(2), 2, RT_F32);
    rt_tensor *y = rt_mul(x, w), *z = rt_tanh(x), *sum = rt_add(x, w);
    rt_fill(rt_narrow(w, 0, 0, 1), 9); /* also through a view */
    rt_backward(rt_sum(y));
    assert_error(ARG, "backward: an input of mul, float32[2] cpu, was changed in place after it "
                      "was used: clone it first");
    rt_f32(z)[0] = 0; /* a write that the graph cannot see, so the test reports it */
    rt__tensor_touch(z);
    rt_backward(rt_sum(z));
    assert_error(ARG, "backward: the result of tanh, float32[2] cpu, was changed in place after "
                      "it was used: clone it first");
    rt_backward(rt_sum(sum)); /* addition does not read its operands */
    assert_values(rt_grad_of(x), 1, 1);
    rt_free(x);
}

/* UNTRUE(name, what is written, message): x is a parameter [2], h = 3x a recorded result, plain a tensor that
 * belongs to no graph. */
#define OF_THE_OLD_VALUE                                                                           \
    ", whose gradient would stay that of the old value: write with recording on, or into "         \
    "rt_clone(rt_detach(x))"
#define SHARES                                                                                     \
    " shares its memory with a result whose gradient would stay that of the old value: write "     \
    "into rt_clone(x)"
#define OF_A_LEAF                                                                                  \
    " is a parameter, which has no history: write after rt_no_grad_begin, or into rt_clone(x)"
#define VIEW_OF_A_LEAF                                                                             \
    " is a recorded view of a parameter, which has no history: view it after rt_no_grad_begin to " \
    "write into it, or write into a view of rt_clone(x)"
#define UNTRUE_WRITES                                                                              \
    UNTRUE(fill_of_what_shares_a_results_memory, rt_fill(rt_detach(h), 0),                         \
           "fill: float32[2] cpu" SHARES)                                                          \
    UNTRUE(copy_into_an_unrecorded_view, rt_copy_into(view_unrecorded(h), plain),                  \
           "copy_into: float32[1] cpu" SHARES)                                                     \
    UNTRUE(copy_into_an_unrecorded_view_of_plain, rt_copy_into(view_unrecorded(plain), h),         \
           "copy_into: float32[1] cpu is a view that was made with recording off: make it with "   \
           "recording on before writing a value that wants a gradient into it")                    \
    UNTRUE(fill_of_a_view_of_a_parameter, rt_fill(rt_narrow(x, 0, 0, 1), 0),                       \
           "fill: float32[1] cpu" VIEW_OF_A_LEAF)                                                  \
    UNTRUE(copy_of_a_history_into_a_parameter, rt_copy_into(x, h),                                 \
           "copy_into: float32[2] cpu" OF_A_LEAF)                                                  \
    UNTRUE(operation_on_a_parameter, in_place(rt_relu_inplace(x)),                                 \
           "relu: float32[2] cpu" OF_A_LEAF)                                                       \
    UNTRUE(operation_on_a_view_of_a_parameter,                                                     \
           in_place(rt_add_inplace(rt_view(x, rt_shape(2)), plain)),                               \
           "add: float32[2] cpu" VIEW_OF_A_LEAF)                                                   \
    UNTRUE(operation_with_recording_off, unrecorded(h),                                            \
           "exp: float32[2] cpu is a result of mul_scalar" OF_THE_OLD_VALUE)                       \
    UNTRUE(write_into_an_expanded_view,                                                            \
           rt_copy_into(rt_expand(rt_narrow(h, 0, 0, 1), rt_shape(2)), plain),                     \
           "copy_into: several elements of float32[2] cpu share memory: write into rt_clone(x)")   \
    UNTRUE(gradients_placed_in_a_result, rt_grad_place(x, h),                                      \
           "grad_place: float32[2] cpu is a result of mul_scalar" OF_THE_OLD_VALUE)

static rt_status in_place(const rt_tensor *y)
{
    assert_null(y);
    return rt_error_code();
}

static rt_status unrecorded(rt_tensor *h)
{
    bool former = rt_no_grad_begin();
    rt_exp_inplace(h);
    rt_no_grad_end(former);
    return rt_error_code();
}

static rt_tensor *view_unrecorded(rt_tensor *h)
{
    bool former = rt_no_grad_begin();
    rt_tensor *view = rt_narrow(h, 0, 0, 1);
    rt_no_grad_end(former);
    return view;
}

#define UNTRUE(name, write, message)                                                               \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        rt_tensor *x = param(1), *h = rt_mul_scalar(x, 3);                                         \
        rt_tensor *plain = rt_full(rt_shape(2), 7, RT_F32);                                        \
        assert_int_equal(write, RT_E_ARG);                                                         \
        assert_error(ARG, message);                                                                \
        assert_values(plain, 7, 7); /* nothing was written */                                      \
        assert_values(h, 3, 3);                                                                    \
        rt_backward(rt_sum(h));                                                                    \
        assert_values(rt_grad_of(x), 3, 3);                                                        \
        rt_free(x);                                                                                \
    }
UNTRUE_WRITES
#undef UNTRUE

static void writes_that_keep_the_history_true_are_made(void **state)
{
    (void)state;
    rt_tensor *x = param(1), *y = param(2), *h = rt_mul_scalar(x, 3), *kept;
    rt_tensor *plain = rt_zeros(rt_shape(2));
    assert_int_equal(rt_copy_into(plain, rt_detach(h)), RT_OK);
    bool former = rt_no_grad_begin();
    assert_int_equal(rt_copy_into(y, x), RT_OK); /* for example a moving average of weights */
    assert_int_equal(rt_fill(rt_narrow(x, 0, 0, 1), 5), RT_OK);
    rt_no_grad_end(former);
    assert_values(plain, 3, 3);
    assert_values(x, 5, 1);
    assert_values(y, 1, 1);
    assert_int_equal(rt_fill(y, 4), RT_OK); /* a parameter */
    rt_scope s = rt_scope_begin();
    kept = rt_keep(rt_detach(rt_mul_scalar(x, 2)));
    rt_scope_end(s);
    assert_int_equal(rt_fill(kept, 6), RT_OK); /* the result is gone: only its memory lives on */
    rt_free(kept);
    rt_free(x);
    rt_free(y);
}

/* Labels and indices never need a gradient, but backward reads them, so changes of them must be noticed. */
static void labels_that_change_are_noticed(void **state)
{
    (void)state;
    const float values[] = {1, 2, 3, 4, 5, 6};
    rt_tensor *x = rt_param(rt_from(values, rt_shape(2, 3), RT_F32));
    for (int i = 0; i < 3; i++) {
        rt_tensor *labels = rt_zeros(rt_shape(2), RT_I64), *loss;
        if (i == 0)
            loss = rt_cross_entropy(x, labels);
        else if (i == 1)
            loss = rt_nll_loss(x, labels);
        else
            loss = rt_sum(rt_embedding(x, labels));
        assert_fine();
        assert_int_equal(rt_fill(labels, 1), RT_OK);
        if (rt_backward(loss) != RT_E_ARG || !strstr(rt_error(), "was changed in place after"))
            fail_msg("loss %d: \"%s\"", i, rt_error());
        rt_error_clear();
        assert_null(rt_grad_of(x));
    }
    rt_free(x);
}

static void batches_that_are_filled_anew_are_noticed(void **state)
{
    (void)state;
    rt_tensor *w = param(2), *loss;
    rt_dataset *d = rt_data_tensors({"x", rt_ones(rt_shape(4, 2))});
    rt_loader *l = rt_data_loader(d, .batch = 2);
    rt_batch b;
    assert_true(rt_data_next(l, &b));
    loss = rt_sum(rt_mul(w, rt_batch_field(&b, "x")));
    assert_true(rt_data_next(l, &b));
    rt_backward(loss);
    assert_error(ARG, "backward: an input of mul, float32[2,2] cpu, was changed in place after it "
                      "was used: clone it first");
    rt_free(w);
}

static void failed_pass_leaves_the_graph_usable(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *w = rt_full(rt_shape(2), 2, RT_F32);
    rt_tensor *y = rt_mul(x, w), *loss = rt_sum(rt_mul(y, y));
    rt_fill(w, 3);
    assert_int_equal(rt_backward(loss, .retain_graph = true), RT_E_ARG);
    rt_error_clear();
    rt_tensor *out, *again = rt_sum(rt_square(x));
    assert_int_equal(rt_grad(again, &x, 1, &out), RT_OK);
    assert_values(out, 6, 6);
    assert_int_equal(rt_backward(loss), RT_E_ARG); /* the same error, no crash */
    rt_error_clear();
    rt_free(x);
}

/* A pass that fails half way, before or after it reached the first of a's two consumers, must forget what it
 * counted. */
static void failed_pass_leaves_no_counts_behind(void **state)
{
    (void)state;
    for (int bad_first = 0; bad_first < 2; bad_first++) {
        rt_tensor *x = param(3), *w = rt_full(rt_shape(2), 2, RT_F32), *out;
        rt_tensor *a = rt_square(x);
        rt_tensor *bad = rt_sum(rt_mul(a, w)), *good = rt_sum(rt_square(a));
        rt_tensor *loss = bad_first ? rt_add(bad, good) : rt_add(good, bad);
        rt_fill(w, 3);
        assert_int_equal(rt_backward(loss, .retain_graph = true), RT_E_ARG);
        rt_error_clear();
        assert_int_equal(rt_grad(good, &x, 1, &out, .create_graph = true), RT_OK);
        assert_values(out, 108, 108); /* d x^4 = 4 x^3 */
        assert_int_equal(rt_backward(good), RT_OK);
        assert_values(rt_grad_of(x), 108, 108);
        rt_free(x);
    }
}

static void nothing_is_recorded_without_need(void **state)
{
    (void)state;
    rt_tensor *x = param(3);
    bool outer = rt_no_grad_begin(), inner = rt_no_grad_begin();
    rt_no_grad_end(inner);
    assert_false(rt_requires_grad(rt_square(x)));
    rt_no_grad_end(outer);
    assert_true(rt_requires_grad(rt_square(x)));
    assert_false(rt_requires_grad(rt_square(rt_detach(x))));
    assert_false(rt_requires_grad(rt_eq(x, x)));
    assert_false(rt_requires_grad(rt_argmax(x, 0)));
    rt_free(x);
}

/* ---- lifetime ---- */

static void deep_graph_needs_no_stack(void **state)
{
    (void)state;
    rt_tensor *x = param(1), *y = rt_keep(rt_mul_scalar(x, 1));
    for (int i = 0; i < 200000; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *next = rt_keep(rt_mul_scalar(y, 1));
        rt_scope_end(s);
        rt_free(y);
        y = next;
    }
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    assert_values(rt_grad_of(x), 1, 1);
    rt_free(y);
    y = rt_keep(rt_relu(x));
    for (int i = 0; i < 200000; i++) { /* and is freed without a backward pass */
        rt_scope s = rt_scope_begin();
        rt_tensor *next = rt_keep(rt_relu(y));
        rt_scope_end(s);
        rt_free(y);
        y = next;
    }
    rt_free(y);
    rt_free(x);
}

enum { BIG = 1 << 18 };

/* Applies f ten times, each time in its own scope as a module does, and returns the bytes that the graph keeps. */
static int64_t bytes_of_chain(rt_tensor *x, rt_tensor *(*f)(rt_tensor *), rt_tensor **y)
{
    int64_t before = rt_memory().bytes_used;
    *y = x;
    for (int i = 0; i < 10; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *next = rt_keep(f(*y));
        rt_scope_end(s);
        if (i > 0)
            rt_free(*y);
        *y = next;
    }
    return rt_memory().bytes_used - before;
}

static rt_tensor *plus_one(rt_tensor *x)
{
    return rt_add_scalar(x, 1);
}

static void graph_keeps_only_what_backward_reads(void **state)
{
    (void)state;
    const int64_t bytes = BIG * (int64_t)sizeof(float);
    rt_tensor *x = rt_param(rt_full(rt_shape(BIG), 0.5, RT_F32)), *y;
    assert_in_range(bytes_of_chain(x, plus_one, &y), bytes, 2 * bytes); /* the last result */
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    assert_true(rt_f32(rt_grad_of(x))[BIG - 1] == 1);
    rt_free(y);
    rt_grad_clear(x);
    assert_in_range(bytes_of_chain(x, rt_tanh, &y), 10 * bytes, 14 * bytes); /* every result */
    int64_t full = rt_memory().bytes_used;
    rt_scope s = rt_scope_begin();
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    rt_scope_end(s);
    /* backward released it */
    assert_in_range(full - rt_memory().bytes_used, 8 * bytes, 14 * bytes);
    rt_free(y);
    rt_free(x);
}

/* An operation of the test: passes x through and records how much memory is in use when its backward runs. */
static int64_t bytes_in_backward;

#define WATCH_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")
typedef struct watch_args {
    RT_STRUCT(WATCH_FIELDS)
} watch_args;

static rt_status watch_infer(rt_call *c)
{
    return rt_window(c, c->in[0]->dims, c->in[0]->stride, 0);
}

static void watch_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    bytes_in_backward = rt_memory().bytes_used;
    dx[0] = dy[0];
}

static const rt_op watch_op = {
    .name = "watch",
    RT_ARGS(watch_args, WATCH_FIELDS),
    .infer = watch_infer,
    .backward = watch_backward,
};

static rt_tensor *watch(rt_tensor *x)
{
    return rt_apply(&watch_op, &(watch_args){.x = x});
}

/* The backward of the first operation runs last. By then, what the others had saved must be gone. */
static void backward_drops_what_it_has_used(void **state)
{
    (void)state;
    const int64_t bytes = BIG * (int64_t)sizeof(float);
    int64_t before = rt_memory().bytes_used;
    rt_tensor *x = rt_param(rt_full(rt_shape(BIG), 0.5, RT_F32)), *y;
    rt_scope s = rt_scope_begin();
    rt_tensor *first = rt_keep(watch(x));
    rt_scope_end(s);
    bytes_of_chain(first, rt_tanh, &y);
    rt_free(first);
    assert_in_range(rt_memory().bytes_used - before, 11 * bytes, 15 * bytes);
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    assert_in_range(bytes_in_backward - before, bytes, 5 * bytes);
    rt_free(y);
    rt_free(x);
}

/* One step of a small net with every kind of layer that Fashion-MNIST needs. */
static double step(rt_tensor **p, rt_tensor *image, rt_tensor *target)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *h = rt_max_pool2d(rt_relu(rt_conv2d(image, p[0], p[1], .same = true)), {2, 2});
    rt_tensor *logits = rt_linear(rt_dropout(rt_flatten(h, 1, -1), 0.5), p[2], p[3]);
    rt_tensor *loss = rt_cross_entropy(logits, target, .label_smoothing = 0.1f);
    rt_backward(loss);
    double value = rt_item(loss);
    rt_scope_end(s);
    return value;
}

static void make_net(rt_tensor **p, rt_tensor **image, rt_tensor **target)
{
    rt_random_seek(1, 0, 0);
    p[0] = rt_param(rt_randn(rt_shape(3, 1, 3, 3)));
    p[1] = rt_param(rt_randn(rt_shape(3)));
    p[2] = rt_param(rt_randn(rt_shape(10, 3 * 4 * 4)));
    p[3] = rt_param(rt_randn(rt_shape(10)));
    *image = rt_randn(rt_shape(4, 1, 8, 8));
    *target = rt_randint(rt_shape(4), 0, 10);
}

static void free_net(rt_tensor **p)
{
    for (int i = 0; i < 4; i++)
        rt_free(p[i]);
}

static void steps_leave_nothing_behind(void **state)
{
    (void)state;
    rt_tensor *p[4], *image, *target;
    make_net(p, &image, &target);
    int64_t live = 0;
    rt_memory_stats memory = {0};
    for (int i = 0; i < 20; i++) {
        step(p, image, target);
        assert_fine();
        if (i == 1) {
            live = rt_live_objects();
            memory = rt_memory();
        }
    }
    assert_int_equal(rt_live_objects(), live);
    assert_int_equal(rt_memory().system_allocations, memory.system_allocations);
    assert_int_equal(rt_memory().bytes_used, memory.bytes_used);
    free_net(p);
}

/* Fails the n-th allocation for n = 1, 2, ... until a whole run passes: an error each time, never a
 * crash or a leak. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    rt_shutdown(); /* empties the pool, so that every block is requested from the system */
    int64_t blocks = rt_mem_live(), live = rt_live_objects();
    int n = 0;
    for (bool passed = false; !passed; n++) {
        assert_in_range(n, 0, 10000);
        rt_tensor *p[4] = {0}, *image, *target;
        rt_mem_fail_after(n);
        rt_scope s = rt_scope_begin();
        make_net(p, &image, &target);
        double first = step(p, image, target), second = step(p, image, target);
        rt_tensor *dx[4] = {0};
        rt_grad(rt_sum(rt_tanh(p[3])), p, 4, dx, .create_graph = true);
        rt_mem_fail_after(-1);
        passed = !rt_failed();
        if (passed) {
            assert_true(isfinite(first) && isfinite(second));
        } else {
            assert_int_equal(rt_error_code(), RT_E_NOMEM);
            assert_true(isnan(second) || dx[0] == NULL);
        }
        rt_error_clear();
        free_net(p);
        rt_scope_end(s);
        rt_shutdown();
        assert_int_equal(rt_live_objects(), live);
        assert_int_equal(rt_mem_live(), blocks);
    }
    print_message("%d allocations failed in turn\n", n - 1);
    assert_in_range(n, 50, 10000);
}

static void *train_in_thread(void *result)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *p[4], *image, *target;
    make_net(p, &image, &target);
    double *losses = result;
    for (int i = 0; i < 20; i++)
        losses[i] = step(p, image, target);
    free_net(p);
    rt_scope_end(s);
    return rt_failed() ? result : NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    double losses[3][20];
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, train_in_thread, losses[i]), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    assert_memory_equal(losses[1], losses[0], sizeof losses[0]);
    assert_memory_equal(losses[2], losses[0], sizeof losses[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gradients_add_until_cleared),
        TEST(gradient_belongs_to_its_leaf_alone),
        TEST(diamond_is_visited_once_its_gradient_is_complete),
        TEST(gradient_in_a_fixed_place),
        TEST(weight_gradients_go_straight_to_their_place),
        TEST(weight_used_twice_gets_both_gradients),
        TEST(grad_does_not_use_the_place),
        TEST(grad_leaves_the_leaves_alone),
        TEST(gradients_can_be_differentiated_twice),
        TEST(third_derivative_of_a_function_is_refused),
        TEST(gradient_penalty_reaches_the_weights),
        TEST(placed_gradients_cannot_carry_history),
        TEST(backward_says_what_is_wrong),
        TEST(graph_is_used_once_unless_retained),
        TEST(change_in_place_is_noticed),
#define UNTRUE(name, write, message) TEST(name),
        UNTRUE_WRITES
#undef UNTRUE
            TEST(writes_that_keep_the_history_true_are_made),
        TEST(labels_that_change_are_noticed),
        TEST(batches_that_are_filled_anew_are_noticed),
        TEST(failed_pass_leaves_the_graph_usable),
        TEST(failed_pass_leaves_no_counts_behind),
        TEST(nothing_is_recorded_without_need),
        TEST(deep_graph_needs_no_stack),
        TEST(graph_keeps_only_what_backward_reads),
        TEST(backward_drops_what_it_has_used),
        TEST(steps_leave_nothing_behind),
        TEST(every_allocation_may_fail),
        TEST(threads_do_not_disturb_each_other),
    };
    int failed = cmocka_run_group_tests_name("autograd", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
