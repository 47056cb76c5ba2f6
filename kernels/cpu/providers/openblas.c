/* OpenBLAS as a provider of gemm. Products are cut into tiles whose sizes depend only on the shape, each tile is one
 * single-threaded call, and our own threads share the tiles of all products of a batch: so the bits do not depend on the number
 * of threads. */
#include "kernels/cpu/cpu.h"

#ifdef RT_HAVE_OPENBLAS
#include "common/base/error.h"
#include "common/base/mem.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TILE_MIN = 64, TILE_MAX = 512 };

/* Returns half of the axis, as a multiple of TILE_MIN within bounds: large enough that packing pays off.
 */
static int64_t tile_of(int64_t n)
{
    int64_t half = rt__ceil_div(n, 2 * TILE_MIN) * TILE_MIN;
    return rt__max(TILE_MIN, rt__min(half, TILE_MAX));
}

/* OpenBLAS multiplies from a buffer that it keeps, one for each thread that is in it. On some machines products are three times as slow
 * until one has written to more of it than they do themselves (measured with 0.3.21 on virtual Zen processors: 10 and 35 GFLOP/s). So
 * the first larger product of a thread is preceded by one that does, which takes a millisecond. */
static void warm_up(int64_t work)
{
    enum { ROWS = 64, COLUMNS = 512, INNER = 256, LEAST = 1 << 20 };
    static _Thread_local bool warm;
    static float zeros[INNER * COLUMNS]; /* never written, so it takes no memory */
    if (warm || work < LEAST)
        return;
    warm = true;
    bool failed_before = rt_failed();
    float *c = rt_malloc(ROWS * COLUMNS * sizeof *c);
    if (c)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, ROWS, COLUMNS, INNER, 1, zeros,
                    INNER, zeros, COLUMNS, 0, c, COLUMNS);
    else if (!failed_before)
        rt_error_clear(); /* only time is lost */
    rt_mem_free(c);
}

/* gemm of one element type with its cblas functions; a product with one row or one column is one of a matrix and a vector, for which
 * OpenBLAS's gemm is slow. OpenBLAS built on OpenMP takes as many threads as OpenMP offers, unless it is offered one. Products that
 * cblas cannot express go to the reference. */
