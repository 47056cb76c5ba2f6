/* The vector type for AVX2 with FMA: 8 floats or 4 doubles. */
#ifndef RINGTORCH_KERNELS_CPU_ISA_AVX2_H
#define RINGTORCH_KERNELS_CPU_ISA_AVX2_H

#include "kernels/cpu/isa/lanes256.h"

enum { W = 32 / sizeof(T) }; /* elements of a vector */
enum { TILE = 6 };           /* rows of a gemm tile; its width is 2 * W */
typedef T V __attribute__((vector_size(32)));
typedef T_int VI __attribute__((vector_size(32))); /* integers, and masks: 0 or -1 */

/* The intrinsic of that name for the element type. */
#if RT_BITS == 32
#define SIMD(name) _mm256_##name##_ps
#else
#define SIMD(name) _mm256_##name##_pd
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

static inline __m256i v_first(int64_t n)
{
#if RT_BITS == 32
    return (__m256i)((VI){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n);
#else
    return (__m256i)((VI){0, 1, 2, 3} < n);
#endif
}

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const T *p, int64_t n)
{
    return SIMD(maskload)(p, v_first(n));
}

static inline void v_store_n(T *p, V v, int64_t n)
{
    SIMD(maskstore)(p, v_first(n), v);
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
    return SIMD(floor)(x);
}

static inline V v_ceil(V x)
{
    return SIMD(ceil)(x);
}

static inline V v_round(V x)
{
    return SIMD(round)(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_sel(VI mask, V a, V b)
{
    return SIMD(blendv)(b, a, (V)mask);
}

/* One bit per element that is true. */
static inline unsigned v_bits(VI mask)
{
    return (unsigned)SIMD(movemask)((V)mask);
}

/* 64-bit products of the even 32-bit elements of a, unsigned, with m. */
typedef uint64_t VL __attribute__((vector_size(32)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    V low = SIMD(permute2f128)(a, b, 0x20), high = SIMD(permute2f128)(a, b, 0x31);
#if RT_BITS == 32
    *even = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0));
    *odd = _mm256_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1));
#else
    *even = _mm256_unpacklo_pd(low, high);
    *odd = _mm256_unpackhi_pd(low, high);
#endif
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
    V low = SIMD(unpacklo)(even, odd), high = SIMD(unpackhi)(even, odd);
    *a = SIMD(permute2f128)(low, high, 0x20);
    *b = SIMD(permute2f128)(low, high, 0x31);
}

/* Doubles, whatever T is, for kernels/vmath_double.inc. */
typedef double real __attribute__((vector_size(32)));
typedef int64_t integer __attribute__((vector_size(32)));

static inline real real_set1(double x)
{
    return _mm256_set1_pd(x);
}

static inline real real_fma(real a, real b, real c)
{
    return _mm256_fmadd_pd(a, b, c);
}

static inline real real_sqrt(real x)
{
    return _mm256_sqrt_pd(x);
}

static inline real real_floor(real x)
{
    return _mm256_floor_pd(x);
}

static inline real real_round(real x)
{
    return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline real real_sel(integer mask, real a, real b)
{
    return _mm256_blendv_pd(b, a, (real)mask);
}

static inline int real_any(integer mask)
{
    return _mm256_movemask_pd((real)mask) != 0;
}

#endif
