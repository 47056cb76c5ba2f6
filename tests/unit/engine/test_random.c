/* Tests of random numbers and the keyed permutation. */
#include "check.h"

#include "common/base/philox.h"
#include <math.h>
#include <stdlib.h>

/* ---- Philox ---- */

/* Compares with the known answers of the authors' implementation (Random123, kat_vectors, philox4x32
 * with 10 rounds). */
static void philox_gives_the_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < COUNT(known); i++) {
        uint32_t v[4];
        memcpy(v, known[i].counter, sizeof v);
        rt__philox((uint64_t)known[i].key[1] << 32 | known[i].key[0], v);
        assert_memory_equal(v, known[i].expected, sizeof v);
    }
}

static void uniform_is_philox_of_its_place(void **state)
{
    (void)state;
    enum { N = 1003 };
    rt_random_seek(0x0123456789abcdef, 7, 3);
    rt_rand(rt_shape(5)); /* stream 0 */
    rt_tensor *x = rt_rand(rt_shape(N));
    assert_fine();
    for (uint32_t i = 0; i < N; i++) {
        uint32_t v[4] = {7, 3, 1, i / 4};
        rt__philox(0x0123456789abcdef, v);
        assert_true(rt_f32(x)[i] == (float)(v[i % 4] >> 8) * 0x1p-24f);
    }
}

/* ---- distributions ---- */

static void values_depend_on_seed_step_slice_and_place_only(void **state)
{
    (void)state;
    enum { N = 64 };
    float first[N], again[N];
    rt_random_seek(5, 1, 2);
    rt_copy_out(rt_randn(rt_shape(N)), first);
    rt_tensor *second = rt_randn(rt_shape(N));
    assert_memory_not_equal(rt_data(second), first, sizeof first);
    rt_random_seek(5, 1, 2);
    rt_copy_out(rt_randn(rt_shape(4, N / 4)), again);
    assert_memory_equal(again, first, sizeof first);
    rt_random_seek(5, 1, 2);
    rt_tensor *more = rt_randn(rt_shape(10 * N)); /* longer, but with the same beginning */
    assert_memory_equal(rt_data(more), first, sizeof first);
    const uint64_t others[][3] = {{6, 1, 2},
                                  {5, 2, 2},
                                  {5, 1, 3},
                                  {5, (UINT64_C(1) << 32) + 1, 2},
                                  {5, (UINT64_C(2) << 32) + 1, 2}};
    for (int i = 0; i < COUNT(others); i++) {
        rt_random_seek(others[i][0], others[i][1], (uint32_t)others[i][2]);
        assert_memory_not_equal(rt_data(rt_randn(rt_shape(N))), first, sizeof first);
    }
}

static void assert_moments(rt_tensor *x, double mean, double variance, double low, double high)
{
    const float *v = rt_f32(x);
    int64_t n = rt_numel(x);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_true(v[i] >= low && v[i] < high);
        sum += v[i];
        squares += (v[i] - mean) * (v[i] - mean);
    }
    /* five standard errors of the mean; the variance's are at most 1.5 times variance / sqrt(n) */
    assert_true(fabs(sum / (double)n - mean) < 5 * sqrt(variance / (double)n));
    assert_true(fabs(squares / (double)n - variance) < 8 * variance / sqrt((double)n));
}

static void moments_are_right(void **state)
{
    (void)state;
    rt_random_seek(11, 0, 0);
    assert_moments(rt_rand(rt_shape(100000)), 0.5, 1.0 / 12, 0, 1);
    assert_moments(rt_uniform(rt_shape(100000), -2, 4), 1, 3, -2, 4);
    assert_moments(rt_randn(rt_shape(100000)), 0, 1, -7, 7);
    assert_moments(rt_normal(rt_shape(100000), 3, 2), 3, 4, -11, 17);
    assert_moments(rt_bernoulli(rt_shape(100000), 0.3), 0.3, 0.21, 0, 1.5);
    assert_fine();
}

