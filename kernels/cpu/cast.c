/* Conversions between element types: one source for every level, since they are exact or defined by
 * IEEE 754. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* Truncates towards zero and clamps to [lo, hi]; NaN gives 0. `end` is hi + 1, which is exact as a double where hi may
 * not be. */
static int64_t clamp_float(double v, int64_t lo, int64_t hi, double end)
{
    return v != v ? 0 : v <= (double)lo ? lo : v >= end ? hi : (int64_t)v;
}

/* ---- half precision: IEEE 754 binary16, and bfloat16, the upper half of a float32; to nearest, ties to even ---- */

static float of_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint32_t bits_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static float from_bf16(uint16_t h)
{
    return of_bits((uint32_t)h << 16);
}

static uint16_t to_bf16(float v)
{
    uint32_t u = bits_of(v);
    if (v != v)
        /* a quiet NaN, so that truncation cannot make it an infinity */
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static float from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 0) {
        float small = (float)fraction * 0x1p-24f;
        return sign ? -small : small;
    }
    /* 255 for infinities and NaN, else rebiased */
    exponent = exponent == 31 ? 255 : exponent + 112;
    return of_bits(sign | exponent << 23 | fraction << 13);
}

static uint16_t to_f16(float v)
{
    uint32_t u = bits_of(v), sign = u >> 16 & 0x8000;
    float size = of_bits(u & 0x7fffffff);
    if (v != v)
        return (uint16_t)(sign | 0x7e00);
    if (size >= 65520) /* halfway between the largest value and the next one */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x1p-14f)
        return (uint16_t)(sign | (uint32_t)rintf(size * 0x1p24f));
    u = bits_of(size);
    return (uint16_t)(sign | (((u + 0xfff + (u >> 13 & 1)) >> 13) - (112 << 10)));
}

/* To integers of 8 and 16 bits through int64, keeping the lowest bits, as PyTorch does on the CPU. Values that int64 cannot hold
 * give 0. */
static int64_t truncated(double v)
{
    return v > -0x1p63 && v < 0x1p63 ? (int64_t)v : 0;
}

/* CAST(from, its C type, to, its C type, value) for all targets of one source type with value v. From a float type, int64 and int32 get
 * the nearest value they have, smaller integers the lowest bits of the int64; from an integer type, the lowest bits, as in C. A complex
 * number has an imaginary part of 0 if it was real, and gives real types its real part. */
#define CASTS_FROM_FLOAT(CAST, F, type, v)                                                         \
    CAST(F, type, I64, int64_t, clamp_float(v, INT64_MIN, INT64_MAX, 0x1p63))                      \
    CAST(F, type, I32, int32_t, clamp_float(v, INT32_MIN, INT32_MAX, 0x1p31))                      \
    CAST(F, type, I16, int16_t, truncated(v))                                                      \
    CAST(F, type, I8, int8_t, truncated(v))                                                        \
    CAST(F, type, U8, uint8_t, truncated(v))                                                       \
    CASTS_FROM_ANY(CAST, F, type, v)
#define CASTS_FROM_REAL(CAST, F, type, v)                                                          \
    CASTS_FROM_FLOAT(CAST, F, type, v)                                                             \
    CASTS_OF_WHOLE(CAST, F, type, v)
#define CASTS_FROM_COMPLEX(CAST, F, type, v)                                                       \
    CASTS_FROM_FLOAT(CAST, F, type, __real__(v))                                                   \
    CASTS_OF_WHOLE(CAST, F, type, v)
#define CASTS_FROM_INT(CAST, F, type, v)                                                           \
    CAST(F, type, I64, int64_t, v)                                                                 \
    CAST(F, type, I32, int32_t, v)                                                                 \
    CAST(F, type, I16, int16_t, v)                                                                 \
    CAST(F, type, I8, int8_t, v)                                                                   \
    CAST(F, type, U8, uint8_t, v)                                                                  \
    CASTS_FROM_ANY(CAST, F, type, v)                                                               \
    CASTS_OF_WHOLE(CAST, F, type, v)
#define CASTS_FROM_ANY(CAST, F, type, v)                                                           \
    CAST(F, type, F32, float, v)                                                                   \
    CAST(F, type, F64, double, v)                                                                  \
    CAST(F, type, F16, uint16_t, to_f16((float)(v)))                                               \
    CAST(F, type, BF16, uint16_t, to_bf16((float)(v)))
#define CASTS_OF_WHOLE(CAST, F, type, v)                                                           \
    CAST(F, type, BOOL, uint8_t, (v) != 0)                                                         \
    CAST(F, type, C64, float _Complex, v)                                                          \
    CAST(F, type, C128, double _Complex, v)
#define CASTS(CAST)                                                                                \
    CASTS_FROM_REAL(CAST, F32, float, v)                                                           \
    CASTS_FROM_REAL(CAST, F64, double, v)                                                          \
    CASTS_FROM_REAL(CAST, F16, uint16_t, from_f16(v))                                              \
    CASTS_FROM_REAL(CAST, BF16, uint16_t, from_bf16(v))                                            \
    CASTS_FROM_COMPLEX(CAST, C64, float _Complex, v)                                               \
    CASTS_FROM_COMPLEX(CAST, C128, double _Complex, v)                                             \
    CASTS_FROM_INT(CAST, I64, int64_t, v)                                                          \
    CASTS_FROM_INT(CAST, I32, int32_t, v)                                                          \
    CASTS_FROM_INT(CAST, I16, int16_t, v)                                                          \
    CASTS_FROM_INT(CAST, I8, int8_t, v)                                                            \
    CASTS_FROM_INT(CAST, U8, uint8_t, v)                                                           \
    CASTS_FROM_INT(CAST, BOOL, uint8_t, v)

#define CAST(F, ftype, T, ttype, value)                                                            \
    static void F##_to_##T(rt_exec *e, int64_t n, const void *x_, void *y_)                        \
    {                                                                                              \
        const ftype *x = x_;                                                                       \
        ttype *y = y_;                                                                             \
        RT_PARALLEL_FOR(e, i, n, n)                                                                \
        {                                                                                          \
            ftype v = x[i];                                                                        \
            y[i] = (ttype)(value);                                                                 \
        }                                                                                          \
    }
CASTS(CAST)
#undef CAST

void rt__install_casts(rt_kernels *k)
{
#define CAST(F, ftype, T, ttype, value) k->cast[RT_##F][RT_##T] = F##_to_##T;
    CASTS(CAST)
#undef CAST
}
