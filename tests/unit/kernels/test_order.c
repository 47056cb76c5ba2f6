/* Tests of the kernels of order (kernels/ref/order.c), of running sums and products (scan.c), and of the folds of integers
 * (kernels/cpu/integer.c) against what their comments promise, on random rows with ties, NaN and extreme values, for every type. */
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TRIALS = 60 };

static uint64_t state = 7;

static int64_t pick(int64_t n)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (int64_t)((state >> 33) % (uint64_t)n);
}

static int64_t any_length(void)
{
    const int64_t edges[] = {1, 2, 47, 48, 49, 50, 255, 257};
    return pick(2) ? edges[pick(8)] : 1 + pick(2000);
}

static float float_of(int64_t k)
{
    const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 0.f, -0.f, 1e-40f, -3e38f};
    return pick(9) ? (float)k / 8 : odd[pick(8)];
}

/* A random element of a few values, or of all. */
static int64_t any_whole(bool few)
{
    return few ? pick(7) - 3
               : (int64_t)((uint64_t)pick(1LL << 31) << 33 ^ (uint64_t)pick(1LL << 31));
}

#define IS_NAN(v) ((v) != (v))
#define NEVER(v)  false
#define AS_FLOAT  float_of
#define TYPES(ROW)                                                                                 \
    ROW(F32, float, AS_FLOAT, IS_NAN)                                                              \
    ROW(F64, double, AS_FLOAT, IS_NAN)                                                             \
    WHOLE(ROW)                                                                                     \
    ROW(BOOL, uint8_t, 0 !=, NEVER)
#define WHOLE(ROW)                                                                                 \
    ROW(I64, int64_t, (int64_t), NEVER)                                                            \
    ROW(I32, int32_t, (int32_t), NEVER)                                                            \
    ROW(I16, int16_t, (int16_t), NEVER)                                                            \
    ROW(I8, int8_t, (int8_t), NEVER)                                                               \
    ROW(U8, uint8_t, (uint8_t), NEVER)

static void *filled(int64_t n, size_t size)
{
    void *p = test_malloc((size_t)(n + 1) * size);
    memset(p, 0x55, (size_t)(n + 1) * size);
    return p;
}

/* ---- sorting ---- */

