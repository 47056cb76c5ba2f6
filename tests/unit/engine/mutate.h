/* Random damage to bytes, for fuzzing in bounded time.
 *
 *     uint32_t seed = 1;
 *     size_t n = mutate(&seed, good, sizeof good, room, sizeof room);     // a damaged copy in room
 */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_MUTATE_H
#define RINGTORCH_TESTS_UNIT_ENGINE_MUTATE_H

#include <stdint.h>
#include <string.h>

static inline uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Copies the bytes and damages the copy: flips bits, writes extreme values, removes or repeats
 * parts. Returns the new length, at most `most`. */
static inline size_t mutate(uint32_t *seed, const uint8_t *good, size_t len, uint8_t *out,
                            size_t most)
{
    static const uint8_t telling[] = {0,   1,   0x7f, 0x80, 0xff, '"', '{', '}',
                                      '[', ']', ',',  '0',  '9',  '-', 'e', ':'};
    memcpy(out, good, len);
    for (uint32_t edits = 1 + next_random(seed) % 4; edits > 0 && len > 0; edits--) {
        size_t at = next_random(seed) % len, n = 1 + next_random(seed) % 8;
        switch (next_random(seed) % 5) {
        case 0:
            out[at] ^= (uint8_t)(1u << next_random(seed) % 8);
            break;
        case 1:
            out[at] = telling[next_random(seed) % sizeof telling];
            break;
        case 2:
            len = at;
            break;
        case 3: /* remove bytes */
            n = n < len - at ? n : len - at;
            memmove(out + at, out + at + n, len - at - n);
            len -= n;
            break;
        default: /* repeat bytes */
            n = n < len - at ? n : len - at;
            if (len + n > most)
                break;
            memmove(out + at + n, out + at, len - at);
            len += n;
        }
    }
    return len;
}

#endif