static void exponential_numbers_are_right(void **state)
{
    (void)state;
    rt_random_seek(12, 0, 0);
    assert_moments(rt_exponential(rt_shape(100000), 1), 1, 1, 0x1p-25, 17);
    assert_moments(rt_exponential(rt_shape(100000), 4), 0.25, 1.0 / 16, 0x1p-27, 5);
    assert_null(rt_exponential(rt_shape(2), 0));
    rt_error_clear();
}

/* Also compares the number of values below the mean with the distribution's. */
static void gamma_numbers_are_right(void **state)
{
    (void)state;
    enum { N = 100000 };
    static const struct {
        float alpha;
        double below; /* the distribution's share of values below its mean */
    } known[] = {{0.3f, 0.726957}, {1, 0.632121}, {2.5f, 0.584120}, {40, 0.521029}};
    rt_random_seek(13, 0, 0);
    for (int k = 0; k < COUNT(known); k++) {
        double alpha = known[k].alpha;
        rt_tensor *x = rt_gamma(rt_full(rt_shape(N), alpha, RT_F32));
        assert_moments(x, alpha, alpha, 0, alpha + 12 * sqrt(alpha) + 20);
        double below = 0;
        for (int i = 0; i < N; i++)
            below += rt_f32(x)[i] < alpha;
        assert_true(fabs(below / N - known[k].below) < 0.008);
    }
    rt_tensor *none = rt_gamma(rt_from((const float[]){0, -1, NAN}, rt_shape(3), RT_F32));
    for (int i = 0; i < 3; i++)
        assert_true(isnan(rt_f32(none)[i]));
    assert_true(rt_item(rt_gamma(rt_full(rt_shape(), INFINITY, RT_F32))) == INFINITY);
}

/* A number depends on its place and its own alpha, and takes one stream however many attempts were made. */
static void gamma_numbers_do_not_depend_on_others(void **state)
{
    (void)state;
    enum { N = 64 };
    rt_random_seek(14, 0, 0);
    rt_tensor *first = rt_gamma(rt_full(rt_shape(N), 1, RT_F32)), *after = rt_rand(rt_shape(4));
    rt_random_seek(14, 0, 0);
    rt_tensor *alpha = rt_full(rt_shape(1000), 1, RT_F32);
    rt_fill(rt_narrow(alpha, 0, N, 1000 - N), 0.01);
    rt_tensor *second = rt_gamma(alpha), *again = rt_rand(rt_shape(4));
    assert_fine();
    assert_memory_equal(rt_data(first), rt_data(second), N * sizeof(float));
    assert_memory_equal(rt_data(after), rt_data(again), 4 * sizeof(float));
}

/* Compares counts of 0, 1, ... with n times the probabilities, whose sum is 1 at most: by chi-square, whose 1e-6 quantile for 19 degrees
 * of freedom is 63. */
static void assert_counts(rt_tensor *x, const double *probability, int classes)
{
    double count[20] = {0}, sum = 0;
    rt_tensor *whole = rt_contiguous(rt_to(x, RT_I64));
    assert_fine();
    int64_t n = rt_numel(whole);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = rt_i64(whole)[i];
        assert_true(k >= 0);
        if (k < classes)
            count[k]++;
    }
    for (int k = 0; k < classes; k++) {
        double expected = (double)n * probability[k], d = count[k] - expected;
        assert_true(expected > 0 ? expected > 5 : count[k] == 0);
        sum += expected > 0 ? d * d / expected : 0;
    }
    assert_true(sum < 63);
}

