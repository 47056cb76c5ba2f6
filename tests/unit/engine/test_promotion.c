/* Tests of the element types of mixed operands: PyTorch's rules for each pair, the types of results, and gradients in the type of each
 * input. */
#include "check.h"

#include <math.h>

#include "../../golden/promotion.h"

static rt_tensor *ones(int axes, rt_dtype dtype)
{
    return rt_ones(axes ? rt_shape(2) : rt_shape(), dtype);
}

/* ---- the rules ---- */

static void every_pair_of_types(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(golden_pairs); i++) {
        const struct golden_pair *g = &golden_pairs[i];
        rt_scope s = rt_scope_begin();
        rt_tensor *a = ones(g->axes_of_a, g->a), *b = ones(g->axes_of_b, g->b);
        assert_fine();
        if (rt_result_type(a, b) != g->result)
            fail_msg("%s and %s: %s, expected %s", rt_describe(a), rt_describe(b),
                     rt_dtype_name(rt_result_type(a, b)), rt_dtype_name(g->result));
        if (g->axes_of_a && g->axes_of_b)
            assert_int_equal(rt_promote_types(g->a, g->b), g->result);
        rt_scope_end(s);
    }
    rt_tensor *x = ones(1, RT_I32);
    assert_int_equal(rt_result_type(x, NULL), RT_I32);
    assert_int_equal(rt_result_type(NULL, x), RT_I32);
}

/* C numbers are treated like Python's: 2 is an integer, 2.5 a float. */
static void every_type_with_a_number(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(golden_numbers); i++) {
        const struct golden_number *g = &golden_numbers[i];
        rt_scope s = rt_scope_begin();
        rt_tensor *a = ones(g->axes, g->a), *y = rt_mul_scalar(a, g->number);
        if (y && rt_dtype_of(y) != g->result)
            fail_msg("%s and %g: %s, expected %s", rt_describe(a), g->number, rt_describe(y),
                     rt_dtype_name(g->result));
        if (!y) /* a type that has no kernels is refused by name, never converted to another */
            assert_non_null(strstr(rt_error(), rt_dtype_name(g->a)));
        rt_error_clear();
        rt_scope_end(s);
    }
}

/* ---- what operations make of them ---- */

static rt_tensor *whole(void)
{
    return rt_from((const int64_t[]){-3, 0, 7}, rt_shape(3), RT_I64);
}

static rt_tensor *real(void)
{
    return rt_from((const float[]){0.5f, 2, -1}, rt_shape(3), RT_F32);
}

static rt_tensor *truth(void)
{
    return rt_from((const uint8_t[]){1, 0, 1}, rt_shape(3), RT_BOOL);
}

static rt_tensor *small(void)
{
    return rt_from((const uint8_t[]){200, 0, 7}, rt_shape(3), RT_U8);
}

static rt_tensor *filled(double value, rt_dtype dtype)
{
    return rt_full(rt_shape(1), value, dtype);
}

static rt_tensor *joined(rt_tensor *a, rt_tensor *b)
{
    return rt_cat((rt_tensor *[]){a, b}, 2, 0);
}

static rt_tensor *stacked(rt_tensor *a, rt_tensor *b)
{
    return rt_stack((rt_tensor *[]){a, b}, 2, 0);
}

/* The result of an operation, from its first element to its last. */
typedef struct row {
    const char *name;
    rt_tensor *y;
    rt_dtype type;
    double first, last;
} row;

static void check_rows(const row *rows, int count)
{
    assert_fine();
    for (int i = 0; i < count; i++) {
        rt_tensor *y = rows[i].y, *flat = rt_reshape(y, rt_shape(-1));
        double first = rt_item(rt_select(flat, 0, 0)), last = rt_item(rt_select(flat, 0, -1));
        if (rt_dtype_of(y) != rows[i].type || first != rows[i].first || last != rows[i].last)
            fail_msg("%s: %s from %g to %g, expected %s from %g to %g", rows[i].name,
                     rt_describe(y), first, last, rt_dtype_name(rows[i].type), rows[i].first,
                     rows[i].last);
    }
}

