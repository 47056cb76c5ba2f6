/* Tensors: shapes, creation, views, access.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 784));
 *     rt_tensor *y = rt_reshape(x, rt_shape(64, 28, 28));     // a view: shares x's storage
 *     float first = rt_f32(rt_contiguous(y))[0];
 *     printf("%s\n", rt_describe(y));                          // "float32[64,28,28] cpu"
 *
 * A tensor is a strided view of a reference-counted storage. Sizes and strides count elements. Axes
 * may be negative (-1 is the last). 0-dimensional tensors are scalars; sizes may be 0. */
#ifndef RINGTORCH_TENSOR_H
#define RINGTORCH_TENSOR_H

#include <ringtorch/base.h>
#include <ringtorch/device.h>
#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>

RT_BEGIN_DECLS

typedef struct rt_tensor rt_tensor;

/* ---- creation: fails on negative sizes, more bytes than memory has, a missing device ---- */
typedef struct rt_new_args {
    rt_dims shape;
    rt_dtype dtype;
    rt_device device;
} rt_new_args;
#define rt_empty(...) RT_CALL(rt_empty_, rt_new_args, shape, __VA_ARGS__) /* contents undefined */
#define rt_zeros(...) RT_CALL(rt_zeros_, rt_new_args, shape, __VA_ARGS__)
#define rt_ones(...)  RT_CALL(rt_ones_, rt_new_args, shape, __VA_ARGS__)
/* Contents undefined. */
rt_tensor *rt_empty_(rt_new_args a);
/* All elements 0. */
rt_tensor *rt_zeros_(rt_new_args a);
/* All elements 1. */
rt_tensor *rt_ones_(rt_new_args a);
/* All elements `value`, converted to dtype. */
rt_tensor *rt_full(rt_dims shape, double value, rt_dtype dtype);
/* float32, shape []. */
rt_tensor *rt_scalar(double value);
/* Shape and dtype of x, contiguous; contents undefined. */
rt_tensor *rt_empty_like(const rt_tensor *x);
/* The same, all elements 0. */
rt_tensor *rt_zeros_like(const rt_tensor *x);
/* The same, all elements 1. */
rt_tensor *rt_ones_like(const rt_tensor *x);
/* start, start+step, ... below end (above it for step < 0), each rounded from float64; any
 * type but bool. */
rt_tensor *rt_arange(double start, double end, double step, rt_dtype dtype);
/* float32 [n,n] with ones on the diagonal. */
rt_tensor *rt_eye(int64_t n);
/* Copies numel(shape) elements of type dtype from memory, row-major. */
rt_tensor *rt_from(const void *data, rt_dims shape, rt_dtype dtype);
/* A tensor over memory the caller keeps alive and unchanged in place for as long as any view of it
 * lives. */
rt_tensor *rt_wrap(void *data, rt_dims shape, rt_dtype dtype);

/* ---- looking: NULL gives 0, NULL or NaN and no new error ---- */
/* The sizes of all axes. */
rt_dims rt_dims_of(const rt_tensor *x);
/* The number of axes. */
int rt_ndim(const rt_tensor *x);
/* The size of an axis; an axis that is not there is an error, and 0. */
int64_t rt_size(const rt_tensor *x, int axis);
/* Elements from one index of an axis to the next; likewise. */
int64_t rt_stride(const rt_tensor *x, int axis);
/* The number of elements, 1 for a scalar. */
int64_t rt_numel(const rt_tensor *x);
/* The type of its elements. */
rt_dtype rt_dtype_of(const rt_tensor *x);
/* Where its storage is. */
rt_device rt_device_of(const rt_tensor *x);
/* x itself if it lies there, else a copy that does; differentiable. Results of operations lie where their inputs do, and inputs on two
 * devices are refused: nothing is moved silently, but for operations that a device has no kernel for, which run on the CPU. */
rt_tensor *rt_to_device(rt_tensor *x, rt_device device);
/* May operations that a device has no kernel for run on the CPU, each told of in the log once? They may unless this says no: they
 * then fail (UNSUPPORTED). Of the whole process. */
void rt_allow_fallback(bool allowed);
/* Reads the name of a device that is there: "cpu", "opencl:1"; "opencl" is the first. Fails with DEVICE otherwise. */
rt_status rt_device_named(const char *name, rt_device *out);
/* The type that operations compute a and b in, PyTorch's torch.result_type. bool < integers < floats: the higher category
 * wins, within one the larger type, and of bfloat16 and float16 float32. A scalar (no axes) counts less than a tensor with axes:
 * only a higher category of it matters. Of one of them that is NULL, the type of the other. */
rt_dtype rt_result_type(const rt_tensor *a, const rt_tensor *b);
/* The same for two types, torch.promote_types. */
rt_dtype rt_promote_types(rt_dtype a, rt_dtype b);
/* Do its elements lie in memory row-major and without gaps? */
bool rt_is_contiguous(const rt_tensor *x);
/* Text like "float32[64,10] cpu"; borrowed until the thread's 8th next call. */
const char *rt_describe(const rt_tensor *x);
/* Text like "[64,10]"; borrowed likewise. */
const char *rt_dims_text(rt_dims d);

