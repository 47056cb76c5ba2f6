/* Copies between views, element types and devices. */
#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/tensor/tensor.h"
#include <string.h>

/* Describes a copy for the kernel: axes of size 1 are dropped, axes that are contiguous on both
 * sides are merged. */
static rt_strided strided(rt_dims dims, const int64_t *dst, const int64_t *src, size_t size)
{
    rt_strided s = {.size = size};
    for (int i = 0; i < dims.n; i++) {
        if (dims.d[i] == 1)
            continue;
        int last = s.nd - 1;
        if (last >= 0 && s.src[last] == src[i] * dims.d[i] && s.dst[last] == dst[i] * dims.d[i]) {
            s.dim[last] *= dims.d[i];
            s.src[last] = src[i];
            s.dst[last] = dst[i];
            continue;
        }
        s.dim[s.nd] = dims.d[i];
        s.src[s.nd] = src[i];
        s.dst[s.nd++] = dst[i];
    }
    return s;
}

static bool is_plain(const rt_tensor *dst, const rt_tensor *src)
{
    return dst->contiguous && src->contiguous && src->numel == dst->numel;
}

/* Copies elements that are contiguous on both sides, between any two devices. */
static void copy_plain(rt_tensor *dst, const rt_tensor *src)
{
    size_t size = rt_dtype_size(dst->dtype), bytes = (size_t)dst->numel * size;
    rt_gpu *to = dst->storage->gpu, *from = src->storage->gpu;
    if (!to && !from) {
        rt_exec *e = rt_exec_cpu();
        rt_strided whole = {size, 1, {dst->numel}, {1}, {1}};
        if (e)
            e->kernels->copy(e, &whole, src->data, dst->data);
    } else if (to == from)
        rt_gpu_copy(to, dst->data, src->data, bytes);
    else if (!from)
        rt_gpu_put(to, dst->data, src->data, bytes);
    else if (!to)
        rt_gpu_get(from, dst->data, src->data, bytes);
    else { /* through the CPU */
        rt_tensor *here = rt__copy_to(src, NULL);
        if (here)
            copy_plain(dst, here);
    }
}

static void copy_broadcast(rt_tensor *dst, const rt_tensor *src);

/* Copies between devices where one side is not contiguous, through contiguous tensors. */
static void copy_across(rt_tensor *dst, const rt_tensor *src)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *from = rt__tensor_contiguous((rt_tensor *)src); /* only read */
    rt_tensor *to = from ? rt__copy_to(from, dst->storage->gpu) : NULL;
    if (to)
        copy_broadcast(dst, to);
    rt_scope_end(s);
}

/* Copies src, broadcast to dst's shape, into dst. */
static void copy_broadcast(rt_tensor *dst, const rt_tensor *src)
{
    rt_exec *e = rt__exec_on(dst->storage->gpu);
    if (!e || dst->numel == 0)
        return;
    if (is_plain(dst, src)) {
        copy_plain(dst, src);
        return;
    }
    if (dst->storage->gpu != src->storage->gpu) {
        copy_across(dst, src);
        return;
    }
    size_t size = rt_dtype_size(dst->dtype);
    int64_t stride[RT_MAX_DIMS];
    rt__broadcast_strides(src, dst->dims, stride);
    rt_strided s = strided(dst->dims, dst->stride, stride, size);
    e->kernels->copy(e, &s, src->data, dst->data);
}

void rt__copy(rt_tensor *dst, const rt_tensor *src)
{
    copy_broadcast(dst, src);
}

/* Returns whether the device has a cast: devices without double precision lack some. */
static bool has_cast(rt_exec *e, rt_dtype from, rt_dtype to)
{
    const char *outer = e->missing;
    e->missing = NULL;
    e->kernels->cast[from][to](e, 0, NULL, NULL);
    bool has = !e->missing;
    e->missing = outer;
    return has;
}

