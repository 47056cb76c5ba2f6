/* Launches the rows of elementwise.def. */
#include "kernels/gpu/launch.h"

static elements_args elements(rt_numbers p, int64_t n)
{
    elements_args a = {.n = n};
    for (int i = 0; i < RT_NUMBERS; i++)
        a.number[i] = (float)p.v[i];
    return a;
}

static void run_unary(rt_exec *e, const char *kernel, rt_numbers p, int64_t n, const void *x,
                      void *y)
{
    elements_args a = elements(p, n);
    LAUNCH(e, elementwise, kernel, n, a, x, y);
}

static void run_wide(rt_exec *e, const char *kernel, const char *name, rt_numbers p, int64_t n,
                     const void *x, void *y)
{
    if (rt__gpu_of(e)->has_double)
        run_unary(e, kernel, p, n, x, y);
    else
        e->missing = name;
}

static void run_dx(rt_exec *e, const char *kernel, rt_numbers p, int64_t n, const void *dy,
                   const void *x, const void *y, void *dx)
{
    elements_args a = elements(p, n);
    LAUNCH(e, elementwise, kernel, n, a, dy, x, y, dx);
}

static void run_dxx(rt_exec *e, const char *kernel, rt_numbers p, int64_t n, const void *dy,
                    const void *v, const void *x, const void *y, void *dxx)
{
    elements_args a = elements(p, n);
    LAUNCH(e, elementwise, kernel, n, a, dy, v, x, y, dxx);
}

static void run_binary(rt_exec *e, const char *kernel, rt_numbers p, const rt_grid *g,
                       const void *a, const void *b, void *y)
{
    LAUNCH_GRID(e, elementwise, kernel, 2, g, p, a, b, y);
}

static void run_ternary(rt_exec *e, const char *kernel, rt_numbers p, const rt_grid *g,
                        const void *a, const void *b, const void *c, void *y)
{
    LAUNCH_GRID(e, elementwise, kernel, 3, g, p, a, b, c, y);
}

#define UNARY(name, ...)                                                                           \
    static void name##_f32(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)            \
    {                                                                                              \
        run_unary(e, "op_" #name "_f32", p, n, x, y);                                              \
    }                                                                                              \
    static void name##_dx_f32(rt_exec *e, rt_numbers p, int64_t n, const void *dy, const void *x,  \
                              const void *y, void *dx)                                             \
    {                                                                                              \
        run_dx(e, "op_" #name "_dx_f32", p, n, dy, x, y, dx);                                      \
    }                                                                                              \
    static void name##_dxx_f32(rt_exec *e, rt_numbers p, int64_t n, const void *dy, const void *v, \
                               const void *x, const void *y, void *dxx)                            \
    {                                                                                              \
        run_dxx(e, "op_" #name "_dxx_f32", p, n, dy, v, x, y, dxx);                                \
    }
#define PARAMETRIC(name, ...) UNARY(name)
#define UNARY_OPS(name, ...)                                                                       \
    static void name##_f32(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)            \
    {                                                                                              \
        run_unary(e, "op_" #name "_f32", p, n, x, y);                                              \
    }
#define PARAMETRIC_OPS(name, ...) UNARY_OPS(name)
#define UNARY_WIDE(name, ...)                                                                      \
    static void name##_f32(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)            \
    {                                                                                              \
        run_wide(e, "op_" #name "_f32", #name, p, n, x, y);                                        \
    }
#define TWO_OPERANDS(kernel)                                                                       \
    static void kernel(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a, const void *b,   \
                       void *y)                                                                    \
    {                                                                                              \
        run_binary(e, "op_" #kernel, p, g, a, b, y);                                               \
    }
#define BINARY(name, ...) TWO_OPERANDS(name##_f32)
#define COMPARE(name, f)  TWO_OPERANDS(name##_f32) TWO_OPERANDS(name##_i64)
#define TERNARY(name, ...)                                                                         \
    static void name##_f32(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,              \
                           const void *b, const void *c, void *y)                                  \
    {                                                                                              \
        run_ternary(e, "op_" #name "_f32", p, g, a, b, c, y);                                      \
    }
#define PREDICATE(name, ...)                                                                       \
    static void name##_f32(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)            \
    {                                                                                              \
        run_unary(e, "op_" #name "_f32", p, n, x, y);                                              \
    }
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef PREDICATE

void rt__gpu_install_elementwise(rt_kernels *k)
{
#define UNARY(name, ...)                                                                           \
    k->name.f[RT_F32] = name##_f32;                                                                \
    k->name.dx[RT_F32] = name##_dx_f32;                                                            \
    k->name.dxx[RT_F32] = name##_dxx_f32;
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      k->name.f[RT_F32] = name##_f32;
#define PARAMETRIC_OPS(name, ...) UNARY_OPS(name)
#define BINARY(name, ...)         k->name.f[RT_F32] = name##_f32;
#define TERNARY(name, ...)        k->name.f[RT_F32] = name##_f32;
#define PREDICATE(name, ...)      k->name.f[RT_F32] = name##_f32;
#define COMPARE(name, f_)                                                                          \
    k->name.f[RT_F32] = name##_f32;                                                                \
    k->name.f[RT_I64] = name##_i64;
#include "kernels/elementwise.def"
}