#define SORT(T, type, as, nan)                                                                     \
    static type *any_##T(int64_t n)                                                                \
    {                                                                                              \
        type *x = filled(n, sizeof *x);                                                            \
        bool few = pick(2);                                                                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            x[i] = as(any_whole(few));                                                             \
        return x;                                                                                  \
    }                                                                                              \
    static bool less_##T(type a, type b)                                                           \
    {                                                                                              \
        return a < b || (nan(b) && !nan(a));                                                       \
    }                                                                                              \
    static void check_row_##T(int64_t n, bool descending, const type *x, const type *y,            \
                              const int64_t *at)                                                   \
    {                                                                                              \
        bool *seen = filled(n, 1);                                                                 \
        memset(seen, 0, (size_t)n);                                                                \
        for (int64_t i = 0; i < n; i++) {                                                          \
            assert_in_range(at[i], 0, n - 1);                                                      \
            assert_false(seen[at[i]]);                                                             \
            seen[at[i]] = true;                                                                    \
            assert_memory_equal(&y[i], &x[at[i]], sizeof *x);                                      \
            if (i == 0)                                                                            \
                continue;                                                                          \
            bool before = descending ? less_##T(y[i], y[i - 1]) : less_##T(y[i - 1], y[i]);        \
            bool after = descending ? less_##T(y[i - 1], y[i]) : less_##T(y[i], y[i - 1]);         \
            assert_false(after);                                                                   \
            assert_true(before || at[i - 1] < at[i]);                                              \
        }                                                                                          \
        test_free(seen);                                                                           \
    }                                                                                              \
    static void check_run_##T(int64_t n, const type *sorted, int64_t end)                          \
    {                                                                                              \
        int64_t longest = 0, at = 0;                                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t begin = i;                                                                     \
            while (begin > 0 && sorted[begin - 1] == sorted[i])                                    \
                begin--;                                                                           \
            if (i + 1 - begin > longest) {                                                         \
                longest = i + 1 - begin;                                                           \
                at = i;                                                                            \
            }                                                                                      \
        }                                                                                          \
        assert_int_equal(end, at);                                                                 \
    }                                                                                              \
    static void sort_##T(rt_exec *e)                                                               \
    {                                                                                              \
        rt_rows r = {1 + pick(40), any_length()};                                                  \
        bool descending = pick(2);                                                                 \
        type *x = any_##T(r.n * r.len), *y = filled(r.n * r.len, sizeof *y);                       \
        int64_t *at = filled(r.n * r.len, sizeof *at), *end = filled(r.n, sizeof *end);            \
        e->kernels->sort[RT_##T](e, r, descending, x, y, at);                                      \
        e->kernels->longest_run[RT_##T](e, r, y, end);                                             \
        for (int64_t i = 0; i < r.n; i++) {                                                        \
            check_row_##T(r.len, descending, x + i * r.len, y + i * r.len, at + i * r.len);        \
            check_run_##T(r.len, y + i * r.len, end[i]);                                           \
        }                                                                                          \
        test_free(x);                                                                              \
        test_free(y);                                                                              \
        test_free(at);                                                                             \
        test_free(end);                                                                            \
    }
TYPES(SORT)

/* ---- extremes ---- */

#define EXTREMES(T, type, as, nan)                                                                 \
    static bool more_##T(bool largest, type a, type b)                                             \
    {                                                                                              \
        return (nan(a) && !nan(b)) || (largest ? a > b : a < b);                                   \
    }                                                                                              \
    static void extremes_##T(rt_exec *e)                                                           \
    {                                                                                              \
        rt_fold f = {1 + pick(5), 1 + pick(90), pick(3) ? 1 + pick(40) : 1};                       \
        int64_t n = f.outer * f.red * f.inner;                                                     \
        bool largest = pick(2);                                                                    \
        type *x = any_##T(n), *y = filled(n, sizeof *y);                                           \
        int64_t *at = filled(n, sizeof *at), *one = filled(n, sizeof *one);                        \
        e->kernels->cumextreme[RT_##T](e, f, largest, x, y, at);                                   \
        e->kernels->extreme_at[RT_##T](e, f, largest, x, one);                                     \
        for (int64_t u = 0; u < f.outer * f.inner; u++) {                                          \
            int64_t begin = u / f.inner * f.red * f.inner + u % f.inner, first = 0, last = 0;      \
            for (int64_t r = 0; r < f.red; r++) {                                                  \
                type v = x[begin + r * f.inner];                                                   \
                if (!more_##T(largest, x[begin + last * f.inner], v))                              \
                    last = r;                                                                      \
                if (more_##T(largest, v, x[begin + first * f.inner]))                              \
                    first = r;                                                                     \
                assert_int_equal(at[begin + r * f.inner], last);                                   \
                assert_memory_equal(&y[begin + r * f.inner], &x[begin + last * f.inner],           \
                                    sizeof *x);                                                    \
            }                                                                                      \
            assert_int_equal(one[u], first);                                                       \
        }                                                                                          \
        test_free(x);                                                                              \
        test_free(y);                                                                              \
        test_free(at);                                                                             \
        test_free(one);                                                                            \
    }
TYPES(EXTREMES)

/* ---- folds of integers ---- */

#define FOLDS(T, type, as, nan)                                                                    \
    static void folds_##T(rt_exec *e)                                                              \
    {                                                                                              \
        bool row = pick(3) == 0;                                                                   \
        rt_fold f = {row ? 1 : 1 + pick(4), row ? 65000 + pick(80000) : 1 + pick(60),              \
                     row || pick(2) ? 1 : 1 + pick(1100)};                                         \
        int64_t n = f.outer * f.inner;                                                             \
        type *x = any_##T(n * f.red), *most = filled(n, sizeof *x), *least = filled(n, sizeof *x); \
        e->kernels->max[RT_##T](e, f, x, most);                                                    \
        e->kernels->min[RT_##T](e, f, x, least);                                                   \
        for (int64_t u = 0; u < n; u++) {                                                          \
            const type *in = x + u / f.inner * f.red * f.inner + u % f.inner;                      \
            type high = *in, low = *in;                                                            \
            for (int64_t r = 1; r < f.red; r++) {                                                  \
                high = in[r * f.inner] > high ? in[r * f.inner] : high;                            \
                low = in[r * f.inner] < low ? in[r * f.inner] : low;                               \
            }                                                                                      \
            assert_true(most[u] == high && least[u] == low);                                       \
        }                                                                                          \
        test_free(x);                                                                              \
        test_free(most);                                                                           \
        test_free(least);                                                                          \
    }
WHOLE(FOLDS)
FOLDS(BOOL, uint8_t, 0 !=, NEVER)

static void sums_of_integers(rt_exec *e)
{
    rt_fold f = {pick(4), pick(4) ? pick(60) : 65000 + pick(80000), pick(2) ? 1 : pick(30)};
    int64_t n = f.outer * f.inner, *x = any_I64(n * f.red), *sum = filled(n, 8),
            *prod = filled(n, 8);
    e->kernels->sum[RT_I64](e, f, x, sum);
    e->kernels->prod[RT_I64](e, f, x, prod);
    for (int64_t u = 0; u < n; u++) {
        uint64_t total = 0, product = 1;
        for (int64_t r = 0; r < f.red; r++) {
            uint64_t v = (uint64_t)x[(u / f.inner * f.red + r) * f.inner + u % f.inner];
            total += v;
            product *= v;
        }
        assert_true((uint64_t)sum[u] == total && (uint64_t)prod[u] == product);
    }
    test_free(x);
    test_free(sum);
    test_free(prod);
}

/* ---- running sums and products ---- */

/* Compares the results of a kernel with `step` of the total y_, the element v and the element w, from `start`. */
#define EXPECT_SCAN(type, total, result, start, step)                                              \
    for (int64_t u = 0; u < f.outer * f.inner; u++) {                                              \
        total y_ = start;                                                                          \
        for (int64_t k = 0; k < f.red; k++) {                                                      \
            int64_t r = reverse ? f.red - 1 - k : k;                                               \
            int64_t at = (u / f.inner * f.red + r) * f.inner + u % f.inner;                        \
            total v = (total)a[at], w = (total)b[at];                                              \
            (void)w;                                                                               \
            y_ = step;                                                                             \
            type expected = (type)y_;                                                              \
            assert_true(memcmp(&result[at], &expected, sizeof expected) == 0 ||                    \
                        (IS_NAN(expected) && IS_NAN(result[at])));                                 \
        }                                                                                          \
    }
#define RECURRENCE_F32                                                                             \
    e->kernels->recurrence[RT_F32](e, f, reverse, a, b, y);                                        \
    EXPECT_SCAN(float, double, y, 0, y_ *v + w)
#define RECURRENCE_F64                                                                             \
    e->kernels->recurrence[RT_F64](e, f, reverse, a, b, y);                                        \
    EXPECT_SCAN(double, double, y, 0, y_ *v + w)
#define RECURRENCE_I64 (void)b
#define SCANS(T, type, total)                                                                      \
    static void scans_##T(rt_exec *e)                                                              \
    {                                                                                              \
        rt_fold f = {1 + pick(5), 1 + pick(90), pick(3) ? 1 + pick(40) : 1};                       \
        int64_t n = f.outer * f.red * f.inner;                                                     \
        bool reverse = pick(2);                                                                    \
        type *a = any_##T(n), *b = any_##T(n), *y = filled(n, sizeof *y);                          \
        e->kernels->cumsum[RT_##T](e, f, reverse, a, y);                                           \
        EXPECT_SCAN(type, total, y, 0, y_ + v)                                                     \
        e->kernels->cumprod[RT_##T](e, f, reverse, a, y);                                          \
        EXPECT_SCAN(type, total, y, 1, y_ *v)                                                      \
        RECURRENCE_##T;                                                                            \
        test_free(a);                                                                              \
        test_free(b);                                                                              \
        test_free(y);                                                                              \
    }
SCANS(F32, float, double)
SCANS(F64, double, double)
SCANS(I64, int64_t, uint64_t)

static void places(rt_exec *e)
{
    int64_t n = pick(300), count = 0;
    uint8_t *mask = any_BOOL(n);
    int64_t *at = filled(n, sizeof *at);
    e->kernels->places(e, n, mask, at);
    for (int64_t i = 0; i < n; i++)
        if (mask[i])
            assert_int_equal(at[count++], i);
    test_free(mask);
    test_free(at);
}

/* Each of them often, on one to three threads. */
static void often(void (*check)(rt_exec *e))
{
    int threads = rt_kernels_threads();
    for (int t = 0; t < TRIALS; t++) {
        rt_kernels_set_threads(1 + t % 3);
        check(rt_exec_cpu());
    }
    rt_kernels_set_threads(threads);
}

static void test_sort(void **unused)
{
    (void)unused;
#define RUN(T, type, as, nan) often(sort_##T);
    TYPES(RUN)
#undef RUN
}

static void test_extremes(void **unused)
{
    (void)unused;
#define RUN(T, type, as, nan) often(extremes_##T);
    TYPES(RUN)
#undef RUN
}

static void test_folds(void **unused)
{
    (void)unused;
#define RUN(T, type, as, nan) often(folds_##T);
    WHOLE(RUN)
    RUN(BOOL, uint8_t, 0 !=, NEVER)
#undef RUN
    often(sums_of_integers);
}

static void test_scans(void **unused)
{
    (void)unused;
    often(scans_F32);
    often(scans_F64);
    often(scans_I64);
    often(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sort), cmocka_unit_test(test_extremes),
                                       cmocka_unit_test(test_folds), cmocka_unit_test(test_scans)};
    int failed = cmocka_run_group_tests_name("order", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
