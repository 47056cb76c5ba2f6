/* Epochs of batches. Batch number b of the stream (0, 1, ...) is batch b % per_epoch of epoch b /
 * per_epoch, so the prefetch thread need not know where epochs end. */
#include <ringtorch/data.h>
#include <ringtorch/random.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/data/dataset.h"
#include "worker/engine/data/prefetch.h"
#include "worker/engine/tensor/tensor.h"

struct rt_loader {
    rt_object object;
    rt_loader_args a; /* .data is owned */
    int64_t per_epoch;
    int64_t at;   /* number of the next batch */
    bool between; /* the end of an epoch has not been announced yet */
    int64_t *ids; /* [batch], used by the filling thread */
    rt__prefetch *ahead;
    rt_batch given; /* the last batch returned; its tensors are owned */
};

static rt_status fill(void *ctx, int64_t number, rt__filled *to)
{
    const rt_loader *l = ctx;
    int64_t size = rt_data_size(l->a.data), epoch = number / l->per_epoch;
    int64_t begin = number % l->per_epoch * l->a.batch;
    int64_t n = size - begin < l->a.batch ? size - begin : l->a.batch;
    for (int64_t i = 0; i < n; i++)
        l->ids[i] = l->a.shuffle ? rt_permutation(l->a.seed, epoch, size, begin + i) : begin + i;
    return rt__filled_read(to, l->a.data, l->ids, n);
}

/* Frees the tensors of the batch returned last. */
static void release_given(rt_loader *l)
{
    for (int f = 0; f < l->given.fields; f++)
        rt_free(l->given.field[f]);
    l->given = (rt_batch){0};
}

static void loader_destroy(void *object)
{
    rt_loader *l = object;
    rt__prefetch_free(l->ahead); /* first: its thread still reads what is freed next */
    rt_mem_free(l->ids);
    release_given(l); /* before the set that owns its fields */
    rt_free(l->a.data);
}

static const rt_object_type loader_type = {.name = "loader", .destroy = loader_destroy};

static rt_status start(rt_loader *l)
{
    const rt_loader_args *a = &l->a;
    l->ids = rt_calloc((size_t)a->batch, sizeof *l->ids);
    if (!l->ids)
        return rt_error_code();
    rt_status status =
        rt__prefetch_new(&(rt__prefetch_args){.fill = fill,
                                              .ctx = l,
                                              .slots = a->prefetch > 0 ? a->prefetch + 1 : 1,
                                              .held = 1,
                                              .data = a->data,
                                              .most = a->batch,
                                              .threaded = a->prefetch > 0},
                         &l->ahead);
    return status == RT_OK ? RT_OK : rt_error_prefix("data_loader");
}

rt_loader *rt_data_loader_(rt_loader_args a)
{
    if (rt_failed() || !rt__object_is(a.data, &rt__dataset_type, "data_loader", 1))
        return NULL;
    int64_t size = rt_data_size(a.data);
    if (a.batch < 1 || (a.drop_last && a.batch > size))
        return RT_FAIL_NULL(RANGE, "data_loader: batch %lld, expected 1 to %lld",
                            (long long)a.batch, (long long)size);
    if (a.prefetch < 0 || a.prefetch > 1024)
        return RT_FAIL_NULL(RANGE, "data_loader: prefetch %d, expected 0 (none) to 1024",
                            a.prefetch);
    if (a.batch > size)
        a.batch = size;
    rt_scope s = rt_scope_begin();
    rt_loader *l = rt__object_new(&loader_type, sizeof *l);
    if (!l)
        return NULL;
    l->a = a;
    l->a.data = rt_keep(a.data);
    l->per_epoch = a.drop_last ? size / a.batch : (size + a.batch - 1) / a.batch;
    return rt_scope_return(s, start(l) == RT_OK ? l : NULL);
}

/* Wraps the buffers of a batch in tensors, replacing those returned before. */
static bool give_batch(rt_loader *l, const rt__filled *f, rt_batch *out)
{
    /* The buffers will be refilled: a backward that still reads the former batch must notice. */
    for (int i = 0; i < l->given.fields; i++)
        rt__tensor_touch(l->given.field[i]);
    release_given(l);
    rt_scope s = rt_scope_begin();
    rt_batch b;
    rt_status status = rt__filled_wrap(f, l->a.data, &b);
    for (int i = 0; i < b.fields && status == RT_OK; i++)
        rt_keep(b.field[i]);
    rt_scope_end(s);
    if (status != RT_OK)
        return false;
    b.epoch = l->at / l->per_epoch;
    b.index = l->at % l->per_epoch;
    l->given = *out = b;
    return true;
}

bool rt_data_next(rt_loader *l, rt_batch *out)
{
    if (!rt__given(out, "data_next", "place for the batch"))
        return false;
    *out = (rt_batch){0};
    if (rt_failed() || !rt__object_is(l, &loader_type, "data_next", 1))
        return false;
    if (l->between) {
        l->between = false;
        return false;
    }
    const rt__filled *f;
    if (rt__prefetch_take(l->ahead, l->at, &f) != RT_OK || !give_batch(l, f, out))
        return false;
    l->at++;
    l->between = l->at % l->per_epoch == 0;
    return true;
}
