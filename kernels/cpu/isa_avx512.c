/* The fast kernels for AVX-512; compiled with the flags of this level (CMakeLists.txt). */
#define ISA avx512
#include "kernels/cpu/simd_avx512.h"
#include "kernels/cpu/all.inc"
