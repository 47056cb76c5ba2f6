/* Sets where a thread's random streams begin. Values depend only on (seed, step, slice, module, stream, element). */
#include "worker/engine/base/thread.h"
#include <ringtorch/random.h>

/* Odd, so that all keys differ, and different from the constant that rt__philox_key uses for the upper half of an
 * element. */
static const uint64_t KEY_OF_STEPS = 0xD1B54A32D192ED03;

void rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice)
{
    rt__streams_seek((rt_rng){
        .seed = seed ^ (step >> 32) * KEY_OF_STEPS, .step = (uint32_t)step, .slice = slice});
}
