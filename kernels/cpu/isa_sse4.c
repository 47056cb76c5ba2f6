/* The fast kernels for SSE4.1; compiled with the flags of this level (CMakeLists.txt). */
#define ISA sse4
#include "kernels/cpu/simd_sse4.h"
#include "kernels/cpu/all.inc"
