/* Stand-ins for the kernels that a table lacks, made from the same rows as the table itself. */
#include "kernels/kernels.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define UNARY(name, ...)                                                                           \
    static void name##_missing(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)        \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }                                                                                              \
    static void name##_dx_missing(rt_exec *e, rt_numbers p, int64_t n, const void *dy,             \
                                  const void *x, const void *y, void *dx)                          \
    {                                                                                              \
        e->missing = #name "_dx";                                                                  \
    }                                                                                              \
    static void name##_dxx_missing(rt_exec *e, rt_numbers p, int64_t n, const void *dy,            \
                                   const void *v, const void *x, const void *y, void *dxx)         \
    {                                                                                              \
        e->missing = #name "_dxx";                                                                 \
    }
#define PARAMETRIC(name, ...) UNARY(name)
#define UNARY_OPS(name, ...)                                                                       \
    static void name##_missing(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)        \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }
#define PARAMETRIC_OPS(name, ...) UNARY_OPS(name)
#define BINARY(name, ...)                                                                          \
    static void name##_missing(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,          \
                               const void *b, void *y)                                             \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }
#define COMPARE(name, ...) BINARY(name)
#define BITWISE(name, ...) BINARY(name)
#define PREDICATE(name, ...)                                                                       \
    static void name##_missing(rt_exec *e, rt_numbers p, int64_t n, const void *x, void *y)        \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }
#define TERNARY(name, ...)                                                                         \
    static void name##_missing(rt_exec *e, rt_numbers p, const rt_grid *g, const void *a,          \
                               const void *b, const void *c, void *y)                              \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef BITWISE
#undef PREDICATE

#define KERNEL(name, types, args)                                                                  \
    static void name##_missing args                                                                \
    {                                                                                              \
        e->missing = #name;                                                                        \
    }
#define KERNEL_ANY(name, args) KERNEL(name, , args)
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_ANY

static void cast_missing(rt_exec *e, int64_t n, const void *x, void *y)
{
    e->missing = "cast";
}

void rt_kernels_install_missing(rt_kernels *k)
{
    for (rt_dtype t = 0; t < RT_DTYPES; t++) {
#define UNARY(name, ...)                                                                           \
    k->name.f[t] = name##_missing;                                                                 \
    k->name.dx[t] = name##_dx_missing;                                                             \
    k->name.dxx[t] = name##_dxx_missing;
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      k->name.f[t] = name##_missing;
#define PARAMETRIC_OPS(name, ...) k->name.f[t] = name##_missing;
#define BINARY(name, ...)         k->name.f[t] = name##_missing;
#define TERNARY(name, ...)        k->name.f[t] = name##_missing;
#define COMPARE(name, ...)        k->name.f[t] = name##_missing;
#define BITWISE(name, ...)        k->name.f[t] = name##_missing;
#define PREDICATE(name, ...)      k->name.f[t] = name##_missing;
#include "kernels/elementwise.def"
#define KERNEL(name, types, args) k->name[t] = name##_missing;
#define KERNEL_ANY(name, args)    k->name = name##_missing;
#include "kernels/kernels.def"
        for (rt_dtype to = 0; to < RT_DTYPES; to++)
            k->cast[t][to] = cast_missing;
    }
}
