/* Declares the CPU's kernels by name: rt__softmax_f32_avx2, for each row of kernels.def, fast.def and elementwise.def, for each of its
 * element types and each level. Only the rows decide which kernels exist: level.c installs what they name, and linking fails if no
 * family defines one. */
#ifndef RINGTORCH_KERNELS_CPU_TABLE_H
#define RINGTORCH_KERNELS_CPU_TABLE_H

#include "kernels/complex.h"
#include "kernels/kernels.h"

/* The element types that a row is for: EACH(name, F32, f32, ...) for each of them. */
#define FLOATS(EACH, name, ...)                                                                    \
    EACH(name, F32, f32, __VA_ARGS__)                                                              \
    EACH(name, F64, f64, __VA_ARGS__)
#define INT64(EACH, name, ...)  EACH(name, I64, i64, __VA_ARGS__)
#define SUMMED(EACH, name, ...) FLOATS(EACH, name, __VA_ARGS__) INT64(EACH, name, __VA_ARGS__)
#define REALS(EACH, name, ...)                                                                     \
    SUMMED(EACH, name, __VA_ARGS__)                                                                \
    EACH(name, I32, i32, __VA_ARGS__)                                                              \
    EACH(name, I16, i16, __VA_ARGS__)                                                              \
    EACH(name, I8, i8, __VA_ARGS__)                                                                \
    EACH(name, U8, u8, __VA_ARGS__)
#define ORDERED(EACH, name, ...)                                                                   \
    REALS(EACH, name, __VA_ARGS__)                                                                 \
    EACH(name, BOOL, bool, __VA_ARGS__)
#define NUMERIC(EACH, name, ...)                                                                   \
    REALS(EACH, name, __VA_ARGS__)                                                                 \
    EACH(name, C64, c64, __VA_ARGS__)                                                              \
    EACH(name, C128, c128, __VA_ARGS__)
#define EVERY(EACH, name, ...)                                                                     \
    NUMERIC(EACH, name, __VA_ARGS__)                                                               \
    EACH(name, BOOL, bool, __VA_ARGS__)                                                            \
    EACH(name, BF16, bf16, __VA_ARGS__)                                                            \
    EACH(name, F16, f16, __VA_ARGS__)

#define EACH_FAST(F, name, t, what)                                                                \
    F(name, t, sse4, what) F(name, t, avx2, what) F(name, t, avx512, what)
#define FUNCTION(name, t, level, args) void rt__##name##_##t##_##level args;
#define TYPED(name, t, level, type)    type rt__##name##_##t##_##level;

#define OF_REF(name, T, t, args)    FUNCTION(name, t, ref, args)
#define OF_FAST(name, T, t, args)   EACH_FAST(FUNCTION, name, t, args)
#define TYPED_ALL(name, T, t, type) TYPED(name, t, ref, type) EACH_FAST(TYPED, name, t, type)

#define KERNEL(name, types, args) types(OF_REF, name, args)
#define KERNEL_ANY(name, args)    void rt__##name##_ref args;
#include "kernels/kernels.def"
#undef KERNEL
#undef KERNEL_ANY
#define KERNEL(name, types, args) types(OF_FAST, name, args)
#include "kernels/fast.def"
#undef KERNEL

#define COMPLEX(name, type)                                                                        \
    TYPED_ALL(name, C64, c64, type)                                                                \
    TYPED_ALL(name, C128, c128, type)
#define COMPLEX_UNARY(name, ...)   COMPLEX(name, rt_unary_fn)
#define COMPLEX_BINARY(name, ...)  COMPLEX(name, rt_binary_fn)
#define COMPLEX_TERNARY(name, ...) COMPLEX(name, rt_ternary_fn)
#define UNARY(name, ...)                                                                           \
    COMPLEX_FORM(COMPLEX_UNARY, name)                                                              \
    FLOATS(TYPED_ALL, name, rt_unary_fn)                                                           \
    FLOATS(TYPED_ALL, name##_dx, rt_unary_dx_fn)                                                   \
    FLOATS(TYPED_ALL, name##_dxx, rt_unary_dxx_fn)
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      COMPLEX_FORM(COMPLEX_UNARY, name) FLOATS(TYPED_ALL, name, rt_unary_fn)
#define PARAMETRIC_OPS(name, ...) FLOATS(TYPED_ALL, name, rt_unary_fn)
#define BINARY(name, ...)         COMPLEX_FORM(COMPLEX_BINARY, name) FLOATS(TYPED_ALL, name, rt_binary_fn)
#define TERNARY(name, ...)                                                                         \
    COMPLEX_FORM(COMPLEX_TERNARY, name) FLOATS(TYPED_ALL, name, rt_ternary_fn)
#define COMPARE(name, ...)   BINARY(name)
#define PREDICATE(name, ...) UNARY_OPS(name)
#include "kernels/elementwise.def"
#undef UNARY
#undef PARAMETRIC
#undef UNARY_OPS
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
#undef COMPARE
#undef PREDICATE
#undef COMPLEX
#undef COMPLEX_UNARY
#undef COMPLEX_BINARY
#undef COMPLEX_TERNARY
#undef EACH_FAST
#undef FUNCTION
#undef TYPED
#undef OF_REF
#undef OF_FAST
#undef TYPED_ALL

#endif
