/* The transpose in registers of 256 bits that AVX2 and AVX-512 share: 8 x 8 floats or 4 x 4 doubles. */
#ifndef RINGTORCH_KERNELS_CPU_ISA_LANES256_H
#define RINGTORCH_KERNELS_CPU_ISA_LANES256_H

#include <immintrin.h>
#include <stdint.h>

enum { BLOCK = 32 / sizeof(T) }; /* transpose_block handles BLOCK x BLOCK */

#if RT_BITS == 32
/* dst[j * ldd + i] = src[i * lds + j]: each half of a vector takes rows i and i + 4, then a 4 x 4 transpose. */
static inline void transpose_block(const float *src, int64_t lds, float *dst, int64_t ldd)
{
    for (int half = 0; half < 2; half++) {
        __m256 r[4];
        for (int i = 0; i < 4; i++) {
            __m128 low = _mm_loadu_ps(src + i * lds + 4 * half);
            __m128 high = _mm_loadu_ps(src + (i + 4) * lds + 4 * half);
            r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
        }
        __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]);
        __m256 c = _mm256_unpacklo_ps(r[2], r[3]), d = _mm256_unpackhi_ps(r[2], r[3]);
        float *out = dst + 4 * half * ldd;
        _mm256_storeu_ps(out, _mm256_shuffle_ps(a, c, 0x44));
        _mm256_storeu_ps(out + ldd, _mm256_shuffle_ps(a, c, 0xEE));
        _mm256_storeu_ps(out + 2 * ldd, _mm256_shuffle_ps(b, d, 0x44));
        _mm256_storeu_ps(out + 3 * ldd, _mm256_shuffle_ps(b, d, 0xEE));
    }
}
#else
/* dst[j * ldd + i] = src[i * lds + j]: combines the halves of rows i and i + 2, then swaps pairs of elements. */
static inline void transpose_block(const double *src, int64_t lds, double *dst, int64_t ldd)
{
    for (int half = 0; half < 2; half++) {
        __m256d r[2];
        for (int i = 0; i < 2; i++) {
            __m128d low = _mm_loadu_pd(src + i * lds + 2 * half);
            __m128d high = _mm_loadu_pd(src + (i + 2) * lds + 2 * half);
            r[i] = _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1);
        }
        double *out = dst + 2 * half * ldd;
        _mm256_storeu_pd(out, _mm256_unpacklo_pd(r[0], r[1]));
        _mm256_storeu_pd(out + ldd, _mm256_unpackhi_pd(r[0], r[1]));
    }
}
#endif

#endif
