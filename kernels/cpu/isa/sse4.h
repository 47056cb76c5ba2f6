/* The vector type for SSE4.1: 4 floats or 2 doubles. There is no fused multiply-add: v_fma rounds
 * twice. */
#ifndef RINGTORCH_KERNELS_CPU_ISA_SSE4_H
#define RINGTORCH_KERNELS_CPU_ISA_SSE4_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { W = 16 / sizeof(T) }; /* elements of a vector */
enum { TILE = 6 };           /* rows of a gemm tile; its width is 2 * W */
enum { BLOCK = W };          /* transpose_block handles BLOCK x BLOCK */
typedef T V __attribute__((vector_size(16)));
typedef T_int VI __attribute__((vector_size(16))); /* integers, and masks: 0 or -1 */

/* The intrinsic of that name for the element type. */
#if RT_BITS == 32
#define SIMD(name) _mm_##name##_ps
#else
#define SIMD(name) _mm_##name##_pd
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

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const T *p, int64_t n)
{
    V v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

static inline void v_store_n(T *p, V v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static inline V v_fma(V a, V b, V c)
{
    return a * b + c;
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
typedef uint64_t VL __attribute__((vector_size(16)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
#if RT_BITS == 32
    *even = _mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    *odd = _mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1));
#else
    *even = _mm_unpacklo_pd(a, b);
    *odd = _mm_unpackhi_pd(a, b);
#endif
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
    *a = SIMD(unpacklo)(even, odd);
    *b = SIMD(unpackhi)(even, odd);
}

/* dst[j * ldd + i] = src[i * lds + j] for a block of BLOCK x BLOCK. */
static inline void transpose_block(const T *src, int64_t lds, T *dst, int64_t ldd)
{
#if RT_BITS == 32
    __m128 r0 = _mm_loadu_ps(src), r1 = _mm_loadu_ps(src + lds);
    __m128 r2 = _mm_loadu_ps(src + 2 * lds), r3 = _mm_loadu_ps(src + 3 * lds);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_storeu_ps(dst, r0);
    _mm_storeu_ps(dst + ldd, r1);
    _mm_storeu_ps(dst + 2 * ldd, r2);
    _mm_storeu_ps(dst + 3 * ldd, r3);
#else
    V a = v_load(src), b = v_load(src + lds);
    v_store(dst, _mm_unpacklo_pd(a, b));
    v_store(dst + ldd, _mm_unpackhi_pd(a, b));
#endif
}

/* Doubles, whatever T is, for kernels/vmath_double.inc. */
typedef double real __attribute__((vector_size(16)));
typedef int64_t integer __attribute__((vector_size(16)));

static inline real real_set1(double x)
{
    return _mm_set1_pd(x);
}

static inline real real_fma(real a, real b, real c)
{
    return a * b + c;
}

static inline real real_sqrt(real x)
{
    return _mm_sqrt_pd(x);
}

static inline real real_floor(real x)
{
    return _mm_floor_pd(x);
}

static inline real real_round(real x)
{
    return _mm_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline real real_sel(integer mask, real a, real b)
{
    return _mm_blendv_pd(b, a, (real)mask);
}

static inline int real_any(integer mask)
{
    return _mm_movemask_pd((real)mask) != 0;
}

#endif
