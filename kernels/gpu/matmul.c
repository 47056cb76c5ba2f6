/* Launches matrix products. */
#include "kernels/gpu/launch.h"

/* The chains are those of kernels/cpu/tile.inc. */
enum { CHAIN = 192, TILE = 64 };

static int64_t chain_length(int64_t k)
{
    int64_t pieces = (k + CHAIN - 1) / CHAIN;
    return pieces > 0 ? (k + pieces - 1) / pieces : 1;
}

static void gemm_f32(rt_exec *e, rt_gemm_shape g, const void *a, const void *b, const void *bias,
                     void *c)
{
    gemm_args args = {g.m,  g.n,  g.k,          g.lda, g.ldb,   g.ldc, chain_length(g.k),
                      g.ta, g.tb, bias != NULL, 0,     g.alpha, g.beta};
    int64_t of_a = (g.ta ? g.k : g.m) * g.lda, of_b = (g.tb ? g.n : g.k) * g.ldb,
            of_c = g.m * g.ldc;
    int64_t extent = of_a > of_b ? of_a : of_b;
    rt__gpu_launch(e,
                   RT_LAUNCH(matmul, "gemm_f32", (g.n + TILE - 1) / TILE, (g.m + TILE - 1) / TILE,
                             args, a, b, bias, c),
                   extent > of_c ? extent : of_c);
}

void rt__gpu_install_matmul(rt_kernels *k)
{
    k->gemm[RT_F32] = gemm_f32;
}
