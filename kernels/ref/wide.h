/* Reference kernels: plain loops on one thread that share no code with the fast ones. They are the oracle of the tests, and every level
 * uses them where nothing better is installed: slow, never wrong.
 *
 *     // y = 1 / x. x, y: [n].
 *     KERNEL(reciprocal, FLOATS, (rt_exec *e, int64_t n, const void *x, void *y))
 *     {
 *         for (int64_t i = 0; i < n; i++)
 *             ((T *)y)[i] = (T)(1 / (double)((const T *)x)[i]);
 *     }
 *
 * Nothing else is needed to add a kernel. Its head is the row from which the build generates everything else (kernels/rows.awk): the
 * table entry, `e->kernels->reciprocal[RT_F32]`, the prototype, the stand-in for tables that lack the kernel, and the installation on
 * every level. The comment before it is its contract. FLOATS, SUMMED, ORDERED, NUMERIC, EVERY and INT64 are the lists of element types
 * that it is for (kernels/cpu/table.h); KERNEL_ANY has no such list and makes a single entry. The build compiles each <family>.c here
 * once per element type T: float types, except for the families that kernels/CMakeLists.txt names with the types that they are for.
 *
 * As the oracle of a fast text, a kernel computes in higher precision: double for float, long double for double:
 *
 *     wide y = WIDE(exp)(x);
 *
 * For integers `wide` is int64_t. A kernel of floats alone, in a file that is compiled for integers too, stands between #ifdef RT_BITS
 * and #endif.
 *
 * The levels of the CPU agree in every bit (docs/NUMERICS.md). A kernel without a fast text satisfies that trivially, because it is the
 * same object on all levels. Its text is then binding, for other back ends too: document its order of operations there; compute in
 * double for both types, not in `wide`, because GPUs have no long double and processors other than x86 have a different one (the build
 * refuses `wide` in such a text; keep it out of functions that the text calls); and use only those functions of libm that round
 * correctly (sqrt, fma, floor...), because the last bit of the others depends on libm's version and the processor. */
#ifndef RINGTORCH_KERNELS_REF_WIDE_H
#define RINGTORCH_KERNELS_REF_WIDE_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/element.h"
#include "kernels/cpu/table.h"

#if RT_BITS == 32
typedef double wide;
#define WIDE(function) function
#elif RT_BITS == 64
typedef long double wide;
#define WIDE(function) function##l
#else
typedef int64_t wide; /* of integers, which are exact */
#endif

#ifdef RT_BITS
#define IS_NAN(v) ((v) != (v))
#else
#define IS_NAN(v) false
#endif

#define KERNEL(name, types, args) types##_TEXT(name) args
#define KERNEL_ANY(name, args)    ONE_TEXT(name, rt__##name##_ref) args
#define FLOATS_TEXT(name)         void KERNEL_NAME(name)
#define SUMMED_TEXT(name)         void KERNEL_NAME(name)
#define REALS_TEXT(name)          void KERNEL_NAME(name)
#define ORDERED_TEXT(name)        void KERNEL_NAME(name)
#define NUMERIC_TEXT(name)        void KERNEL_NAME(name)
#define EVERY_TEXT(name)          void KERNEL_NAME(name)
#define INT64_TEXT(name)          ONE_TEXT(name, rt__##name##_i64_ref)

/* A kernel that does not depend on T comes from the file's object for float32. */
#if RT_BITS == 32
#define ONE_TEXT(name, symbol) void symbol
#else
#define ONE_TEXT(name, symbol) __attribute__((unused)) static void name##_of_f32
#endif

#endif
