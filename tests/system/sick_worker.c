/* The real ringtorch-worker on a faulty machine. The linker puts the two functions below between a step and the engine;
 * RINGTORCH_SICK tells what they do:
 *
 *     crash STEP SLICE    a segmentation fault in that slice, whichever rank computes it, every time
 *     exit STEP SLICE     exit(0) there, every time
 *     flip STEP RANK      a bit of the parameters flips in that rank's memory while the step is computed, once
 *     nan STEP always     a gradient of the step's first slice is not a number
 *     nan STEP once       the same, in the first generation only
 *     spoil STEP SLICE    a parameter is not a number while that slice, the last of its rank, is computed */
#include "worker/engine/train/run.h"
#include <math.h>
#include <ringtorch/random.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void __real_rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice);
void __wrap_rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice);
rt_status __real_rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                                  int *count);
rt_status __wrap_rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                                  int *count);

/* Returns whether RINGTORCH_SICK names this fault and this step. *detail: what follows the number. */
static bool suffers(const char *illness, int64_t step, char detail[16])
{
    char name[16] = "";
    long long at = -1;
    const char *sick = getenv("RINGTORCH_SICK");
    return sick && sscanf(sick, "%15s %lld %15s", name, &at, detail) == 3 &&
           strcmp(name, illness) == 0 && at == step;
}

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : -1;
}

static rt_run *computing;
static float sound; /* of the parameter that is spoiled */

static float *spoiled(rt_run *r)
{
    return rt_run_flat(r)->param + rt_run_flat(r)->count - 1;
}

void __wrap_rt_random_seek(uint64_t seed, uint64_t step, uint32_t slice)
{
    char detail[16];
    if (computing && suffers("spoil", step, detail) && strtoul(detail, NULL, 10) == slice)
        *spoiled(computing) = NAN;
    if (suffers("crash", step, detail) && strtoul(detail, NULL, 10) == slice)
        raise(SIGSEGV);
    if (suffers("exit", step, detail) && strtoul(detail, NULL, 10) == slice)
        exit(0);
    __real_rt_random_seek(seed, step, slice);
}

rt_status __wrap_rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                                  int *count)
{
    char detail[16];
    bool first_generation = number_of("RINGTORCH_GENERATION") == 1;
    if (suffers("flip", step, detail) && first_generation &&
        strtol(detail, NULL, 10) == number_of("OMPI_COMM_WORLD_RANK")) {
        uint32_t *bits = (uint32_t *)(void *)rt_run_flat(r)->param;
        bits[7] ^= 1u << 20;
    }
    computing = r;
    sound = *spoiled(r);
    rt_status status = __real_rt_run_gradients(r, step, slices, parts, count);
    *spoiled(r) = sound;
    computing = NULL;
    if (status == RT_OK && slices.begin == 0 && suffers("nan", step, detail) &&
        (first_generation || strcmp(detail, "always") == 0))
        parts[0].data[0] = NAN;
    return status;
}
