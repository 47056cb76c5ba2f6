/* Math functions for schedules. A learning rate must have the same bits on every host of a run, but the functions of different C
 * libraries differ in their last bits, so schedules use these implementations instead (docs/NUMERICS.md, section 9). They compute with
 * pairs of doubles, about 106 bits, so the result is the double nearest to the exact value except in extremely rare cases.
 *
 *     double rate = lr * rt__power(gamma, done / step_size);
 */
#ifndef RINGTORCH_WORKER_ENGINE_OPTIM_EXACT_H
#define RINGTORCH_WORKER_ENGINE_OPTIM_EXACT_H

#include <stdint.h>

/* base^n; n >= 0. */
double rt__power(double base, int64_t n);
/* cos(x) for x in [0, pi]. */
double rt__cosine(double x);

#endif
