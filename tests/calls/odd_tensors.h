/* Tensors as users make them who do not think of kernels: windows of others, elements that share memory, extreme values, other arguments
 * again. Each function returns another tensor of the type of x, mostly of its shape, or x itself if it cannot. */
#ifndef RINGTORCH_TESTS_CALLS_ODD_TENSORS_H
#define RINGTORCH_TESTS_CALLS_ODD_TENSORS_H

#include "tests/unit/engine/any_call.h"

#include <math.h>

/* Returns y, or x if y could not be made. */
static inline rt_tensor *or_else(rt_tensor *y, rt_tensor *x)
{
    rt_error_clear();
    return y ? y : x;
}

/* Gaps between all elements, an offset, and axes in any order in memory. */
static inline rt_tensor *in_a_window(rt_tensor *x)
{
    rt_dims dims = rt_dims_of(x), room = dims, axes = dims;
    int64_t step[RT_MAX_DIMS], start[RT_MAX_DIMS];
    if (dims.n == 0)
        return x;
    for (int i = 0; i < dims.n; i++)
        axes.d[i] = i;
    for (int i = dims.n - 1; i > 0; i--) {
        int64_t k = below(i + 1), other = axes.d[k];
        axes.d[k] = axes.d[i];
        axes.d[i] = other;
    }
    for (int i = 0; i < dims.n; i++) {
        int64_t of = axes.d[i]; /* axis i of the memory is this one of x */
        step[i] = 1 + below(2);
        start[i] = below(3);
        room.d[i] = start[i] + dims.d[of] * step[i];
    }
    rt_tensor *view = rt_zeros(room, rt_dtype_of(x));
    rt_dims back = axes;
    for (int i = 0; i < dims.n; i++) {
        view = rt_slice(view, .axis = i, .start = start[i], .step = step[i]);
        back.d[axes.d[i]] = i;
    }
    view = rt_permute(view, back);
    if (view)
        rt_copy_into(view, x);
    return or_else(rt_failed() ? NULL : view, x);
}

/* One index of an axis for all of them: stride 0. */
static inline rt_tensor *expanded(rt_tensor *x)
{
    rt_dims dims = rt_dims_of(x);
    int axis = dims.n ? (int)below(dims.n) : 0;
    if (rt_numel(x) == 0 || dims.n == 0)
        return x;
    return or_else(rt_expand(rt_narrow(x, axis, 0, 1), dims), x);
}

/* Rows that share elements. */
static inline rt_tensor *overlapping(rt_tensor *x)
{
    enum { ROOM = 256 };
    rt_dims dims = rt_dims_of(x), strides = dims;
    for (int i = 0; i < dims.n; i++)
        strides.d[i] = below(4);
    rt_tensor *memory = any_tensor(rt_shape(ROOM), rt_dtype_of(x));
    return or_else(rt_as_strided(memory, dims, strides, below(8)), x);
}

/* Any bits in some elements: NaN, infinities, denormal numbers, the smallest and largest integers. */
static inline rt_tensor *with_extremes(rt_tensor *x)
{
    static const double values[] = {NAN,     INFINITY, -INFINITY, -0.0,   5e-324, 1e-40,
                                    -1e-310, 1e38,     -1e308,    65520,  3e38,   1,
                                    0x1p31,  -0x1p31,  0x1p63,    -0x1p63};
    rt_dtype dtype = rt_dtype_of(x);
    size_t size = rt_dtype_size(dtype);
    int64_t each = 1 + below(4), n = rt_numel(x);
    rt_tensor *y = rt_clone(rt_contiguous(x));
    char *at = y && n > 0 ? rt_data(y) : NULL;
    for (int64_t i = below(each); at && i < n && dtype != RT_BOOL; i += each) {
        uint64_t bits[2] = {random_bits(&rng), random_bits(&rng)};
        double v = values[below(COUNT(values))];
        if (below(2) && rt__dtype_is_float(dtype)) {
            rt_tensor *one = rt_full(rt_shape(), v, dtype);
            rt_copy_out(one, bits);
        } else if (!rt__dtype_is_float(dtype) && below(2)) {
            memset(bits, below(2) ? 0xff : 0, sizeof bits);
            ((char *)bits)[size - 1] ^= (char)0x80; /* the least or the largest */
        }
        memcpy(at + (size_t)i * size, bits, size);
    }
    return or_else(y, x);
}

/* So many elements that no result of this shape fits into memory; or none, since one of the axes is empty, whatever the others multiply to. */
static inline rt_tensor *huge(rt_tensor *x)
{
    static const int64_t sizes[] = {1ll << 14, 1ll << 31, 1ll << 40, 1ll << 62, 3};
    rt_dims dims = rt_dims_of(x), one = {.n = dims.n};
    for (int i = 0; i < dims.n; i++) {
        one.d[i] = 1;
        dims.d[i] = below(2) ? dims.d[i] : sizes[below(COUNT(sizes))];
    }
    if (dims.n > 1 && below(3) == 0)
        for (int i = 0, empty = (int)below(dims.n); i < dims.n; i++)
            dims.d[i] = i == empty ? 0 : dims.d[i] >= sizes[0] ? sizes[2 + below(2)] : dims.d[i];
    double elements = 1;
    for (int i = 0; i < dims.n; i++)
        elements *= (double)dims.d[i];
    if (elements > 0 && elements < 0x1p40) /* a machine might grant it */
        return x;
    if (elements == 0)
        return or_else(rt_empty(dims, rt_dtype_of(x)), x);
    return or_else(rt_expand(any_tensor(one, rt_dtype_of(x)), dims), x);
}

/* Another argument again, or a view of it. */
static inline rt_tensor *shared(rt_tensor *x, rt_tensor *other)
{
    if (!other || rt_dtype_of(other) != rt_dtype_of(x))
        return x;
    int axes = rt_dims_of(other).n;
    switch (below(4)) {
    case 0:
        return other;
    case 1:
        return or_else(rt_numel(other) == rt_numel(x) ? rt_reshape(other, rt_dims_of(x)) : NULL, x);
    case 2:
        return axes > 1 ? or_else(rt_transpose(other, 0, axes - 1), x) : x;
    default:
        return axes > 0 ? or_else(rt_slice(other, .axis = (int)below(axes), .start = below(2)), x)
                        : x;
    }
}

static inline rt_tensor *any_disguise(rt_tensor *x, rt_tensor *other)
{
    switch (below(16)) {
    case 0:
    case 1:
    case 2:
        return in_a_window(x);
    case 3:
        return expanded(x);
    case 4:
        return overlapping(x);
    case 5:
    case 6:
        return with_extremes(x);
    case 7:
        return in_a_window(with_extremes(x));
    case 8:
    case 9:
        return shared(x, other);
    case 10:
        return below(8) ? x : huge(x);
    default:
        return x;
    }
}

#endif
