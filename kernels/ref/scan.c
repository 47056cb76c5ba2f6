/* Running sums and products along the middle of [outer, red, inner]; one text for every level (kernels/ref/wide.h). reverse: from the
 * end. Floats are added and multiplied one after the other in double, and each result is rounded once. Rows, and strips of columns,
 * are shared out to threads. */
#include "kernels/ref/wide.h"

#ifdef RT_BITS
typedef double total;
#else
typedef int64_t total;
#endif

enum { STRIP = 16 };

/* Scans `n` columns from `start`, each by `step` of the total y so far, the element v, and the element w of the second operand. */
#define STRIP_OF(name, start, step)                                                                \
    static inline __attribute__((always_inline)) void name##_strip(                                \
        const int64_t n, int64_t red, int64_t pitch, const T *x, const T *z, T *out)               \
    {                                                                                              \
        total y[STRIP];                                                                            \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = start;                                                                          \
        for (int64_t r = 0; r < red; r++, x += pitch, z += pitch, out += pitch)                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const total v = (total)x[i], w = (total)z[i];                                      \
                (void)w;                                                                           \
                y[i] = step;                                                                       \
                out[i] = (T)y[i];                                                                  \
            }                                                                                      \
    }
STRIP_OF(cumsum, 0, y[i] + v)
STRIP_OF(cumprod, 1, y[i] * v)

#define SCAN(name, px_, pz_, py_)                                                                  \
    do {                                                                                           \
        int64_t strips = rt__ceil_div(f.inner, STRIP), pitch = reverse ? -f.inner : f.inner;       \
        int64_t begin = reverse ? (f.red - 1) * f.inner : 0;                                       \
        RT_PARALLEL_FOR(e, u, f.outer *strips, f.outer *f.red *f.inner)                            \
        {                                                                                          \
            int64_t c = u % strips * STRIP, n = rt__min(STRIP, f.inner - c);                       \
            int64_t at = u / strips * f.red * f.inner + begin + c;                                 \
            const T *x = (const T *)(px_) + at, *z = (const T *)(pz_) + at;                        \
            T *out = (T *)(py_) + at;                                                              \
            if (n == 1)                                                                            \
                name##_strip(1, f.red, pitch, x, z, out);                                          \
            else if (n == STRIP)                                                                   \
                name##_strip(STRIP, f.red, pitch, x, z, out);                                      \
            else                                                                                   \
                name##_strip(n, f.red, pitch, x, z, out);                                          \
        }                                                                                          \
    } while (0)

/* y[r] = y[r - 1] + x[r], from 0. */
KERNEL(cumsum, SUMMED, (rt_exec *e, rt_fold f, bool reverse, const void *px, void *py))
{
    SCAN(cumsum, px, px, py);
}

/* y[r] = y[r - 1] * x[r], from 1. */
KERNEL(cumprod, SUMMED, (rt_exec *e, rt_fold f, bool reverse, const void *px, void *py))
{
    SCAN(cumprod, px, px, py);
}

#ifdef RT_BITS
STRIP_OF(recurrence, 0, y[i] * v + w)

/* y[r] = y[r - 1] * a[r] + b[r], from 0; product and sum are rounded one after the other. */
KERNEL(recurrence, FLOATS, (rt_exec *e, rt_fold f, bool reverse, const void *pa, const void *pb,
                            void *py))
{
    SCAN(recurrence, pa, pb, py);
}
#endif
