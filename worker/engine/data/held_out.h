/* Draws that decide what a part of a file is for: a pure function of the seed and of the place in the file.
 *
 *     bool evaluated = rt__held_out(seed, row, 0.2);
 */
#ifndef RINGTORCH_ENGINE_DATA_HELD_OUT_H
#define RINGTORCH_ENGINE_DATA_HELD_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include "common/philox.h"

/* True for about `share` of all i. `stream` keeps draws for different ends apart. */
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

/* Does token i count, of a text of which a share does? */
static inline bool rt__counts(uint64_t seed, int64_t i, double share)
{
    return rt__drawn(seed, 1, i, share);
}

#endif