static void truncated_normal_numbers_are_right(void **state)
{
    (void)state;
    enum { N = 100000 };
    rt_random_seek(21, 0, 0);
    assert_moments(rt_trunc_normal(rt_shape(N), 0, 1, -2, 2), 0, 0.77374, -2, nextafter(2, 3));
    assert_moments(rt_trunc_normal(rt_shape(N), 3, 2, 3, INFINITY), 3 + 2 * 0.797885,
                   4 * (1 - 2 / M_PI), 3, 14);
    rt_tensor *tail = rt_trunc_normal(rt_shape(N), 0, 1, -6, -4);
    assert_moments(tail, -4.2255469, 0.0465572, -6, nextafter(-4, 0));
    /* moments by the trapezoidal rule */
    rt_tensor *lower = rt_trunc_normal(rt_shape(N), 1, 2, -INFINITY, 1 - 2 * 7);
    lower = rt_sub(rt_full(rt_shape(), 1 - 2 * 7, RT_F32), lower);
    assert_moments(lower, 2 * 0.13754561, 4 * 0.01826191, 0, 6);
    rt_tensor *cut = rt_trunc_normal(rt_shape(N), 0, 1, 8, 8.05);
    assert_moments(cut, 8.02333273, 2.0664992e-4, 8, 8.0501);
    rt_tensor *far = rt_sub(rt_trunc_normal(rt_shape(N), 0, 1, 40, 41), rt_scalar(40));
    assert_moments(far, 0.02496885, 6.2266838e-4, 0, 1);
    assert_values(rt_trunc_normal(rt_shape(3), 0, 1, 1e20, INFINITY), 1e20f, 1e20f, 1e20f);
    assert_values(rt_trunc_normal(rt_shape(2), 0, 1e-30, 1e300, INFINITY), INFINITY, INFINITY);
    assert_null(rt_trunc_normal(rt_shape(3), 0, 1, 2, 2));
    assert_error(RANGE, "trunc_normal: mean 0, std 1, from 2 to 2: expected a finite mean and std, "
                        "and the lower end first");
}

static void poisson_numbers_are_right(void **state)
{
    (void)state;
    enum { N = 10000, MOST = 20 };
    static const float rates[] = {0.02f, 1, 6.5f, 9.99f, 10, 35, 2000, 3e5f};
    rt_random_seek(22, 0, 0);
    for (int i = 0; i < COUNT(rates); i++) {
        const double rate = rates[i];
        rt_tensor *x = rt_poisson(rt_full(rt_shape(N), rate, RT_F32));
        assert_moments(x, rate, rate, 0, rate + 12 * sqrt(rate) + 5);
        double p[MOST] = {exp(-rate)};
        int begin = 0, n = 1; /* the numbers that are expected often enough: begin to n */
        for (int k = 1; k < MOST; k++)
            p[k] = p[k - 1] * rate / k;
        for (; begin < MOST && p[begin] * N <= 5; begin++)
            p[begin] = 0;
        for (n = begin; n < MOST && p[n] * N > 5; n++)
            ;
        rt_tensor *shown = rt_masked_select(x, rt_ge(x, rt_scalar(begin)));
        for (int k = begin; k < n; k++)
            p[k] *= (double)N / (double)rt_numel(shown);
        if (begin < n)
            assert_counts(shown, p, n);
    }
    rt_tensor *none = rt_poisson(rt_zeros(rt_shape(3), RT_BF16));
    assert_int_equal(rt_dtype_of(none), RT_BF16);
    assert_values(rt_to(none, RT_F32), 0, 0, 0);
    assert_null(rt_poisson(rt_from((const float[]){1, -1}, rt_shape(2), RT_F32)));
    assert_error(RANGE, "poisson: a rate is negative, infinite or NaN");
    assert_null(rt_poisson(rt_scalar(NAN)));
    assert_error(RANGE, "poisson: a rate is negative, infinite or NaN");
}

/* A number depends on its place and its own rate, and takes one stream however many attempts were made. */
static void poisson_numbers_do_not_depend_on_others(void **state)
{
    (void)state;
    enum { N = 64 };
    rt_random_seek(23, 0, 0);
    rt_tensor *rate = rt_add_scalar(rt_rand(rt_shape(N)), 9.5); /* some by each method */
    rt_tensor *first = rt_poisson(rate), *after = rt_rand(rt_shape(4));
    rt_random_seek(23, 0, 0);
    rt_rand(rt_shape(1));
    rt_tensor *more = rt_cat(((rt_tensor *[]){rate, rt_full(rt_shape(999), 1e6, RT_F32)}), 2, 0);
    rt_tensor *second = rt_poisson(more), *again = rt_rand(rt_shape(4));
    assert_fine();
    assert_memory_equal(rt_data(first), rt_data(second), N * sizeof(float));
    assert_memory_equal(rt_data(after), rt_data(again), 4 * sizeof(float));
}

