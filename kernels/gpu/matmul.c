/* Launches matrix products. */
#include "kernels/gpu/launch.h"

/* Chains as in kernels/cpu/tile.inc. */
enum { CHAIN = 192, TILE = 64 };

static int64_t chain_length(int64_t k)
{
    int64_t pieces = (k + CHAIN - 1) / CHAIN;
    return pieces > 0 ? (k + pieces - 1) / pieces : 1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Uses one launch for all products: the row groups of each follow those of the one before. */
static void gemm_f32(rt_exec *e, rt_gemm_shape g, const void *a, const void *b, const void *bias,
                     void *c)
{
    int64_t products = rt_gemm_count(&g), down = (g.m + TILE - 1) / TILE;
    gemm_args args = {.m = g.m,
                      .n = g.n,
                      .k = g.k,
                      .lda = g.lda,
                      .ldb = g.ldb,
                      .ldc = g.ldc,
                      .chain = chain_length(g.k),
                      .ta = g.ta,
                      .tb = g.tb,
                      .has_bias = bias != NULL,
                      .nd = g.batch ? g.batch->nd : 0,
                      .alpha = (float)g.alpha,
                      .beta = (float)g.beta};
    int64_t of_a = (g.ta ? g.k : g.m) * g.lda, of_b = (g.tb ? g.n : g.k) * g.ldb;
    for (int d = 0; d < args.nd; d++) {
        args.dim[d] = g.batch->dim[d];
        args.stride[0][d] = g.batch->stride[0][d];
        args.stride[1][d] = g.batch->stride[1][d];
    }
    of_a += rt__gpu_reach(args.nd, args.dim, args.stride[0]);
    of_b += rt__gpu_reach(args.nd, args.dim, args.stride[1]);
    rt__gpu_launch(e,
                   RT_LAUNCH(matmul, "gemm_f32", (g.n + TILE - 1) / TILE, products * down, args, a,
                             b, bias, c),
                   larger(larger(of_a, of_b), products * g.m * g.ldc));
}

void rt__gpu_install_matmul(rt_kernels *k)
{
    k->gemm[RT_F32] = gemm_f32;
}
