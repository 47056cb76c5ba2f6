/* The cases of one float type: cases.h includes this once for each, and says T, RT_T and TYPED. */
#define CASE(name, tolerance, ...)                                                                 \
    static void TYPED(case_##name)(run * r, rt_exec * e, const rt_kernels *k)                      \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define CASE_FIXED CASE
#include "cases.def"
#undef CASE_FIXED

/* f and its derivatives within the range of the row, and f on infinity and NaN. */
#define ONE_OPERAND(name, lo, hi)                                                                  \
    CASE(name, 0, {                                                                                \
        rt_numbers p = {{0.7, 1.3, 0.2, 3}};                                                       \
        int64_t n = size(r, flag(r) ? 40000 : 70);                                                 \
        T *x = in(r, n, lo, hi), *dy = in(r, n, -1, 1), *v = in(r, n, -1, 1), *y = out(r, n);      \
        k->name.f[RT_T](e, p, n, x, y);                                                            \
        k->name.dx[RT_T](e, p, n, dy, x, y, out(r, n));                                            \
        k->name.dxx[RT_T](e, p, n, dy, v, x, y, out(r, n));                                        \
        T *odd = in(r, n, lo, hi);                                                                 \
        ties_and_nans(r, n, odd);                                                                  \
        k->name.f[RT_T](e, p, n, odd, out(r, n));                                                  \
    })
#define UNARY(name, reads, f, df, ddf, lo, hi)                      ONE_OPERAND(name, lo, hi)
#define PARAMETRIC(name, numbers, reads, f, df, ddf, tests, lo, hi) ONE_OPERAND(name, lo, hi)

#define GRID_CASE(name, make_out)                                                                  \
    CASE(name, 0, {                                                                                \
        rt_grid g = grid(r, 2);                                                                    \
        T *a = in(r, extent(&g, 0), -3, 3), *b = in(r, extent(&g, 1), -3, 3);                      \
        if (flag(r)) {                                                                             \
            ties_and_nans(r, extent(&g, 0), a);                                                    \
            ties_and_nans(r, extent(&g, 1), b);                                                    \
        }                                                                                          \
        k->name.f[RT_T](e, (rt_numbers){{0}}, &g, a, b, make_out(r, g.rows * g.cols));             \
    })
#define BINARY(name, ...)  GRID_CASE(name, out)
#define COMPARE(name, ...) GRID_CASE(name, out_u8)
#define TERNARY(name, ...)                                                                         \
    CASE(name, 0, {                                                                                \
        rt_grid g = grid(r, 3);                                                                    \
        T *operand[3];                                                                             \
        for (int i = 0; i < 3; i++)                                                                \
            operand[i] = in(r, extent(&g, i), -3, 3);                                              \
        for (int i = 0; i < 3 && flag(r); i++)                                                     \
            ties_and_nans(r, extent(&g, i), operand[i]);                                           \
        k->name.f[RT_T](e, (rt_numbers){{0.7, -1.3, 0.2, 3}}, &g, operand[0], operand[1],          \
                        operand[2], out(r, g.rows * g.cols));                                      \
    })
#include "kernels/elementwise.def"
#undef CASE
#undef ONE_OPERAND
#undef UNARY
#undef PARAMETRIC
#undef GRID_CASE
#undef BINARY
#undef COMPARE
#undef TERNARY
