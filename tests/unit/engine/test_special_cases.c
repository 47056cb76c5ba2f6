/* Values of operations in cases that neither random shapes nor PyTorch's samples have: rows that are all one row, masks that broadcast
 * along long rows, windows that begin in the padding, NaN within a window, rows of a table that threads share, factors of 0. */
#include "check.h"

#include <math.h>

/* A matrix whose rows share their memory is no matrix to a kernel: it is copied first. */
static void products_of_equal_rows(void **state)
{
    (void)state;
    rt_tensor *row = rt_from((const float[]){1, 2, 3}, rt_shape(1, 3), RT_F32);
    rt_tensor *rows = rt_expand(row, rt_shape(2, 3)), *column = rt_t(row);
    assert_values(rt_matmul(rows, column), 14, 14);
    assert_values(rt_matmul(rt_t(column), rt_t(rows)), 14, 14);
    rt_tensor *sliding =
        rt_as_strided(rt_arange(0, 6, 1, RT_F32), rt_shape(3, 3), rt_shape(1, 1), 0);
    assert_values(rt_matmul(sliding, column), 8, 14, 20);
}

static void a_mask_may_be_one_value_for_a_long_row(void **state)
{
    (void)state;
    enum { ROWS = 2, COLUMNS = 100 };
    rt_tensor *mask = rt_from((const uint8_t[]){1, 0}, rt_shape(ROWS, 1), RT_BOOL);
    rt_dims dims = rt_shape(ROWS, COLUMNS);
    rt_tensor *y = rt_where(mask, rt_ones(dims), rt_zeros(dims));
    assert_values(rt_sum(y, rt_shape(1)), COLUMNS, 0);
}

static void the_last_nan_of_a_window_is_its_maximum(void **state)
{
    (void)state;
    rt_tensor *x = rt_from((const float[]){1, NAN, 3, 2, 5, 4}, rt_shape(1, 1, 6), RT_F32);
    rt_tensor *y = rt_max_pool1d(x, 3, .stride = 1), *halves = rt_max_pool1d(x, 2);
    assert_fine();
    assert_true(isnan(rt_f32(y)[0]) && isnan(rt_f32(y)[1]));
    assert_values(rt_narrow(y, -1, 2, 2), 5, 5);
    assert_true(isnan(rt_f32(halves)[0]));
    rt_tensor *wide = rt_reshape(x, rt_shape(1, 1, 2, 3));
    assert_true(isnan(rt_item(rt_max_pool2d(wide, {2, 3}))));
}

/* With ceil_mode a window may end beyond the padding, but does not begin in it. */
static void no_window_begins_in_the_padding(void **state)
{
    (void)state;
    rt_tensor *x = rt_ones(rt_shape(1, 1, 2));
    assert_values(rt_max_pool1d(x, 2, .stride = 3, .padding = 1, .ceil_mode = true), 1);
    assert_values(rt_avg_pool1d(x, 2, .stride = 3, .padding = 1, .ceil_mode = true), 0.5);
    rt_tensor *longer = rt_ones(rt_shape(1, 1, 3));
    assert_values(rt_max_pool1d(longer, 2, .stride = 3, .padding = 1, .ceil_mode = true), 1, 1);
}

/* Rows so long that threads share them, or a thread takes them in pieces. */
static void rows_of_a_table_may_be_long(void **state)
{
    (void)state;
    enum { COLUMNS = 50000 };
    rt_tensor *row = rt_reshape(rt_arange(0, 3, 1, RT_F32), rt_shape(3, 1));
    rt_tensor *table = rt_contiguous(rt_expand(row, rt_shape(3, COLUMNS)));
    rt_tensor *y = rt_embedding(table, rt_from((const int64_t[]){2, 0}, rt_shape(2), RT_I64));
    assert_values(rt_amax(y, rt_shape(1)), 2, 0);
    assert_values(rt_amin(y, rt_shape(1)), 2, 0);
}

