/* What identifies runs and weights: the data, the layout of the parameters, and the hash of their values. */
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/state/data_identity.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/nn/net_json.h"
#include "worker/engine/train/run_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the data ---- */

/* Returns the file with that path that the set was read from, or NULL. */
static const rt__data_file *find_file(const rt_dataset *d, const char *path)
{
    for (int i = 0; i < d->files; i++)
        if (strcmp(d->file[i].path, path) == 0)
            return &d->file[i];
    return NULL;
}

/* Both parts of a text come from one file, which is read once for each. */
static rt_status check_read_twice(const rt__data_file *test, const rt__data_file *train)
{
    if (test->bytes == train->bytes && test->checksum == train->checksum)
        return RT_OK;
    return RT_FAIL(MISMATCH,
                   "%s: changed while it was read: the held-out part is from another version than "
                   "the training part: start again when the file is complete",
                   test->path);
}

static rt_status add_files(const rt_run *r, json_t *identity)
{
    const rt_dataset *sets[] = {r->train, r->test};
    for (int k = 0; k < 2; k++)
        for (int i = 0; sets[k] && i < sets[k]->files; i++) {
            const rt__data_file *f = &sets[k]->file[i],
                                *before = k > 0 ? find_file(r->train, f->path) : NULL;
            if (before)
                RT_TRY(check_read_twice(f, before));
            else
                RT_TRY(rt_data_identity_add_file(identity, f->path, f->bytes, f->checksum));
        }
    return RT_OK;
}

static rt_status describe_data(rt_run *r)
{
    json_t *identity = rt_data_identity();
    rt_status status = identity ? add_files(r, identity) : rt_error_code();
    if (status == RT_OK)
        status = rt_data_identity_set_preprocessing(identity, rt_run_preprocessing(r));
    if (status == RT_OK)
        status = rt_data_identity_set_plugins(identity, r->config.plugins);
    if (status == RT_OK) {
        r->data = rt_json_text(identity);
        status = r->data ? RT_OK : rt_error_code();
    }
    json_decref(identity);
    return status;
}

const char *rt_run_data(const rt_run *r)
{
    return r->data;
}

const char *rt_run_preprocessing(const rt_run *r)
{
    return rt_data_preprocessing(r->train);
}

/* ---- the model ---- */

rt_status rt__run_describe(rt_run *r)
{
    RT_TRY(describe_data(r));
    const rt_flat *flat = rt_run_flat(r);
    json_t *list = json_array();
    int failed = !list;
    for (int32_t i = 0; i < flat->entries + flat->small && !failed; i++) {
        const rt_flat_entry *e = &flat->entry[i];
        if (e->param)
            failed = json_array_append_new(
                list, (i < flat->entries ? rt__nn_describe_param : rt__nn_describe_buffer)(
                          r->net, e->name, rt_dims_of(e->param)));
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