/* Indices of other types, and values of several types that are picked and written. */
static void what_is_picked_keeps_its_type(void **state)
{
    (void)state;
    const row rows[] = {
        {"index by uint8, a mask",
         rt_index(rt_arange(0, 300, 100, RT_I32), RT_PICK(rt_arange(0, 3, 1, RT_U8))), RT_I32, 100,
         200},
        {"scatter, the last one", rt_scatter(whole(), 0, rt_zeros(rt_shape(3), RT_I64), whole()),
         RT_I64, 7, 7},
        {"index_put, the last one",
         rt_index_put(whole(), whole(), RT_PICK(rt_zeros(rt_shape(3), RT_I64))), RT_I64, 7, 7},
        {"index_accumulate, int64",
         rt_index_accumulate(whole(), whole(), RT_PICK(rt_zeros(rt_shape(3), RT_I64))), RT_I64, 1,
         7},
        {"scatter_add, truths",
         rt_scatter_add(filled(0, RT_BOOL), 0, filled(0, RT_I32), filled(1, RT_BOOL)), RT_BOOL, 1,
         1},
        {"scatter_reduce, int8, down",
         rt_scatter_reduce(filled(3, RT_I8), filled(0, RT_I64), filled(-8, RT_I8),
                           .reduce = RT_SCATTER_MEAN),
         RT_I8, -3, -3},
        {"embedding, bool", rt_embedding(rt_ones(rt_shape(2, 1), RT_BOOL), filled(1, RT_I64)),
         RT_BOOL, 1, 1},
    };
    check_rows(rows, COUNT(rows));
}

