/* The vector type for AVX-512 (F, DQ, BW, VL): 16 floats or 8 doubles. */
#ifndef RINGTORCH_KERNELS_CPU_ISA_AVX512_H
#define RINGTORCH_KERNELS_CPU_ISA_AVX512_H

#include "kernels/cpu/isa/lanes256.h"

enum { W = 64 / sizeof(T) }; /* elements of a vector */
enum { TILE = 8 };           /* rows of a gemm tile; its width is 2 * W */
typedef T V __attribute__((vector_size(64)));
typedef T_int VI __attribute__((vector_size(64))); /* integers, and masks: 0 or -1 */

/* The intrinsic of that name for the element type. */
#if RT_BITS == 32
#define SIMD(name)    _mm512_##name##_ps
#define MASK_OF(mask) _mm512_movepi32_mask((__m512i)(mask))
typedef __mmask16 v_mask;
#else
#define SIMD(name)    _mm512_##name##_pd
#define MASK_OF(mask) _mm512_movepi64_mask((__m512i)(mask))
typedef __mmask8 v_mask;
#endif

static inline V v_set1(T x)
{
    return SIMD(set1)(x);
}

static inline V v_load(const T *p)
{
    return SIMD(loadu)(p);
}

static inline void v_store(T *p, V v)
{
    SIMD(storeu)(p, v);
}

static inline v_mask v_first(int64_t n)
{
    return (v_mask)((1u << n) - 1);
}

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const T *p, int64_t n)
{
    return SIMD(maskz_loadu)(v_first(n), p);
}

static inline void v_store_n(T *p, V v, int64_t n)
{
    SIMD(mask_storeu)(p, v_first(n), v);
}

static inline V v_fma(V a, V b, V c)
{
    return SIMD(fmadd)(a, b, c);
}

static inline V v_sqrt(V x)
{
    return SIMD(sqrt)(x);
}

static inline V v_floor(V x)
{
    return SIMD(roundscale)(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline V v_ceil(V x)
{
    return SIMD(roundscale)(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline V v_round(V x)
{
    return SIMD(roundscale)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_sel(VI mask, V a, V b)
{
    return SIMD(mask_blend)(MASK_OF(mask), b, a);
}

/* One bit per element that is true. */
static inline unsigned v_bits(VI mask)
{
    return MASK_OF(mask);
}

/* 64-bit products of the even 32-bit elements of a, unsigned, with m. */
typedef uint64_t VL __attribute__((vector_size(64)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
#if RT_BITS == 32
    VI at = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
#else
    VI at = {0, 2, 4, 6, 8, 10, 12, 14};
#endif
    *even = SIMD(permutex2var)(a, (__m512i)at, b);
    *odd = SIMD(permutex2var)(a, (__m512i)(at + 1), b);
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
#if RT_BITS == 32
    VI at = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
#else
    VI at = {0, 8, 1, 9, 2, 10, 3, 11};
#endif
    *a = SIMD(permutex2var)(even, (__m512i)at, odd);
    *b = SIMD(permutex2var)(even, (__m512i)(at + W / 2), odd);
}

/* Doubles, whatever T is, for kernels/vmath_double.inc. */
typedef double real __attribute__((vector_size(64)));
typedef int64_t integer __attribute__((vector_size(64)));

static inline real real_set1(double x)
{
    return _mm512_set1_pd(x);
}

static inline real real_fma(real a, real b, real c)
{
    return _mm512_fmadd_pd(a, b, c);
}

static inline real real_sqrt(real x)
{
    return _mm512_sqrt_pd(x);
}

static inline real real_floor(real x)
{
    return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline real real_round(real x)
{
    return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline real real_sel(integer mask, real a, real b)
{
    return _mm512_mask_blend_pd(_mm512_movepi64_mask((__m512i)mask), b, a);
}

static inline int real_any(integer mask)
{
    return _mm512_movepi64_mask((__m512i)mask) != 0;
}

#endif