static void row_0_may_be_the_padding(void **state)
{
    (void)state;
    rt_tensor *table = rt_param(rt_ones(rt_shape(3, 1)));
    rt_tensor *index = rt_from((const int64_t[]){0, 1, 0, 2, 2}, rt_shape(5), RT_I64);
    rt_backward(rt_sum(rt_embedding(table, index, .padding_idx = 0)));
    assert_values(rt_grad_of(table), 0, 1, 2);
    rt_free(table);
}

/* Of several factors of one place one is 0: it alone has a gradient. If two are, none has. */
static void factors_of_zero(void **state)
{
    (void)state;
    rt_tensor *index = rt_from((const int64_t[]){0, 0, 0, 1, 1, 1}, rt_shape(6), RT_I64);
    rt_tensor *src = rt_param(rt_from((const float[]){0, 2, 3, 0, 5, 0}, rt_shape(6), RT_F32));
    rt_tensor *y = rt_scatter_reduce(rt_ones(rt_shape(2)), index, src, .reduce = RT_SCATTER_PROD);
    assert_values(y, 0, 0);
    rt_backward(rt_sum(y));
    assert_values(rt_grad_of(src), 6, 0, 0, 0, 0, 0);
    rt_free(src);
}

/* Of numbers below 0 it is pi, also of -infinity, but not of -0; NaN stays. */
static void the_angle_of_real_numbers(void **state)
{
    (void)state;
    const float from[] = {-1, -INFINITY, -0x1p-149f, -0.0f, 0, 0x1p-149f, INFINITY, NAN};
    enum { N = sizeof from / sizeof *from, BELOW = 3 };
    rt_dims dims = rt_shape(N);
    rt_tensor *x = rt_param(rt_from(from, dims, RT_F32)), *y = rt_angle(x);
    rt_tensor *wide = rt_angle(rt_to(x, RT_F64));
    assert_fine();
    for (int i = 0; i < N - 1; i++) {
        double want = i < BELOW ? M_PI : 0;
        assert_true(rt_f32(y)[i] == (float)want && !signbit(rt_f32(y)[i]));
        assert_true(rt_item(rt_narrow(wide, 0, i, 1)) == want);
    }
    assert_true(isnan(rt_f32(y)[N - 1]) && isnan(rt_item(rt_narrow(wide, 0, N - 1, 1))));
    rt_backward(rt_sum(y));
    assert_values(rt_grad_of(x), 0, 0, 0, 0, 0, 0, 0, 1);
    rt_free(x);
}

/* Each half counts from its end in float64, whatever the type of the result. */
static void numbers_of_every_type_are_spaced_in_double(void **state)
{
    (void)state;
    enum { STEPS = 3001 };
    const double start = -3, end = 100, step = (end - start) / (STEPS - 1);
    double want[STEPS];
    for (int i = 0; i < STEPS; i++)
        want[i] = i < STEPS / 2 ? start + i * step : end - (STEPS - 1 - i) * step;
    rt_tensor *wide = rt_from(want, rt_shape(STEPS), RT_F64);
    const rt_dtype types[] = {RT_F64, RT_F32, RT_F16, RT_BF16, RT_I64, RT_I32, RT_I8, RT_C64};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        rt_tensor *y = rt_linspace(start, end, STEPS, types[t]), *x = rt_to(wide, types[t]);
        assert_fine();
        assert_memory_equal(rt_data(y), rt_data(x), STEPS * rt_dtype_size(types[t]));
    }
}