static void indices_are_drawn_by_weights(void **state)
{
    (void)state;
    enum { N = 20000 };
    const float w[] = {0, 1, 0, 3, 2, 0, 4, 0};
    const double p[] = {0, 0.1, 0, 0.3, 0.2, 0, 0.4, 0};
    rt_random_seek(24, 0, 0);
    rt_tensor *weights = rt_from(w, rt_shape(8), RT_F32);
    assert_counts(rt_multinomial(weights, N, true), p, 8);
    rt_tensor *rows = rt_expand(rt_mul_scalar(weights, 1e30), rt_shape(N, 8));
    rt_tensor *drawn = rt_multinomial(rows, 2, false);
    assert_int_equal(rt_size(drawn, 1), 2);
    assert_counts(rt_select(drawn, 1, 0), p, 8);
    double second[8] = {0}; /* the sum over the first, i, of p[i] p[k] / (1 - p[i]) */
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++)
            second[k] += i == k ? 0 : p[i] * p[k] / (1 - p[i]);
    assert_counts(rt_select(drawn, 1, 1), second, 8);
    rt_tensor *all = rt_multinomial(weights, 4, false);
    assert_true(rt_item(rt_sum(all)) == 1 + 3 + 4 + 6);
    assert_int_equal(rt_numel(rt_multinomial(rt_ones(rt_shape(0, 3)), 2, true)), 0);
}

/* Weights that are small beside others are drawn before those that are 0, whatever their quotient. */
static void tiny_weights_are_drawn_before_none(void **state)
{
    (void)state;
    const double w[] = {0, 1e-300, 1e300, 0, 1e-320, 1};
    rt_random_seek(26, 0, 0);
    rt_tensor *drawn = rt_multinomial(rt_from(w, rt_shape(2, 3), RT_F64), 2, false);
    assert_values(rt_to(drawn, RT_F32), 2, 1, 2, 1);
}

static void weights_are_checked(void **state)
{
    (void)state;
    const float w[] = {1, 0, 2, 0, 0, 0};
    rt_tensor *weights = rt_from(w, rt_shape(2, 3), RT_F32), *row = rt_select(weights, 0, 0);
    assert_null(rt_multinomial(weights, 1, true));
    assert_error(RANGE, "multinomial: row 1 has 0 weights that are not 0, expected 1 or more");
    assert_null(rt_multinomial(row, 3, false));
    assert_error(RANGE, "multinomial: row 0 has 2 weights that are not 0, expected 3 or more");
    assert_null(rt_multinomial(row, 4, false));
    assert_error(RANGE, "multinomial: 4 samples without replacement of 3 indices");
    assert_null(rt_multinomial(row, 0, true));
    assert_error(RANGE, "multinomial: samples is 0, expected 1 to 2147483647");
    assert_null(rt_multinomial(rt_scalar(1), 1, true));
    assert_error(SHAPE, "multinomial: weights is [], expected [c] or [n, c]");
    assert_null(rt_multinomial(rt_ones(rt_shape(2, 0)), 1, true));
    assert_error(SHAPE, "multinomial: weights is [2,0]: there is no index to draw");
    const float wrong[] = {-1, INFINITY, NAN};
    for (int i = 0; i < COUNT(wrong); i++) {
        assert_null(rt_multinomial(rt_from((float[]){1, wrong[i]}, rt_shape(2), RT_F32), 1, true));
        assert_error(RANGE, "multinomial: a weight is negative, infinite or NaN");
    }
}

static void permuted_numbers_are_the_keyed_permutation(void **state)
{
    (void)state;
    enum { N = 1000 };
    rt_random_seek(15, 6, 2);
    rt_rand(rt_shape(2)); /* stream 0 */
    rt_tensor *x = rt_randperm(N);
    uint32_t v[4] = {6, 2, 1, 0};
    rt__philox(15, v);
    assert_fine();
    for (int i = 0; i < N; i++)
        assert_int_equal(rt_i64(x)[i], rt_permutation((uint64_t)v[1] << 32 | v[0], 0, N, i));
    assert_int_equal(rt_numel(rt_randperm(0)), 0);
    assert_null(rt_randperm(-1));
    assert_error(RANGE, "randperm: n is -1, expected 0 or more");
}

