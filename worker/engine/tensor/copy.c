/* Copying between views, dtypes and memory. */
#include <string.h>
#include "worker/engine/base/thread.h"
#include "common/error.h"
#include "worker/engine/tensor/tensor.h"

/* Describes a copy for the kernel: axes of size 1 are left out, axes that run on in both are
 * joined. */
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

/* Copies src, broadcast to dst's shape, into dst. */
static void copy_broadcast(rt_tensor *dst, const rt_tensor *src)
{
    rt_exec *e = rt_exec_cpu();
    if (!e || dst->numel == 0)
        return;
    size_t size = rt_dtype_size(dst->dtype);
    if (dst->contiguous && src->contiguous && src->numel == dst->numel) {
        rt_strided whole = {size, 1, {dst->numel}, {1}, {1}};
        e->kernels->copy(e, &whole, src->data, dst->data);
        return;
    }
    int64_t stride[RT_MAX_DIMS];
    rt__broadcast_strides(src, dst->dims, stride);
    rt_strided s = strided(dst->dims, dst->stride, stride, size);
    e->kernels->copy(e, &s, src->data, dst->data);
}

void rt__copy(rt_tensor *dst, const rt_tensor *src)
{
    copy_broadcast(dst, src);
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
    rt_exec *e = rt_exec_cpu();
    if (!e)
        return rt_error_code();
    e->kernels->cast[src->dtype][dst->dtype](e, src->numel, from->data, dst->data);
    return RT_OK;
}

rt_tensor *rt__convert(const rt_tensor *x, rt_dtype dtype)
{
    rt_tensor *y = x ? rt__tensor_new(x->dims, dtype) : NULL;
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
    RT_TRY(rt__may_copy_into(dst, src));
    rt_scope s = rt_scope_begin();
    if (src->dtype != dst->dtype || src->storage == dst->storage)
        src = rt__convert(src, dst->dtype); /* a copy, so that overlapping views are safe too */
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
    int64_t i64;
    int32_t i32;
    uint8_t u8;
    uint16_t u16;
} element;

/* Converts through the cast kernels, so that a fill rounds and clamps as rt_to does. */
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
    rt_exec *e = rt_exec_cpu();
    if (!e)
        return rt_error_code();
    element v = element_of(e, value, dst->dtype);
    size_t size = rt_dtype_size(dst->dtype);
    if (dst->contiguous) {
        e->kernels->fill(e, dst->numel, size, &v, dst->data);
    } else if (dst->numel > 0) {
        rt_strided s = strided(dst->dims, dst->stride, (int64_t[RT_MAX_DIMS]){0}, size);
        e->kernels->copy(e, &s, &v, dst->data);
    }
    rt__tensor_touch(dst);
    return RT_OK;
}
