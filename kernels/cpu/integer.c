/* Integer kernels: the rows of elementwise.def, sums and extremes. They are exact, so one source serves every level. They compute in
 * int64, where overflow wraps around (-fwrapv), and truncate to the type. */
#include "common/base/error.h"
#include "kernels/cpu/grid.h"
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* ROW(row, T, type, as) for each type of a row; `as` converts a value to an element. */
#define WHOLE(ROW, row, ...)                                                                       \
    ROW(row, I64, int64_t, (int64_t), __VA_ARGS__)                                                 \
    ROW(row, I32, int32_t, (int32_t), __VA_ARGS__)                                                 \
    ROW(row, I16, int16_t, (int16_t), __VA_ARGS__)                                                 \
    ROW(row, I8, int8_t, (int8_t), __VA_ARGS__)                                                    \
    ROW(row, U8, uint8_t, (uint8_t), __VA_ARGS__)
#define ALL(ROW, row, ...) WHOLE(ROW, row, __VA_ARGS__) ROW(row, BOOL, uint8_t, 0 !=, __VA_ARGS__)

#define sel(m, a, b) ((m) ? (a) : (b))

static inline int64_t div_(int64_t a, int64_t b)
{
    return b == -1 ? 0 - a : a / b; /* the processor traps on INT64_MIN / -1 */
}

static inline int64_t mod_(int64_t a, int64_t b)
{
    return b == -1 ? 0 : a % b;
}

static inline int64_t remainder_(int64_t a, int64_t b)
{
    int64_t m = mod_(a, b);
    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

static inline int64_t floor_div_(int64_t a, int64_t b)
{
    int64_t m = mod_(a, b);
    return div_(a, b) - (m != 0 && (m < 0) != (b < 0));
}

/* All bits are gone if b is as large as the number of bits, or negative. */
static inline int64_t shift_left_(int64_t a, int64_t b)
{
    return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b);
}

static inline int64_t shift_right_(int64_t a, int64_t b)
{
    return a >> (b < 0 || b > 63 ? 63 : b);
}

/* For a negative exponent: 1 / a^-b truncated to an integer, and 0 for a = 0. */
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

#define BINARY_WHOLE(name, types, f) types(TWO_OPERANDS, name, f)
#define BITWISE(name, types, f)      types(TWO_OPERANDS, name, f)
#define COMPARE(name, f)             ALL(COMPARE_AS, name, f)
#define PREDICATE(name, float_f, f)  ALL(ASK, name, f)
#define ASK(name, T, type, as, f)                                                                  \
    static void name##_##T(rt_exec *e, rt_numbers p, int64_t n, const void *px, void *py)          \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t x = ((const type *)px)[i];                                                     \
            (void)x;                                                                               \
            ((uint8_t *)py)[i] = f;                                                                \
        }                                                                                          \
    }