static void bernoulli_of_certain_events(void **state)
{
    (void)state;
    assert_values(rt_bernoulli(rt_shape(4), 1), 1, 1, 1, 1);
    assert_values(rt_bernoulli(rt_shape(4), 0), 0, 0, 0, 0);
    assert_null(rt_bernoulli(rt_shape(4), 1.5));
    assert_error(RANGE, "bernoulli: p is 1.5, expected 0 to 1");
}

static void numbers_by_elements(void **state)
{
    (void)state;
    enum { N = 50000 };
    rt_random_seek(27, 0, 0);
    rt_tensor *ends = rt_from((const float[]){-3, 5}, rt_shape(2, 1), RT_F32);
    rt_tensor *x = rt_normal_by(ends, rt_full(rt_shape(N), 2, RT_F64));
    assert_int_equal(rt_dtype_of(x), RT_F64);
    for (int i = 0; i < 2; i++)
        assert_moments(rt_to(rt_select(x, 0, i), RT_F32), i ? 5 : -3, 4, -14, 16);
    rt_tensor *z = rt_randn_like(rt_zeros(rt_shape(N), RT_C64)),
              *u = rt_rand_like(rt_zeros(rt_shape(N), RT_C64));
    assert_moments(rt_contiguous(rt_imag(z)), 0, 0.5, -6, 6);
    assert_moments(rt_square(rt_abs(z)), 1, 1, 0, 20);
    assert_moments(rt_contiguous(rt_imag(u)), 0.5, 1.0 / 12, 0, 1);
    rt_tensor *p = rt_from((const float[]){0, 0.25, 1}, rt_shape(3, 1), RT_F32);
    rt_tensor *b = rt_bernoulli_by(rt_contiguous(rt_expand(p, rt_shape(3, N))));
    assert_values(rt_mean(b, rt_shape(1)), 0, rt_f32(rt_mean(b, rt_shape(1)))[1], 1);
    assert_moments(rt_contiguous(rt_select(b, 0, 1)), 0.25, 0.1875, 0, 1.5);
    assert_null(rt_bernoulli_by(rt_scalar(NAN)));
    assert_error(RANGE, "bernoulli_by: a probability is not from 0 to 1");
    assert_null(rt_normal_by(p, rt_scalar(-1)));
    assert_error(RANGE, "normal_by: a standard deviation is negative or NaN");
}

/* Elements are dropped as a whole. */
static void complex_numbers_are_dropped(void **state)
{
    (void)state;
    rt_random_seek(28, 0, 0);
    rt_tensor *x = rt_complex(rt_ones(rt_shape(64)), rt_full(rt_shape(64), -2, RT_F32));
    rt_tensor *y = rt_dropout(x, 0.5);
    rt_tensor *re = rt_contiguous(rt_real(y)), *im = rt_contiguous(rt_imag(y));
    assert_fine();
    int kept = 0;
    for (int i = 0; i < 64; i++) {
        kept += rt_f32(re)[i] == 2;
        assert_true(rt_f32(im)[i] == -2 * rt_f32(re)[i]);
    }
    assert_in_range(kept, 10, 54);
}

/* Pearson's statistic for `cells` equally likely outcomes. */
static double chi_square(const int64_t *count, int cells, int64_t total)
{
    double expected = (double)total / cells, sum = 0;
    for (int i = 0; i < cells; i++)
        sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    return sum;
}

static void integers_are_even_and_in_range(void **state)
{
    (void)state;
    enum { N = 70000, CELLS = 7 };
    rt_random_seek(3, 0, 0);
    rt_tensor *x = rt_randint(rt_shape(N), -3, 4);
    int64_t count[CELLS] = {0};
    for (int i = 0; i < N; i++) {
        assert_in_range(rt_i64(x)[i] + 3, 0, CELLS - 1);
        count[rt_i64(x)[i] + 3]++;
    }
    assert_true(chi_square(count, CELLS, N) < 30); /* 6 degrees of freedom: p = 4e-5 */
    rt_tensor *wide = rt_randint(rt_shape(1000), INT64_MIN, INT64_MAX);
    int negative = 0;
    for (int i = 0; i < 1000; i++)
        negative += rt_i64(wide)[i] < 0;
    assert_in_range(negative, 400, 600);
    assert_null(rt_randint(rt_shape(2), 4, 4));
    assert_error(RANGE, "randint: no integer in [4, 4)");
}

