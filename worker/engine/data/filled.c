#include "worker/engine/data/filled.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/data/dataset.h"
#include <string.h>

enum { LINE = 64 }; /* each field begins on a cache line of its own */

rt_status rt__filled_init(rt__filled *f, const rt_dataset *d, int64_t most)
{
    size_t begin[RT_DATA_FIELDS_MAX], all = 0, bytes;
    for (int i = 0; i < d->fields; i++) {
        begin[i] = all;
        RT_TRY(rt__dataset_bytes(d, i, most, &bytes));
        if (__builtin_add_overflow(all, (bytes + LINE - 1) / LINE * LINE, &all))
            return RT_FAIL(RANGE, "a batch of %lld samples is larger than any memory",
                           (long long)most);
    }
    f->memory = rt_malloc_aligned(LINE, all);
    for (int i = 0; i < d->fields && f->memory; i++)
        f->buffer[i].data = (uint8_t *)f->memory + begin[i];
    return rt_error_code();
}

void rt__filled_release(rt__filled *f)
{
    rt_mem_free(f->memory);
    *f = (rt__filled){0};
}

rt_status rt__filled_read(rt__filled *f, const rt_dataset *d, const int64_t *ids, int64_t n)
{
    f->n = n;
    return rt_data_read(d, ids, n, f->buffer);
}

rt_status rt__filled_wrap(const rt__filled *f, const rt_dataset *d, rt_batch *out)
{
    *out = (rt_batch){.n = f->n, .fields = d->fields, .about = d->field};
    for (int i = 0; i < d->fields; i++)
        out->field[i] = rt_wrap(f->buffer[i].data, f->buffer[i].dims, d->field[i].dtype);
    return rt_error_code();
}

rt_tensor *rt_batch_find(const rt_batch *b, const char *name)
{
    if (!rt__given(b, "batch_find", "batch") || !rt__given(name, "batch_find", "name"))
        return NULL;
    for (int i = 0; i < b->fields; i++)
        if (strcmp(b->about[i].name, name) == 0)
            return b->field[i];
    return NULL;
}

rt_tensor *rt_batch_field(const rt_batch *b, const char *name)
{
    if (!rt__given(b, "batch_field", "batch") || !rt__given(name, "batch_field", "name"))
        return NULL;
    rt_tensor *found = rt_batch_find(b, name);
    if (found || rt_failed())
        return found;
    if (b->fields == 0)
        return RT_FAIL_NULL(ARG, "batch_field: there is no batch: the epoch has ended");
    rt_text there = {0};
    for (int i = 0; i < b->fields; i++)
        rt_text_add(&there, "%s%s", i > 0 ? ", " : "", b->about[i].name);
    char *names = rt_text_take(&there);
    if (names)
        RT_FAIL(NOTFOUND, "batch_field: no field %.60s: the samples have %s", name, names);
    rt_mem_free(names);
    return NULL;
}
