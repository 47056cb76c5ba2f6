/* The only arithmetic of comm: one addition per element, IEEE or modulo 2^bits, so any vector width
 * gives the same bits. */
#include "worker/comm/internal.h"

/* SUM(dtype, type): elements are added as `type`; integers as unsigned ones, which wrap. */
#define SUMS(SUM)                                                                                  \
    SUM(F32, float)                                                                                \
    SUM(F64, double)                                                                               \
    SUM(I32, uint32_t)                                                                             \
    SUM(I64, uint64_t)

#define SUM(dtype, type)                                                                           \
    static void sum_##dtype(void *out, const void *a, const void *b, int64_t count)                \
    {                                                                                              \
        type *sum = out;                                                                           \
        const type *x = a, *y = b;                                                                 \
        for (int64_t i = 0; i < count; i++)                                                        \
            sum[i] = x[i] + y[i];                                                                  \
    }
SUMS(SUM)
#undef SUM

rt__sum *rt__comm_sum_of(rt_dtype dtype)
{
#define SUM(dtype, type) [RT_##dtype] = sum_##dtype,
    static rt__sum *const sums[RT_DTYPES] = {SUMS(SUM)};
#undef SUM
    return sums[dtype];
}
