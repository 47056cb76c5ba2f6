/* The vector type for SSE4.1: 4 floats. Without fused multiply-add: v_fma rounds twice. */
#ifndef RINGTORCH_KERNELS_SIMD_H
#define RINGTORCH_KERNELS_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { W = 4 };     /* floats in a vector */
enum { TILE = 6 };  /* rows of a gemm tile; its width is 2 * W */
enum { BLOCK = 4 }; /* transpose_block handles BLOCK x BLOCK */
typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16))); /* integers, and masks: 0 or -1 */

static inline V v_set1(float x)
{
    return _mm_set1_ps(x);
}

static inline V v_load(const float *p)
{
    return _mm_loadu_ps(p);
}

static inline void v_store(float *p, V v)
{
    _mm_storeu_ps(p, v);
}

/* The first n < W elements; the rest are 0 and not touched. */
static inline V v_load_n(const float *p, int64_t n)
{
    V v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

static inline void v_store_n(float *p, V v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static inline V v_fma(V a, V b, V c)
{
    return a * b + c;
}

static inline V v_sqrt(V x)
{
    return _mm_sqrt_ps(x);
}

static inline V v_floor(V x)
{
    return _mm_floor_ps(x);
}

static inline V v_ceil(V x)
{
    return _mm_ceil_ps(x);
}

static inline V v_round(V x)
{
    return _mm_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_sel(VI mask, V a, V b)
{
    return _mm_blendv_ps(b, a, (__m128)mask);
}

/* One bit per element that is true. */
static inline unsigned v_bits(VI mask)
{
    return (unsigned)_mm_movemask_ps((__m128)mask);
}

/* 64-bit products of the even elements of a, unsigned, with m. */
typedef uint64_t VL __attribute__((vector_size(16)));
static inline VL v_mul_even(VL a, uint32_t m)
{
    return (VL)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(m));
}

/* (a0 a1 ..)(b0 b1 ..) -> evens a0 a2 .. b0 b2 .., odds. */
static inline void v_unzip(V a, V b, V *even, V *odd)
{
    *even = _mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
    *odd = _mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1));
}

/* The inverse of v_unzip. */
static inline void v_zip(V even, V odd, V *a, V *b)
{
    *a = _mm_unpacklo_ps(even, odd);
    *b = _mm_unpackhi_ps(even, odd);
}

/* dst[j * ldd + i] = src[i * lds + j] for a block of BLOCK x BLOCK. */
static inline void transpose_block(const float *src, int64_t lds, float *dst, int64_t ldd)
{
    __m128 r0 = _mm_loadu_ps(src), r1 = _mm_loadu_ps(src + lds);
    __m128 r2 = _mm_loadu_ps(src + 2 * lds), r3 = _mm_loadu_ps(src + 3 * lds);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_storeu_ps(dst, r0);
    _mm_storeu_ps(dst + ldd, r1);
    _mm_storeu_ps(dst + 2 * ldd, r2);
    _mm_storeu_ps(dst + 3 * ldd, r3);
}

#endif
