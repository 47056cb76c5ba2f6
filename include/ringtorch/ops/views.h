/* Other shapes, parts, copies and conversions of tensors, and joining tensors.
 *
 *     rt_tensor *x = rt_randn(rt_shape(2, 3, 4));
 *     rt_tensor *rows = rt_flatten(x, 0, 1);                                 // [6,4] a view
 *     rt_tensor *even = rt_slice(rows, .step = 2);                           // [3,4] every second row, a view
 *     rt_tensor *both = rt_cat((rt_tensor *[]){rows, even}, 2, 0);           // [9,4] a copy
 *     rt_tensor *whole = rt_to(rt_transpose(both, 0, 1), RT_I64);            // [4,9]
 *
 * Lifetime: a view shares the storage of its tensor and keeps it alive; the current scope owns every
 * result. */
#ifndef RINGTORCH_OPS_VIEWS_H
#define RINGTORCH_OPS_VIEWS_H

#include <ringtorch/tensor.h>

RT_BEGIN_DECLS

/* ---- views ---- */
/* Returns the same elements in another shape, in which one size may be -1. Copies only if it must. */
RT_API rt_tensor *rt_reshape(rt_tensor *x, rt_dims shape);
/* Returns the same elements in another shape, as rt_reshape does, but fails if a copy would be
 * needed. */
RT_API rt_tensor *rt_view(rt_tensor *x, rt_dims shape);
/* Returns a view broadcast to `shape`; -1 keeps a size. */
RT_API rt_tensor *rt_expand(rt_tensor *x, rt_dims shape);
/* Returns a view with the axes in another order: its axis i is axis axes[i] of x. */
RT_API rt_tensor *rt_permute(rt_tensor *x, rt_dims axes);
/* Returns a view with two axes exchanged. */
RT_API rt_tensor *rt_transpose(rt_tensor *x, int a, int b);
/* Returns a view of a 2-D tensor with its two axes exchanged. */
RT_API rt_tensor *rt_t(rt_tensor *x);
/* Returns a view without the given axis, which has size 1; returns x itself if the axis has
 * another size. */
RT_API rt_tensor *rt_squeeze(rt_tensor *x, int axis);
/* Returns a view with a new axis of size 1 before `axis`. */
RT_API rt_tensor *rt_unsqueeze(rt_tensor *x, int axis);
/* Merges the axes first_axis to last_axis, both included, into one. Copies only if it must. */
RT_API rt_tensor *rt_flatten(rt_tensor *x, int first_axis, int last_axis);
/* Returns a view of the indices [start, start + length) of an axis. */
RT_API rt_tensor *rt_narrow(rt_tensor *x, int axis, int64_t start, int64_t length);
/* Returns a view of one index of an axis, which is dropped. */
RT_API rt_tensor *rt_select(rt_tensor *x, int axis, int64_t index);
/* The arguments of rt_slice. */
typedef struct rt_slice_args {
    rt_tensor *x;  /* the tensor */
    int axis;      /* the axis */
    int64_t start; /* the first index */
    int64_t
        end RT_DEFAULT(INT64_MAX); /* the first index after the slice; default: all to the last */
    int64_t step RT_DEFAULT(1);    /* 1 or more */
} rt_slice_args;
#define RT_SLICE_DEFAULTS .end = INT64_MAX, .step = 1
/* Returns a view of every step-th index of an axis. Start and end follow Python's rules:
 * rt_slice(x, .start = 1) is x[1:], negative values count from the end, and values out of range
 * are clamped. */
#define rt_slice(...)                                                                              \
    RT_CALL_WITH_DEFAULTS(rt_slice_, rt_slice_args, RT_SLICE_DEFAULTS, x, __VA_ARGS__)
RT_API rt_tensor *rt_slice_(rt_slice_args a);

/* ---- copies and conversions ---- */
/* Returns a contiguous copy, or x itself if it is contiguous already. */
RT_API rt_tensor *rt_contiguous(rt_tensor *x);
/* Returns a contiguous copy. It takes memory only when one of the two tensors is written, viewed,
 * or asked for its address (rt_data); neither ever sees what is written to the other. The copy is
 * made immediately if views or addresses of x's memory exist. */
RT_API rt_tensor *rt_clone(rt_tensor *x);
/* Returns a tensor that shares the storage, without history and without gradient. */
RT_API rt_tensor *rt_detach(rt_tensor *x);
/* Returns a copy of another type, or x itself if it has that type already. Differentiable between
 * float types. Every conversion is defined and gives the same result on every machine (PyTorch
 * leaves the first kind undefined): from floats to int32 and int64, values are rounded towards
 * zero, values out of range (infinities too) become the nearest value in range, and NaN becomes 0;
 * from floats to int16, int8 and uint8, the lowest bits of the int64, or 0 if there is none; from
 * integers to smaller ones, the lowest bits; to bool, x != 0; to smaller floats, the nearest value,
 * ties to even; from complex to real types, the real part. */
RT_API rt_tensor *rt_to(rt_tensor *x, rt_dtype dtype);
/* Returns a copy on another device, or x itself if it is there already. Differentiable. The
 * results of an operation are on the device of its inputs, and an operation refuses inputs on two
 * devices: nothing is moved silently, except for operations for which a device has no kernel,
 * which run on the CPU. */
RT_API rt_tensor *rt_to_device(rt_tensor *x, rt_device device);

/* ---- joining tensors ---- */
/* Joins count >= 1 tensors along an existing axis. They are converted to their common type
 * (rt_result_type). */
RT_API rt_tensor *rt_cat(rt_tensor *const *xs, int count, int axis);
/* Joins count >= 1 tensors of one shape along a new axis. They are converted to their common type
 * (rt_result_type). */
RT_API rt_tensor *rt_stack(rt_tensor *const *xs, int count, int axis);

RT_END_DECLS

#endif
