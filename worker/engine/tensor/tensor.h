/* The inside of a tensor, and shape arithmetic, for the rest of the engine.
 *
 *     rt_tensor *y = rt__tensor_new(x->dims, RT_F32);               // contents undefined
 *     rt_tensor *row = rt__tensor_view(x, dims, strides, offset);   // shares x's storage
 *     float *v = y->data;
 *
 * A tensor is a window into a storage. Views, also on different threads, share a storage, hence its
 * atomic count; a tensor itself belongs to one thread. */
#ifndef RINGTORCH_WORKER_ENGINE_TENSOR_TENSOR_H
#define RINGTORCH_WORKER_ENGINE_TENSOR_TENSOR_H

#include "kernels/device.h"
#include "worker/engine/base/made_by.h"
#include "worker/engine/base/object.h"
#include <ringtorch/ops/create.h>
#include <ringtorch/ops/views.h>
#include <ringtorch/ops/write.h>
#include <ringtorch/tensor.h>
#include <stdatomic.h>

/* A block of memory. Memory that it allocated itself follows the struct, 64-byte aligned; wrapped memory, memory of another
 * device, and a part of another storage lie elsewhere. */
typedef struct rt_storage {
    _Alignas(64) _Atomic int32_t refs;
    _Atomic uint32_t version; /* counts changes in place */
    _Atomic int32_t results;  /* recorded results (not views) whose value lies here */
    _Atomic bool lazy;        /* its tensors are clones of each other, see rt__tensor_own */
    /* its address was handed out and may be written to: it is never lazy */
    _Atomic bool exposed;
    /* kept; the storage whose memory this is part of (rt__tensor_carve), or NULL */
    struct rt_storage *whole;
    size_t bytes; /* of its memory */
    void *data;
    rt_gpu *gpu; /* the device of the memory; NULL: the CPU */
    rt__maker maker;
} rt_storage;

struct rt_tensor {
    rt_object object;
    rt_storage *storage; /* NULL: hollow, the graph still needs this tensor but not its value */
    void *data;          /* of the first element */
    /* in the storage; counts changes in place that concern this tensor */
    _Atomic uint32_t *version;
    int64_t numel;
    rt_dims dims;
    int64_t stride[RT_MAX_DIMS]; /* [dims.n], in elements */
    rt_dtype dtype;
    rt_device device;
    bool contiguous;
    bool is_result; /* counted in storage->results */
    int32_t result; /* its number among its node's results */
    /* Changes made before it moved to this storage, minus the storage's count at that moment. */
    uint32_t earlier;
    rt_object *node; /* its history (autograd/graph.h); NULL: it has none and wants no gradient */
    /* Of a parameter that currently wants no gradient: its node, kept; otherwise NULL. */
    rt_object *leaf;
    /* Of a view made while recording was on: the tensor whose memory it shows, kept; never itself such a view. */
    rt_tensor *base;
    /* How often a write in place has replaced its history; for a view, its base's epoch when the view's own
     * history was made. */
    uint32_t epoch;
    bool unrecorded; /* a view made while recording was off */
    bool is_home;    /* the home of a parameter, which has no history (autograd/graph.h) */
};

extern const rt_object_type rt__tensor_type;

/* ---- tensors as arguments ---- */
/* Returns whether `what` may proceed with x, its first argument: false if the thread has failed
 * before, or, with an error, if x is not a tensor. */
static inline bool rt__takes(const char *what, const rt_tensor *x)
{
    return !rt_failed() && rt__object_is(x, &rt__tensor_type, what, 1);
}
/* The same for functions that only inspect x: NULL returns false without an error. */
static inline bool rt__sees(const char *what, const rt_tensor *x)
{
    return x && rt__object_is(x, &rt__tensor_type, what, 1);
}

/* Fails and says that x is hollow, as a backward or a user of a freed tensor may find it. Returns false. */
bool rt__refuse_hollow(const char *what, const rt_tensor *x);
/* Returns whether x has a value to read; if not, fails as above. */
static inline bool rt__has_value(const char *what, const rt_tensor *x)
{
    return x->storage || rt__refuse_hollow(what, x);
}

/* ---- making ---- */
/* Returns a contiguous tensor with undefined contents on a device (NULL: the CPU). Fails on negative sizes or too many bytes,
 * naming the operation. */
rt_tensor *rt__tensor_new_on(rt_gpu *gpu, const rt_dims *dims, rt_dtype dtype);
/* The same on the device of the current operation, which outside of operations is the CPU. */
rt_tensor *rt__tensor_new(rt_dims dims, rt_dtype dtype);
/* Returns a contiguous tensor without a value: it takes no memory until rt__tensor_show gives it a
 * value. */
rt_tensor *rt__tensor_hollow(rt_dims dims, rt_dtype dtype);
/* Returns a view of x's storage that starts `offset` elements after x's first one. The caller must
 * ensure that the view fits. */
