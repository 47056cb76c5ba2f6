/* One family of fast kernels for one element type and one instruction set. The build compiles this file for each of them
 * (kernels/CMakeLists.txt), with the compiler's flags for the instruction set, the definitions that element.h takes, and
 *     RT_SIMD     the vector type: "kernels/cpu/isa/avx2.h"
 *     RT_BODY     the family's kernels: "kernels/cpu/rows.inc" */
#include "common/base/error.h"
#include "common/base/slices.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/element.h"
#include "kernels/cpu/table.h"
#include <math.h>
#include <string.h>
#include RT_SIMD

#include "kernels/cpu/vector.inc"
#include "kernels/cpu/vmath.inc"
#include RT_BODY
