/* The vector type for AVX2 with FMA: 8 floats. */
#ifndef RINGTORCH_KERNELS_SIMD_H
#define RINGTORCH_KERNELS_SIMD_H

#include "kernels/cpu/simd_transpose8.h"

enum { W = 8 };    /* floats in a vector */
enum { TILE = 6 }; /* rows of a gemm tile; its width is 2 * W */
typedef float V __attribute__((vector_size(32)));
typedef int32_t VI __attribute__((vector_size(32))); /* integers, and masks: 0 or -1 */

static inline V v_set1(float x)
{
    return _mm256_set1_ps(x);
}

static inline V v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static inline void v_store(float *p, V v)
{
    _mm256_storeu_ps(p, v);
}

static inline __m256i v_first(int64_t n)
{
    return (__m256i)((VI){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n);
}

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, v_first(n));
}

static inline void v_store_n(float *p, V v, int64_t n)
{
    _mm256_maskstore_ps(p, v_first(n), v);
}

static inline V v_fma(V a, V b, V c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline V v_sqrt(V x)
{
    return _mm256_sqrt_ps(x);
}

static inline V v_floor(V x)
{
    return _mm256_floor_ps(x);
}

static inline V v_ceil(V x)
{
    return _mm256_ceil_ps(x);
}

static inline V v_round(V x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_sel(VI mask, V a, V b)
{
    return _mm256_blendv_ps(b, a, (__m256)mask);
}

/* One bit per element that is true. */
static inline unsigned v_bits(VI mask)
{
    return (unsigned)_mm256_movemask_ps((__m256)mask);
}

/* 64-bit products of the even elements of a, unsigned, with m. */
typedef uint64_t VL __attribute__((vector_size(32)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    __m256 low = _mm256_permute2f128_ps(a, b, 0x20), high = _mm256_permute2f128_ps(a, b, 0x31);
    *even = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0));
    *odd = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1));
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
    __m256 low = _mm256_unpacklo_ps(even, odd), high = _mm256_unpackhi_ps(even, odd);
    *a = _mm256_permute2f128_ps(low, high, 0x20);
    *b = _mm256_permute2f128_ps(low, high, 0x31);
}

#endif