rt_tensor *rt__tensor_view(const rt_tensor *x, rt_dims dims, const int64_t *stride, int64_t offset);
/* The same with another element type, in which the strides count; it starts `bytes` after x's first element. */
rt_tensor *rt__tensor_view_as(const rt_tensor *x, rt_dtype dtype, rt_dims dims,
                              const int64_t *stride, int64_t bytes);
/* Returns a contiguous tensor over the memory of a buffer from element `offset` on; the caller must ensure that it fits. The tensor has
 * a storage of its own, so its changes and views are counted separately from those of the buffer and of the buffer's other parts, for
 * example the other parameters in a flat buffer. */
rt_tensor *rt__tensor_carve(const rt_tensor *buffer, rt_dims dims, int64_t offset);
/* Returns whether such a view, as dtype, lies inside x's storage. x has a value. */
bool rt__tensor_has_window(const rt_tensor *x, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                           int64_t offset);
/* Returns a view of all of x, hollow if x is, without x's history. Owned by the caller. */
rt_tensor *rt__tensor_twin(const rt_tensor *x);
/* Returns whether no two elements of x share memory. May return false for unusual strides although
 * none do. */
bool rt__tensor_is_injective(const rt_tensor *x);
/* Returns whether the memory ranges of a and b intersect. */
bool rt__tensor_may_overlap(const rt_tensor *a, const rt_tensor *b);
/* Returns x if it is contiguous, else a contiguous copy; not recorded. */
rt_tensor *rt__tensor_contiguous(rt_tensor *x);
/* Copies x's value into `place` (same shape, contiguous) and makes x, storage included, a view of
 * `place` from now on: an optimiser moves parameters into a flat buffer this way. x must be
 * contiguous; other views of x keep the old storage. */
rt_status rt__tensor_move(rt_tensor *x, rt_tensor *place);

/* Returns how many other tensors show x's memory, not counting clones of x. */
int32_t rt__tensor_sharers(const rt_tensor *x);
/* If other tensors show x's memory, gives x a storage of its own over the same memory, so that from now on only views made of x count as
 * sharers. Changes are still counted together with the others. x must not be a result. */
rt_status rt__tensor_claim(rt_tensor *x);

/* Drops the value: x is hollow until rt__tensor_show. */
void rt__tensor_hide(rt_tensor *x);
/* Makes x, which is hollow or can give up its storage, a view of all of `value`: same shape and type, both contiguous. */
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
/* Returns the device where x lies, or lay before it became hollow; NULL: the CPU. */
rt_gpu *rt__gpu_of(const rt_tensor *x);
/* Returns the execution context for kernels on a device (NULL: the CPU); NULL on failure. */
rt_exec *rt__exec_on(rt_gpu *gpu);
/* Returns a contiguous copy of x on a device (NULL: the CPU); NULL on failure, or if x is NULL. */
rt_tensor *rt__copy_to(const rt_tensor *x, rt_gpu *gpu);
/* Fails and says that the host cannot read x's memory. Returns false. */
bool rt__refuse_device(const char *what, const rt_tensor *x);
/* Returns whether the host can read x; if not, fails as above. */
static inline bool rt__readable(const char *what, const rt_tensor *x)
{
    return rt__on_cpu(x) || rt__refuse_device(what, x);
}

/* ---- changes in place ---- */
/* Records that the value was changed in place, so that a backward that saved it can notice. */
static inline void rt__tensor_touch(rt_tensor *x)
{
    atomic_fetch_add_explicit(x->version, 1, memory_order_relaxed);
}
/* Returns how often the value was changed in place, up to when it was dropped if x is hollow; 0 for
 * NULL. */
static inline uint32_t rt__tensor_version(const rt_tensor *x)
{
    if (!x)
        return 0;
    return x->storage ? atomic_load_explicit(x->version, memory_order_relaxed) + x->earlier
                      : x->earlier;
}
/* Makes the count continue from `version`. x has a value. */
static inline void rt__tensor_set_version(rt_tensor *x, uint32_t version)
{
    x->earlier = version - atomic_load_explicit(x->version, memory_order_relaxed);
}

/* ---- lazy clones: copied when first written ----
 * A lazy clone shares the storage until one of the tensors is written, viewed, or hands out its address: that tensor first moves to memory of its own. An operation on one clone changes only that tensor, so clones
 * may belong to different threads. */
/* Returns whether a clone of x can share its storage: not if views or addresses could write into it
 * unseen. */
