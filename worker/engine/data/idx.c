/* IDX headers; see idx.h for the format. */
#include "worker/engine/data/idx.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "common/error.h"
#include "common/mem.h"

enum { IDX_UINT8 = 0x08, IDX_DIMS_MAX = 4 };

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

rt_status rt__idx_open(const char *path, rt__source **out)
{
    *out = NULL;
    if (access(path, F_OK) == 0)
        return rt__source_open(path, out);
    size_t len = strlen(path);
    bool zipped = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    char *other =
        rt_strdup_printf("%.*s%s", (int)(zipped ? len - 3 : len), path, zipped ? "" : ".gz");
    if (!other)
        return rt_error_code();
    rt_status status =
        access(other, F_OK) == 0
            ? rt__source_open(other, out)
            : RT_FAIL(
                  NOTFOUND,
                  "%s: neither this file nor %s exists: install the data set or correct the path",
                  path, other);
    rt_mem_free(other);
    return status;
}

static rt_status check_not_text(const rt__source *s)
{
    bool web_page;
    if (!rt__source_looks_like_text(s, &web_page))
        return RT_OK;
    return RT_FAIL(FORMAT,
                   "%s: %s, where an IDX file of a data set or its gzip is expected: download it "
                   "again",
                   rt__source_path(s), web_page ? "looks like a web page" : "is text");
}

rt_status rt__idx_header(rt__source *s, int dims, int64_t *size)
{
    RT_ASSERT(dims >= 1 && dims <= IDX_DIMS_MAX);
    const char *path = rt__source_path(s);
    RT_TRY(check_not_text(s));
    uint8_t head[4 + 4 * IDX_DIMS_MAX];
    size_t bytes = 4 + 4 * (size_t)dims;
    RT_TRY(rt__source_read(s, head, bytes));
    uint32_t magic = big_endian(head), expected = IDX_UINT8 << 8 | (uint32_t)dims;
    if (magic != expected)
        return RT_FAIL(FORMAT,
                       "%s: byte 0: magic number 0x%08x, expected 0x%08x (IDX, unsigned bytes, "
                       "%d dimension%s): is this the right file?",
                       path, magic, expected, dims, dims == 1 ? "" : "s");
    uint64_t total = 1, bound = rt__source_bound(s);
    for (int i = 0; i < dims; i++) {
        size[i] = big_endian(head + 4 + 4 * i);
        if (size[i] == 0)
            return RT_FAIL(FORMAT, "%s: byte %d: size of dimension %d is 0, expected at least 1",
                           path, 4 + 4 * i, i);
        if (__builtin_mul_overflow(total, (uint64_t)size[i], &total) || total > bound)
            return RT_FAIL(
                CORRUPT,
                "%s: byte %d: dimension %d of size %lld makes more elements than a file of this "
                "length can hold (%llu): it is truncated or damaged, fetch it again",
                path, 4 + 4 * i, i, (long long)size[i], (unsigned long long)bound);
    }
    return RT_OK;
}