static void mixed_operands_have_one_type(void **state)
{
    (void)state;
    const row rows[] = {
        {"add", rt_add(whole(), real()), RT_F32, -2.5, 6},
        {"add, whole scalar", rt_add(real(), rt_ones(rt_shape(), RT_I64)), RT_F32, 1.5, 0},
        {"add, bool", rt_add(whole(), truth()), RT_I64, -2, 8},
        {"sub, small", rt_sub(whole(), small()), RT_I64, -203, 0},
        {"mul, real scalar", rt_mul(whole(), rt_scalar(0.5)), RT_F32, -1.5, 3.5},
        {"div", rt_div(whole(), rt_full(rt_shape(), 2, RT_I64)), RT_F32, -1.5, 3.5},
        {"div_trunc", rt_div_trunc(whole(), rt_full(rt_shape(), 2, RT_I64)), RT_I64, -1, 3},
        {"div_trunc, real", rt_div_trunc(whole(), rt_scalar(2)), RT_F32, -1, 3},
        {"add, int32 wraps", rt_add(filled(2147483647, RT_I32), filled(1, RT_I32)), RT_I32,
         -2147483648.0, -2147483648.0},
        {"sub, uint8 wraps", rt_sub(filled(3, RT_U8), filled(5, RT_U8)), RT_U8, 254, 254},
        {"mul, uint8 wraps", rt_mul(filled(200, RT_U8), filled(3, RT_U8)), RT_U8, 88, 88},
        {"mul, int32 and uint8", rt_mul(filled(-7, RT_I32), filled(200, RT_U8)), RT_I32, -1400,
         -1400},
        {"mul, int8 wraps", rt_mul(filled(100, RT_I8), filled(3, RT_I8)), RT_I8, 44, 44},
        {"sub, int16 wraps", rt_sub(filled(-30000, RT_I16), filled(9000, RT_I16)), RT_I16, 26536,
         26536},
        {"add, int8 and uint8", rt_add(filled(-100, RT_I8), filled(200, RT_U8)), RT_I16, 100, 100},
        {"sum, int8", rt_sum(rt_full(rt_shape(3), 100, RT_I8)), RT_I64, 300, 300},
        {"neg, uint8", rt_neg(filled(1, RT_U8)), RT_U8, 255, 255},
        {"div_trunc, int32", rt_div_trunc(filled(-2147483648.0, RT_I32), filled(-1, RT_I32)),
         RT_I32, -2147483648.0, -2147483648.0},
        {"pow, int32", rt_pow(filled(-3, RT_I32), filled(3, RT_I32)), RT_I32, -27, -27},
        {"pow, below one", rt_pow(whole(), filled(-1, RT_I64)), RT_I64, 0, 0},
        {"pow_scalar, uint8", rt_pow_scalar(filled(3, RT_U8), 6), RT_U8, 217, 217},
        {"add_scalar, int32", rt_add_scalar(filled(5, RT_I32), -7), RT_I32, -2, -2},
        {"add, truths", rt_add(truth(), truth()), RT_BOOL, 1, 1},
        {"minimum, truths", rt_minimum(truth(), rt_lt(whole(), whole())), RT_BOOL, 0, 0},
        {"ge, uint8", rt_ge(filled(200, RT_U8), filled(100, RT_U8)), RT_BOOL, 1, 1},
        {"gather, int32", rt_gather(rt_arange(0, 300, 100, RT_I32), 0, filled(2, RT_I64)), RT_I32,
         200, 200},
        {"gather by uint8", rt_gather(rt_arange(0, 300, 100, RT_I32), 0, filled(2, RT_U8)), RT_I32,
         200, 200},
        {"index by int16", rt_index(rt_arange(0, 300, 100, RT_I32), RT_PICK(filled(-1, RT_I16))),
         RT_I32, 200, 200},
        {"clamp, int16", rt_clamp(filled(300, RT_I16), .high = 1e9), RT_I16, 300, 300},
        {"clamp, int8, beyond", rt_clamp(filled(-7, RT_I8), .low = 1000), RT_I8, 127, 127},
        {"arange, int8", rt_arange(-128, 127, 254, RT_I8), RT_I8, -128, 126},
        {"arange, uint8", rt_arange(250, 256, 5, RT_U8), RT_U8, 250, 255},
        {"addcmul, int32",
         rt_addcmul(filled(5, RT_I32), filled(-7, RT_I32), filled(3, RT_I32), .value = 2), RT_I32,
         -37, -37},
        {"addcmul, half",
         rt_addcmul(filled(5, RT_U8), filled(7, RT_U8), filled(3, RT_U8), .value = 0.5), RT_F32,
         15.5, 15.5},
        {"clamp, int32", rt_clamp(filled(-2147483648.0, RT_I32), .low = -5), RT_I32, -5, -5},
        {"clamp, ends that cross", rt_clamp(whole(), .low = 4, .high = 2), RT_I64, 2, 2},
        {"clamp, fraction", rt_clamp(whole(), .high = 6.5), RT_F32, -3, 6.5},
        {"threshold, uint8", rt_threshold(small(), .threshold = 7, .value = 1), RT_U8, 200, 1},
        {"amax, int64", rt_amax(rt_neg(whole())), RT_I64, 3, 3},
        {"amin, uint8", rt_amin(small()), RT_U8, 0, 0},
        {"amax, bool", rt_amax(truth()), RT_BOOL, 1, 1},
        {"argmax, uint8", rt_argmax(small(), 0), RT_I64, 0, 0},
        {"argmax, int64", rt_argmax(whole(), 0), RT_I64, 2, 2},
        {"t", rt_t(whole()), RT_I64, -3, 7},
        {"lt", rt_lt(whole(), real()), RT_BOOL, 1, 0},
        {"eq, bool", rt_eq(truth(), truth()), RT_BOOL, 1, 1},
        {"eq, small", rt_eq(small(), whole()), RT_BOOL, 0, 1},
        {"maximum", rt_maximum(whole(), real()), RT_F32, 0.5, 7},
        {"where", rt_where(truth(), whole(), real()), RT_F32, -3, 7},
        {"lerp", rt_lerp(whole(), real(), rt_scalar(1)), RT_F32, 0.5, -1},
        {"addcmul", rt_addcmul(real(), whole(), truth()), RT_F32, -2.5, 6},
        {"cat", joined(whole(), real()), RT_F32, -3, -1},
        {"stack", stacked(truth(), whole()), RT_I64, 1, 7},
        {"l1_loss", rt_l1_loss(real(), whole(), RT_NONE), RT_F32, 3.5, 8},
        {"exp", rt_exp(rt_zeros(rt_shape(2), RT_I32)), RT_F32, 1, 1},
        {"sqrt, bool", rt_sqrt(truth()), RT_F32, 1, 1},
        {"relu", rt_relu(whole()), RT_I64, 0, 7},
        {"mul_scalar, half", rt_mul_scalar(whole(), 0.5), RT_F32, -1.5, 3.5},
        {"add_scalar, bool", rt_add_scalar(truth(), 1), RT_I64, 2, 2},
        {"sum, bool", rt_sum(truth()), RT_I64, 2, 2},
    };
    check_rows(rows, COUNT(rows));
}

