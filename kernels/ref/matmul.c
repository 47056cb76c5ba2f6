/* Reference kernels: products of matrices. See kernels/ref/wide.h. */
#include "kernels/ref/wide.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

void KERNEL_NAME(gemm)(rt_exec *e, rt_gemm_shape g, const void *a_, const void *b_,
                       const void *bias, void *c_)
{
    const T *a = a_, *b = b_;
    T *c = c_;
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
                sum += ((const T *)bias)[j];
            c[i * g.ldc + j] = (T)sum;
        }
    }
}
