/* The kernels of the CPU by their names: rt__softmax_f32_avx2, for each row of kernels.def and elementwise.def, each of its element
 * types and each level. Only the rows say which kernels there are: level.c installs what they name, and the linker misses what no
 * family defines. */
#ifndef RINGTORCH_KERNELS_TABLE_H
#define RINGTORCH_KERNELS_TABLE_H

#include "kernels/kernels.h"

#define EACH_LEVEL(F, name, t, what)                                                               \
    F(name, t, ref, what) F(name, t, sse4, what) F(name, t, avx2, what) F(name, t, avx512, what)
#define FUNCTION(name, t, level, args) void rt__##name##_##t##_##level args;
#define TYPED(name, t, level, type)    type rt__##name##_##t##_##level;

#define OF_LEVELS(name, T, t, args)    EACH_LEVEL(FUNCTION, name, t, args)
#define OF_ALL(name, T, t, args)       void rt__##name##_##t args;
#define TYPED_LEVELS(name, T, t, type) EACH_LEVEL(TYPED, name, t, type)

#define KERNEL(name, types, args) types(OF_LEVELS, OF_ALL, name, args)
#define KERNEL_ANY(name, args)
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_ANY

#define UNARY(name, ...)                                                                           \
    FLOATS(TYPED_LEVELS, , name, rt_unary_fn)                                                      \
    FLOATS(TYPED_LEVELS, , name##_dx, rt_unary_dx_fn)                                              \
    FLOATS(TYPED_LEVELS, , name##_dxx, rt_unary_dxx_fn)
#define PARAMETRIC(name, ...) UNARY(name)
#define BINARY(name, ...)     FLOATS(TYPED_LEVELS, , name, rt_binary_fn)
#define TERNARY(name, ...)    FLOATS(TYPED_LEVELS, , name, rt_ternary_fn)
#define COMPARE(name, ...)    FLOATS(TYPED_LEVELS, , name, rt_binary_fn)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef EACH_LEVEL
#undef FUNCTION
#undef TYPED
#undef OF_LEVELS
#undef OF_ALL
#undef TYPED_LEVELS

#endif
