/* What an object of a kernel family is compiled for: its element type T, for a float T the integers of its size, and the names of its
 * kernels.
 *
 *     void KERNEL_NAME(softmax)(rt_exec *e, rt_rows r, const void *px, void *py)      // rt__softmax_f32_avx2
 *
 * The build sets RT_ELEMENT (f32), RT_DTYPE (F32), RT_LEVEL (ref, sse4, avx2, avx512), and for floats RT_BITS (32, 64). */
#ifndef RINGTORCH_KERNELS_CPU_ELEMENT_H
#define RINGTORCH_KERNELS_CPU_ELEMENT_H

#include <ringtorch/dtype.h>
#include <stdint.h>

#ifdef RT_DTYPE
#define DTYPE(c, name, type, bytes, st) typedef type element_##c;
RT_DTYPE_LIST(DTYPE)
#undef DTYPE
#define OF_ELEMENT(prefix, c)  OF_ELEMENT_(prefix, c)
#define OF_ELEMENT_(prefix, c) prefix##c
typedef OF_ELEMENT(element_, RT_DTYPE) T;
enum { T_DTYPE = OF_ELEMENT(RT_, RT_DTYPE) };
#endif

#if RT_BITS == 64
typedef int64_t T_int; /* its bits; as a mask 0 or -1 */
typedef uint64_t T_bits;
#elif RT_BITS == 32
typedef int32_t T_int;
typedef uint32_t T_bits;
#endif

#define KERNEL_NAME(name)                    KERNEL_NAME_(name, RT_ELEMENT, RT_LEVEL)
#define KERNEL_NAME_(name, element, level)   KERNEL_NAME_OF(name, element, level)
#define KERNEL_NAME_OF(name, element, level) rt__##name##_##element##_##level

#endif
