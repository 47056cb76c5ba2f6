/* msgpack, item by item; private to messages.c and wire_frame.c.
 *
 *     rt__writer w = {0};                        rt__reader r = {bytes, bytes + len};
 *     rt__write_array(&w, 2);                    if (rt__read_array(&r, &n) && n == 2 &&
 *     rt__write_int(&w, 7);                          rt__read_int(&r, &i) &&
 *     rt__write_string(&w, "x");                     rt__read_string(&r, &s, &len) &&
 *     RT_TRY(rt__writer_take(&w, &bytes));           r.at == r.end) ...
 *
 * Writing uses msgpack-c. Reading is our own code: msgpack-c builds a tree of the whole input and sizes its arrays by
 * the counts that the sender claims, before a caller can check them; our reader allocates nothing at all. */
#ifndef RINGTORCH_COMMON_CONTROL_CODEC_H
#define RINGTORCH_COMMON_CONTROL_CODEC_H

#include "common/base/file.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start with a zeroed struct. Failures are remembered and returned by rt__writer_take. */
typedef struct rt__writer {
    rt_bytes bytes;
    size_t room;
    bool failed;
} rt__writer;

void rt__write_array(rt__writer *w, int64_t items);
void rt__write_int(rt__writer *w, int64_t value);
void rt__write_double(rt__writer *w, double value);
void rt__write_string(rt__writer *w, const char *text);
/* Appends items that are already encoded. */
void rt__write_packed(rt__writer *w, const rt_bytes *items);
/* Hands over what was written (release with rt_bytes_release) and empties w; on failure *out is
 * empty. */
rt_status rt__writer_take(rt__writer *w, rt_bytes *out);

/* The bytes not yet read. Each rt__read_ function returns false without moving `at` if the next item has another type
 * or is cut off. */
typedef struct rt__reader {
    const uint8_t *at, *end;
} rt__reader;

bool rt__read_array(rt__reader *r, int64_t *items);
bool rt__read_int(rt__reader *r, int64_t *value); /* any integer that fits */
bool rt__read_double(rt__reader *r, double *value);
bool rt__read_string(rt__reader *r, const char **text, size_t *len); /* borrowed, not terminated */

#endif
