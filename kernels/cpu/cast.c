/* Conversions between element types: one source for every level, since they are exact or defined by
 * IEEE 754. */
#include "kernels/cpu/cpu.h"

static int64_t clamp_int(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Towards zero; `end` is hi + 1, exact as a double where hi may not be. */
static int64_t clamp_float(double v, int64_t lo, int64_t hi, double end)
{
    return v != v ? 0 : v <= (double)lo ? lo : v >= end ? hi : (int64_t)v;
}

#define FROM_FLOAT(v, lo, hi, end) clamp_float(v, lo, hi, end)
#define FROM_INT(v, lo, hi, end)   clamp_int(v, lo, hi)

/* CAST(from, its C type, to, its C type, value) for all targets of one source. */
#define CASTS_FROM(CAST, F, type, FIT)                                                             \
    CAST(F, type, F32, float, v)                                                                   \
    CAST(F, type, F64, double, v)                                                                  \
    CAST(F, type, I64, int64_t, FIT(v, INT64_MIN, INT64_MAX, 0x1p63))                              \
    CAST(F, type, I32, int32_t, FIT(v, INT32_MIN, INT32_MAX, 0x1p31))                              \
    CAST(F, type, U8, uint8_t, FIT(v, 0, UINT8_MAX, 0x1p8))                                        \
    CAST(F, type, BOOL, uint8_t, v != 0)
#define CASTS(CAST)                                                                                \
    CASTS_FROM(CAST, F32, float, FROM_FLOAT)                                                       \
    CASTS_FROM(CAST, F64, double, FROM_FLOAT)                                                      \
    CASTS_FROM(CAST, I64, int64_t, FROM_INT)                                                       \
    CASTS_FROM(CAST, I32, int32_t, FROM_INT)                                                       \
    CASTS_FROM(CAST, U8, uint8_t, FROM_INT)                                                        \
    CASTS_FROM(CAST, BOOL, uint8_t, FROM_INT)

#define CAST(F, ftype, T, ttype, value)                                                            \
    static void F##_to_##T(int64_t n, const void *x_, void *y_)                                    \
    {                                                                                              \
        const ftype *x = x_;                                                                       \
        ttype *y = y_;                                                                             \
        RT_PARALLEL_FOR(i, n, n)                                                                   \
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