/* Points without a gradient, or where its formula has none, get 0 and spoil nothing. */
static void gradients_where_formulas_end(void **state)
{
    (void)state;
    const float zeros[] = {0, -0.0f, 1e-30f, 1}, tiny[] = {0, 1e-30f, -1e-38f};
    rt_tensor *y = rt_param(rt_from(zeros, rt_shape(4), RT_F32));
    rt_tensor *x = rt_param(rt_from((float[]){0, 0, 1e-30f, 0}, rt_shape(4), RT_F32));
    rt_tensor *t = rt_param(rt_from(tiny, rt_shape(3), RT_F32));
    rt_backward(rt_add(rt_sum(rt_atan2(y, x)), rt_sum(rt_sinc(t))));
    assert_fine();
    assert_values(rt_grad_of(y), 0, 0, 0, 0);
    assert_values(rt_grad_of(x), 0, 0, 0, -1);
    assert_values(rt_grad_of(t), 0, 0, 0);
    rt_free(y), rt_free(x), rt_free(t);
}

/* A limit that is not given is none for infinities either. */
static void clamp_by_one_limit_lets_infinities_through(void **state)
{
    (void)state;
    const float from[] = {-INFINITY, -1, 0.5f, 1, INFINITY};
    rt_tensor *x = rt_param(rt_from(from, rt_shape(5), RT_F32));
    rt_tensor *z = rt_param(rt_from(from, rt_shape(5), RT_F32));
    rt_backward(rt_sum(rt_add(rt_clamp(x, .high = 0.5), rt_clamp(z, .low = 0.5))));
    assert_values(rt_grad_of(x), 1, 1, 0, 0, 0);
    assert_values(rt_grad_of(z), 0, 0, 0, 1, 1);
    rt_free(x), rt_free(z);
}

/* They are computed in float32, whose spacing at 1 is added. */
static void rms_norm_of_small_halves(void **state)
{
    (void)state;
    const rt_dtype types[] = {RT_F16, RT_BF16};
    for (int i = 0; i < 2; i++) {
        rt_tensor *x = rt_to(rt_from((float[]){0.01f, -0.01f}, rt_shape(1, 2), RT_F32), types[i]);
        double y = rt_item(rt_narrow(rt_rms_norm(x, .axes = 1), 1, 0, 1));
        assert_true(y > 0.998 && y <= 1);
    }
}

/* A rank is computed in double: float32 has no 15399.9996, and no odd rank beyond 2^24. */
static void quantile_of_long_rows(void **state)
{
    (void)state;
    enum { N = 20001, STEP = 15400 };
    rt_tensor *parts[] = {rt_zeros(rt_shape(STEP)), rt_full(rt_shape(N - STEP), 1e6, RT_F32)};
    rt_tensor *x = rt_cat(parts, 2, 0);
    double rank = (double)0.77f * (N - 1);
    assert_true(fabs(rt_item(rt_quantile(x, rt_scalar(0.77))) - 1e6 * (rank - floor(rank))) < 0.1);
}

/* Windows without columns are not gone through row by row, which would take for ever. */
static void pools_without_columns(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(1, 1, 2)));
    rt_tensor *most = rt_adaptive_max_pool2d(x, {INT32_MAX, 0});
    rt_tensor *mean = rt_adaptive_avg_pool2d(x, {INT32_MAX, 0});
    rt_backward(rt_add(rt_sum(most), rt_sum(mean)));
    assert_fine();
    assert_values(rt_grad_of(x), 0, 0);
    rt_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pools_without_columns),
        TEST(gradients_where_formulas_end),
        TEST(clamp_by_one_limit_lets_infinities_through),
        TEST(rms_norm_of_small_halves),
        TEST(quantile_of_long_rows),
        TEST(the_angle_of_real_numbers),
        TEST(numbers_of_every_type_are_spaced_in_double),
        TEST(products_of_equal_rows),
        TEST(a_mask_may_be_one_value_for_a_long_row),
        TEST(the_last_nan_of_a_window_is_its_maximum),
        TEST(no_window_begins_in_the_padding),
        TEST(rows_of_a_table_may_be_long),
        TEST(row_0_may_be_the_padding),
        TEST(factors_of_zero),
    };
    int failed = cmocka_run_group_tests_name("special_cases", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
