/* Inside a tensor, and shape arithmetic, for the rest of the engine.
 *
 *     rt_tensor *y = rt__tensor_new(x->dims, RT_F32);               // contents undefined
 *     rt_tensor *row = rt__tensor_view(x, dims, strides, offset);   // shares x's storage
 *     float *v = y->data;
 *
 * A tensor is a window into a storage. Storages are shared between views and between threads, hence
 * their atomic count; tensors are not. */
#ifndef RINGTORCH_ENGINE_TENSOR_H
#define RINGTORCH_ENGINE_TENSOR_H

#include <stdatomic.h>
#include <ringtorch/tensor.h>
#include "kernels/device.h"
#include "worker/engine/base/object.h"

/* A block of memory. Its own memory follows the struct, 64-byte aligned; wrapped memory and that of another device than the
 * CPU lie elsewhere. */
typedef struct rt_storage {
    _Alignas(64) _Atomic int32_t refs;
    _Atomic uint32_t version; /* how often it was changed in place, as far as no part counts it */
    _Atomic int32_t results;  /* recorded results, not views, whose value lies here */
    _Atomic bool lazy;        /* its tensors are clones of each other, see rt__tensor_own */
    _Atomic bool exposed;     /* somebody knows its address and may write there: it is never lazy */
    int32_t part_count;
    _Atomic uint32_t *part_version; /* [part_count]: as `version`, see rt__tensor_divide; or NULL */
    size_t bytes;                   /* of its memory */
    void *data;
    rt_gpu *gpu; /* whose memory it is; NULL: the CPU's */
} rt_storage;

struct rt_tensor {
    rt_object object;
    rt_storage *storage; /* NULL: hollow, only the graph still needs this tensor, not its value */
    void *data;          /* of the first element */
    _Atomic uint32_t *version; /* in the storage: changes in place that concern this tensor */
    int64_t numel;
    rt_dims dims;
    int64_t stride[RT_MAX_DIMS]; /* [dims.n], in elements */
    rt_dtype dtype;
    rt_device device;
    bool contiguous;
    bool is_result; /* counted in storage->results */
    int32_t result; /* which of its node's results it is */
    /* Changes before it lay in this storage, less what was counted there by then. */
    uint32_t earlier;
    rt_object *node; /* its history (autograd/graph.h); NULL: none, and no gradient is wanted */
    /* Of a parameter that wants no gradient at present: its node, kept; else NULL. */
    rt_object *leaf;
    /* Of a view that was made while recording was on: the tensor, itself no such view, whose memory it shows, kept. */
    rt_tensor *base;
    /* How often a write in place has replaced its history; of a view: its base's when the view's own was made. */
    uint32_t epoch;
    bool unrecorded; /* a view that was made while recording was off */
};

extern const rt_object_type rt__tensor_type;

/* ---- tensors as arguments ---- */
/* May `what` go on with x, its first argument? Not if the thread has failed before; nor, which is an
 * error, if x is no tensor. */
static inline bool rt__takes(const char *what, const rt_tensor *x)
{
    return !rt_failed() && rt__object_is(x, &rt__tensor_type, what, 1);
}
/* The same for functions that only look: NULL shows nothing and is no error. */
static inline bool rt__sees(const char *what, const rt_tensor *x)
{
    return x && rt__object_is(x, &rt__tensor_type, what, 1);
}

/* Fails and says that x is hollow: met by backwards, and by those who go on with what they have freed. Returns false. */
bool rt__refuse_hollow(const char *what, const rt_tensor *x);
/* Has x a value to read? If not, fails as above. */
static inline bool rt__has_value(const char *what, const rt_tensor *x)
{
    return x->storage || rt__refuse_hollow(what, x);
}

/* ---- making ---- */
/* Returns a contiguous tensor of undefined contents on a device, NULL being the CPU; fails on negative sizes or too many bytes,
 * and says whose. */
rt_tensor *rt__tensor_new_on(rt_gpu *gpu, const rt_dims *dims, rt_dtype dtype);
/* The same on the device of the operation that is being carried out: the CPU outside of operations. */
rt_tensor *rt__tensor_new(rt_dims dims, rt_dtype dtype);
/* Returns a contiguous one without a value: it takes no memory, and rt__tensor_show can give it one. */
rt_tensor *rt__tensor_hollow(rt_dims dims, rt_dtype dtype);
/* Returns a view of x's storage that starts `offset` elements after x's first one. The caller knows
 * that it fits. */
