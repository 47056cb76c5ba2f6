/* Random draws that decide what a part of a file is used for: a pure function of the seed and the position
 * in the file.
 *
 *     bool evaluated = rt__held_out(seed, row, 0.2);
 */
#ifndef RINGTORCH_WORKER_ENGINE_DATA_HELD_OUT_H
#define RINGTORCH_WORKER_ENGINE_DATA_HELD_OUT_H

#include "common/base/philox.h"
#include <stdbool.h>
#include <stdint.h>

/* Returns true for about `share` of all i. `stream` keeps draws for different purposes independent. */
static inline bool rt__drawn(uint64_t seed, uint32_t stream, int64_t i, double share)
{
    uint32_t v[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), stream, 0xda7a5e7};
    rt__philox(~seed, v);
    return v[0] * 0x1p-32 < share;
}

static inline bool rt__held_out(uint64_t seed, int64_t i, double share)
{
    return rt__drawn(seed, 0, i, share);
}

/* Returns whether token i counts in a text of which only a share counts. */
static inline bool rt__counts(uint64_t seed, int64_t i, double share)
{
    return rt__drawn(seed, 1, i, share);
}

#endif
