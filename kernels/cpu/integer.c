/* The int64 rows of elementwise.def: exact, so one source serves every level. Overflow wraps (-fwrapv). */
#include "common/error.h"
#include "kernels/cpu/cpu.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

#define sel(m, a, b) ((m) ? (a) : (b))

static inline int64_t div_(int64_t a, int64_t b)
{
    return b == -1 ? 0 - a : a / b; /* the processor traps on INT64_MIN / -1 */
}

/* Fills the error slot if any divisor of the grid is 0. */
static bool divides(const rt_grid *g, const int64_t *b)
{
    for (int64_t r = 0; r < g->rows; r++)
        for (int64_t c = 0; c < g->cols; c++)
            if (b[r * g->in[1].row + c * g->in[1].col] == 0) {
                RT_FAIL(RANGE, "div_trunc: int64 division by zero at element %lld",
                        (long long)(r * g->cols + c));
                return false;
            }
    return true;
}

#define UNARY_I64(name, f)                                                                         \
    static void name##_i64(rt_exec *e, rt_numbers p, int64_t n, const void *px, void *py)          \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t x = ((const int64_t *)px)[i];                                                  \
            ((int64_t *)py)[i] = f;                                                                \
        }                                                                                          \
    }

#define GRID(name, out, f)                                                                         \
    static void name##_grid(rt_exec *e, rt_numbers p, const rt_grid *g, const void *pa,            \
                            const void *pb, void *py)                                              \
    {                                                                                              \
        RT_PARALLEL_FOR(e, r, g->rows, g->rows * g->cols)                                          \
        {                                                                                          \
            const int64_t *ra = (const int64_t *)pa + r * g->in[0].row;                            \
            const int64_t *rb = (const int64_t *)pb + r * g->in[1].row;                            \
            out *y = (out *)py + r * g->cols;                                                      \
            for (int64_t c = 0; c < g->cols; c++) {                                                \
                int64_t a = ra[c * g->in[0].col], b = rb[c * g->in[1].col];                        \
                y[c] = f;                                                                          \
            }                                                                                      \
        }                                                                                          \
    }
#define BINARY_I64(name, f) GRID(name, int64_t, f)
#define COMPARE(name, f)    GRID(name, uint8_t, f)
#include "kernels/elementwise.def"
#undef UNARY_I64
#undef BINARY_I64
#undef COMPARE

static void div_trunc_checked(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,
                              const void *b, void *y)
{
    if (divides(g, b))
        div_trunc_grid(e, p, g, a, b, y);
}

void rt__install_integers(rt_kernels *k)
{
#define UNARY_I64(name, f_)  k->name.f[RT_I64] = name##_i64;
#define BINARY_I64(name, f_) k->name.f[RT_I64] = name##_grid;
#define COMPARE(name, f_)    k->name.f[RT_I64] = name##_grid;
#include "kernels/elementwise.def"
    k->div_trunc.f[RT_I64] = div_trunc_checked;
}
