/* XXH3 from xxHash, compiled in; SHA-256 from libcrypto. */
#include "common/base/hash.h"

#define XXH_INLINE_ALL
#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/hash_avx2.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

enum { FILE_STEP = 1 << 20, STATE_ALIGNMENT = 64 };

uint64_t rt_hash64(const void *data, size_t len)
{
#ifdef RT_HASH_AVX2
    if (__builtin_cpu_supports("avx2"))
        return rt__hash64_avx2(data, len);
#endif
    return XXH3_64bits(data, len);
}

rt_status rt_hasher64_init(rt_hasher64 *h)
{
    h->state = rt_malloc_aligned(STATE_ALIGNMENT, sizeof(XXH3_state_t));
    if (!h->state)
        return rt_error_code();
    XXH3_64bits_reset(h->state);
    return RT_OK;
}

void rt_hasher64_update(rt_hasher64 *h, const void *data, size_t len)
{
    XXH3_64bits_update(h->state, data, len);
}

uint64_t rt_hasher64_finish(rt_hasher64 *h)
{
    uint64_t sum = XXH3_64bits_digest(h->state);
    rt_mem_free(h->state);
    h->state = NULL;
    return sum;
}

/* Reads what comes next into the buffer [FILE_STEP]; *bytes is 0 at the end. */
static rt_status read_step(int fd, const char *path, uint8_t *buffer, size_t *bytes)
{
    ssize_t n;
    do
        n = read(fd, buffer, FILE_STEP);
    while (n < 0 && errno == EINTR);
    *bytes = n < 0 ? 0 : (size_t)n;
    return n < 0 ? RT__FAIL_ERRNO(path, "read") : RT_OK;
}

static rt_status hash_to_end(int fd, const char *path, const rt_watch *watch, uint8_t *buffer,
                             rt_hasher64 *h, uint64_t *bytes)
{
    for (size_t n;;) {
        RT_TRY(read_step(fd, path, buffer, &n));
        if (n == 0)
            return RT_OK;
        rt_hasher64_update(h, buffer, n);
        *bytes += n;
        if (watch && !watch->on_bytes(watch->ctx, n))
            return RT_FAIL(INTERRUPTED, "%s: reading was cancelled", path);
    }
}

rt_status rt_hash64_input(int fd, const char *path, const rt_watch *watch, uint64_t *sum,
                          uint64_t *bytes)
{
    rt_status status;
    rt_hasher64 h = {0};
    uint8_t *buffer = rt_malloc(FILE_STEP);
    *bytes = 0;
    if (!buffer || rt_hasher64_init(&h) != RT_OK)
        status = rt_error_prefix("%s", path);
    else
        status = hash_to_end(fd, path, watch, buffer, &h, bytes);
    if (h.state)
        *sum = rt_hasher64_finish(&h);
    rt_mem_free(buffer);
    return status;
}

rt_status rt_hash64_file(const char *path, uint64_t *sum, uint64_t *bytes)
{
    int fd;
    int64_t length;
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &length));
    rt_status status = rt_hash64_input(fd, path, NULL, sum, bytes);
    close(fd);
    return status;
}

rt_status rt_sha256_init(rt_sha256 *h)
{
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx)
        return RT_FAIL(NOMEM, "out of memory: SHA-256 state");
    if (EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(h->ctx);
        h->ctx = NULL;
        return RT_FAIL(UNSUPPORTED, "this machine's libcrypto refuses SHA-256");
    }
    return RT_OK;
}

void rt_sha256_update(rt_sha256 *h, const void *data, size_t len)
{
    RT_ASSERT(EVP_DigestUpdate(h->ctx, data, len) ==
              1); /* fails only before init or after finish */
}

void rt_sha256_hex(rt_sha256 *h, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    RT_ASSERT(EVP_DigestFinal_ex(h->ctx, digest, &len) == 1 && len == 32);
    for (unsigned i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

static rt_status update_to_end(int fd, const char *path, uint8_t *buffer, rt_sha256 *h)
{
    for (size_t n;;) {
        RT_TRY(read_step(fd, path, buffer, &n));
        if (n == 0)
            return RT_OK;
        rt_sha256_update(h, buffer, n);
    }
}

rt_status rt_sha256_file(const char *path, char hex[65])
{
    int fd;
    int64_t length;
    rt_sha256 h;
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &length));
    uint8_t *buffer = rt_malloc(FILE_STEP);
    rt_status status = buffer ? rt_sha256_init(&h) : rt_error_code();
    if (status == RT_OK) {
        status = update_to_end(fd, path, buffer, &h);
        rt_sha256_hex(&h, hex);
    }
    rt_mem_free(buffer);
    close(fd);
    return status;
}