#define GEMM(T, t, type, cblas_gemm, cblas_gemv)                                                   \
    static void vector_##t(const rt_gemm_shape *g, const type *a, const type *b, type *c,          \
                           int64_t m, int64_t n)                                                   \
    {                                                                                              \
        const bool column = n == 1;                                                                \
        const int x_step = (int)(column ? (g->tb ? 1 : g->ldb) : (g->ta ? g->lda : 1));            \
        const int y_step = column ? (int)g->ldc : 1, outer = (int)(column ? m : n);                \
        const bool turned = column ? g->ta : !g->tb;                                               \
        for (int64_t i = 0; g->beta == 0 && i < outer; i++)                                        \
            c[i * y_step] = 0; /* what was there may be NaN */                                     \
        cblas_gemv(CblasRowMajor, turned ? CblasTrans : CblasNoTrans, turned ? (int)g->k : outer,  \
                   turned ? outer : (int)g->k, (type)g->alpha, column ? a : b,                     \
                   (int)(column ? g->lda : g->ldb), column ? b : a, x_step, (type)g->beta, c,      \
                   y_step);                                                                        \
    }                                                                                              \
                                                                                                   \
    static void tile_gemm_##t(const rt_gemm_shape *g, const type *a, const type *b,                \
                              const type *bias, type *c, int64_t m, int64_t n)                     \
    {                                                                                              \
        int threads = omp_get_max_threads();                                                       \
        omp_set_num_threads(1);                                                                    \
        if (m == 1 || n == 1) {                                                                    \
            vector_##t(g, a, b, c, m, n);                                                          \
        } else {                                                                                   \
            warm_up(m *n * g->k);                                                                  \
            cblas_gemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans,                           \
                       g->tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)g->k,               \
                       (type)g->alpha, a, (int)g->lda, b, (int)g->ldb, (type)g->beta, c,           \
                       (int)g->ldc);                                                               \
        }                                                                                          \
        omp_set_num_threads(threads);                                                              \
        for (int64_t i = 0; bias && i < m; i++)                                                    \
            for (int64_t j = 0; j < n; j++)                                                        \
                c[i * g->ldc + j] += bias[j];                                                      \
    }                                                                                              \
                                                                                                   \
    static void gemm_##t(rt_exec *e, rt_gemm_shape g, const void *a_, const void *b_,              \
                         const void *bias, void *c_)                                               \
    {                                                                                              \
        if (!cblas_takes(&g)) {                                                                    \
            rt_kernels_level("ref")->gemm[RT_##T](e, g, a_, b_, bias, c_);                         \
            return;                                                                                \
        }                                                                                          \
        const type *a = a_, *b = b_;                                                               \
        type *c = c_;                                                                              \
        int64_t tm = tile_of(g.m), tn = tile_of(g.n);                                              \
        int64_t across = rt__ceil_div(g.n, tn), tiles = rt__ceil_div(g.m, tm) * across;            \
        int64_t products = rt_gemm_count(&g), all = products * tiles;                              \
        int64_t work = products * (g.m * g.n * g.k / 16);                                          \
        RT_PARALLEL_FOR_IF(e, u, all, all > 1 && rt__worth_threads(e, work))                       \
        {                                                                                          \
            int64_t product = u / tiles, i = u % tiles / across * tm, j = u % across * tn;         \
            int64_t at_a = g.batch ? rt_grid_place(g.batch, 0, product) : 0;                       \
            int64_t at_b = g.batch ? rt_grid_place(g.batch, 1, product) : 0;                       \
            tile_gemm_##t(&g, a + at_a + (g.ta ? i : i * g.lda),                                   \
                          b + at_b + (g.tb ? j * g.ldb : j), bias ? (const type *)bias + j : NULL, \
                          c + (product * g.m + i) * g.ldc + j, rt__min(tm, g.m - i),               \
                          rt__min(tn, g.n - j));                                                   \
        }                                                                                          \
    }

static bool cblas_takes(const rt_gemm_shape *g)
{
    int64_t largest =
        rt__max(rt__max(g->lda, g->ldb), rt__max(g->ldc, rt__max(rt__max(g->m, g->n), g->k)));
    return g->m > 0 && g->n > 0 && g->k > 0 && largest <= INT32_MAX;
}

GEMM(F32, f32, float, cblas_sgemm, cblas_sgemv)
GEMM(F64, f64, double, cblas_dgemm, cblas_dgemv)

/* Results depend on the core, so it is an error if OpenBLAS silently replaced a core that it does not know. */
rt_status rt__openblas_check_core(void)
{
    const char *wanted = getenv("OPENBLAS_CORETYPE"), *core = openblas_get_corename();
    if (!wanted || strcasecmp(wanted, core) == 0)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "OPENBLAS_CORETYPE=%.40s: OpenBLAS has no such core here, and has chosen %s: "
                   "correct or unset it",
                   wanted, core);
}

bool rt__install_openblas(rt_kernels *k)
{
    static char name[64]; /* written once: other threads may be reading it */
    if (!*name) {
        char version[24] = "?";
        sscanf(openblas_get_config(), "OpenBLAS %23s", version);
        snprintf(name, sizeof name, "openblas %s %s", version, openblas_get_corename());
    }
    k->gemm[RT_F32] = gemm_f32;
    k->gemm[RT_F64] = gemm_f64;
    k->blas = name;
    return true;
}

#else

rt_status rt__openblas_check_core(void)
{
    return RT_OK;
}

bool rt__install_openblas(rt_kernels *k)
{
    (void)k;
    return false;
}

#endif