rt_tensor *rt__tensor_view(const rt_tensor *x, rt_dims dims, const int64_t *stride, int64_t offset);
/* Does such a view lie inside of x's storage? x has a value. */
bool rt__tensor_has_window(const rt_tensor *x, rt_dims dims, const int64_t *stride, int64_t offset);
/* Returns a view of all of x, without value if x is, and without its history. Owned by the caller. */
rt_tensor *rt__tensor_twin(const rt_tensor *x);
/* Has x no two elements in one place? May say no of odd windows that have not. */
bool rt__tensor_is_injective(const rt_tensor *x);
/* Do a and b lie in one storage, and not one behind the other? */
bool rt__tensor_may_overlap(const rt_tensor *a, const rt_tensor *b);
/* Returns x if it is contiguous, else a contiguous copy; not recorded. */
rt_tensor *rt__tensor_contiguous(rt_tensor *x);
/* Copies x's value into `place` (same shape, contiguous) and makes x, its storage and all, a view
 * of it from now on: how an optimiser moves parameters into a flat buffer. x must be contiguous;
 * other views of x keep the old storage. */
rt_status rt__tensor_move(rt_tensor *x, rt_tensor *place);

/* Lets go of the value: x is hollow until rt__tensor_show. */
void rt__tensor_hide(rt_tensor *x);
/* Makes x, which has no value or a storage that it can do without, a view of all of `value`: same shape and type, both contiguous. */
void rt__tensor_show(rt_tensor *x, const rt_tensor *value);

/* ---- devices ---- */
static inline bool rt__on_cpu(const rt_tensor *x)
{
    return x->device.kind == RT_CPU;
}
static inline bool rt__same_device(const rt_tensor *a, const rt_tensor *b)
{
    return a->device.kind == b->device.kind && a->device.index == b->device.index;
}
/* The device where x lies, or lay before it was hollow; NULL: the CPU. */
rt_gpu *rt__gpu_of(const rt_tensor *x);
/* What to run kernels on a device with, NULL being the CPU; NULL on failure. */
rt_exec *rt__exec_on(rt_gpu *gpu);
/* Returns a contiguous copy of x on that device, NULL being the CPU; NULL on failure, or if x is. */
rt_tensor *rt__copy_to(const rt_tensor *x, rt_gpu *gpu);
/* Fails and says that x lies where the host cannot read. Returns false. */
bool rt__refuse_device(const char *what, const rt_tensor *x);
/* May the host read x? If not, fails as above. */
static inline bool rt__readable(const char *what, const rt_tensor *x)
{
    return rt__on_cpu(x) || rt__refuse_device(what, x);
}

/* ---- changes in place ---- */
/* Notes that the value was changed in place: what backward reads of it is no longer what it was. */
static inline void rt__tensor_touch(rt_tensor *x)
{
    atomic_fetch_add_explicit(x->version, 1, memory_order_relaxed);
}
/* Returns how often the value was changed; 0 for a tensor without value. */
static inline uint32_t rt__tensor_version(const rt_tensor *x)
{
    return x && x->storage ? atomic_load_explicit(x->version, memory_order_relaxed) + x->earlier
                           : 0;
}

/* ---- clones that are copied when they are written ----
 * A lazy clone shares the storage until one of its tensors is written, is seen by a view or hands out its address: that one moves to
 * memory of its own first. No tensor changes any but itself, so clones may belong to different threads. */
/* Can a clone of x share its storage? Not if views or addresses could write into it unseen. */
bool rt__tensor_may_share(const rt_tensor *x);
/* Returns such a clone, without history. */
rt_tensor *rt__tensor_share(const rt_tensor *x);
static inline bool rt__tensor_is_lazy(const rt_tensor *x)
{
    return x->storage && atomic_load_explicit(&x->storage->lazy, memory_order_relaxed);
}
rt_status rt__tensor_part(rt_tensor *x);
/* Gives x memory of its own, if it shares it with clones. */
static inline rt_status rt__tensor_own(const rt_tensor *x)
{
    return rt__tensor_is_lazy(x) ? rt__tensor_part((rt_tensor *)x) : RT_OK; /* the value stays */
}
/* Puts y's value in the place of x's, which is lazy; it counts as a change of x. Both contiguous and of one shape and type. */
void rt__tensor_replace(rt_tensor *x, const rt_tensor *y);
/* Cuts a buffer into parts that are changed independently of each other, such as the parameters in a
 * flat buffer: from now on changes of each are counted apart. */
