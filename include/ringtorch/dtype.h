/* Element types. Zero is float32, so a field that is left out means float32.
 *
 *     printf("%s has %zu bytes\n", rt_dtype_name(RT_I64), rt_dtype_size(RT_I64));   // int64 has 8 bytes
 *
 * The names that these functions return are static: they are valid for the life of the program. */
#ifndef RINGTORCH_DTYPE_H
#define RINGTORCH_DTYPE_H

#include <ringtorch/export.h>
#include <stddef.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* DTYPE(constant, name, C type, bytes, safetensors name). The order is part of the ABI. A complex number is its real part followed by
 * its imaginary one, as in <complex.h>, C++'s std::complex and NumPy. C128 is a name of our own: safetensors has no complex128. */
#define RT_DTYPE_LIST(DTYPE)                                                                       \
    DTYPE(F32, float32, float, 4, "F32")                                                           \
    DTYPE(F64, float64, double, 8, "F64")                                                          \
    DTYPE(I64, int64, int64_t, 8, "I64")                                                           \
    DTYPE(I32, int32, int32_t, 4, "I32")                                                           \
    DTYPE(U8, uint8, uint8_t, 1, "U8")                                                             \
    DTYPE(BOOL, bool, uint8_t, 1, "BOOL")                                                          \
    DTYPE(BF16, bfloat16, uint16_t, 2, "BF16")                                                     \
    DTYPE(F16, float16, uint16_t, 2, "F16")                                                        \
    DTYPE(I8, int8, int8_t, 1, "I8")                                                               \
    DTYPE(I16, int16, int16_t, 2, "I16")                                                           \
    DTYPE(C64, complex64, float _Complex, 8, "C64")                                                \
    DTYPE(C128, complex128, double _Complex, 16, "C128")

/* The types of elements. */
typedef enum rt_dtype {
#define DTYPE(c, name, type, bytes, st) RT_##c,
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
        RT_DTYPES /* how many there are */
} rt_dtype;

/* Returns the size of one element in bytes. */
RT_API size_t rt_dtype_size(rt_dtype t);
/* Returns the name of the type, for example "float32"; "?" for a value that is not a type. */
RT_API const char *rt_dtype_name(rt_dtype t);
/* Returns the name of the type in safetensors headers, for example "F32". */
RT_API const char *rt_dtype_safetensors(rt_dtype t);

RT_END_DECLS

#endif
