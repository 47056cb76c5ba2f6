/* The 8 x 8 transpose that AVX2 and AVX-512 share. */
#ifndef RINGTORCH_KERNELS_SIMD_TRANSPOSE8_H
#define RINGTORCH_KERNELS_SIMD_TRANSPOSE8_H

#include <immintrin.h>
#include <stdint.h>

enum { BLOCK = 8 }; /* transpose_block handles BLOCK x BLOCK */

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

#endif
