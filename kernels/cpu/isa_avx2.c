/* The fast kernels for AVX2 and FMA; compiled with the flags of this level (CMakeLists.txt). */
#define ISA avx2
#include "kernels/cpu/simd_avx2.h"
#include "kernels/cpu/all.inc"