/* Division with a remainder, sums with factors. */
static void integers_stay_integers(void **state)
{
    (void)state;
    const row rows[] = {
        {"div_floor", rt_div_floor(whole(), rt_full(rt_shape(), 2, RT_I64)), RT_I64, -2, 3},
        {"div_floor, int8", rt_div_floor(filled(-128, RT_I8), filled(-1, RT_I8)), RT_I8, -128,
         -128},
        {"div_floor, int64",
         rt_div_floor(filled(-9223372036854775808.0, RT_I64), filled(-1, RT_I64)), RT_I64,
         -9223372036854775808.0, -9223372036854775808.0},
        {"fmod, int64", rt_fmod(filled(-9223372036854775808.0, RT_I64), filled(-1, RT_I64)), RT_I64,
         0, 0},
        {"fmod, uint8", rt_fmod(filled(200, RT_U8), filled(7, RT_U8)), RT_U8, 4, 4},
        {"fmod, real", rt_fmod(whole(), rt_scalar(2)), RT_F32, -1, 1},
        {"remainder, int16", rt_remainder(filled(-7, RT_I16), filled(3, RT_I16)), RT_I16, 2, 2},
        {"remainder, int32", rt_remainder(filled(7, RT_I32), filled(-3, RT_I32)), RT_I32, -2, -2},
        {"fmax, truths", rt_fmax(truth(), rt_lt(whole(), whole())), RT_BOOL, 1, 1},
        {"fmin, int32", rt_fmin(filled(5, RT_I32), filled(-7, RT_I32)), RT_I32, -7, -7},
        {"clamp_min, uint8", rt_clamp_min(small(), filled(9, RT_U8)), RT_U8, 200, 9},
        {"float_power", rt_float_power(whole(), filled(2, RT_I64)), RT_F64, 9, 49},
        {"heaviside, uint8", rt_heaviside(small(), filled(9, RT_U8)), RT_U8, 1, 1},
        {"xlogy", rt_xlogy(filled(0, RT_I64), filled(0, RT_I64)), RT_F32, 0, 0},
        {"add_scaled, uint8", rt_add_scaled(filled(3, RT_U8), filled(5, RT_U8), .alpha = -2), RT_U8,
         249, 249},
        {"add_scaled, half", rt_add_scaled(whole(), whole(), .alpha = 0.5), RT_F32, -4.5, 10.5},
        {"add_scaled, truths", rt_add_scaled(truth(), truth(), .alpha = 2), RT_BOOL, 1, 1},
        {"rsub, int8", rt_rsub(filled(-128, RT_I8), filled(1, RT_I8)), RT_I8, -127, -127},
        {"lerp_scalar", rt_lerp_scalar(whole(), real(), 1), RT_F32, 0.5, -1},
    };
    check_rows(rows, COUNT(rows));
}