static void dropout_scales_what_it_keeps(void **state)
{
    (void)state;
    enum { N = 20000 };
    rt_random_seek(4, 0, 0);
    rt_tensor *x = rt_param(rt_ones(rt_shape(N)));
    rt_tensor *y = rt_dropout(x, 0.25);
    int kept = 0;
    for (int i = 0; i < N; i++) {
        assert_true(rt_f32(y)[i] == 0 || rt_f32(y)[i] == 1 / 0.75f);
        kept += rt_f32(y)[i] != 0;
    }
    assert_in_range(kept, N * 0.73, N * 0.77);
    rt_backward(rt_sum(y)); /* the gradient has the same mask */
    assert_memory_equal(rt_data(rt_grad_of(x)), rt_data(y), N * sizeof(float));
    rt_free(x);
    assert_values(rt_dropout(rt_ones(rt_shape(3)), 1), 0, 0, 0);
    assert_values(rt_dropout(rt_ones(rt_shape(3)), 0), 1, 1, 1);
    assert_null(rt_dropout(rt_ones(rt_shape(3)), -0.5));
    assert_error(RANGE, "dropout: p is -0.5, expected 0 to 1");
}

static rt_tensor *draw(int kind, rt_dims shape)
{
    switch (kind) {
    case 0:
        return rt_dropout(rt_ones(shape), 0.5);
    case 1:
        return rt_bernoulli(shape, 0.5);
    case 2:
        return rt_to(rt_randint(shape, 0, 2), RT_F32);
    case 3:
        return rt_rand(shape);
    default:
        return rt_randn(shape);
    }
}

/* Two dropouts of one net must not share a mask, and no two draws may have the same values. */
static void each_draw_is_another(void **state)
{
    (void)state;
    enum { N = 256 };
    for (int kind = 0; kind < 5; kind++) {
        rt_random_seek(9, 2, 1);
        rt_tensor *first = draw(kind, rt_shape(N)), *second = draw(kind, rt_shape(N));
        int equal = 0;
        assert_fine();
        for (int i = 0; i < N; i++)
            equal += rt_f32(first)[i] == rt_f32(second)[i];
        if (equal > N * 3 / 4)
            fail_msg("kind %d: %d of %d elements are those of the draw before", kind, equal, N);
    }
}

/* ---- the permutation ---- */

static void permutation_is_a_bijection(void **state)
{
    (void)state;
    const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 16, 17, 63, 64, 65, 100, 255, 1000, 4096, 60000};
    for (int i = 0; i < COUNT(sizes); i++) {
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int64_t n = sizes[i];
            char *seen = calloc((size_t)n, 1);
            for (int64_t q = 0; q < n; q++) {
                int64_t at = rt_permutation(1337 + (uint64_t)i, epoch, n, q);
                assert_in_range(at, 0, n - 1);
                assert_int_equal(seen[at], 0);
                seen[at] = 1;
            }
            free(seen);
        }
    }
}

static void permutation_depends_on_seed_and_epoch(void **state)
{
    (void)state;
    enum { N = 1000 };
    int moved_by_epoch = 0, moved_by_seed = 0, fixed = 0;
    for (int64_t q = 0; q < N; q++) {
        int64_t at = rt_permutation(1, 0, N, q);
        assert_int_equal(rt_permutation(1, 0, N, q), at);
        moved_by_epoch += rt_permutation(1, 1, N, q) != at;
        moved_by_seed += rt_permutation(2, 0, N, q) != at;
        fixed += at == q;
    }
    assert_in_range(moved_by_epoch, N - 10, N);
    assert_in_range(moved_by_seed, N - 10, N);
    assert_in_range(fixed, 0, 10); /* a random permutation has one fixed point on average */
}

/* The targets of each place must be evenly distributed over many epochs: a cell for each (place,
 * target). */
