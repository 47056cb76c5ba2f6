/* Products of matrices: what their golden values (test_ops) do not show. */
#include "check.h"

#include <math.h>
#include <stdio.h>

/* Of each pair of orders one overflows and takes twice as many multiplications. */
static void chains_take_the_cheapest_order(void **state)
{
    (void)state;
    rt_tensor *huge = rt_full(rt_shape(2, 1), 1e30, RT_F32),
              *small = rt_full(rt_shape(2, 1), 1e-30, RT_F32);
    assert_values(rt_multi_dot((rt_tensor *[]){huge, rt_t(huge), small}, 3), 2e30f, 2e30f);
    assert_values(rt_multi_dot((rt_tensor *[]){rt_t(small), huge, rt_t(huge)}, 3), 2e30f, 2e30f);
    assert_values(rt_chain_matmul((rt_tensor *[]){huge, rt_t(huge), small}, 3), 2e30f, 2e30f);
}

static void a_product_without_a_factor_may_be_nan(void **state)
{
    (void)state;
    rt_tensor *a = rt_param(rt_full(rt_shape(2, 2), NAN, RT_F32)), *x = rt_ones(rt_shape(2, 2));
    rt_tensor *y = rt_addmm(x, a, x, .alpha = 0);
    assert_values(y, 1, 1, 1, 1);
    rt_backward(rt_sum(y));
    assert_values(rt_grad_of(a), 0, 0, 0, 0);
    rt_free(a);
}

static void what_beta_ignores_may_be_nan(void **state)
{
    (void)state;
    rt_tensor *nan = rt_param(rt_full(rt_shape(1), NAN, RT_F32)), *m = rt_ones(rt_shape(1, 2)),
              *batch = rt_ones(rt_shape(2, 1, 2)), *v = rt_ones(rt_shape(2));
    rt_tensor *y[] = {
        rt_addmm(nan, m, rt_t(m), .beta = 0),
        rt_addmv(nan, m, v, .beta = 0),
        rt_addbmm(nan, batch, rt_mt(batch), .beta = 0),
        rt_baddbmm(nan, batch, rt_mt(batch), .beta = 0),
        rt_addr(nan, v, v, .beta = 0),
    };
    const int64_t numel[] = {1, 1, 1, 2, 4};
    const double value[] = {2, 2, 4, 2, 1};
    for (int i = 0; i < COUNT(y); i++) {
        assert_int_equal(rt_numel(y[i]), numel[i]);
        assert_true(rt_item(rt_amin(y[i])) == value[i] && rt_item(rt_amax(y[i])) == value[i]);
        rt_backward(rt_sum(y[i]));
        assert_values(rt_grad_of(nan), 0);
        rt_grad_clear(nan);
    }
    rt_free(nan);
}

/* 256 + 1 is no bfloat16: rounded twice, the sum would lose both ones. */
static void sums_with_products_of_halves_are_rounded_once(void **state)
{
    (void)state;
    rt_tensor *x = rt_to(rt_full(rt_shape(2, 1), 1, RT_F32), RT_BF16);
    rt_tensor *a = rt_to(rt_from((float[]){16, 1, 16, 1}, rt_shape(2, 2), RT_F32), RT_BF16);
    rt_tensor *y = rt_addmm(x, a, rt_t(rt_narrow(a, 0, 0, 1)));
    assert_int_equal(rt_dtype_of(y), RT_BF16);
    assert_values(rt_to(y, RT_F32), 258, 258);
}

static void types_of_sums(void **state)
{
    (void)state;
    rt_tensor *x = rt_full(rt_shape(300, 3), 100, RT_I8);
    rt_tensor *alone = rt_einsum("ij->j", x), *product = rt_einsum("ij,ij->j", x, x);
    assert_int_equal(rt_dtype_of(alone), RT_I64);
    assert_true(rt_item(rt_amin(alone)) == 30000);
    assert_int_equal(rt_dtype_of(product), RT_I8);
    assert_true(rt_item(rt_to(rt_amin(product), RT_F32)) == (int8_t)(300 * 10000));
    rt_tensor *truth = rt_addr(rt_zeros(rt_shape(1), RT_BOOL), rt_ones(rt_shape(2), RT_BOOL),
                               rt_from((uint8_t[]){1, 0}, rt_shape(2), RT_BOOL));
    assert_int_equal(rt_dtype_of(truth), RT_BOOL);
    assert_values(rt_to(truth, RT_F32), 1, 0, 1, 0);
}

/* Rows that are longer than the strips in which integers are multiplied, by all ways in which matrices are stored. */
static void integers_are_exact(void **state)
{
    (void)state;
    rt_tensor *a = rt_randint(rt_shape(2, 7, 5), -(1ll << 60), 1ll << 60),
              *b = rt_randint(rt_shape(2, 5, 1100), -9, 9);
    rt_tensor *sum = rt_sum(rt_mul(rt_unsqueeze(a, -1), rt_unsqueeze(b, 1)), rt_shape(2));
    rt_tensor *turned_a = rt_contiguous(rt_mt(a)), *turned_b = rt_contiguous(rt_mt(b));
    assert_true(rt_equal(rt_bmm(a, b), sum));
    assert_true(rt_equal(rt_matmul(turned_a, b, .transpose_a = true), sum));
    assert_true(rt_equal(rt_matmul(a, turned_b, .transpose_b = true), sum));
    assert_true(rt_equal(rt_einsum("bki,bjk->bij", turned_a, turned_b), sum));
}

/* As long as no product has more axes than a tensor may have, there may be any number of operands and letters. */
static void equations_may_be_long(void **state)
{
    (void)state;
    rt_tensor *x[26];
    char text[128];
    size_t at = 0;
    for (int i = 0; i < COUNT(x); i++) {
        x[i] = rt_full(rt_shape(2, 2), 0.5, RT_F32);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%c%c", i > 0 ? "," : "", 'a' + i,
                               i < 25 ? 'b' + i : 'Z');
    }
    snprintf(text + at, sizeof text - at, " -> Za");
    assert_values(rt_einsum_(text, x, COUNT(x)), 0.5f, 0.5f, 0.5f, 0.5f);
    rt_tensor *wide = rt_ones(rt_shape(1, 1, 1, 1, 1));
    assert_null(rt_einsum("abcde,fghij,abcdefghij->a", wide, wide, wide));
    assert_error(ARG, "einsum: 'abcde,fghij,abcdefghij->a', character 21: a ninth axis, but "
                      "tensors have 8 at most");
    assert_null(rt_einsum("abcde,fghij,abcde,fghij->a", wide, wide, wide, wide));
    assert_error(SHAPE,
                 "einsum: the product of [1,1,1,1,1] and [1,1,1,1,1] has 10 axes, more than 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chains_take_the_cheapest_order),
        TEST(a_product_without_a_factor_may_be_nan),
        TEST(what_beta_ignores_may_be_nan),
        TEST(sums_with_products_of_halves_are_rounded_once),
        TEST(types_of_sums),
        TEST(integers_are_exact),
        TEST(equations_may_be_long),
    };
    return cmocka_run_group_tests_name("matrices", tests, NULL, NULL);
}
