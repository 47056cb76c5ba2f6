/* IDX files for tests: built in memory, then written as they are or as gzip.
 *
 *     bytes images = idx_images(3, 2, 2), labels = idx_labels(3);     // pixel i is i % 256
 *     write_file(dir, "x-images", &images);
 *     write_gzip(dir, "x-labels.gz", &labels);
 */
#ifndef RINGTORCH_TESTS_UNIT_ENGINE_IDX_FILES_H
#define RINGTORCH_TESTS_UNIT_ENGINE_IDX_FILES_H

#include "common/base/file.h"
#include "common/base/mem.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 1 << 16 };

typedef struct bytes {
    size_t len;
    uint8_t at[BYTES_MAX];
} bytes;

static void put8(bytes *b, uint32_t v)
{
    if (b->len == BYTES_MAX)
        abort();
    b->at[b->len++] = (uint8_t)v;
}

static void put32_be(bytes *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put8(b, v >> shift & 0xff);
}

static void put32_le(bytes *b, uint32_t v)
{
    for (int shift = 0; shift <= 24; shift += 8)
        put8(b, v >> shift & 0xff);
}

static inline bytes idx_images(uint32_t n, uint32_t h, uint32_t w)
{
    bytes b = {0};
    put32_be(&b, 0x0803);
    put32_be(&b, n);
    put32_be(&b, h);
    put32_be(&b, w);
    for (uint32_t i = 0; i < n * h * w; i++)
        put8(&b, i % 256);
    return b;
}

/* Label i is i % 10. */
static inline bytes idx_labels(uint32_t n)
{
    bytes b = {0};
    put32_be(&b, 0x0801);
    put32_be(&b, n);
    for (uint32_t i = 0; i < n; i++)
        put8(&b, i % 10);
    return b;
}

static inline uint32_t crc32_of(const bytes *b)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < b->len; i++) {
        crc ^= b->at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* Returns the content as gzip with one stored block (RFC 1951 and 1952): nothing is compressed, but
 * header and checksum are complete. */
static inline bytes gzip_of(const bytes *content)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1};
    bytes b = {0};
    for (size_t i = 0; i < sizeof head; i++)
        put8(&b, head[i]);
    put8(&b, content->len & 0xff);
    put8(&b, content->len >> 8 & 0xff);
    put8(&b, ~content->len & 0xff);
    put8(&b, ~content->len >> 8 & 0xff);
    for (size_t i = 0; i < content->len; i++)
        put8(&b, content->at[i]);
    put32_le(&b, crc32_of(content));
    put32_le(&b, (uint32_t)content->len);
    return b;
}

static inline void write_file(const char *dir, const char *name, const bytes *b)
{
    char *path = rt_path_join(dir, name);
    FILE *f = path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(b->at, 1, b->len, f) != b->len || fclose(f) != 0)
        abort();
    rt_mem_free(path);
}

static inline void write_gzip(const char *dir, const char *name, const bytes *content)
{
    bytes zipped = gzip_of(content);
    write_file(dir, name, &zipped);
}

#endif
