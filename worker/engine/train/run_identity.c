/* What tells runs and weights apart: the layout of the parameters, and the hash of their values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/mem.h"
#include "worker/engine/nn/net_json.h"
#include "worker/engine/train/run_inside.h"

rt_status rt__run_describe(rt_run *r)
{
    const rt_flat *flat = rt_run_flat(r);
    json_t *list = json_array();
    int failed = !list;
    for (int32_t i = 0; i < flat->entries + flat->small && !failed; i++) {
        const rt_flat_entry *e = &flat->entry[i];
        if (e->param)
            failed = json_array_append_new(
                list, (i < flat->entries ? rt__nn_describe_param
                                         : rt__nn_describe_buffer)(e->name, rt_dims_of(e->param)));
    }
    r->layout = failed ? RT_FAIL_NULL(NOMEM, "layout: out of memory") : rt_json_text(list);
    json_decref(list);
    r->layers_text = rt_json_text(r->layers);
    if (!r->layout || !r->layers_text)
        return rt_error_code();
    uint64_t hash = rt_hash64(r->layout, strlen(r->layout));
    snprintf(r->layout_hash, sizeof r->layout_hash, "%016llx", (unsigned long long)hash);
    return RT_OK;
}

const char *rt_run_layout(const rt_run *r)
{
    return r->layout;
}

const char *rt_run_layers(const rt_run *r)
{
    return r->layers_text;
}

const char *rt_run_layout_hash(const rt_run *r)
{
    return r->layout_hash;
}

uint64_t rt_run_weights_hash64(const rt_run *r)
{
    const rt_flat *flat = rt_run_flat(r);
    rt_run_fetch((rt_run *)r); /* which changes nothing that can be seen */
    return rt_hash64(flat->param, (size_t)flat->tail * sizeof *flat->param);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const rt_flat_entry *const *)a)->name,
                  (*(const rt_flat_entry *const *)b)->name);
}

rt_status rt_run_weights_sha256(const rt_run *r, char hex[65])
{
    const rt_flat *flat = rt_run_flat(r);
    int32_t all = flat->entries + flat->small, n = 0;
    const rt_flat_entry **sorted = rt_calloc((size_t)all, sizeof *sorted);
    if (!sorted)
        return rt_error_code();
    for (int32_t i = 0; i < all; i++)
        if (flat->entry[i].param)
            sorted[n++] = &flat->entry[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    rt_sha256 h;
    rt_status status = rt_run_fetch((rt_run *)r); /* which changes nothing that can be seen */
    if (status == RT_OK)
        status = rt_sha256_init(&h);
    for (int32_t i = 0; i < n && status == RT_OK; i++)
        rt_sha256_update(&h, flat->param + sorted[i]->begin,
                         (size_t)(sorted[i]->end - sorted[i]->begin) * sizeof(float));
    if (status == RT_OK)
        rt_sha256_hex(&h, hex);
    rt_mem_free(sorted);
    return status;
}
