/* Kernels of integers, the rows of elementwise.def, sums and extremes: exact, so one source serves every level. Computed in int64, in
 * which overflow wraps (-fwrapv), and cut to the type. */
#include "common/error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/table.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* loops on one thread need no rt_exec */

/* ROW(row, T, type, as) for each type of a row; `as` makes an element of a value. */
#define WHOLE(ROW, row, ...)                                                                       \
    ROW(row, I64, int64_t, (int64_t), __VA_ARGS__)                                                 \
    ROW(row, I32, int32_t, (int32_t), __VA_ARGS__)                                                 \
    ROW(row, U8, uint8_t, (uint8_t), __VA_ARGS__)
#define ALL(ROW, row, ...) WHOLE(ROW, row, __VA_ARGS__) ROW(row, BOOL, uint8_t, 0 !=, __VA_ARGS__)

#define sel(m, a, b) ((m) ? (a) : (b))

static inline int64_t div_(int64_t a, int64_t b)
{
    return b == -1 ? 0 - a : a / b; /* the processor traps on INT64_MIN / -1 */
}

/* To a negative exponent: what remains of 1 / a^-b without its fraction, and 0 for a = 0. */
static inline int64_t pow_(int64_t a, int64_t b)
{
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? 1 - 2 * (b & 1) : 0;
    int64_t y = 1;
    for (; b > 0; b >>= 1, a *= a)
        if (b & 1)
            y *= a;
    return y;
}

#define UNARY_WHOLE(name, types, f) types(ONE_OPERAND, name, f)
#define ONE_OPERAND(name, T, type, as, f)                                                          \
    static void name##_##T(rt_exec *e, rt_numbers p, int64_t n, const void *px, void *py)          \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t x = ((const type *)px)[i];                                                     \
            ((type *)py)[i] = as(f);                                                               \
        }                                                                                          \
    }

#define BINARY_WHOLE(name, types, f)       types(TWO_OPERANDS, name, f)
#define COMPARE(name, f)                   ALL(COMPARE_AS, name, f)
#define TWO_OPERANDS(name, T, type, as, f) GRID(name, T, type, type, as(f))
#define COMPARE_AS(name, T, type, as, f)   GRID(name, T, type, uint8_t, f)
#define GRID(name, T, type, out, value)                                                            \
    static void name##_##T(rt_exec *e, rt_numbers p, const rt_grid *g, const void *pa,             \
                           const void *pb, void *py)                                               \
    {                                                                                              \
        RT_PARALLEL_FOR(e, r, g->rows, g->rows * g->cols)                                          \
        {                                                                                          \
            const type *ra = (const type *)pa + r * g->in[0].row;                                  \
            const type *rb = (const type *)pb + r * g->in[1].row;                                  \
            out *y = (out *)py + r * g->cols;                                                      \
            for (int64_t c = 0; c < g->cols; c++) {                                                \
                int64_t a = ra[c * g->in[0].col], b = rb[c * g->in[1].col];                        \
                y[c] = value;                                                                      \
            }                                                                                      \
        }                                                                                          \
    }
#include "kernels/elementwise.def"
#undef UNARY_WHOLE
#undef BINARY_WHOLE
#undef COMPARE

/* Declares p, the numbers of a row by their names. */
#define NUMBERS(names)                                                                             \
    struct {                                                                                       \
        int64_t BARE names;                                                                        \
    } p;                                                                                           \
    const int64_t whole[RT_NUMBERS] = {whole_of(given.v[0]), whole_of(given.v[1])};                \
    memcpy(&p, whole, sizeof p);
#define BARE(...) __VA_ARGS__

static int64_t whole_of(double v)
{
    return v <= -0x1p63 ? INT64_MIN : v >= 0x1p63 ? INT64_MAX : (int64_t)v;
}

#define PARAMETRIC_WHOLE(name, names, types, f) types(WITH_NUMBERS, name, names, f)
#define WITH_NUMBERS(name, T, type, as, names, f)                                                  \
    static void name##_##T(rt_exec *e, rt_numbers given, int64_t n, const void *px, void *py)      \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t x = ((const type *)px)[i];                                                     \
            ((type *)py)[i] = as(f);                                                               \
        }                                                                                          \
    }
#define TERNARY_WHOLE(name, numbers, types, f) types(THREE_OPERANDS, name, numbers, f)
#define THREE_OPERANDS(name, T, type, as, numbers, f)                                              \
    static void name##_##T(rt_exec *e, rt_numbers given, const rt_grid *g, const void *pa,         \
                           const void *pb, const void *pc, void *py)                               \
    {                                                                                              \
        NUMBERS(numbers)                                                                           \
        RT_PARALLEL_FOR(e, r, g->rows, g->rows * g->cols)                                          \
        {                                                                                          \
            const type *ra = (const type *)pa + r * g->in[0].row;                                  \
            const type *rb = (const type *)pb + r * g->in[1].row;                                  \
            const type *rc = (const type *)pc + r * g->in[2].row;                                  \
            for (int64_t i = 0; i < g->cols; i++) {                                                \
                int64_t a = ra[i * g->in[0].col], b = rb[i * g->in[1].col];                        \
                int64_t c = rc[i * g->in[2].col];                                                  \
                ((type *)py)[r * g->cols + i] = as(f);                                             \
            }                                                                                      \
        }                                                                                          \
    }