static void permutation_is_even(void **state)
{
    (void)state;
    enum { N = 6, EPOCHS = 12000 };
    int64_t count[N][N] = {0}, order[720] = {0};
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        int digits[N], rank = 0;
        for (int q = 0; q < N; q++)
            count[q][digits[q] = (int)rt_permutation(99, epoch, N, q)]++;
        for (int q = 0; q < N; q++) { /* the number of this order among all 720 */
            int smaller = 0;
            for (int k = q + 1; k < N; k++)
                smaller += digits[k] < digits[q];
            rank = rank * (N - q) + smaller;
        }
        order[rank]++;
    }
    for (int q = 0; q < N; q++)
        assert_true(chi_square(count[q], N, EPOCHS) < 28); /* 5 degrees of freedom: p = 4e-5 */
    /* 719 degrees of freedom: mean 719, standard deviation 38. */
    assert_true(chi_square(order, 720, EPOCHS) < 719 + 5 * 38);
}

static void permutation_refuses_places_outside(void **state)
{
    (void)state;
    rt_permutation(1, 0, 10, 10);
    assert_error(RANGE, "permutation: place 10 of 10, expected 0 <= place < n <= 2^62");
    rt_permutation(1, 0, 0, 0);
    assert_error(RANGE, "permutation: place 0 of 0, expected 0 <= place < n <= 2^62");
    int64_t n = (int64_t)1 << 62;
    assert_in_range(rt_permutation(1, 0, n, n - 1), 0, n - 1);
    assert_fine();
}

/* The numbers are those of rt_rand, rt_randn and rt_randint, converted; none becomes 1. */
static void like_another_tensor(void **state)
{
    (void)state;
    rt_dims shape = rt_shape(40, 50);
    static const rt_dtype types[] = {RT_F32, RT_F64, RT_BF16, RT_F16};
    for (int i = 0; i < 4; i++) {
        rt_tensor *x = rt_zeros(shape, types[i]);
        rt_random_seek(7, 0, 0);
        rt_tensor *a = rt_rand_like(x), *b = rt_randn_like(x), *c = rt_randint_like(x, 2, 9);
        rt_random_seek(7, 0, 0);
        rt_tensor *u = rt_rand(shape), *n = rt_randn(shape), *k = rt_randint(shape, 2, 9);
        assert_true(rt_dtype_of(a) == types[i] && rt_dtype_of(b) == types[i] &&
                    rt_dtype_of(c) == types[i]);
        assert_true(rt_item(rt_amax(a)) < 1 && rt_item(rt_amin(a)) >= 0);
        assert_true(rt_item(rt_amax(rt_abs(rt_sub(rt_to(a, RT_F32), u)))) < 0.004);
        assert_true(rt_item(rt_amax(rt_abs(rt_sub(b, rt_to(n, types[i]))))) == 0);
        assert_true(rt_item(rt_amax(rt_abs(rt_sub(c, rt_to(k, types[i]))))) == 0);
    }
    assert_int_equal(rt_error_code(), RT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(like_another_tensor),
        TEST(philox_gives_the_known_answers),
        TEST(uniform_is_philox_of_its_place),
        TEST(values_depend_on_seed_step_slice_and_place_only),
        TEST(moments_are_right),
        TEST(exponential_numbers_are_right),
        TEST(gamma_numbers_are_right),
        TEST(gamma_numbers_do_not_depend_on_others),
        TEST(truncated_normal_numbers_are_right),
        TEST(poisson_numbers_are_right),
        TEST(poisson_numbers_do_not_depend_on_others),
        TEST(indices_are_drawn_by_weights),
        TEST(tiny_weights_are_drawn_before_none),
        TEST(weights_are_checked),
        TEST(permuted_numbers_are_the_keyed_permutation),
        TEST(numbers_by_elements),
        TEST(complex_numbers_are_dropped),
        TEST(bernoulli_of_certain_events),
        TEST(integers_are_even_and_in_range),
        TEST(dropout_scales_what_it_keeps),
        TEST(each_draw_is_another),
        TEST(permutation_is_a_bijection),
        TEST(permutation_depends_on_seed_and_epoch),
        TEST(permutation_is_even),
        TEST(permutation_refuses_places_outside),
    };
    int failed = cmocka_run_group_tests_name("random", tests, NULL, NULL);
    rt_shutdown();
    return failed;
}
