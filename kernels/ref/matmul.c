/* Reference kernels: products of matrices. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

static void product(rt_gemm_shape g, const T *a, const T *b, const T *bias, T *c)
{
    for (int64_t i = 0; i < g.m; i++) {
        for (int64_t j = 0; j < g.n; j++) {
            wide sum = 0;
            for (int64_t p = 0; p < g.k; p++)
                sum += (wide)a[g.ta ? p * g.lda + i : i * g.lda + p] *
                       b[g.tb ? j * g.ldb + p : p * g.ldb + j];
            sum *= (T)g.alpha;
            if (g.beta != 0)
                sum += (wide)(T)g.beta * c[i * g.ldc + j];
            if (bias)
                sum += bias[j];
            c[i * g.ldc + j] = (T)sum;
        }
    }
}

/* c = alpha * op(a) op(b) + beta * c, plus bias[n] in every row unless bias is NULL. If beta == 0, the former
 * contents of c are ignored. op(a): [m, k], op(b): [k, n], c: [m, n], all row-major; g.batch gives the number of
 * products. */
KERNEL(gemm, FLOATS, (rt_exec *e, rt_gemm_shape g, const void *a, const void *b, const void *bias,
                      void *c))
{
    for (int64_t i = 0; i < rt_gemm_count(&g); i++) {
        int64_t at_a = g.batch ? rt_grid_place(g.batch, 0, i) : 0;
        int64_t at_b = g.batch ? rt_grid_place(g.batch, 1, i) : 0;
        product(g, (const T *)a + at_a, (const T *)b + at_b, bias, (T *)c + i * g.m * g.ldc);
    }
}
