/* The vector type for AVX-512 (F, DQ, BW, VL): 16 floats. */
#ifndef RINGTORCH_KERNELS_SIMD_H
#define RINGTORCH_KERNELS_SIMD_H

#include "kernels/cpu/simd_transpose8.h"

enum { W = 16 };   /* floats in a vector */
enum { TILE = 8 }; /* rows of a gemm tile; its width is 2 * W */
typedef float V __attribute__((vector_size(64)));
typedef int32_t VI __attribute__((vector_size(64))); /* integers, and masks: 0 or -1 */

static inline V v_set1(float x)
{
    return _mm512_set1_ps(x);
}

static inline V v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void v_store(float *p, V v)
{
    _mm512_storeu_ps(p, v);
}

static inline __mmask16 v_first(int64_t n)
{
    return (__mmask16)((1u << n) - 1);
}

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(v_first(n), p);
}

static inline void v_store_n(float *p, V v, int64_t n)
{
    _mm512_mask_storeu_ps(p, v_first(n), v);
}

static inline V v_fma(V a, V b, V c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline V v_sqrt(V x)
{
    return _mm512_sqrt_ps(x);
}

static inline V v_floor(V x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline V v_ceil(V x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline V v_round(V x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_sel(VI mask, V a, V b)
{
    return _mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), b, a);
}

/* One bit per element that is true. */
static inline unsigned v_bits(VI mask)
{
    return _mm512_movepi32_mask((__m512i)mask);
}

/* 64-bit products of the even elements of a, unsigned, with m. */
typedef uint64_t VL __attribute__((vector_size(64)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    VI at = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    *even = _mm512_permutex2var_ps(a, (__m512i)at, b);
    *odd = _mm512_permutex2var_ps(a, (__m512i)(at + 1), b);
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
    VI at = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
    *a = _mm512_permutex2var_ps(even, (__m512i)at, odd);
    *b = _mm512_permutex2var_ps(even, (__m512i)(at + 8), odd);
}

#endif
