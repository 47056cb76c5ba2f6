/* Tests of the choice of level and BLAS, of errors, and of what only some shapes or values show: labels out of
 * range, lack of memory, OpenBLAS compared with the built-in product, no allocation once warm. */
#include "common/base/mem.h"
#include "kernels/kernels.h"
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_error(rt_status code, const char *part)
{
    assert_int_equal(rt_error_code(), code);
    if (!strstr(rt_error(), part))
        fail_msg("'%s' does not mention '%s'", rt_error(), part);
    rt_error_clear();
}

static void test_levels(void **state)
{
    (void)state;
    assert_int_equal(rt_kernels_init("ref", "builtin"), RT_OK);
    assert_string_equal(rt_kernels_cpu()->isa, "ref");
    assert_string_equal(rt_kernels_cpu()->blas, "builtin");
    assert_non_null(strstr(rt_kernels_levels(), "ref"));
    assert_int_equal(rt_kernels_init("mmx", NULL), RT_E_CONFIG);
    assert_error(RT_E_CONFIG, "'mmx'");
    assert_string_equal(rt_kernels_cpu()->isa, "ref"); /* a failed choice changes nothing */
    assert_int_equal(rt_kernels_init("ref", "mkl"), RT_E_CONFIG);
    assert_error(RT_E_CONFIG, "'mkl': expected auto, openblas or builtin");
    assert_null(rt_kernels_level("avx3"));
    assert_error(RT_E_CONFIG, rt_kernels_levels());
}

static void test_environment(void **state)
{
    (void)state;
    setenv("RINGTORCH_ISA", "ref", 1);
    setenv("RINGTORCH_BLAS", "builtin", 1);
    assert_int_equal(rt_kernels_init(NULL, NULL), RT_OK);
    assert_string_equal(rt_kernels_cpu()->isa, "ref");
    setenv("RINGTORCH_ISA", "neon", 1);
    assert_int_equal(rt_kernels_init(NULL, NULL), RT_E_CONFIG);
    assert_error(RT_E_CONFIG, "'neon'");
    unsetenv("RINGTORCH_ISA");
    unsetenv("RINGTORCH_BLAS");
    assert_int_equal(rt_kernels_init(NULL, NULL), RT_OK);
    const char *best = strrchr(rt_kernels_levels(), ' '); /* they are in ascending order */
    assert_string_equal(rt_kernels_cpu()->isa, best ? best + 1 : rt_kernels_levels());
}

static void test_labels(void **state)
{
    (void)state;
    float x[6] = {0}, loss[2];
    int64_t labels[2] = {1, 3};
    const char *levels[] = {"ref", rt_kernels_cpu()->isa};
    for (int i = 0; i < 2; i++) {
        rt_kernels_level(levels[i])->cross_entropy[RT_F32](
            rt_exec_cpu(), (rt_rows){2, 3}, (rt_cross_entropy_shape){0, -100}, x, labels, loss);
        assert_error(RT_E_RANGE, "target 3 in row 1");
    }
}

static float *filled(int64_t n)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(i * 7919 % 1009) / 1009 - 0.5f;
    return x;
}

static void product(const rt_kernels *k, rt_gemm_shape g, const float *a, const float *b,
                    const float *bias, float *c, int threads)
{
    rt_kernels_set_threads(threads);
    k->gemm[RT_F32](rt_exec_cpu(), g, a, b, bias, c);
    assert_int_equal(omp_get_max_threads(), threads); /* a provider does not change the setting */
}