rt_status rt__tensor_divide(rt_tensor *buffer, int32_t parts);
/* Makes `view`, which lies in a divided buffer, its part number i: changes of it and of its later
 * views are counted for that part alone. */
void rt__tensor_set_part(rt_tensor *view, int32_t i);
/* Notes that x is a recorded result with memory of its own, which nobody may write into. */
static inline void rt__tensor_mark_result(rt_tensor *x)
{
    if (x->is_result)
        return;
    x->is_result = true;
    atomic_fetch_add_explicit(&x->storage->results, 1, memory_order_relaxed);
}
/* Writes the value into every element and notes the change; the graph is not asked. */
rt_status rt__fill(rt_tensor *dst, double value);
/* Fails if src does not broadcast to dst. */
rt_status rt__may_copy_into(const rt_tensor *dst, const rt_tensor *src);
/* Copies src, broadcast and converted, into dst, and notes the change; the graph is not asked. */
rt_status rt__copy_into(rt_tensor *dst, const rt_tensor *src);

/* ---- copying: values only, nothing is recorded ---- */
/* Copies src to dst: same shape and dtype, any strides, any devices; the storages must not overlap. */
void rt__copy(rt_tensor *dst, const rt_tensor *src);
/* Copies src, converted, to a contiguous dst of the same shape, on any device. */
rt_status rt__convert_into(rt_tensor *dst, const rt_tensor *src);
/* Returns a contiguous copy of x as dtype; NULL on failure, or if x is. */
rt_tensor *rt__convert(const rt_tensor *x, rt_dtype dtype);

/* ---- types ---- */
static inline bool rt__dtype_is_float(rt_dtype t)
{
    return t == RT_F32 || t == RT_F64 || t == RT_BF16 || t == RT_F16;
}
/* The type that the tensors of a list, NULL ones aside, have in common: rt_result_type of any number. */
rt_dtype rt__result_type(rt_tensor *const *xs, int n);
/* Is it one of those of 16 bits: stored so, computed in float32? */
static inline bool rt__is_half(rt_dtype t)
{
    return t == RT_BF16 || t == RT_F16;
}

/* ---- shapes ---- */
static inline bool rt__dims_same(const rt_dims *a, const rt_dims *b)
{
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++)
        if (a->d[i] != b->d[i])
            return false;
    return true;
}
static inline bool rt__dims_equal(rt_dims a, rt_dims b)
{
    return rt__dims_same(&a, &b);
}
/* Number of elements; -1 and an error on negative sizes or overflow. `what` opens the message
 * ("zeros"). */
int64_t rt__dims_numel(rt_dims d, const char *what);
/* Row-major strides of a contiguous tensor. */
void rt__dims_strides(rt_dims d, int64_t *stride);
/* Both, for shapes as they mostly are: returns false, and says nothing, if d has too many axes, a size below 1 or too many elements. */
static inline bool rt__dims_plain(const rt_dims *d, int64_t *stride, int64_t *numel)
{
    int64_t n = 1;
    bool plain = (unsigned)d->n <= RT_MAX_DIMS;
    for (int i = plain ? d->n - 1 : -1; i >= 0; i--) {
        stride[i] = n;
        plain &= d->d[i] > 0 && !__builtin_mul_overflow(n, d->d[i], &n);
    }
    *numel = n;
    return plain;
}
/* Common shape of two operands by NumPy's rule; fails with "add: shapes [4,2] and [8,2] do not
 * broadcast". */
rt_status rt__broadcast(const char *what, rt_dims a, rt_dims b, rt_dims *out);
/* Strides of x seen as `dims`, which its shape broadcasts to: 0 along broadcast axes. */
void rt__broadcast_strides(const rt_tensor *x, rt_dims dims, int64_t *stride);
/* Returns the axis counted from 0, or -1 and an error if it is not in [-n, n). */
int rt__axis(const char *what, int64_t axis, int n);
/* The same for operations that, as PyTorch's do, take a scalar as if it had one axis. */
int rt__axis_or_scalar(const char *what, int64_t axis, int n);

#endif
