/* Makes tensors: storages, views, constants. */
#include "worker/engine/tensor/tensor.h"

#include "common/base/error.h"
#include "worker/engine/base/pool.h"
#include "worker/engine/base/thread.h"
#include <limits.h>
#include <string.h>

/* ---- storages ---- */

static size_t block_size(size_t bytes, bool elsewhere)
{
    return sizeof(rt_storage) + (elsewhere ? 0 : bytes);
}

/* elsewhere: the address of its memory, or NULL if that follows the struct. */
static inline rt_storage *storage_new(size_t bytes, void *elsewhere)
{
    rt_storage *s = rt__pool_alloc(block_size(bytes, elsewhere));
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    atomic_init(&s->version, 0);
    atomic_init(&s->results, 0);
    atomic_init(&s->lazy, false);
    atomic_init(&s->exposed, false);
    s->whole = NULL;
    s->bytes = bytes;
    s->data = elsewhere ? elsewhere : s + 1;
    s->gpu = NULL;
    s->maker = elsewhere ? (rt__maker){0, 0} : rt__made_by(bytes);
    return s;
}

static rt_storage *storage_on(rt_gpu *gpu, size_t bytes)
{
    void *there = rt_gpu_alloc(gpu, bytes);
    rt_storage *s = there ? storage_new(bytes, there) : NULL;
    if (s) {
        s->gpu = gpu;
        s->maker = rt__made_by(bytes);
    } else
        rt_gpu_free(gpu, there, bytes);
    return s;
}

