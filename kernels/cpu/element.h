/* What a family's object is compiled for: its element type T, the integers of the size of T, and the names of its kernels.
 *
 *     void KERNEL_NAME(softmax)(rt_exec *e, rt_rows r, const void *px, void *py)      // rt__softmax_f32_avx2
 *
 * The build says what with RT_ELEMENT (f32, f64), RT_BITS (32, 64) and RT_LEVEL (ref, sse4, avx2, avx512). */
#ifndef RINGTORCH_KERNELS_ELEMENT_H
#define RINGTORCH_KERNELS_ELEMENT_H

#include <stdint.h>

#if RT_BITS == 64
typedef double T;
typedef int64_t T_int; /* its bits; a mask of them is 0 or -1 */
typedef uint64_t T_bits;
#else
typedef float T;
typedef int32_t T_int;
typedef uint32_t T_bits;
#endif

#define KERNEL_NAME(name)                    KERNEL_NAME_(name, RT_ELEMENT, RT_LEVEL)
#define KERNEL_NAME_(name, element, level)   KERNEL_NAME_OF(name, element, level)
#define KERNEL_NAME_OF(name, element, level) rt__##name##_##element##_##level

#endif