/* OpenBLAS, if it is built in, is close to the reference and gives the same bits for any number of threads. */
static void test_openblas(void **state)
{
    (void)state;
    if (rt_kernels_init(NULL, "openblas") != RT_OK) {
        assert_error(RT_E_CONFIG, "not in this build");
        skip();
    }
    assert_int_equal(strncmp(rt_kernels_cpu()->blas, "openblas ", 9), 0);
    enum { M = 130, N = 700, K = 300 };
    float *a = filled(M * K), *b = filled(K * N), *bias = filled(N), *want = filled(M * N);
    for (int form = 0; form < 4; form++) {
        rt_gemm_shape g = {
            .m = M, .n = N, .k = K, .ta = form & 1, .tb = form & 2, .ldc = N, .alpha = 2};
        g.lda = g.ta ? M : K;
        g.ldb = g.tb ? K : N;
        float *c = filled(M * N), *other = filled(M * N);
        product(rt_kernels_level("ref"), g, a, b, bias, want, 1);
        product(rt_kernels_cpu(), g, a, b, bias, c, 1);
        for (int i = 0; i < M * N; i++)
            assert_true(fabsf(c[i] - want[i]) < 2e-4f);
        for (int threads = 2; threads <= 4; threads++) {
            product(rt_kernels_cpu(), g, a, b, bias, other, threads);
            assert_memory_equal(other, c, M * N * sizeof *c);
        }
        rt_gemm_shape empty = g;
        empty.k = 0;
        product(rt_kernels_cpu(), empty, a, b, bias, c, 1);
        assert_memory_equal(c + 5 * N, bias, N * sizeof *bias);
        free(c);
        free(other);
    }
    free(a);
    free(b);
    free(bias);
    free(want);
}

/* Scratch memory is kept, so the second call allocates nothing. If there is no memory, the error says so. */
static void test_scratch(void **state)
{
    (void)state;
    const rt_kernels *k = rt_kernels_level(rt_kernels_cpu()->isa);
    rt_conv_shape s = {2,           8,         {1, 14, 14}, 16,        {1, 3, 3},
                       {1, 14, 14}, {1, 1, 1}, {0, 1, 1},   {1, 1, 1}, 1};
    float *x = filled(2 * 8 * 14 * 14), *w = filled(16 * 8 * 9), *y = filled(2 * 16 * 14 * 14);
    rt_kernels_shutdown();
    rt_mem_fail_after(0);
    k->conv[RT_F32](rt_exec_cpu(), &s, x, w, NULL, y);
    rt_mem_fail_after(-1);
    assert_error(RT_E_NOMEM, "");
    int64_t live = rt_mem_live();
    k->conv[RT_F32](rt_exec_cpu(), &s, x, w, NULL, y);
    int64_t total = rt_mem_total();
    for (int i = 0; i < 3; i++)
        k->conv[RT_F32](rt_exec_cpu(), &s, x, w, NULL, y);
    assert_int_equal(rt_mem_total(), total);
    rt_kernels_shutdown();
    assert_int_equal(rt_mem_live(), live);
    free(x);
    free(w);
    free(y);
}

/* NaN and infinity give what they give in PyTorch. */
static void test_not_numbers(void **state)
{
    (void)state;
    const rt_kernels *k = rt_kernels_level(rt_kernels_cpu()->isa);
    float low[3] = {-INFINITY, 0, -INFINITY}, all_low[2] = {-INFINITY, -INFINITY}, y[3];
    k->softmax[RT_F32](rt_exec_cpu(), (rt_rows){1, 3}, low, y);
    assert_true(y[0] == 0 && y[1] == 1 && y[2] == 0);
    k->softmax[RT_F32](rt_exec_cpu(), (rt_rows){1, 2}, all_low, y);
    assert_true(isnan(y[0]) && isnan(y[1]));
    float zero = 0;
    rt_fold empty = {1, 0, 1};
    k->sum[RT_F32](rt_exec_cpu(), empty, &zero, y);
    assert_true(y[0] == 0);
    float c[1] = {NAN}, one = 1;
    k->gemm[RT_F32](rt_exec_cpu(), (rt_gemm_shape){1, 1, 1, 1, 1, 1, false, false, 1, 0}, &one,
                    &one, NULL, c);
    assert_true(c[0] == 1); /* beta == 0 ignores the old value */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),  cmocka_unit_test(test_environment),
        cmocka_unit_test(test_labels),  cmocka_unit_test(test_openblas),
        cmocka_unit_test(test_scratch), cmocka_unit_test(test_not_numbers)};
    int failed = cmocka_run_group_tests_name("choice", tests, NULL, NULL);
    rt_kernels_shutdown();
    return failed;
}