static rt_storage *storage_keep(rt_storage *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void storage_free(rt_storage *s)
{
    /* Release: this owner's writes come before the free; acquire: the last owner sees the others' writes. */
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    rt__made_by_drop(s->maker, s->bytes);
    if (s->whole)
        storage_free(s->whole);
    else if (s->gpu)
        rt_gpu_free(s->gpu, s->data, s->bytes);
    rt__pool_free(s, block_size(s->bytes, s->data != s + 1));
}

/* ---- tensors ---- */

static void drop_value(rt_tensor *x)
{
    if (x->is_result && x->storage)
        atomic_fetch_sub_explicit(&x->storage->results, 1, memory_order_relaxed);
    storage_free(x->storage);
    x->storage = NULL;
    x->data = NULL;
}

/* Nodes record the history of their inputs themselves; x's own may have changed since, and could lead back to them. */
static void tensor_orphan(void *object)
{
    rt_tensor *x = object;
    rt_object *node = x->node;
    rt_tensor *base = x->base;
    x->node = NULL;
    x->base = NULL;
    if (x->object.refs == x->object.edges)
        drop_value(x);
    rt__object_drop(node); /* which may destroy x as well */
    rt__object_drop(base);
}

static void tensor_destroy(void *object)
{
    rt_tensor *x = object;
    drop_value(x);
    rt__object_drop(x->node);
    rt__object_drop(x->leaf);
    rt__object_drop(x->base);
}

const rt_object_type rt__tensor_type = {"tensor", tensor_destroy, tensor_orphan};

/* Returns a tensor with storage, strides and number of elements not yet set. */
static rt_tensor *tensor_make(const rt_dims *dims, rt_dtype dtype)
{
    rt_tensor *x = rt__object_new(&rt__tensor_type, sizeof *x);
    if (!x)
        return NULL;
    x->dims = *dims;
    x->dtype = dtype;
    return x;
}

/* Returns a contiguous tensor without storage, and the number of bytes that it needs. */
static inline rt_tensor *tensor_shell(const rt_dims *dims, rt_dtype dtype, const char *what,
                                      size_t *bytes)
{
    if ((unsigned)dtype >= RT_DTYPES && !rt_failed())
        return RT_FAIL_NULL(DTYPE, "%s: %d is no element type", what, (int)dtype);
    rt_tensor *x = tensor_make(dims, dtype);
    if (!x)
        return NULL;
    x->contiguous = true;
    if (!rt__dims_plain(dims, x->stride, &x->numel)) {
        x->numel = rt__dims_numel(*dims, what);
        if (x->numel < 0)
            return NULL;
        rt__dims_strides(*dims, x->stride);
    }
    if (__builtin_mul_overflow((size_t)x->numel, rt_dtype_size(dtype), bytes) ||
        *bytes > LONG_MAX / 2)
        return RT_FAIL_NULL(NOMEM, "%s: %s of shape %s is larger than any memory", what,
                            rt_dtype_name(dtype), rt_dims_text(*dims));
    return x;
}

/* Returns a contiguous tensor over `wrapped`, or over new memory if that is NULL. */
static rt_tensor *tensor_over(void *wrapped, const rt_dims *dims, rt_dtype dtype, const char *what)
{
    size_t bytes;
    rt_tensor *x = tensor_shell(dims, dtype, what, &bytes);
    rt_storage *s = x ? storage_new(bytes, wrapped) : NULL;
    if (!s)
        return NULL;
    x->storage = s;
    x->data = s->data;
    x->version = &s->version;
    return x;
}

static rt_tensor *tensor_there(rt_gpu *gpu, const rt_dims *dims, rt_dtype dtype, const char *what)
{
    size_t bytes;
    rt_tensor *x = tensor_shell(dims, dtype, what, &bytes);
    rt_storage *s = x ? storage_on(gpu, bytes) : NULL;
    if (!s)
        return NULL;
    x->storage = s;
    x->device = gpu->device;
    x->data = s->data;
    x->version = &s->version;
    return x;
}

rt_tensor *rt__tensor_new_on(rt_gpu *gpu, const rt_dims *dims, rt_dtype dtype)
{
    const char *what = rt__thread.op ? rt__thread.op : "tensor";
    return gpu ? tensor_there(gpu, dims, dtype, what) : tensor_over(NULL, dims, dtype, what);
}

rt_tensor *rt__tensor_new(rt_dims dims, rt_dtype dtype)
{
    return rt__tensor_new_on(rt__thread.gpu, &dims, dtype);
}

static bool is_contiguous(const rt_tensor *x)
{
    int64_t n = 1; /* at most numel, so it does not overflow */
    if (x->numel == 0)
        return true;
    for (int i = x->dims.n - 1; i >= 0; i--) {
        if (x->dims.d[i] != 1 && x->stride[i] != n)
            return false;
        n *= x->dims.d[i];
    }
    return true;
}

rt_tensor *rt__tensor_view(const rt_tensor *x, rt_dims dims, const int64_t *stride, int64_t offset)
{
    return rt__tensor_view_as(x, x->dtype, dims, stride, offset * (int64_t)rt_dtype_size(x->dtype));
}

rt_tensor *rt__tensor_view_as(const rt_tensor *x, rt_dtype dtype, rt_dims dims,
                              const int64_t *stride, int64_t bytes)
{
    if (rt__tensor_own(x) != RT_OK)
        return NULL;
    int64_t numel = rt__dims_numel(dims, "view");
    rt_tensor *y = numel < 0 ? NULL : tensor_make(&dims, dtype);
    if (!y)
        return NULL;
    y->numel = numel;
    y->storage = storage_keep(x->storage);
    y->version = x->version;
    y->device = x->device;
    y->earlier = x->earlier;
    if (numel == 0)
        bytes = 0; /* nothing is read, so the offset may be out of range */
    y->data = (char *)x->data + bytes;
    memcpy(y->stride, stride, (size_t)dims.n * sizeof *stride);
    y->contiguous = is_contiguous(y);
    return y;
}

rt_tensor *rt__tensor_carve(const rt_tensor *buffer, rt_dims dims, int64_t offset)
{
    size_t bytes;
    rt_tensor *y = tensor_shell(&dims, buffer->dtype, "part", &bytes);
    char *data = (char *)buffer->data + offset * (int64_t)rt_dtype_size(buffer->dtype);
    rt_storage *s = y ? storage_new(bytes, data) : NULL;
    if (!s)
        return NULL;
    s->whole = storage_keep(buffer->storage);
    s->gpu = buffer->storage->gpu;
    y->storage = s;
    y->data = data;
    y->version = &s->version;
    y->device = buffer->device;
    return y;
}

bool rt__tensor_has_window(const rt_tensor *x, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                           int64_t offset)
{
    int64_t first = offset, last = offset; /* range of the window, in its elements from x's first */
    for (int i = 0; i < dims.n; i++)
        if (dims.d[i] < 1)
            return true; /* it has no elements; rt__tensor_view refuses negative sizes */
    for (int i = 0; i < dims.n; i++) {
        int64_t reach;
        if (dims.d[i] == 1)
            continue;
        if (__builtin_mul_overflow(dims.d[i] - 1, stride[i], &reach))
            return false;
        int64_t *end = reach < 0 ? &first : &last;
        if (__builtin_add_overflow(*end, reach, end))
            return false;
    }
    int64_t size = (int64_t)rt_dtype_size(dtype);
    int64_t before = ((const char *)x->data - (const char *)x->storage->data) / size;
    int64_t after = (int64_t)x->storage->bytes / size - before;
    return first >= -before && last < after;
}

rt_tensor *rt__tensor_twin(const rt_tensor *x)
{
    if (rt__tensor_own(x) != RT_OK)
        return NULL;
    rt_tensor *y = rt__object_make(&rt__tensor_type, sizeof *y);
    if (!y)
        return NULL;
    rt_object head = y->object;
    *y = *x;
    y->object = head;
    y->node = NULL;
    y->leaf = NULL;
    y->base = NULL;
    y->unrecorded = false;
    y->is_home = false;
    y->is_result = false;
    if (y->storage)
        storage_keep(y->storage);
    return y;
}

bool rt__tensor_is_injective(const rt_tensor *x)
{
    int64_t reach = 0; /* of the axes so far: distance from the first element to the last */
    unsigned done = 0;
    if (x->contiguous)
        return true;
    for (
        int k = 0; k < x->dims.n;
        /* starting with the smallest stride, each axis must step over everything that the axes before it reach */
        k++) {
        int least = -1;
        for (int i = 0; i < x->dims.n; i++)
            if (!(done >> i & 1) && (least < 0 || x->stride[i] < x->stride[least]))
                least = i;
        done |= 1u << least;
        if (x->dims.d[least] == 1)
            continue;
        if (x->stride[least] <= reach)
            return false;
        reach += (x->dims.d[least] - 1) * x->stride[least];
    }
    return true;
}

/* Computes the range of x's bytes; *end is exclusive. */
static void extent(const rt_tensor *x, const char **first, const char **end)
{
    int64_t size = (int64_t)rt_dtype_size(x->dtype);
    *first = x->data;
    *end = *first + size;
    for (int i = 0; i < x->dims.n; i++) {
        int64_t reach = (x->dims.d[i] - 1) * x->stride[i] * size;
        *(reach < 0 ? first : end) += reach;
    }
}

/* Returns the storage that owns the memory. */
static const rt_storage *whole_of(const rt_storage *s)
{
    while (s && s->whole)
        s = s->whole;
    return s;
}

bool rt__tensor_may_overlap(const rt_tensor *a, const rt_tensor *b)
{
    const char *first_of_a, *end_of_a, *first_of_b, *end_of_b;
    if (whole_of(a->storage) != whole_of(b->storage) || a->numel == 0 || b->numel == 0)
        return false;
    extent(a, &first_of_a, &end_of_a);
    extent(b, &first_of_b, &end_of_b);
    return first_of_a < end_of_b && first_of_b < end_of_a;
}

rt_status rt__tensor_move(rt_tensor *x, rt_tensor *place)
{
    if (!x || !place)
        return rt_error_code();
    if (!rt__dims_equal(x->dims, place->dims) || x->dtype != place->dtype || !x->contiguous ||
        !place->contiguous)
        return RT_FAIL(ARG, "move: %s into %s, expected two contiguous tensors of one shape",
                       rt_describe(x), rt_describe(place));
    RT_TRY(rt__tensor_own(place));
    rt__copy(place, x);
    uint32_t version = rt__tensor_version(x); /* the count continues: the value has not changed */
    rt__tensor_show(x, place);
    rt__tensor_set_version(x, version);
    return RT_OK;
}

int32_t rt__tensor_sharers(const rt_tensor *x)
{
    return x->storage && !rt__tensor_is_lazy(x)
               ? atomic_load_explicit(&x->storage->refs, memory_order_relaxed) - 1
               : 0;
}

rt_status rt__tensor_claim(rt_tensor *x)
{
    const char *first, *end;
    rt_storage *whole = x->storage;
    if (rt__tensor_sharers(x) == 0 || x->numel == 0)
        return RT_OK;
    extent(x, &first, &end);
    rt_storage *s = storage_new((size_t)(end - first), (char *)first);
    if (!s)
        return rt_error_code();
    atomic_store_explicit(&whole->exposed, true, memory_order_relaxed);
    s->whole = whole;
    s->gpu = whole->gpu;
    x->storage = s;
    return RT_OK;
}

void rt__tensor_hide(rt_tensor *x)
{
    static _Atomic uint32_t nowhere; /* counts changes of tensors without a value */
    drop_value(x);
    x->version = &nowhere;
}

rt_tensor *rt__tensor_hollow(rt_dims dims, rt_dtype dtype)
{
    size_t bytes;
    rt_tensor *x = tensor_shell(&dims, dtype, "tensor", &bytes);
    if (x)
        rt__tensor_hide(x);
    return x;
}

void rt__tensor_show(rt_tensor *x, const rt_tensor *value)
{
    rt_storage *storage = storage_keep(value->storage); /* keep first: it may be x's own storage */
    bool was_result = x->is_result;
    drop_value(x);
    x->storage = storage;
    x->data = value->data;
    x->device = value->device;
    x->version = value->version;
    x->earlier = value->earlier;
    x->is_result = false;
    if (was_result)
        rt__tensor_mark_result(x);
}

/* ---- lazy clones ---- */

bool rt__tensor_may_share(const rt_tensor *x)
{
    rt_storage *s = x->storage;
    if (!s || !x->contiguous || x->data != s->data || s->data != s + 1 ||
        (size_t)x->numel * rt_dtype_size(x->dtype) != s->bytes)
        return false;
    if (atomic_load_explicit(&s->exposed, memory_order_relaxed))
        return false;
    return rt__tensor_is_lazy(x) || atomic_load_explicit(&s->refs, memory_order_relaxed) == 1;
}

rt_tensor *rt__tensor_share(const rt_tensor *x)
{
    rt_tensor *y = tensor_make(&x->dims, x->dtype);
    if (!y)
        return NULL;
    y->numel = x->numel;
    y->contiguous = true;
    rt__dims_strides(x->dims, y->stride);
    rt__tensor_show(y, x);
    atomic_store_explicit(&x->storage->lazy, true, memory_order_relaxed);
    return y;
}

rt_status rt__tensor_unshare(rt_tensor *x)
{
    rt_storage *s = x->storage;
    /* Acquire: reads by clones that have since been freed come before our writes. */
    if (atomic_load_explicit(&s->refs, memory_order_acquire) == 1) {
        atomic_store_explicit(&s->lazy, false, memory_order_relaxed);
        return RT_OK;
    }
    rt_storage *own = storage_new(s->bytes, NULL);
    if (!own)
        return rt_error_code();
    memcpy(own->data, s->data, s->bytes);
    const rt_tensor y = {.storage = own,
                         .data = own->data,
                         .version = &own->version,
                         .earlier = rt__tensor_version(x),
                         .device = x->device};
    rt__tensor_show(x, &y);
    storage_free(own);
    return RT_OK;
}

void rt__tensor_replace(rt_tensor *x, const rt_tensor *y)
{
    uint32_t version = rt__tensor_version(x) + 1;
    rt__tensor_show(x, y);
    rt__tensor_set_version(x, version);
}

/* ---- devices ---- */

rt_gpu *rt__gpu_of(const rt_tensor *x)
{
    return rt__on_cpu(x) ? NULL : x->storage ? x->storage->gpu : rt_gpu_open(x->device);
}

rt_exec *rt__exec_on(rt_gpu *gpu)
{
    return gpu ? rt_exec_gpu(gpu) : rt_exec_cpu();
}

rt_tensor *rt__copy_to(const rt_tensor *x, rt_gpu *gpu)
{
    rt_tensor *y = x ? rt__tensor_new_on(gpu, &x->dims, x->dtype) : NULL;
    if (y)
        rt__copy(y, x);
    return rt_failed() ? NULL : y;
}

rt_tensor *rt__tensor_contiguous(rt_tensor *x)
{
    if (!x || x->contiguous)
        return x;
    rt_tensor *y = rt__tensor_new_on(rt__gpu_of(x), &x->dims, x->dtype);
    if (y)
        rt__copy(y, x);
    return y;
}

/* ---- constants ---- */

rt_tensor *rt_empty_(rt_new_args a)
{
    if (rt_failed())
        return NULL;
    if (a.device.kind == RT_CPU && a.device.index != 0)
        return RT_FAIL_NULL(DEVICE, "cpu:%d: there is one CPU, \"cpu\"", a.device.index);
    rt_gpu *gpu = a.device.kind == RT_CPU ? rt__thread.gpu : rt_gpu_open(a.device);
    if (a.device.kind != RT_CPU && !gpu)
        return NULL;
    return rt__tensor_new_on(gpu, &a.shape, a.dtype);
}

static rt_tensor *filled(rt_tensor *x, double value)
{
    return x && rt__fill(x, value) == RT_OK ? x : NULL;
}

rt_tensor *rt_zeros_(rt_new_args a)
{
    return filled(rt_empty_(a), 0);
}

rt_tensor *rt_ones_(rt_new_args a)
{
    return filled(rt_empty_(a), 1);
}

rt_tensor *rt_scalar(double value)
{
    return filled(rt_empty(rt_shape(), RT_F32), value);
}

static rt_tensor *like(const char *what, const rt_tensor *x)
{
    return rt__takes(what, x) ? rt_empty(x->dims, x->dtype, x->device) : NULL;
}

rt_tensor *rt_empty_like(const rt_tensor *x)
{
    return like("empty_like", x);
}

rt_tensor *rt_zeros_like(const rt_tensor *x)
{
    return filled(like("zeros_like", x), 0);
}

rt_tensor *rt_ones_like(const rt_tensor *x)
{
    return filled(like("ones_like", x), 1);
}

rt_tensor *rt_from(const void *data, rt_dims shape, rt_dtype dtype)
{
    rt_gpu *gpu = rt__thread.gpu;
    rt_tensor *x =
        gpu ? tensor_there(gpu, &shape, dtype, "from") : tensor_over(NULL, &shape, dtype, "from");
    if (x && x->numel > 0 && !data)
        return RT_FAIL_NULL(ARG, "from: no memory was given for shape %s", rt_dims_text(shape));
    size_t bytes = x ? (size_t)x->numel * rt_dtype_size(dtype) : 0;
    if (bytes > 0 && x->storage->gpu)
        rt_gpu_put(x->storage->gpu, x->data, data, bytes);
    else if (bytes > 0)
        memcpy(x->data, data, bytes);
    return x;
}

rt_tensor *rt_wrap(void *data, rt_dims shape, rt_dtype dtype)
{
    if (!data && !rt_failed())
        return RT_FAIL_NULL(ARG, "wrap: no memory was given for shape %s", rt_dims_text(shape));
    return tensor_over(data, &shape, dtype, "wrap");
}
