/* What the files of this folder share. Private to kernels/cpu.
 *
 *     RT_PARALLEL_FOR(e, row, rows, rows * len) { ... }
 */
#ifndef RINGTORCH_KERNELS_CPU_CPU_H
#define RINGTORCH_KERNELS_CPU_CPU_H

#include "kernels/kernels.h"
#include <omp.h>

/* Each function overwrites the table entries that it implements. The kernels of a level, as its rows list them, come with the function
 * of its name; the reference kernels are installed first for every level. */
void rt__install_ref(rt_kernels *k);
void rt__install_sse4(rt_kernels *k);
void rt__install_avx2(rt_kernels *k);
void rt__install_avx512(rt_kernels *k);
void rt__install_casts(rt_kernels *k);    /* the same for every level */
void rt__install_complex(rt_kernels *k);  /* the same for every level, after its own */
void rt__install_integers(rt_kernels *k); /* the same for every level */
void rt__install_indexing(rt_kernels *k); /* the same for every level but ref */
void rt__install_moves(rt_kernels *k);    /* the same for every level but ref */

/* Installs OpenBLAS's gemm in the table and sets k->blas; false if this build has no OpenBLAS. */
bool rt__install_openblas(rt_kernels *k);
/* Fails with CONFIG if the user has requested a core of OpenBLAS (OPENBLAS_CORETYPE) and it chose another. */
rt_status rt__openblas_check_core(void);

/* Returns whether `work`, in units of roughly one vector element, is worth the microseconds that a team of threads costs to start. */
static inline bool rt__worth_threads(const rt_exec *e, int64_t work)
{
    return work >= 32768 && e->threads > 1;
}

#define RT_PRAGMA(text) _Pragma(#text)
/* The next statement runs on a team of e's threads if `condition` holds. */
#define RT_PARALLEL(e, condition) RT_PRAGMA(omp parallel num_threads((e)->threads) if (condition))

/* A loop over [0, n), divided among the threads if the work is worth it. */
#define RT_PARALLEL_FOR(e, i, n, work) RT_PARALLEL_FOR_IF(e, i, n, rt__worth_threads(e, work))
#define RT_PARALLEL_FOR_IF(e, i, n, condition)                                                     \
    RT_PRAGMA(omp parallel for schedule(static) num_threads((e)->threads) if (condition))          \
    for (int64_t i = 0; i < (n); i++)

/* An element of 16 bytes to copies; its memory need not be aligned to 16. */
typedef struct rt_16_bytes {
    uint64_t half[2];
} rt_16_bytes;

static inline int64_t rt__min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t rt__max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t rt__ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

#endif
