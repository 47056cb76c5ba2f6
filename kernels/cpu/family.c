/* One family of fast kernels for one instruction set. The build compiles this file for each pair of them
 * (kernels/CMakeLists.txt), with the compiler's flags for the instruction set and
 *     RT_SIMD     its vector type: "kernels/cpu/simd_avx2.h"
 *     RT_BODY     the family's kernels: "kernels/cpu/elementwise.inc"
 *     RT_INSTALL  the function that puts them into a table: rt__install_elementwise_0_avx2
 *     RT_SLICE    for a family that is cut into RT_SLICES objects: which one this is
 * What a family does not install stays with the reference. */
#include "common/error.h"
#include "common/slices.h"
#include "kernels/cpu/cpu.h"
#include <math.h>
#include <string.h>
#include RT_SIMD

#define INSTALL void RT_INSTALL(rt_kernels *k)

#include "kernels/cpu/vector.inc"
#include "kernels/cpu/vmath.inc"
#include RT_BODY