/* Address of the first element (respecting the view's offset). NULL and an error if x lies on another device than the CPU, or if
 * there was no memory to give x some of its own (see rt_clone). Elements of a non-contiguous view
 * are not in order: use rt_contiguous first. Writing through it is noticed by nobody: it is allowed on
 * tensors that no graph has saved and that are no recorded results. */
void *rt_data(const rt_tensor *x);
/* rt_data of a float32 tensor; NULL and an error for any other. */
float *rt_f32(const rt_tensor *x);
/* rt_data of an int64 tensor; likewise. */
int64_t *rt_i64(const rt_tensor *x);
/* The value of a one-element tensor of any real dtype; NaN for NULL. */
double rt_item(const rt_tensor *x);
/* Copies all elements, row-major, into memory of rt_numel(x) elements. */
rt_status rt_copy_out(const rt_tensor *x, void *data);
/* Copies src's elements into dst, which may be a view, also of the same storage; src's shape must
 * broadcast to dst's; converts dtypes. Recorded: dst, and if it is a view its base and all other views
 * of that, have the history of what was written from then on, so
 *     rt_copy_into(rt_narrow(x, 0, 2, 3), y);                      // x[2:5] = y
 * gives y its part of x's gradient. Refused as what rt_apply_in_place (op.h) refuses, except that a
 * parameter takes a src that wants no gradient. A backward that needs the old value fails. */
rt_status rt_copy_into(rt_tensor *dst, const rt_tensor *src);
/* Sets every element; for dst as above: what it was has gradient zero then. */
rt_status rt_fill(rt_tensor *dst, double value);
/* Prints the values, large tensors without their middle, and the description to stdout. */
void rt_print(const rt_tensor *x);

/* ---- views and shape ops: differentiable; semantics as PyTorch's of the same name ---- */
rt_tensor *rt_reshape(rt_tensor *x, rt_dims shape); /* one size may be -1; copies only if it must */
rt_tensor *rt_view(rt_tensor *x,
                   rt_dims shape); /* as reshape, but fails where a copy would be needed */
/* A view broadcast to `shape`; -1 keeps a size. */
rt_tensor *rt_expand(rt_tensor *x, rt_dims shape);
/* A view with the axes in another order: axis i is x's axis axes[i]. */
rt_tensor *rt_permute(rt_tensor *x, rt_dims axes);
/* A view with two axes exchanged. */
rt_tensor *rt_transpose(rt_tensor *x, int a, int b);
/* rt_transpose of a 2-D tensor. */
rt_tensor *rt_t(rt_tensor *x);
/* A view without that axis, which has size 1; x itself if it has not. */
rt_tensor *rt_squeeze(rt_tensor *x, int axis);
/* A view with an axis of size 1 inserted before `axis`. */
rt_tensor *rt_unsqueeze(rt_tensor *x, int axis);
/* Axes first_axis to last_axis, both included, become one; copies only if it must. */
rt_tensor *rt_flatten(rt_tensor *x, int first_axis, int last_axis);
/* A view of indices [start, start + length) of an axis. */
rt_tensor *rt_narrow(rt_tensor *x, int axis, int64_t start, int64_t length);
/* A view of one index of an axis, which is dropped. */
rt_tensor *rt_select(rt_tensor *x, int axis, int64_t index);
typedef struct rt_slice_args {
    rt_tensor *x;
    int axis;
    int64_t start;
    int64_t end RT_DEFAULT(INT64_MAX); /* the first index that is not taken; all to the last */
    int64_t step RT_DEFAULT(1);        /* 1 or more */
} rt_slice_args;
#define RT_SLICE_DEFAULTS .end = INT64_MAX, .step = 1
#define rt_slice(...)                                                                              \
    RT_CALL_WITH_DEFAULTS(rt_slice_, rt_slice_args, RT_SLICE_DEFAULTS, x, __VA_ARGS__)
/* A view of every step-th index of an axis, by Python's rules: rt_slice(x, .start = 1) is x[1:],
 * negative places count from the end, and what lies outside is not there. */
rt_tensor *rt_slice_(rt_slice_args a);
/* A copy that is contiguous; x itself if it already is. */
rt_tensor *rt_contiguous(rt_tensor *x);
/* A contiguous copy. Memory is taken when one of the two is written, viewed, or asked for its address (rt_data); neither ever sees
 * what is written into the other. Copied at once where views or addresses of x's memory are known to others. */
rt_tensor *rt_clone(rt_tensor *x);
/* The same storage, without history and gradient. */
rt_tensor *rt_detach(rt_tensor *x);
/* A copy of another dtype, x itself if it is that; differentiable between float types. Defined for every value, the same
 * on every machine (PyTorch leaves the first undefined): from a float to int32 and int64 towards zero, what does not fit
 * becomes the nearest that does (infinities too), NaN becomes 0; from a float to uint8 the lowest byte of the int64, 0 if
 * there is none; from an integer to a smaller one the lowest bits; to bool x != 0; to a smaller float to the nearest, ties
 * to even. */
rt_tensor *rt_to(rt_tensor *x, rt_dtype dtype);
/* Joins count >= 1 tensors along an axis that they have, converted to the type they have in common (rt_result_type). */
rt_tensor *rt_cat(rt_tensor *const *xs, int count, int axis);
/* Joins count >= 1 tensors of one shape along a new axis; likewise. */
rt_tensor *rt_stack(rt_tensor *const *xs, int count, int axis);

RT_END_DECLS

#endif
