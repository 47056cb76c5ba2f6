/* Compiled kernels on disk. A file consists of 8 bytes that identify the format, the checksum of the
 * rest, and the rest. */
#include "kernels/gpu/cache.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/temporary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 16, MOST_BYTES = 256 << 20 };
static const char magic[8] = "RTKERN01";

/* Saves the error slot, because failures in here are not failures of the caller. */
typedef struct quiet {
    bool failed_before;
} quiet;

static quiet begin_quiet(void)
{
    return (quiet){rt_failed()};
}

static void end_quiet(quiet q)
{
    if (!q.failed_before)
        rt_error_clear();
}

static bool folder(char out[512])
{
    const char *own = getenv("RINGTORCH_KERNEL_CACHE"), *caches = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = own                    ? snprintf(out, 512, "%s", own)
                 : caches && *caches    ? snprintf(out, 512, "%s/ringtorch/kernels", caches)
                 : home && *home == '/' ? snprintf(out, 512, "%s/.cache/ringtorch/kernels", home)
                                        : 0;
    return length > 0 && length < 512;
}

static bool path_of(const char *key, char out[600])
{
    char at[512];
    return folder(at) && snprintf(out, 600, "%s/%s", at, key) < 600;
}

bool rt__kernel_cache_key(const char *const *text, const char *const *about, char key[65])
{
    rt_sha256 h;
    char at[512];
    if (!folder(at) || rt_sha256_init(&h) != RT_OK)
        return false;
    for (; *about; about++)
        rt_sha256_update(&h, *about, strlen(*about) + 1);
    for (; *text; text++)
        rt_sha256_update(&h, *text, strlen(*text));
    rt_sha256_hex(&h, key);
    return true;
}

bool rt__kernel_cache_load(const char *key, rt_bytes *out)
{
    char path[600];
    if (!path_of(key, path))
        return false;
    quiet q = begin_quiet();
    rt_bytes b = {0};
    uint64_t sum = 0;
    bool good = rt_file_read(path, MOST_BYTES, &b) == RT_OK && b.len > HEAD;
    if (good)
        memcpy(&sum, b.data + sizeof magic, sizeof sum);
    good = good && memcmp(b.data, magic, sizeof magic) == 0 &&
           sum == rt_hash64(b.data + HEAD, b.len - HEAD);
    if (good) {
        memmove(b.data, b.data + HEAD, b.len - HEAD);
        *out = (rt_bytes){b.data, b.len - HEAD};
    } else {
        rt_bytes_release(&b);
    }
    end_quiet(q);
    return good;
}

void rt__kernel_cache_store(const char *key, const void *data, size_t size)
{
    char path[600], at[512], head[HEAD];
    if (!path_of(key, path) || !folder(at))
        return;
    quiet q = begin_quiet();
    uint64_t sum = rt_hash64(data, size);
    memcpy(head, magic, sizeof magic);
    memcpy(head + sizeof magic, &sum, sizeof sum);
    rt__temporary t;
    if (rt_dir_make(at, 0755) == RT_OK && rt__temporary_create(path, 0644, &t) == RT_OK) {
        if (rt_file_write(t.fd, path, head, HEAD) == RT_OK &&
            rt_file_write(t.fd, path, data, size) == RT_OK)
            rt__temporary_commit(&t);
        else
            rt__temporary_discard(&t);
    }
    end_quiet(q);
}
