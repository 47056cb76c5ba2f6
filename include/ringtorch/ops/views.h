/* Other shapes, parts, copies and conversions of tensors, and joining tensors.
 *
 *     rt_tensor *x = rt_randn(rt_shape(2, 3, 4));
 *     rt_tensor *rows = rt_flatten(x, 0, 1);                                 // [6,4] a view
 *     rt_tensor *even = rt_slice(rows, .step = 2);                           // [3,4] every second row, a view
 *     rt_tensor *both = rt_cat((rt_tensor *[]){rows, even}, 2, 0);           // [9,4] a copy
 *     rt_tensor *whole = rt_to(rt_transpose(both, 0, 1), RT_I64);            // [4,9]
 *     rt_tensor *qkv[3];
 *     rt_chunk(rt_randn(rt_shape(8, 96)), 3, -1, qkv, 3);                    // three views [8,32]
 *
 * A view may show an element of its tensor more than once (rt_expand, rt_unfold, rt_as_strided): its
 * gradients are then added, and writing into the view fails.
 *
 * Lifetime: a view shares the storage of its tensor and keeps it alive; the current scope owns every
 * result. */
#ifndef RINGTORCH_OPS_VIEWS_H
#define RINGTORCH_OPS_VIEWS_H

#include <ringtorch/field.h>
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
/* Returns a view with two axes exchanged; PyTorch also calls it swapaxes. */
RT_API rt_tensor *rt_transpose(rt_tensor *x, int a, int b);
/* Returns a view of a 2-D tensor with its two axes exchanged. */
RT_API rt_tensor *rt_t(rt_tensor *x);
/* Returns a view without the given axis, which has size 1; returns x itself if the axis has
 * another size. */
RT_API rt_tensor *rt_squeeze(rt_tensor *x, int axis);
/* Returns a view without those of the axes that have size 1; with rt_shape(), without any axis of
 * size 1. */
RT_API rt_tensor *rt_squeeze_axes(rt_tensor *x, rt_dims axes);
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

/* Returns a view of shape `shape` into the memory of x: element [i, k, ...] is the one that lies
 * i * strides[0] + k * strides[1] + ... behind the first. Strides are 0 or more. `offset` is the place
 * of the first element in that memory; RT_NOT_GIVEN: that of x's own first element. Fails if the view
 * would reach outside of the memory. The gradient of an element of x that y does not show is 0. */
RT_API rt_tensor *rt_as_strided(rt_tensor *x, rt_dims shape, rt_dims strides, int64_t offset);
/* Returns a view with the axes `source` at the places `destination`, and the others in order. */
RT_API rt_tensor *rt_movedim(rt_tensor *x, rt_dims source, rt_dims destination);
/* Returns a view of matrices [..., n, m] as [..., m, n]: mT of PyTorch. */
RT_API rt_tensor *rt_mt(rt_tensor *x);
/* Merges all axes into one. Copies only if it must. */
RT_API rt_tensor *rt_ravel(rt_tensor *x);
/* Splits an axis into several; one size may be -1. Copies only if it must. */
RT_API rt_tensor *rt_unflatten(rt_tensor *x, int axis, rt_dims shape);
/* Returns x in the shape of another tensor, as rt_view does. */
RT_API rt_tensor *rt_view_as(rt_tensor *x, rt_tensor *other);
/* Returns x in the shape of another tensor, as rt_reshape does. */
RT_API rt_tensor *rt_reshape_as(rt_tensor *x, rt_tensor *other);
/* Returns a view of x broadcast to the shape of another tensor. */
RT_API rt_tensor *rt_expand_as(rt_tensor *x, rt_tensor *other);
/* Returns a view of x broadcast to `shape`, as rt_expand does. */
RT_API rt_tensor *rt_broadcast_to(rt_tensor *x, rt_dims shape);
/* Returns a view with one axis at least: [1] for a scalar. */
RT_API rt_tensor *rt_atleast_1d(rt_tensor *x);
/* Returns a view with two axes at least: [1,n] for [n]. */
RT_API rt_tensor *rt_atleast_2d(rt_tensor *x);
/* Returns a view with three axes at least: [1,n,1] for [n], and [n,m,1] for [n,m]. */
RT_API rt_tensor *rt_atleast_3d(rt_tensor *x);
/* Returns a view in which an axis counts windows of `size` elements that begin `step` apart, and a new
 * last axis the elements of each. */