#define TWO_OPERANDS(name, T, type, as, f) GRID(name, T, type, type, as(f))
#define COMPARE_AS(name, T, type, as, f)   GRID(name, T, type, uint8_t, f)
#define GRID(name, T, type, out, value)                                                            \
    static void name##_strip_##T(const rt_numbers *p, int64_t n, const strip *in, void *y)         \
    {                                                                                              \
        const strip pa = in[0], pb = in[1];                                                        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t a = ((const type *)pa.x)[i * pa.step], b = ((const type *)pb.x)[i * pb.step];  \
            ((out *)y)[i] = value;                                                                 \
        }                                                                                          \
    }                                                                                              \
    static void name##_##T(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,              \
                           const void *b, void *y)                                                 \
    {                                                                                              \
        static const strips kernel = {                                                             \
            name##_strip_##T, 2, {sizeof(type), sizeof(type)}, sizeof(out)};                       \
        run_grid(e, g, &kernel, &p, (const void *[]){a, b}, y);                                    \
    }
#include "kernels/elementwise.def"
#undef UNARY_WHOLE
#undef BINARY_WHOLE
#undef BITWISE
#undef COMPARE
#undef PREDICATE

/* Declares p, the numbers of a row by name. */
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

/* The range of a type, and the value nearest to v in it. */
#define LEAST_I64 INT64_MIN
#define MOST_I64  INT64_MAX
#define LEAST_I32 INT32_MIN
#define MOST_I32  INT32_MAX
#define LEAST_I16 INT16_MIN
#define MOST_I16  INT16_MAX
#define LEAST_I8  INT8_MIN
#define MOST_I8   INT8_MAX
#define LEAST_U8  0
#define MOST_U8   UINT8_MAX
#define held(v)   within(v, least, most)

static inline int64_t within(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

#define PARAMETRIC_WHOLE(name, names, types, f) types(WITH_NUMBERS, name, names, f)
#define WITH_NUMBERS(name, T, type, as, names, f)                                                  \
    static void name##_##T(rt_exec *e, rt_numbers given, int64_t n, const void *px, void *py)      \
    {                                                                                              \
        NUMBERS(names)                                                                             \
        const int64_t least = LEAST_##T, most = MOST_##T;                                          \
        (void)least, (void)most;                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t x = ((const type *)px)[i];                                                     \
            ((type *)py)[i] = as(f);                                                               \
        }                                                                                          \
    }
#define TERNARY_WHOLE(name, first, second, third, numbers, types, f)                               \
    types(THREE_OPERANDS, name, first, second, third, numbers, f)
#define THREE_OPERANDS(name, T, type, as, first, second, third, numbers, f)                        \
    static void name##_strip_##T(const rt_numbers *numbers_, int64_t n, const strip *in, void *y)  \
    {                                                                                              \
        const rt_numbers given = *numbers_;                                                        \
        const strip p1 = in[0], p2 = in[1], p3 = in[2];                                            \
        NUMBERS(numbers)                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t first = ((const type *)p1.x)[i * p1.step];                                     \
            int64_t second = ((const type *)p2.x)[i * p2.step];                                    \
            int64_t third = ((const type *)p3.x)[i * p3.step];                                     \
            ((type *)y)[i] = as(f);                                                                \
        }                                                                                          \
    }                                                                                              \
    static void name##_##T(rt_exec *e, rt_numbers given, const rt_grid *g, const void *a,          \
                           const void *b, const void *c, void *y)                                  \
    {                                                                                              \
        static const strips kernel = {                                                             \
            name##_strip_##T, 3, {sizeof(type), sizeof(type), sizeof(type)}, sizeof(type)};        \
        run_grid(e, g, &kernel, &given, (const void *[]){a, b, c}, y);                             \
    }
#include "kernels/elementwise.def"
#undef PARAMETRIC_WHOLE
#undef TERNARY_WHOLE

/* Folds of [outer, red, inner] along the middle. Integers may be joined in any order, so a long row is folded in pieces. */
enum { PIECE = 65536, STRIP = 512 };

#define FOLD(name, T, type, as, empty, join)                                                       \
    static type name##_run_##T(int64_t n, const type *x)                                           \
    {                                                                                              \
        type y = x[0];                                                                             \
        for (int64_t i = 1; i < n; i++) {                                                          \
            const type v = x[i];                                                                   \
            y = (type)(join);                                                                      \
        }                                                                                          \
        return y;                                                                                  \
    }                                                                                              \
    static void name##_row_##T(rt_exec *e, int64_t n, const type *x, type *out)                    \
    {                                                                                              \
        int64_t pieces = rt__ceil_div(n, PIECE);                                                   \
        type *piece = pieces > 1 ? rt_scratch(e, (size_t)pieces * sizeof *piece) : out;            \
        RT_PARALLEL_FOR(e, i, piece ? pieces : 0, n)                                               \
        {                                                                                          \
            piece[i] = name##_run_##T(rt__min(PIECE, n - i * PIECE), x + i * PIECE);               \
        }                                                                                          \
        if (piece && pieces > 1)                                                                   \
            *out = name##_run_##T(pieces, piece);                                                  \
    }                                                                                              \
    static void name##_columns_##T(rt_exec *e, rt_fold f, const type *px, type *py)                \
    {                                                                                              \
        int64_t blocks = rt__ceil_div(f.inner, STRIP);                                             \
        RT_PARALLEL_FOR(e, u, f.outer *blocks, f.outer *f.red *f.inner)                            \
        {                                                                                          \
            int64_t o = u / blocks, c = u % blocks * STRIP, n = rt__min(STRIP, f.inner - c);       \
            const type *x = px + o * f.red * f.inner + c;                                          \
            type *out = py + o * f.inner + c;                                                      \
            memcpy(out, x, (size_t)n * sizeof *x);                                                 \
            for (int64_t r = 1; r < f.red; r++)                                                    \
                for (int64_t i = 0; i < n; i++) {                                                  \
                    const type v = x[r * f.inner + i], y = out[i];                                 \
                    out[i] = (type)(join);                                                         \
                }                                                                                  \
        }                                                                                          \
    }                                                                                              \
    static void name##_##T(rt_exec *e, rt_fold f, const void *px, void *py)                        \
    {                                                                                              \
        const type *x = px;                                                                        \
        type *out = py;                                                                            \
        if (f.red == 0)                                                                            \
            for (int64_t i = 0; i < f.outer * f.inner; i++)                                        \
                out[i] = empty;                                                                    \
        else if (f.inner != 1)                                                                     \
            name##_columns_##T(e, f, x, out);                                                      \
        else if (f.outer == 1)                                                                     \
            name##_row_##T(e, f.red, x, out);                                                      \
        else                                                                                       \
            RT_PARALLEL_FOR(e, o, f.outer, f.outer *f.red)                                         \
        out[o] = name##_run_##T(f.red, x + o * f.red);                                             \
    }
ALL(FOLD, max, 0, v > y ? v : y)
ALL(FOLD, min, 0, v < y ? v : y)
FOLD(sum, I64, int64_t, , 0, y + v)
FOLD(prod, I64, int64_t, , 1, y *v)

/* The index of the first largest element of a row. */
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

/* Returns whether no divisor is zero. Each is checked once, however often it is repeated. */
static bool divides(const char *name, const rt_grid *g, const strips *find_zero, const void *b)
{
    rt_exec one = {.threads = 1};
    rt_grid divisors = *g;
    bool found = false;
    for (int d = 0; d < g->nd; d++) {
        divisors.stride[0][d] = g->stride[1][d];
        if (g->stride[1][d] == 0 && g->dim[d] > 1)
            divisors.dim[d] = 1;
    }
    run_grid(&one, &divisors, find_zero, NULL, &b, &found);
    if (found)
        RT_FAIL(RANGE, "%s: integer division by zero", name);
    return !found;
}

/* Division; checks for zero divisors first, because the processor traps on them. */
#define DIVIDE(name, T, type, as, unused)                                                          \
    static void name##_find_zero_##T(const rt_numbers *p, int64_t n, const strip *in, void *found) \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            if (((const type *)in->x)[i * in->step] == 0)                                          \
                *(bool *)found = true;                                                             \
    }                                                                                              \
    static void name##_checked_##T(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,      \
                                   const void *b, void *y)                                         \
    {                                                                                              \
        static const strips find_zero = {name##_find_zero_##T, 1, {sizeof(type)}, 0};              \
        if (divides(#name, g, &find_zero, b))                                                      \
            name##_##T(e, p, g, a, b, y);                                                          \
    }
WHOLE(DIVIDE, div_trunc, 0)
WHOLE(DIVIDE, div_floor, 0)
WHOLE(DIVIDE, fmod, 0)
WHOLE(DIVIDE, remainder, 0)

/* Products of matrices: strips of a row of c, to which each element of a's row adds its multiple of b's. */
#define GEMM(name, T, type, as, unused)                                                            \
    static void gemm_strip_##T(const rt_gemm_shape *g, int64_t n, const type *a, const type *b,    \
                               const type *bias, type *c)                                          \
    {                                                                                              \
        const int64_t down_a = g->ta ? g->lda : 1, down_b = g->tb ? 1 : g->ldb;                    \
        const int64_t right = g->tb ? g->ldb : 1;                                                  \
        const int64_t alpha = whole_of(g->alpha), beta = whole_of(g->beta);                        \
        int64_t sum[STRIP] = {0};                                                                  \
        for (int64_t p = 0; p < g->k; p++) {                                                       \
            const int64_t factor = a[p * down_a];                                                  \
            for (int64_t j = 0; j < n; j++)                                                        \
                sum[j] += factor * b[p * down_b + j * right];                                      \
        }                                                                                          \
        for (int64_t j = 0; j < n; j++)                                                            \
            c[j] = (type)(alpha * sum[j] + (beta ? beta * c[j] : 0) + (bias ? bias[j] : 0));       \
    }                                                                                              \
    static void gemm_##T(rt_exec *e, rt_gemm_shape g, const void *pa, const void *pb,              \
                         const void *pbias, void *pc)                                              \
    {                                                                                              \
        int64_t across = rt__ceil_div(g.n, STRIP), all = rt_gemm_count(&g) * g.m * across;         \
        RT_PARALLEL_FOR(e, u, all, rt_gemm_count(&g) * g.m * g.n * g.k)                            \
        {                                                                                          \
            int64_t row = u / across, j = u % across * STRIP, i = row % g.m;                       \
            int64_t at_a = g.batch ? rt_grid_place(g.batch, 0, row / g.m) : 0;                     \
            int64_t at_b = g.batch ? rt_grid_place(g.batch, 1, row / g.m) : 0;                     \
            gemm_strip_##T(&g, rt__min(STRIP, g.n - j),                                            \
                           (const type *)pa + at_a + (g.ta ? i : i * g.lda),                       \
                           (const type *)pb + at_b + (g.tb ? j * g.ldb : j),                       \
                           pbias ? (const type *)pbias + j : NULL, (type *)pc + row * g.ldc + j);  \
        }                                                                                          \
    }
