/* Tests the checks for users: values that operations make, and gradients. */
#include "check.h"

#include <math.h>

/* ---- values ---- */

static rt_tensor *from(int n, const float *v)
{
    return rt_from(v, rt_shape(n), RT_F32);
}
#define VALUES(...)                                                                                \
    from((int)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)), (const float[]){__VA_ARGS__})

static rt_value_checks begin(rt_value_checks now)
{
    return rt_check_values(now);
}

static void the_first_wrong_value_is_named(void **state)
{
    (void)state;
    rt_value_checks former = begin((rt_value_checks){.nan = true, .inf = true});
    assert_false(former.nan || former.inf);
    rt_tensor *x = rt_reshape(VALUES(1, 2, 0, 4), rt_shape(2, 2));
    rt_tensor *y = rt_exp(rt_log(x));
    assert_null(y);
    assert_error(NUMERIC, "log: its result, float32[2,2] cpu, is -inf at [1,0], where x is 0");
    rt_div(x, x);
    assert_error(NUMERIC,
                 "div: its result, float32[2,2] cpu, is nan at [1,0], where a is 0 and b is 0");
    rt_add(VALUES(1, NAN), VALUES(1, 2));
    assert_error(NUMERIC, "add: a, float32[2] cpu, is nan at [1] already");
    rt_sum(rt_mul_scalar(rt_full(rt_shape(3), 6e4, RT_F16), 2));
    assert_error(NUMERIC,
                 "mul_scalar: its result, float16[3] cpu, is inf at [0], where a is 60000");
    rt_check_values(former);
    rt_log(x);
    assert_fine();
}

static void only_what_is_asked_for_is_found(void **state)
{
    (void)state;
    rt_value_checks former = begin((rt_value_checks){.nan = true});
    rt_tensor *inf = rt_log(VALUES(0, 1));
    assert_fine();
    rt_sub(inf, inf);
    assert_error(NUMERIC,
                 "sub: its result, float32[2] cpu, is nan at [0], where a is -inf and b is -inf");
    begin((rt_value_checks){.most = 10});
    rt_mul(VALUES(1, -4), VALUES(2, 2));
    assert_fine();
    rt_mul(VALUES(1, -4), VALUES(2, 3));
    assert_error(NUMERIC,
                 "mul: its result, float32[2] cpu, is -12 at [1], where a is -4 and b is 3");
    rt_log(VALUES(0, 1)); /* an infinite value is larger than any limit */
    assert_error(NUMERIC, "log: its result, float32[2] cpu, is -inf at [0], where x is 0");
    rt_check_values(former);
}

static void wrong_gradients_are_named(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(VALUES(4, 0)), *y = rt_sum(rt_sqrt(x));
    rt_value_checks former = begin((rt_value_checks){.inf = true});
    rt_backward(y);
    /* the gradient is an operation itself, which is found first */
    assert_int_equal(rt_error_code(), RT_E_NUMERIC);
    assert_non_null(strstr(rt_error(), "sqrt_grad: its result, float32[2] cpu, is inf at [1]"));
    rt_error_clear();
    rt_check_values(former);
    rt_free(x);
}

/* ---- gradients ---- */

static void two_results(rt_tensor *const *in, rt_tensor **out, void *context)
{
    (void)context;
    out[0] = rt_mul(rt_tanh(in[0]), in[1]);
    out[1] = rt_sum(rt_square(in[0]));
}

/* The value of x^2 with the gradient of 2 x^2 in its second half. */
static void wrong_in_one_place(rt_tensor *const *in, rt_tensor **out, void *context)
{
    (void)context;
    rt_tensor *right = rt_narrow(in[0], 0, 0, 2), *wrong = rt_narrow(in[0], 0, 2, 1);
    wrong = rt_sub(rt_mul_scalar(rt_square(wrong), 2), rt_detach(rt_square(wrong)));
    out[0] = rt_cat(((rt_tensor *[]){rt_square(right), wrong}), 2, 0);
}

/* The gradient is right, but is made a constant: its own gradient is lost. */
static rt_tensor *constant(rt_tensor *dy, void *context)
{
    (void)context;
    return rt_detach(dy);
}
static void wrong_the_second_time(rt_tensor *const *in, rt_tensor **out, void *context)
{
    rt_tensor *y = rt_mul(in[0], in[0]);
    if (rt_requires_grad(y))
        rt_on_grad(y, constant, context);
    out[0] = rt_square(y);
}

static rt_tensor *doubles(int n, bool wanted)
{
    rt_tensor *x = rt_to(rt_arange(0.5, n, 1, RT_F32), RT_F64);
    if (!wanted)
        return x;
    rt_tensor *p = rt_param(rt_clone(x));
    rt_free(p);
    return p;
}

static void right_gradients_pass(void **state)
{
    (void)state;
    rt_tensor *in[] = {doubles(3, true), doubles(3, true)};
    assert_int_equal(rt_gradcheck(two_results, .in = in, .n_in = 2, .n_out = 2, .second = true),
                     RT_OK);
    in[1] = doubles(3, false);
    assert_int_equal(rt_gradcheck(two_results, .in = in, .n_in = 2, .n_out = 2), RT_OK);
    assert_fine();
    assert_null(rt_grad_of(in[0]));
}

static void wrong_gradients_are_found(void **state)
{
    (void)state;
    rt_tensor *x = doubles(3, true);
    rt_gradcheck(wrong_in_one_place, .in = &x, .n_in = 1, .n_out = 1);
    assert_int_equal(rt_error_code(), RT_E_NUMERIC);
    assert_non_null(strstr(rt_error(), "gradcheck: the gradient of result 0 at [2] by input 0 at "
                                       "[2] is 10, but differences give 5"));
    rt_error_clear();
    assert_int_equal(rt_gradcheck(wrong_the_second_time, .in = &x, .n_in = 1, .n_out = 1), RT_OK);
    rt_gradcheck(wrong_the_second_time, .in = &x, .n_in = 1, .n_out = 1, .second = true);
    assert_int_equal(rt_error_code(), RT_E_NUMERIC);
    assert_non_null(strstr(rt_error(), "gradcheck of the gradients: the gradient of result 0"));
    rt_error_clear();
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    rt_tensor *x = rt_ones(rt_shape(2)), *p = rt_param(rt_ones(rt_shape(2)));
    rt_gradcheck(two_results, .in = &x, .n_in = 1, .n_out = 1);
    assert_error(ARG, "gradcheck: no input wants a gradient: make it with rt_param");
    rt_gradcheck(two_results, .in = &p, .n_in = 1, .n_out = 1);
    assert_error(DTYPE, "gradcheck: input 0 is float32[2] cpu, expected float64 on the CPU: "
                        "differences need its precision");
    rt_gradcheck(two_results, .in = &p, .n_in = 1, .n_out = 0);
    assert_error(ARG, "gradcheck: 1 inputs and 0 results: expected one or more of each");
    rt_gradcheck(two_results, .in = &p, .n_in = 1, .n_out = 1, .eps = 0);
    assert_error(RANGE,
                 "gradcheck: eps 0, atol 1e-05, rtol 0.001: expected more than 0, and 0 or more");
    rt_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_wrong_value_is_named), TEST(only_what_is_asked_for_is_found),
        TEST(wrong_gradients_are_named),      TEST(right_gradients_pass),
        TEST(wrong_gradients_are_found),      TEST(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
