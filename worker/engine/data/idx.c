/* IDX headers; see idx.h for the format. */
#include "worker/engine/data/idx.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <string.h>

uint32_t rt__big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

rt_status rt__idx_open(const char *path, rt__source **out)
{
    bool there;
    *out = NULL;
    RT_TRY(rt_path_look(path, &there));
    if (there)
        return rt__source_open(path, out);
    size_t len = strlen(path);
    bool zipped = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    char *other =
        rt_strdup_printf("%.*s%s", (int)(zipped ? len - 3 : len), path, zipped ? "" : ".gz");
    rt_status status = other ? rt_path_look(other, &there) : rt_error_code();
    if (status == RT_OK)
        status = there ? rt__source_open(other, out)
                       : RT_FAIL(NOTFOUND,
                                 "%s: neither this file nor %s exists: install the data set or "
                                 "correct the path",
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

rt_status rt__idx_magic(rt__source *s, uint32_t *magic)
{
    uint8_t head[4];
    RT_TRY(check_not_text(s));
    RT_TRY(rt__source_read(s, head, sizeof head));
    *magic = rt__big_endian(head);
    return RT_OK;
}

rt_status rt__idx_wrong_magic(const rt__source *s, uint32_t magic, uint32_t expected)
{
    int dims = (int)(expected & 0xff);
    return RT_FAIL(FORMAT,
                   "%s: byte 0: magic number 0x%08x, expected 0x%08x (IDX, unsigned bytes, "
                   "%d dimension%s): is this the right file?",
                   rt__source_path(s), magic, expected, dims, rt_plural(dims));
}

rt_status rt__idx_sizes(rt__source *s, uint32_t magic, int64_t *size)
{
    const char *path = rt__source_path(s);
    int dims = (int)(magic & 0xff);
    RT_ASSERT(dims >= 1 && dims <= RT__IDX_DIMS_MAX);
    uint8_t head[4 * RT__IDX_DIMS_MAX];
    RT_TRY(rt__source_read(s, head, 4 * (size_t)dims));
    uint64_t total = magic >> 8 == RT__IDX_INT32 ? 4 : 1, bound = rt__source_bound(s);
    for (int i = 0; i < dims; i++) {
        size[i] = rt__big_endian(head + 4 * i);
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

rt_status rt__idx_header(rt__source *s, int dims, int64_t *size)
{
    uint32_t magic, expected = RT__IDX_UINT8 << 8 | (uint32_t)dims;
    RT_TRY(rt__idx_magic(s, &magic));
    if (magic != expected)
        return rt__idx_wrong_magic(s, magic, expected);
    return rt__idx_sizes(s, magic, size);
}