RT_API rt_tensor *rt_unfold(rt_tensor *x, int axis, int64_t size, int64_t step);
/* The arguments of rt_diagonal. */
typedef struct rt_diagonal_args {
    rt_tensor *x;            /* the tensor */
    int64_t offset;          /* which diagonal: 0 the main one, positive above it */
    int axis1;               /* the axis of its rows */
    int axis2 RT_DEFAULT(1); /* the axis of its columns */
} rt_diagonal_args;
#define RT_DIAGONAL_DEFAULTS .axis2 = 1
/* Returns a view of a diagonal of two axes, which becomes the last axis. */
#define rt_diagonal(...)                                                                           \
    RT_CALL_WITH_DEFAULTS(rt_diagonal_, rt_diagonal_args, RT_DIAGONAL_DEFAULTS, x, __VA_ARGS__)
RT_API rt_tensor *rt_diagonal_(rt_diagonal_args a);

/* ---- several views ----
 * These functions write their results, views of x along an axis, into out[0..room) and return how many
 * there are. They fail if there are more, and then return 0 and set all of out to NULL. */
/* The views of the indices 0, 1, ... of an axis, which is dropped. */
RT_API int rt_unbind(rt_tensor *x, int axis, rt_tensor **out, int room);
/* At most `chunks` parts of one size, the last perhaps smaller. */
RT_API int rt_chunk(rt_tensor *x, int64_t chunks, int axis, rt_tensor **out, int room);
/* Parts of `size` indices, the last perhaps smaller. */
RT_API int rt_split(rt_tensor *x, int64_t size, int axis, rt_tensor **out, int room);
/* `count` parts of these sizes, which together are that of the axis; out has room for them. */
RT_API int rt_split_with_sizes(rt_tensor *x, const int64_t *sizes, int count, int axis,
                               rt_tensor **out);
/* n parts whose sizes differ by at most 1, the longer ones first. If `indices` is not NULL: the n + 1
 * parts x[:indices[0]], x[indices[0]:indices[1]], ..., by Python's rules for slices. */
RT_API int rt_tensor_split(rt_tensor *x, int64_t n, const int64_t *indices, int axis,
                           rt_tensor **out, int room);
/* As rt_tensor_split along axis 1 (axis 0 if there is only one), but n parts must have one size. */
RT_API int rt_hsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room);
/* The same along axis 0 of two or more. */
RT_API int rt_vsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room);
/* The same along axis 2 of three or more. */
RT_API int rt_dsplit(rt_tensor *x, int64_t n, const int64_t *indices, rt_tensor **out, int room);
/* Views of `count` vectors or scalars, all of the shape that their sizes make: axis i of every result
 * is that of xs[i]. With xy the first two axes change places. out has room for `count`. */