#include "kernels/elementwise.def"
#undef PARAMETRIC_WHOLE
#undef TERNARY_WHOLE

/* The extreme of [outer, red, inner] along the middle, and where the first largest of a row is. */
#define EXTREME(name, T, type, as, better)                                                         \
    static void name##_##T(rt_exec *e, rt_fold f, const void *px, void *py)                        \
    {                                                                                              \
        RT_PARALLEL_FOR(e, o, f.outer, f.outer *f.red *f.inner)                                    \
        {                                                                                          \
            const type *x = (const type *)px + o * f.red * f.inner;                                \
            type *y = (type *)py + o * f.inner;                                                    \
            for (int64_t i = 0; i < f.inner; i++)                                                  \
                y[i] = x[i];                                                                       \
            for (int64_t r = 1; r < f.red; r++)                                                    \
                for (int64_t i = 0; i < f.inner; i++)                                              \
                    y[i] = x[r * f.inner + i] better y[i] ? x[r * f.inner + i] : y[i];             \
        }                                                                                          \
    }
ALL(EXTREME, max, >)
ALL(EXTREME, min, <)

#define ARGMAX(name, T, type, as, unused)                                                          \
    static void name##_##T(rt_exec *e, rt_rows r, const void *px, int64_t *at)                     \
    {                                                                                              \
        RT_PARALLEL_FOR(e, row, r.n, r.n *r.len)                                                   \
        {                                                                                          \
            const type *x = (const type *)px + row * r.len;                                        \
            at[row] = 0;                                                                           \
            for (int64_t i = 1; i < r.len; i++)                                                    \
                at[row] = x[i] > x[at[row]] ? i : at[row];                                         \
        }                                                                                          \
    }
ALL(ARGMAX, argmax, 0)

/* Division, which looks for a zero divisor first: by one the processor traps. */
#define DIVIDE(name, T, type, as, unused)                                                          \
    static bool divides_##T(const rt_grid *g, const type *b)                                       \
    {                                                                                              \
        int64_t cols = g->in[1].col ? g->cols : rt__min(g->cols, 1);                               \
        for (int64_t r = 0; r < g->rows; r++)                                                      \
            for (int64_t c = 0; c < cols; c++)                                                     \
                if (b[r * g->in[1].row + c] == 0)                                                  \
                    return RT_FAIL(RANGE, #name ": integer division by zero"), false;              \
        return true;                                                                               \
    }                                                                                              \
    static void name##_checked_##T(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,      \
                                   const void *b, void *y)                                         \
    {                                                                                              \
        if (divides_##T(g, b))                                                                     \
            name##_##T(e, p, g, a, b, y);                                                          \
    }
WHOLE(DIVIDE, div_trunc, 0)

void rt__sum_i64(rt_exec *e, rt_fold f, const void *px, void *py)
{
    const int64_t *x = px;
    int64_t *y = py;
    memset(y, 0, (size_t)(f.outer * f.inner) * sizeof *y);
    for (int64_t o = 0; o < f.outer; o++)
        for (int64_t r = 0; r < f.red; r++)
            for (int64_t i = 0; i < f.inner; i++)
                y[o * f.inner + i] += x[(o * f.red + r) * f.inner + i];
}

void rt__install_integers(rt_kernels *k)
{
#define INSTALL(name, T, type, as, unused)        k->name.f[RT_##T] = name##_##T;
#define UNARY_WHOLE(name, types, f)               types(INSTALL, name, f)
#define BINARY_WHOLE(name, types, f)              types(INSTALL, name, f)
#define TERNARY_WHOLE(name, numbers, types, f)    types(INSTALL, name, f)
#define PARAMETRIC_WHOLE(name, numbers, types, f) types(INSTALL, name, f)
#define COMPARE(name, f)                          ALL(INSTALL, name, f)
#include "kernels/elementwise.def"
#define INSTALL_CHECKED(name, T, type, as, unused) k->name.f[RT_##T] = name##_checked_##T;
    WHOLE(INSTALL_CHECKED, div_trunc, 0)
#define INSTALL_FOLD(name, T, type, as, unused) k->name[RT_##T] = name##_##T;
    ALL(INSTALL_FOLD, max, 0)
    ALL(INSTALL_FOLD, min, 0)
    ALL(INSTALL_FOLD, argmax, 0)
}
