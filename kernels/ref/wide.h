/* Reference kernels: plain loops, one thread, no code shared with the fast ones. They are the oracle of the tests and what runs where
 * nothing better is installed: slow, never wrong. The build compiles each <family>.c here once per element type (kernels/cpu/element.h).
 *
 * They compute in the precision of double for floats, of long double for doubles:
 *
 *     wide y = WIDE(exp)(x);
 */
#ifndef RINGTORCH_KERNELS_WIDE_H
#define RINGTORCH_KERNELS_WIDE_H

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/element.h"
#include "kernels/cpu/table.h"

#if RT_BITS == 32
typedef double wide;
#define WIDE(function) function
#else
typedef long double wide;
#define WIDE(function) function##l
#endif

#endif