RT_API int rt_meshgrid(rt_tensor *const *xs, int count, bool xy, rt_tensor **out);

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
 * float and complex types. Every conversion is defined and gives the same result on every machine (PyTorch
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
 * (rt_result_type). Tensors of shape [0] are left out, whatever the shape of the others. */
RT_API rt_tensor *rt_cat(rt_tensor *const *xs, int count, int axis);
/* Joins count >= 1 tensors of one shape along a new axis. They are converted to their common type
 * (rt_result_type). */
RT_API rt_tensor *rt_stack(rt_tensor *const *xs, int count, int axis);
/* Joins tensors along axis 1, or along axis 0 if they are vectors or scalars. */
RT_API rt_tensor *rt_hstack(rt_tensor *const *xs, int count);
/* Joins tensors along axis 0; vectors and scalars are rows. */
RT_API rt_tensor *rt_vstack(rt_tensor *const *xs, int count);
/* Joins tensors, shaped by rt_atleast_3d, along axis 2. */
RT_API rt_tensor *rt_dstack(rt_tensor *const *xs, int count);
/* Joins tensors along axis 1; vectors and scalars are columns. */
RT_API rt_tensor *rt_column_stack(rt_tensor *const *xs, int count);
/* Makes a matrix with the given matrices on its diagonal and zeros beside them; a vector is a row. */
RT_API rt_tensor *rt_block_diag(rt_tensor *const *xs, int count);

/* ---- copies in another order, repeated, or with zeros ---- */
/* Returns x repeated times[i] times along axis i, which may be more axes than x has. */
RT_API rt_tensor *rt_repeat(rt_tensor *x, rt_dims times);
/* The same, but x may also have more axes: times are those of the last ones. */
RT_API rt_tensor *rt_tile(rt_tensor *x, rt_dims times);
/* The arguments of rt_repeat_interleave: .repeats or .counts must be given. */
typedef struct rt_repeat_interleave_args {
    rt_tensor *x;                             /* the tensor */
    rt_tensor *counts;                        /* int64 [n], or one for all indices */
    int64_t repeats RT_DEFAULT(RT_NOT_GIVEN); /* how often each index is there */
    /* the axis, of size n; not given: x as if it had one axis */
    int64_t axis RT_DEFAULT(RT_NOT_GIVEN);
} rt_repeat_interleave_args;
#define RT_REPEAT_INTERLEAVE_DEFAULTS .repeats = RT_NOT_GIVEN, .axis = RT_NOT_GIVEN
/* Returns x with each index of an axis .repeats times in a row, or index i .counts[i] times, whose
 * values are then read: the shape depends on them. */
#define rt_repeat_interleave(...)                                                                  \
    RT_CALL_WITH_DEFAULTS(rt_repeat_interleave_, rt_repeat_interleave_args,                        \
                          RT_REPEAT_INTERLEAVE_DEFAULTS, x, __VA_ARGS__)
RT_API rt_tensor *rt_repeat_interleave_(rt_repeat_interleave_args a);
/* Shifts the elements by shifts[i] along axes[i], for all i < count; those that leave at one end come
 * back at the other. axes may be NULL if count is 1: then x is shifted as if it had one axis. */
RT_API rt_tensor *rt_roll(rt_tensor *x, const int64_t *shifts, const int64_t *axes, int count);
/* Reverses the indices of axes. */
RT_API rt_tensor *rt_flip(rt_tensor *x, rt_dims axes);
/* Reverses axis 1. */
RT_API rt_tensor *rt_fliplr(rt_tensor *x);
/* Reverses axis 0. */
RT_API rt_tensor *rt_flipud(rt_tensor *x);
/* Turns x by k quarters, from axis1 towards axis2. */
RT_API rt_tensor *rt_rot90(rt_tensor *x, int64_t k, int axis1, int axis2);
/* Returns the lower triangles of matrices [..., n, m]: zeros above a diagonal, as rt_diagonal counts
 * them. */
RT_API rt_tensor *rt_tril(rt_tensor *x, int64_t offset);
/* Returns the upper triangles of matrices [..., n, m]: zeros below a diagonal. */
RT_API rt_tensor *rt_triu(rt_tensor *x, int64_t offset);
/* Returns a matrix with the vector x on a diagonal, or a copy of a diagonal of the matrix x. */
RT_API rt_tensor *rt_diag(rt_tensor *x, int64_t offset);
/* Returns a matrix with all elements of x on a diagonal. */
RT_API rt_tensor *rt_diagflat(rt_tensor *x, int64_t offset);
/* The arguments of rt_diag_embed. */
typedef struct rt_diag_embed_args {
    rt_tensor *x;             /* [..., n], at most 7 axes */
    int64_t offset;           /* which diagonal: 0 the main one, positive above it */
    int axis1 RT_DEFAULT(-2); /* the axis of its rows */
    int axis2 RT_DEFAULT(-1); /* the axis of its columns */
} rt_diag_embed_args;
#define RT_DIAG_EMBED_DEFAULTS .axis1 = -2, .axis2 = -1
/* Returns zeros in which the last axis of x lies on a diagonal of two axes: the reverse of
 * rt_diagonal. */
#define rt_diag_embed(...)                                                                         \
    RT_CALL_WITH_DEFAULTS(rt_diag_embed_, rt_diag_embed_args, RT_DIAG_EMBED_DEFAULTS, x,           \
                          __VA_ARGS__)
RT_API rt_tensor *rt_diag_embed_(rt_diag_embed_args a);
/* Returns the sum of the main diagonal of a matrix, of integers as int64: []. */
RT_API rt_tensor *rt_trace(rt_tensor *x);

RT_END_DECLS

#endif