WHOLE(GEMM, gemm, 0)

void rt__install_integers(rt_kernels *k)
{
#define INSTALL(name, T, type, as, unused)                           k->name.f[RT_##T] = name##_##T;
#define UNARY_WHOLE(name, types, f)                                  types(INSTALL, name, f)
#define BINARY_WHOLE(name, types, f)                                 types(INSTALL, name, f)
#define TERNARY_WHOLE(name, first, second, third, numbers, types, f) types(INSTALL, name, f)
#define PARAMETRIC_WHOLE(name, numbers, types, f)                    types(INSTALL, name, f)
#define BITWISE(name, types, f)                                      types(INSTALL, name, f)
#define COMPARE(name, f)                                             ALL(INSTALL, name, f)
#define PREDICATE(name, float_f, f)                                  ALL(INSTALL, name, f)
#include "kernels/elementwise.def"
#define INSTALL_CHECKED(name, T, type, as, unused) k->name.f[RT_##T] = name##_checked_##T;
    WHOLE(INSTALL_CHECKED, div_trunc, 0)
    WHOLE(INSTALL_CHECKED, div_floor, 0)
    WHOLE(INSTALL_CHECKED, fmod, 0)
    WHOLE(INSTALL_CHECKED, remainder, 0)
#define INSTALL_FOLD(name, T, type, as, unused) k->name[RT_##T] = name##_##T;
    ALL(INSTALL_FOLD, max, 0)
    ALL(INSTALL_FOLD, min, 0)
    ALL(INSTALL_FOLD, argmax, 0)
    WHOLE(INSTALL_FOLD, gemm, 0)
    k->sum[RT_I64] = sum_I64;
    k->prod[RT_I64] = prod_I64;
}