/* The same of questions, bits and replaced elements. */
static void questions_and_bits_keep_their_types(void **state)
{
    (void)state;
    const row rows[] = {
        {"nan_to_num", rt_nan_to_num(whole()), RT_I64, -3, 7},
        {"nan_to_num, bfloat16", rt_nan_to_num(filled(INFINITY, RT_BF16)), RT_BF16, 0x1.fep127,
         0x1.fep127},
        {"nan_to_num, float16", rt_nan_to_num(filled(-INFINITY, RT_F16)), RT_F16, -65504, -65504},
        {"isnan, int8", rt_isnan(filled(3, RT_I8)), RT_BOOL, 0, 0},
        {"isfinite, bfloat16", rt_isfinite(filled(INFINITY, RT_BF16)), RT_BOOL, 0, 0},
        {"signbit, int16", rt_signbit(filled(-3, RT_I16)), RT_BOOL, 1, 1},
        {"logical_not, uint8", rt_logical_not(filled(200, RT_U8)), RT_BOOL, 0, 0},
        {"logical_and", rt_logical_and(whole(), real()), RT_BOOL, 1, 1},
        {"bitwise_and, int32 and uint8", rt_bitwise_and(filled(-1, RT_I32), filled(200, RT_U8)),
         RT_I32, 200, 200},
        {"bitwise_xor, truths", rt_bitwise_xor(truth(), truth()), RT_BOOL, 0, 0},
        {"bitwise_not, uint8", rt_bitwise_not(filled(1, RT_U8)), RT_U8, 254, 254},
        {"bitwise_not, int64", rt_bitwise_not(whole()), RT_I64, 2, -8},
        {"bitwise_left_shift, int8", rt_bitwise_left_shift(filled(3, RT_I8), filled(6, RT_I8)),
         RT_I8, -64, -64},
        {"bitwise_left_shift, far", rt_bitwise_left_shift(whole(), filled(64, RT_I64)), RT_I64, 0,
         0},
        {"bitwise_right_shift, int8", rt_bitwise_right_shift(filled(-128, RT_I8), filled(3, RT_I8)),
         RT_I8, -16, -16},
        {"bitwise_right_shift, far", rt_bitwise_right_shift(whole(), filled(-1, RT_I64)), RT_I64,
         -1, 0},
        {"masked_fill, uint8", rt_masked_fill(small(), truth(), 9), RT_U8, 9, 9},
        {"masked_fill_by, int64", rt_masked_fill_by(whole(), truth(), rt_scalar(2.5)), RT_I64, 2,
         2},
        {"equal", rt_equal(whole(), rt_to(whole(), RT_F32)), RT_BOOL, 1, 1},
        {"allclose of nothing", rt_allclose(rt_zeros(rt_shape(0)), rt_scalar(1)), RT_BOOL, 1, 1},
    };
    check_rows(rows, COUNT(rows));
}

/* Bounds of clamp that the type cannot hold are replaced by the type's own limits. */
static void ends_outside_of_a_type_are_its_own(void **state)
{
    (void)state;
    const row rows[] = {
        {"clamp, uint8, below", rt_clamp(small(), .low = 1, .high = -1), RT_U8, 0, 0},
        {"clamp, uint8, beyond", rt_clamp(small(), .low = -5, .high = 300), RT_U8, 200, 7},
        {"clamp, uint8, above", rt_clamp(small(), .low = 300), RT_U8, 255, 255},
        {"clamp, int32, below", rt_clamp(filled(7, RT_I32), .high = -3e9), RT_I32, -2147483648.0,
         -2147483648.0},
        {"clamp, int32, above", rt_clamp(filled(7, RT_I32), .low = 3e9), RT_I32, 2147483647,
         2147483647},
        {"hardtanh, uint8", rt_hardtanh(small()), RT_U8, 1, 1},
        {"hardtanh, uint8, below", rt_hardtanh(small(), .low = -9, .high = -1), RT_U8, 0, 0},
    };
    check_rows(rows, COUNT(rows));
}

