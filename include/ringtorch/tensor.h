/* Tensors: shapes, creation, access to elements.
 *
 *     rt_tensor *x = rt_randn(rt_shape(64, 784));
 *     rt_tensor *y = rt_reshape(x, rt_shape(64, 28, 28));   // [64,28,28] a view, which shares x's storage
 *     float first = rt_f32(y)[0];
 *     printf("%s\n", rt_describe(y));                       // float32[64,28,28] cpu
 *     int64_t classes[] = {3, 1, 2};
 *     rt_tensor *t = rt_from(classes, rt_shape(3), RT_I64); // [3] a copy of the array
 *     printf("%g\n", rt_item(rt_select(t, 0, 1)));          // 1
 *
 * A tensor is a strided view of a reference-counted storage. Sizes and strides count elements. An axis
 * may be given as a negative number: -1 is the last one. A tensor without axes is a scalar; sizes may
 * be 0.
 *
 * Lifetime: the current scope owns every tensor that these functions return (base.h). A view keeps the
 * storage that it shows alive, so a tensor may be freed before its views.
 *
 * Views, copies and conversions (ops/views.h), tensors of known values (ops/create.h) and writing into
 * tensors (ops/write.h) are operations. */
#ifndef RINGTORCH_TENSOR_H
#define RINGTORCH_TENSOR_H

#include <ringtorch/base.h>
#include <ringtorch/device.h>
#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>

RT_BEGIN_DECLS

/* A tensor. */
typedef struct rt_tensor rt_tensor;

/* ---- creation ----
 * These functions fail for negative sizes, for more bytes than there is memory, and for a device that is
 * not there. */
/* The arguments of rt_empty, rt_zeros and rt_ones. */
typedef struct rt_new_args {
    rt_dims shape;    /* sizes of the axes; {0} is a scalar */
    rt_dtype dtype;   /* type of the elements */
    rt_device device; /* where the elements are */
} rt_new_args;
/* Makes a tensor with undefined contents. */
#define rt_empty(...) RT_CALL(rt_empty_, rt_new_args, shape, __VA_ARGS__)
/* Makes a tensor whose elements are all 0. */
#define rt_zeros(...) RT_CALL(rt_zeros_, rt_new_args, shape, __VA_ARGS__)
/* Makes a tensor whose elements are all 1. */
#define rt_ones(...) RT_CALL(rt_ones_, rt_new_args, shape, __VA_ARGS__)
RT_API rt_tensor *rt_empty_(rt_new_args a);
RT_API rt_tensor *rt_zeros_(rt_new_args a);
RT_API rt_tensor *rt_ones_(rt_new_args a);
/* Makes a float32 scalar, shape []. */
RT_API rt_tensor *rt_scalar(double value);
/* Makes a contiguous tensor with the shape and type of x and undefined contents. */
RT_API rt_tensor *rt_empty_like(const rt_tensor *x);
/* Makes a contiguous tensor with the shape and type of x, all elements 0. */
RT_API rt_tensor *rt_zeros_like(const rt_tensor *x);
/* Makes a contiguous tensor with the shape and type of x, all elements 1. */
RT_API rt_tensor *rt_ones_like(const rt_tensor *x);
/* Makes a tensor by copying its elements, in row-major order, from memory that holds values of
 * type dtype. */
RT_API rt_tensor *rt_from(const void *data, rt_dims shape, rt_dtype dtype);
/* Makes a tensor that uses the caller's memory. The caller keeps the memory allocated, and in
 * place, for as long as any view of the tensor lives. */
RT_API rt_tensor *rt_wrap(void *data, rt_dims shape, rt_dtype dtype);

/* ---- properties ----
 * For NULL these functions return 0, NULL or NaN, without a new error. */
/* Returns the sizes of all axes. */
RT_API rt_dims rt_dims_of(const rt_tensor *x);
/* Returns the number of axes. */
RT_API int rt_ndim(const rt_tensor *x);
/* Returns the size of an axis. An axis that does not exist is an error, and gives 0. */
RT_API int64_t rt_size(const rt_tensor *x, int axis);
/* Returns the number of elements in storage from one index of an axis to the next. An axis that
 * does not exist is an error, and gives 0. */
RT_API int64_t rt_stride(const rt_tensor *x, int axis);
/* Returns the number of elements; 1 for a scalar. */
RT_API int64_t rt_numel(const rt_tensor *x);
/* Returns the type of the elements. */
RT_API rt_dtype rt_dtype_of(const rt_tensor *x);
/* Returns the device on which the storage is. */
RT_API rt_device rt_device_of(const rt_tensor *x);
/* Sets whether an operation for which a device has no kernel may run on the CPU, as it may by
 * default; the log then mentions each such operation once. If it may not, it fails with
 * UNSUPPORTED. Applies to the whole process. */
RT_API void rt_allow_fallback(bool allowed);
/* Finds a device by name: "cpu", "opencl:1"; "opencl" is the first OpenCL device. Fails with
 * DEVICE if there is no such device. */
RT_API rt_status rt_device_named(const char *name, rt_device *out);
/* Returns the type in which operations compute a and b, as torch.result_type does. Categories are
 * ordered bool < integers < floats < complex numbers. The higher category wins; within a category the
 * larger type wins; bfloat16 with float16 gives float32, int8 with uint8 int16, and a float64 makes a
 * complex64 a complex128. A scalar (no axes) counts less than a tensor with axes: only a higher
 * category of the scalar matters. If one of the two is NULL, returns the type
 * of the other. */
RT_API rt_dtype rt_result_type(const rt_tensor *a, const rt_tensor *b);
/* Returns the type that rt_result_type gives for tensors of these two types, as
 * torch.promote_types does. */
RT_API rt_dtype rt_promote_types(rt_dtype a, rt_dtype b);
/* Returns true if the elements lie in memory in row-major order and without gaps. */
RT_API bool rt_is_contiguous(const rt_tensor *x);
/* Returns a text such as "float32[64,10] cpu". Borrowed until the thread's 8th following call. */
RT_API const char *rt_describe(const rt_tensor *x);
/* Returns a text such as "[64,10]". Borrowed until the thread's 8th following call. */
RT_API const char *rt_dims_text(rt_dims d);

/* Returns the address of the first element of the view. Fails, and returns NULL, if x is not on
 * the CPU, or if there is no memory to give x elements of its own (see rt_clone). The elements of
 * a non-contiguous view are not in order: use rt_contiguous first. Nothing detects writes through
 * this address: write only to tensors that no graph has saved and that are not recorded results. */
RT_API void *rt_data(const rt_tensor *x);
/* Returns rt_data of a float32 tensor; fails, and returns NULL, for any other type. */
RT_API float *rt_f32(const rt_tensor *x);
/* Returns rt_data of an int64 tensor; fails, and returns NULL, for any other type. */
RT_API int64_t *rt_i64(const rt_tensor *x);
/* Returns the value of a one-element tensor of any real type; NaN for NULL. */
RT_API double rt_item(const rt_tensor *x);
/* Copies all elements, in row-major order, into memory with room for rt_numel(x) elements. */
RT_API rt_status rt_copy_out(const rt_tensor *x, void *data);
/* Prints the values and the description to stdout, in columns of equal width as PyTorch does: floats with 4 digits behind the point,
 * or as 1.2345e+06 if the largest is more than 1,000 times the smallest other than 0, more than 1e8, or the smallest less than 1e-4.
 * Of more than 1,000 elements only 3 at either end of each axis are shown. */
RT_API void rt_print(const rt_tensor *x);

RT_END_DECLS

#endif