rt_status rt__convert_into(rt_tensor *dst, const rt_tensor *src)
{
    if (dst->dtype == src->dtype) {
        rt__copy(dst, src);
        return rt_error_code();
    }
    const rt_tensor *from = rt__tensor_contiguous((rt_tensor *)src); /* only read */
    if (!from)
        return rt_error_code();
    rt_gpu *gpu = from->storage->gpu;
    if (gpu != dst->storage->gpu) {
        rt_tensor *there = rt__copy_to(from, dst->storage->gpu);
        return there ? rt__convert_into(dst, there) : rt_error_code();
    }
    rt_exec *e = rt__exec_on(gpu);
    if (!e)
        return rt_error_code();
    if (gpu && !has_cast(e, src->dtype, dst->dtype)) {
        rt_tensor *here = rt__convert(rt__copy_to(from, NULL), dst->dtype);
        if (here)
            rt__copy(dst, here);
        return rt_error_code();
    }
    e->kernels->cast[src->dtype][dst->dtype](e, src->numel, from->data, dst->data);
    return RT_OK;
}

rt_tensor *rt__convert(const rt_tensor *x, rt_dtype dtype)
{
    rt_tensor *y = x ? rt__tensor_new_on(rt__gpu_of(x), &x->dims, dtype) : NULL;
    return y && rt__convert_into(y, x) == RT_OK ? y : NULL;
}

rt_status rt_copy_out(const rt_tensor *x, void *data)
{
    if (!rt__takes("copy_out", x) || !rt__has_value("copy_out", x))
        return rt_error_code();
    if (x->numel == 0)
        return RT_OK;
    if (!data)
        return RT_FAIL(ARG, "copy_out: no memory was given for %s", rt_describe(x));
    rt_scope s = rt_scope_begin();
    rt_tensor *to = rt_wrap(data, x->dims, x->dtype);
    if (to)
        rt__copy(to, x);
    rt_scope_end(s);
    return rt_error_code();
}

rt_status rt__may_copy_into(const rt_tensor *dst, const rt_tensor *src)
{
    rt_dims common;
    RT_TRY(rt__broadcast("copy_into", dst->dims, src->dims, &common));
    if (!rt__dims_equal(common, dst->dims))
        return RT_FAIL(SHAPE, "copy_into: %s does not fit into %s", rt_describe(src),
                       rt_describe(dst));
    return RT_OK;
}

rt_status rt__copy_into(rt_tensor *dst, const rt_tensor *src)
{
    if (!src) /* what was to be copied could not be made */
        return rt_error_code();
    RT_TRY(rt__may_copy_into(dst, src));
    RT_TRY(rt__tensor_own(dst));
    rt_scope s = rt_scope_begin();
    if (src->dtype != dst->dtype || rt__tensor_may_overlap(src, dst))
        src = rt__convert(src, dst->dtype); /* makes a copy, so overlapping tensors are safe too */
    if (src) {
        copy_broadcast(dst, src);
        rt__tensor_touch(dst);
    }
    rt_scope_end(s);
    return rt_error_code();
}

/* One value in any dtype's representation. */
typedef union element {
    float f32;
    double f64;
    double _Complex c128;
    char bytes[16];
} element;

/* Converts with the cast kernels, so that a fill rounds and clamps like rt_to. */
static element element_of(rt_exec *e, double value, rt_dtype dtype)
{
    element v = {.f64 = value};
    if (dtype != RT_F64) {
        memset(&v, 0, sizeof v);
        e->kernels->cast[RT_F64][dtype](e, 1, &value, &v);
    }
    return v;
}

rt_status rt__fill(rt_tensor *dst, double value)
{
    rt_exec *cpu = rt_exec_cpu(), *e = cpu ? rt__exec_on(dst->storage->gpu) : NULL;
    if (!e)
        return rt_error_code();
    RT_TRY(rt__tensor_own(dst));
    element v = element_of(cpu, value, dst->dtype);
    size_t size = rt_dtype_size(dst->dtype);
    if (dst->contiguous) {
        e->kernels->fill(e, dst->numel, size, &v, dst->data);
    } else if (dst->storage->gpu) { /* a device's kernels cannot read v */
        rt_scope s = rt_scope_begin();
        rt_tensor *one = rt__tensor_new_on(dst->storage->gpu, &(rt_dims){0}, dst->dtype);
        if (one && rt__fill(one, value) == RT_OK)
            copy_broadcast(dst, one);
        rt_scope_end(s);
    } else if (dst->numel > 0) {
        rt_strided s = strided(dst->dims, dst->stride, (int64_t[RT_MAX_DIMS]){0}, size);
        e->kernels->copy(e, &s, &v, dst->data);
    }
    rt__tensor_touch(dst);
    return RT_OK;
}