/* A call that PyTorch refuses, or computes in a type without kernels here, is refused, not computed in another type. */
static void what_is_not_computed_is_refused(void **state)
{
    (void)state;
    assert_null(rt_mean(whole()));
    assert_int_equal(rt_error_code(), RT_E_DTYPE);
    rt_error_clear();
    assert_null(rt_leaky_relu(whole()));
    assert_int_equal(rt_error_code(), RT_E_DTYPE);
    rt_error_clear();
    assert_null(rt_matmul(real(), whole()));
    assert_int_equal(rt_error_code(), RT_E_DTYPE);
    rt_error_clear();
    assert_null(rt_sub(truth(), truth()));
    assert_int_equal(rt_error_code(), RT_E_UNSUPPORTED);
    rt_error_clear();
    assert_null(rt_add(real(), NULL)); /* checked before the types */
    assert_error(ARG, "add: argument 2 is no tensor (NULL)");
    assert_null(joined(whole(), NULL));
    assert_error(ARG, "cat: argument 2 is no tensor (NULL)");
}

/* ---- gradients ---- */

/* An operation without bool computes it as the nearest type that it has, an integer and not a float. */
static void bool_becomes_an_integer_first(void **state)
{
    (void)state;
    assert_int_equal(rt_dtype_of(rt_addcmul(truth(), truth(), truth())), RT_I64);
    assert_int_equal(rt_dtype_of(rt_clamp(truth(), .high = 1)), RT_I64);
    assert_int_equal(rt_dtype_of(rt_sigmoid(truth())), RT_F32);
}

static void gradients_come_back_in_the_type_of_the_input(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(real()), *dx, *ddx;
    rt_tensor *y = rt_mul(rt_mul(x, x), whole()); /* x^2 * w */
    rt_grad(rt_sum(y), &x, 1, &dx, .create_graph = true);
    assert_int_equal(rt_dtype_of(dx), RT_F32);
    assert_values(dx, -3, 0, -14);
    rt_grad(rt_sum(dx), &x, 1, &ddx);
    assert_values(ddx, -6, 0, 14);
    rt_backward(rt_sum(rt_where(truth(), x, whole())));
    assert_values(rt_grad_of(x), 1, 0, 1);
    rt_grad_clear(x);
    rt_backward(rt_sum(rt_mul(joined(x, whole()), joined(whole(), x))));
    assert_values(rt_grad_of(x), -6, 0, 14);
    rt_free(x);
}

/* A conversion is made once and freed with the call: only what backward reads of it is kept. */
static void conversions_leave_nothing_behind(void **state)
{
    (void)state;
    rt_tensor *a = whole(), *b = real();
    int64_t live = rt_live_objects();
    rt_scope s = rt_scope_begin();
    rt_add(a, b);
    assert_int_equal(rt_live_objects(), live + 1);
    rt_scope_end(s);
    assert_int_equal(rt_live_objects(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_pair_of_types),
        TEST(every_type_with_a_number),
        TEST(mixed_operands_have_one_type),
        TEST(what_is_picked_keeps_its_type),
        TEST(integers_stay_integers),
        TEST(questions_and_bits_keep_their_types),
        TEST(ends_outside_of_a_type_are_its_own),
        TEST(what_is_not_computed_is_refused),
        TEST(bool_becomes_an_integer_first),
        TEST(gradients_come_back_in_the_type_of_the_input),
        TEST(conversions_leave_nothing_behind),
    };
    int failed = cmocka_run_group_tests_name("promotion", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
