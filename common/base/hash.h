/* Checksums: XXH3-64 for speed (files, blocks, frames), SHA-256 for identity.
 *
 *     uint64_t sum = rt_hash64(bytes, len);
 *     rt_sha256 h; rt_sha256_init(&h); rt_sha256_update(&h, p, n); rt_sha256_hex(&h, hex);
 */
#ifndef RINGTORCH_COMMON_BASE_HASH_H
#define RINGTORCH_COMMON_BASE_HASH_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t rt_hash64(const void *data, size_t len);
/* Streaming XXH3-64: same result as rt_hash64 of the concatenation. */
typedef struct rt_hasher64 {
    void *state;
} rt_hasher64;
rt_status rt_hasher64_init(rt_hasher64 *h);
void rt_hasher64_update(rt_hasher64 *h, const void *data, size_t len);
uint64_t rt_hasher64_finish(rt_hasher64 *h); /* releases h */
/* Callbacks that follow a long read, for progress and cancellation. */
typedef struct rt_watch {
    /* Called before `bytes` bytes of `what` (a path) are read; may be NULL. */
    void (*on_begin)(void *ctx, const char *what, int64_t bytes);
    /* Called when `bytes` more bytes have been read since the last call; returns false to cancel. */
    bool (*on_bytes)(void *ctx, uint64_t bytes);
    void *ctx;
} rt_watch;
/* Hashes the rest of an open file and sets *bytes to its length; `path` is for errors. `watch` may be NULL. Fails with
 * INTERRUPTED if the watch cancels. */
rt_status rt_hash64_input(int fd, const char *path, const rt_watch *watch, uint64_t *sum,
                          uint64_t *bytes);
/* Hashes a whole regular file. */
rt_status rt_hash64_file(const char *path, uint64_t *sum, uint64_t *bytes);

typedef struct rt_sha256 {
    void *ctx;
} rt_sha256;
rt_status rt_sha256_init(rt_sha256 *h);
void rt_sha256_update(rt_sha256 *h, const void *data, size_t len);
void rt_sha256_hex(rt_sha256 *h, char hex[65]); /* writes 64 digits and a zero; releases h */
/* Hashes a whole regular file. */
rt_status rt_sha256_file(const char *path, char hex[65]);

#endif