bool rt__tensor_may_share(const rt_tensor *x);
/* Returns a clone that shares x's storage, without history. */
rt_tensor *rt__tensor_share(const rt_tensor *x);
static inline bool rt__tensor_is_lazy(const rt_tensor *x)
{
    return x->storage && atomic_load_explicit(&x->storage->lazy, memory_order_relaxed);
}
rt_status rt__tensor_unshare(rt_tensor *x);
/* Gives x memory of its own if it shares memory with clones. */
static inline rt_status rt__tensor_own(const rt_tensor *x)
{
    return rt__tensor_is_lazy(x) ? rt__tensor_unshare((rt_tensor *)x) : RT_OK; /* the value stays */
}
/* Replaces the value of x, which is lazy, by y's; counts as a change of x. Both are contiguous and of the same shape and type. */
void rt__tensor_replace(rt_tensor *x, const rt_tensor *y);
/* Marks x as a recorded result with memory of its own, which must not be written to in place. */
static inline void rt__tensor_mark_result(rt_tensor *x)
{
    if (x->is_result)
        return;
    x->is_result = true;
    atomic_fetch_add_explicit(&x->storage->results, 1, memory_order_relaxed);
}
/* Writes the value into every element and counts the change, without checks against the graph. */
rt_status rt__fill(rt_tensor *dst, double value);
/* Fails if src does not broadcast to dst. */
rt_status rt__may_copy_into(const rt_tensor *dst, const rt_tensor *src);
/* Copies src, broadcast and converted, into dst and counts the change, without checks against the
 * graph. */
rt_status rt__copy_into(rt_tensor *dst, const rt_tensor *src);

/* ---- copying values; not recorded in the graph ---- */
/* Copies src to dst: same shape and dtype, any strides, any devices; the storages must not overlap. */
void rt__copy(rt_tensor *dst, const rt_tensor *src);
/* Copies and converts src to a contiguous dst of the same shape, on any device. */
rt_status rt__convert_into(rt_tensor *dst, const rt_tensor *src);
/* Returns a contiguous copy of x as dtype; NULL on failure, or if x is NULL. */
rt_tensor *rt__convert(const rt_tensor *x, rt_dtype dtype);

/* ---- types ---- */
/* What kind of numbers a type has; each kind has those of the kinds before it. */
typedef enum rt__category { RT__TRUTH, RT__WHOLE, RT__REAL, RT__COMPLEX } rt__category;
static inline rt__category rt__dtype_category(rt_dtype t)
{
    switch (t) {
    case RT_BOOL:
        return RT__TRUTH;
    case RT_U8:
    case RT_I8:
    case RT_I16:
    case RT_I32:
    case RT_I64:
        return RT__WHOLE;
    case RT_C64:
    case RT_C128:
        return RT__COMPLEX;
    default:
        return RT__REAL;
    }
}
static inline bool rt__dtype_is_float(rt_dtype t)
{
    return rt__dtype_category(t) == RT__REAL;
}
/* Returns whether it is an integer type or bool. */
static inline bool rt__dtype_is_whole(rt_dtype t)
{
    return rt__dtype_category(t) <= RT__WHOLE;
}
static inline bool rt__dtype_is_complex(rt_dtype t)
{
    return rt__dtype_category(t) == RT__COMPLEX;
}
/* Returns whether tensors of the type have gradients. */
static inline bool rt__dtype_has_gradient(rt_dtype t)
{
    return rt__dtype_category(t) >= RT__REAL;
}
/* Returns the type of the parts of a complex type, and any other type itself. */
static inline rt_dtype rt__part_type(rt_dtype t)
{
    return t == RT_C64 ? RT_F32 : t == RT_C128 ? RT_F64 : t;
}
/* Returns the type that the tensors of a list, ignoring NULLs, promote to: rt_result_type for any number
 * of tensors. */
rt_dtype rt__result_type(rt_tensor *const *xs, int n);
/* Returns whether it is a 16-bit float: stored as such, computed in float32. */
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
/* Returns the number of elements, or -1 with an error for negative sizes or overflow. `what` begins
 * the message ("zeros"). */
int64_t rt__dims_numel(rt_dims d, const char *what);
/* Computes the row-major strides of a contiguous tensor. */
void rt__dims_strides(rt_dims d, int64_t *stride);
/* Computes both for the usual shapes; returns false without an error if d has too many axes, a size below 1 or too many elements. */
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
/* Computes the common shape of two operands by NumPy's broadcasting rule; fails with "add: shapes
 * [4,2] and [8,2] do not broadcast". */
rt_status rt__broadcast(const char *what, rt_dims a, rt_dims b, rt_dims *out);
/* Computes the strides that show x broadcast to `dims`: 0 along broadcast axes. */
void rt__broadcast_strides(const rt_tensor *x, rt_dims dims, int64_t *stride);
/* Returns the axis counted from 0, or -1 with an error if it is not in [-n, n). */
int rt__axis(const char *what, int64_t axis, int n);
/* The same for operations that, like PyTorch's, treat a scalar as having one axis. */
int rt__axis_or_scalar(const char *what, int64_t axis, int n);

#endif
