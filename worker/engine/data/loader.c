/* Epochs of batches. Batch number b of the stream (0, 1, ...) is batch b % per_epoch of epoch b /
 * per_epoch, so the prefetching thread needs to know nothing about epochs ending. */
#include <ringtorch/data.h>
#include <ringtorch/random.h>

#include "common/error.h"
#include "common/mem.h"
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
    int64_t *ids; /* [batch], of the filling thread */
    rt__prefetch *ahead;
    rt_tensor *x, *y; /* of the batch last given; owned */
};

static rt_status fill(void *ctx, int64_t number, rt__filled *to)
{
    const rt_loader *l = ctx;
    int64_t size = rt_data_size(l->a.data), epoch = number / l->per_epoch;
    int64_t begin = number % l->per_epoch * l->a.batch;
    to->n = size - begin < l->a.batch ? size - begin : l->a.batch;
    for (int64_t i = 0; i < to->n; i++)
        l->ids[i] = l->a.shuffle ? rt_permutation(l->a.seed, epoch, size, begin + i) : begin + i;
    return rt_data_read(l->a.data, l->ids, to->n, to->x, to->y);
}

static void loader_destroy(void *object)
{
    rt_loader *l = object;
    rt__prefetch_free(l->ahead); /* first: its thread reads what is freed next */
    rt_mem_free(l->ids);
    rt_free(l->a.data);
    rt_free(l->x);
    rt_free(l->y);
}

static const rt_object_type loader_type = {.name = "loader", .destroy = loader_destroy};

static rt_status start(rt_loader *l)
{
    const rt_loader_args *a = &l->a;
    l->ids = rt_calloc((size_t)a->batch, sizeof *l->ids);
    if (!l->ids)
        return rt_error_code();
    size_t floats;
    if (__builtin_mul_overflow((size_t)a->batch, (size_t)a->data->sample_numel, &floats))
        return RT_FAIL(RANGE, "data_loader: batch %lld is too large", (long long)a->batch);
    return rt__prefetch_new(&(rt__prefetch_args){.fill = fill,
                                                 .ctx = l,
                                                 .slots = a->prefetch > 0 ? a->prefetch + 1 : 1,
                                                 .floats = floats,
                                                 .labels = (size_t)a->batch,
                                                 .threaded = a->prefetch > 0},
                            &l->ahead);
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

/* Puts tensors over the buffers of a batch; they replace those given before. */
static bool give(rt_loader *l, const rt__filled *f, rt_batch *out)
{
    rt_dims shape = rt_data_sample_shape(l->a.data), batched = {.n = shape.n + 1, .d = {f->n}};
    for (int i = 0; i < shape.n; i++)
        batched.d[i + 1] = shape.d[i];
    if (l->x &&
        l->y) { /* their buffers are filled anew: a backward that still reads them must know */
        rt__tensor_touch(l->x);
        rt__tensor_touch(l->y);
    }
    rt_free(l->x);
    rt_free(l->y);
    rt_scope s = rt_scope_begin();
    l->x = rt_keep(rt_wrap(f->x, batched, RT_F32));
    l->y = rt_keep(rt_wrap(f->y, rt_shape(f->n), RT_I64));
    rt_scope_end(s);
    *out = (rt_batch){
        .x = l->x, .y = l->y, .epoch = l->at / l->per_epoch, .index = l->at % l->per_epoch};
    return l->x && l->y;
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
    if (rt__prefetch_take(l->ahead, l->at, &f) != RT_OK || !give(l, f, out))
        return false;
    l->at++;
    l->between = l->at % l->per_epoch == 0;
    return true;
}
