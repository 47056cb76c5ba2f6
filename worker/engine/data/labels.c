#include "worker/engine/data/labels.h"

#include "common/base/error.h"
#include "worker/engine/data/idx.h"

enum {
    COLUMNS_MAX = 64, /* QMNIST has 8 */
    BYTES = RT__IDX_UINT8 << 8 | 1,
    TABLE = RT__IDX_INT32 << 8 | 2
};

static rt_status read_header(rt__labels *l)
{
    int64_t size[2] = {0};
    uint32_t magic;
    RT_TRY(rt__idx_magic(l->source, &magic));
    if (magic != BYTES && magic != TABLE)
        return rt__idx_wrong_magic(l->source, magic, BYTES);
    RT_TRY(rt__idx_sizes(l->source, magic, size));
    l->count = size[0];
    l->columns = size[1]; /* 0 if the file has no such dimension */
    if (l->columns > COLUMNS_MAX)
        return RT_FAIL(FORMAT, "%s: byte 8: %lld columns, expected at most %d",
                       rt__source_path(l->source), (long long)l->columns, COLUMNS_MAX);
    return RT_OK;
}

rt_status rt__labels_open(const char *path, rt__labels *out)
{
    *out = (rt__labels){0};
    rt_status status = rt__idx_open(path, &out->source);
    if (status == RT_OK)
        status = read_header(out);
    if (status != RT_OK)
        rt__labels_close(out);
    return status;
}

void rt__labels_close(rt__labels *l)
{
    rt__source_close(l->source);
    *l = (rt__labels){0};
}

int64_t rt__labels_byte(const rt__labels *l, int64_t i)
{
    return l->columns ? 12 + 4 * l->columns * i : 8 + i;
}

rt_status rt__labels_read(rt__labels *l, int64_t n, uint8_t *to)
{
    uint8_t row[4 * COLUMNS_MAX];
    if (l->columns == 0)
        return rt__source_read(l->source, to, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        RT_TRY(rt__source_read(l->source, row, 4 * (size_t)l->columns));
        uint32_t class = rt__big_endian(row);
        if (class > UINT8_MAX)
            return RT_FAIL(RANGE, "%s: byte %lld: label %lld is %d, expected 0 to 255",
                           rt__source_path(l->source), (long long)rt__labels_byte(l, i),
                           (long long)i, (int32_t) class);
        to[i] = (uint8_t) class;
    }
    return RT_OK;
}

rt_status rt__labels_end(rt__labels *l)
{
    return rt__source_end(l->source);
}
