/* Pooling of sequences [n, channels, length], images [n, channels, height, width] and volumes [n, channels,
 * depth, height, width], or of one without n. A pair is height and width, a triple depth, height and width;
 * give all numbers or none.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 16, 28, 28));
 *     rt_tensor *y = rt_max_pool2d(x, {2, 2});                               // [8,16,14,14]
 *     rt_tensor *z = rt_avg_pool2d(x, {3, 3}, .stride = {2, 2}, .ceil_mode = true);   // [8,16,14,14]
 *     rt_tensor *mean = rt_adaptive_avg_pool2d(x, {1, 1});                   // [8,16,1,1]
 *
 * Names and edge cases are PyTorch's. The windows of an axis of size n begin at -padding, and then `stride`
 * apart. With ceil_mode there is also a last one that reaches beyond the padding after x, if it begins
 * before that padding. Every window must have an element of x.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_POOL_H
#define RINGTORCH_OPS_POOL_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* ---- the maximum ---- */
/* The rows of all three; one, zero and none: such a number for each axis. */
#define RT_MAX_POOL_FIELDS(F, KIND, shape, one, zero, none)                                        \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS, shape)                                         \
    F(KIND, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(KIND, stride, none, RT_MAYBE(RT_WITHIN(1, INT32_MAX)),                                       \
      "steps of the window; not given: its size")                                                  \
    F(KIND, padding, zero, RT_WITHIN(0, INT32_MAX),                                                \
      "places on both sides that are never the maximum; at most half of what a window covers")     \
    F(KIND, dilation, one, RT_WITHIN(1, INT32_MAX), "distance between elements of a window")       \
    F(FLAG, ceil_mode, false, RT_ANY, "also a last window that reaches beyond the padding")
#define RT_MAX_POOL1D_FIELDS(F)                                                                    \
    RT_MAX_POOL_FIELDS(F, INT, "[n, c, l] or [c, l]", 1, 0, RT_NOT_GIVEN)
#define RT_MAX_POOL2D_FIELDS(F)                                                                    \
    RT_MAX_POOL_FIELDS(F, PAIR, "[n, c, h, w] or [c, h, w]", (1, 1), (0, 0),                       \
                       (RT_NOT_GIVEN, RT_NOT_GIVEN))
#define RT_MAX_POOL3D_FIELDS(F)                                                                    \
    RT_MAX_POOL_FIELDS(F, TRIPLE, "[n, c, d, h, w] or [c, d, h, w]", (1, 1, 1), (0, 0, 0),         \
                       (RT_NOT_GIVEN, RT_NOT_GIVEN, RT_NOT_GIVEN))
/* The arguments of rt_max_pool1d. */
typedef struct rt_max_pool1d_args {
    RT_STRUCT(RT_MAX_POOL1D_FIELDS)
} rt_max_pool1d_args;
/* The arguments of rt_max_pool2d. */
typedef struct rt_max_pool2d_args {
    RT_STRUCT(RT_MAX_POOL2D_FIELDS)
} rt_max_pool2d_args;
/* The arguments of rt_max_pool3d. */
typedef struct rt_max_pool3d_args {
    RT_STRUCT(RT_MAX_POOL3D_FIELDS)
} rt_max_pool3d_args;
/* Returns the maximum of each window of sequences. If several elements are the maximum, the first one
 * gets the gradient; NaN counts as the maximum. */
#define rt_max_pool1d(...)                                                                         \
    RT_OP_CALL(rt_max_pool1d_, rt_max_pool1d_args, RT_MAX_POOL1D_FIELDS, x, __VA_ARGS__)
/* The same of images. */
#define rt_max_pool2d(...)                                                                         \
    RT_OP_CALL(rt_max_pool2d_, rt_max_pool2d_args, RT_MAX_POOL2D_FIELDS, x, __VA_ARGS__)
/* The same of volumes. */
#define rt_max_pool3d(...)                                                                         \
    RT_OP_CALL(rt_max_pool3d_, rt_max_pool3d_args, RT_MAX_POOL3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_max_pool1d_(rt_max_pool1d_args a);
RT_API rt_tensor *rt_max_pool2d_(rt_max_pool2d_args a);
RT_API rt_tensor *rt_max_pool3d_(rt_max_pool3d_args a);

/* The results of rt_max_pool2d_with_indices and its like. */
typedef struct rt_max_pool_results {
    /* the maxima; where they are in their sequence, image or volume, whose elements count in row-major
     * order: int64, without gradient */
    rt_tensor *y, *index;
} rt_max_pool_results;
/* Returns what rt_max_pool1d does, and where each maximum is. */
#define rt_max_pool1d_with_indices(...)                                                            \
    RT_OP_CALL(rt_max_pool1d_with_indices_, rt_max_pool1d_args, RT_MAX_POOL1D_FIELDS, x,           \
               __VA_ARGS__)
/* Returns what rt_max_pool2d does, and where each maximum is. */
#define rt_max_pool2d_with_indices(...)                                                            \
    RT_OP_CALL(rt_max_pool2d_with_indices_, rt_max_pool2d_args, RT_MAX_POOL2D_FIELDS, x,           \
               __VA_ARGS__)
/* Returns what rt_max_pool3d does, and where each maximum is. */
#define rt_max_pool3d_with_indices(...)                                                            \
    RT_OP_CALL(rt_max_pool3d_with_indices_, rt_max_pool3d_args, RT_MAX_POOL3D_FIELDS, x,           \
               __VA_ARGS__)
RT_API rt_max_pool_results rt_max_pool1d_with_indices_(rt_max_pool1d_args a);
RT_API rt_max_pool_results rt_max_pool2d_with_indices_(rt_max_pool2d_args a);
RT_API rt_max_pool_results rt_max_pool3d_with_indices_(rt_max_pool3d_args a);

#define RT_MAX_UNPOOL_FIELDS(F, KIND, shape, zero, none)                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, shape)                                                     \
    F(INPUT, index, RT_NEEDED, RT_TYPE(I64), "of the same shape")                                  \
    F(KIND, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(KIND, stride, none, RT_MAYBE(RT_WITHIN(1, INT32_MAX)),                                       \
      "steps of the window; not given: its size")                                                  \
    F(KIND, padding, zero, RT_WITHIN(0, INT32_MAX), "that of the pooling")                         \
    F(KIND, size, none, RT_MAYBE(RT_WITHIN(1, INT32_MAX)),                                         \
      "of the result, less than a stride from (size of x - 1) * stride - 2 * padding + kernel; "   \
      "not given: that")
#define RT_MAX_UNPOOL1D_FIELDS(F)                                                                  \
    RT_MAX_UNPOOL_FIELDS(F, INT, "[n, c, l] or [c, l]", 0, RT_NOT_GIVEN)
#define RT_MAX_UNPOOL2D_FIELDS(F)                                                                  \
    RT_MAX_UNPOOL_FIELDS(F, PAIR, "[n, c, h, w] or [c, h, w]", (0, 0), (RT_NOT_GIVEN, RT_NOT_GIVEN))
#define RT_MAX_UNPOOL3D_FIELDS(F)                                                                  \
    RT_MAX_UNPOOL_FIELDS(F, TRIPLE, "[n, c, d, h, w] or [c, d, h, w]", (0, 0, 0),                  \
                         (RT_NOT_GIVEN, RT_NOT_GIVEN, RT_NOT_GIVEN))
/* The arguments of rt_max_unpool1d. */
typedef struct rt_max_unpool1d_args {
    RT_STRUCT(RT_MAX_UNPOOL1D_FIELDS)
} rt_max_unpool1d_args;
/* The arguments of rt_max_unpool2d. */
typedef struct rt_max_unpool2d_args {
    RT_STRUCT(RT_MAX_UNPOOL2D_FIELDS)
} rt_max_unpool2d_args;
/* The arguments of rt_max_unpool3d. */
typedef struct rt_max_unpool3d_args {
    RT_STRUCT(RT_MAX_UNPOOL3D_FIELDS)
} rt_max_unpool3d_args;
/* Returns zeros with the elements of x, sequences, at the index that rt_max_pool1d_with_indices gave with
 * these windows. Of several elements with one place the last one stays. */
#define rt_max_unpool1d(...)                                                                       \
    RT_OP_CALL(rt_max_unpool1d_, rt_max_unpool1d_args, RT_MAX_UNPOOL1D_FIELDS, x, __VA_ARGS__)
/* The same for images. */
#define rt_max_unpool2d(...)                                                                       \
    RT_OP_CALL(rt_max_unpool2d_, rt_max_unpool2d_args, RT_MAX_UNPOOL2D_FIELDS, x, __VA_ARGS__)
/* The same for volumes. */
#define rt_max_unpool3d(...)                                                                       \
    RT_OP_CALL(rt_max_unpool3d_, rt_max_unpool3d_args, RT_MAX_UNPOOL3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_max_unpool1d_(rt_max_unpool1d_args a);
RT_API rt_tensor *rt_max_unpool2d_(rt_max_unpool2d_args a);
RT_API rt_tensor *rt_max_unpool3d_(rt_max_unpool3d_args a);

/* ---- the mean ---- */
#define RT_AVG_POOL_FIELDS(F, KIND, shape, zero, none)                                             \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_INTEGERS, shape)                                         \
    F(KIND, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(KIND, stride, none, RT_MAYBE(RT_WITHIN(1, INT32_MAX)),                                       \
      "steps of the window; not given: its size")                                                  \
    F(KIND, padding, zero, RT_WITHIN(0, INT32_MAX),                                                \
      "zeros on both sides; at most half the kernel")                                              \
    F(FLAG, ceil_mode, false, RT_ANY, "also a last window that reaches beyond the padding")        \
    F(FLAG, count_include_pad, true, RT_ANY, "the padding counts as elements of the mean")         \
    F(INT, divisor_override, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)),                           \
      "divide sums by this number, not 0; not given: by the number of elements")
#define RT_AVG_POOL1D_FIELDS(F) RT_AVG_POOL_FIELDS(F, INT, "[n, c, l] or [c, l]", 0, RT_NOT_GIVEN)
#define RT_AVG_POOL2D_FIELDS(F)                                                                    \
    RT_AVG_POOL_FIELDS(F, PAIR, "[n, c, h, w] or [c, h, w]", (0, 0), (RT_NOT_GIVEN, RT_NOT_GIVEN))
#define RT_AVG_POOL3D_FIELDS(F)                                                                    \
    RT_AVG_POOL_FIELDS(F, TRIPLE, "[n, c, d, h, w] or [c, d, h, w]", (0, 0, 0),                    \
                       (RT_NOT_GIVEN, RT_NOT_GIVEN, RT_NOT_GIVEN))
/* The arguments of rt_avg_pool1d. */
typedef struct rt_avg_pool1d_args {
    RT_STRUCT(RT_AVG_POOL1D_FIELDS)
} rt_avg_pool1d_args;
/* The arguments of rt_avg_pool2d. */
typedef struct rt_avg_pool2d_args {
    RT_STRUCT(RT_AVG_POOL2D_FIELDS)
} rt_avg_pool2d_args;
/* The arguments of rt_avg_pool3d. */
typedef struct rt_avg_pool3d_args {
    RT_STRUCT(RT_AVG_POOL3D_FIELDS)
} rt_avg_pool3d_args;
/* Returns the mean of each window of sequences, of integers without its fraction. What a last window has
 * beyond the padding does not count. */
#define rt_avg_pool1d(...)                                                                         \
    RT_OP_CALL(rt_avg_pool1d_, rt_avg_pool1d_args, RT_AVG_POOL1D_FIELDS, x, __VA_ARGS__)
/* The same of images. */
#define rt_avg_pool2d(...)                                                                         \
    RT_OP_CALL(rt_avg_pool2d_, rt_avg_pool2d_args, RT_AVG_POOL2D_FIELDS, x, __VA_ARGS__)
/* The same of volumes. */
#define rt_avg_pool3d(...)                                                                         \
    RT_OP_CALL(rt_avg_pool3d_, rt_avg_pool3d_args, RT_AVG_POOL3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_avg_pool1d_(rt_avg_pool1d_args a);
RT_API rt_tensor *rt_avg_pool2d_(rt_avg_pool2d_args a);
RT_API rt_tensor *rt_avg_pool3d_(rt_avg_pool3d_args a);

#define RT_LP_POOL_FIELDS(F, KIND, shape, none)                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, shape)                                                       \
    F(NUMBER, norm_type, RT_NEEDED, RT_ANY, "the power p, not 0")                                  \
    F(KIND, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(KIND, stride, none, RT_MAYBE(RT_WITHIN(1, INT32_MAX)),                                       \
      "steps of the window; not given: its size")                                                  \
    F(FLAG, ceil_mode, false, RT_ANY, "also a last window that reaches beyond x")
#define RT_LP_POOL1D_FIELDS(F) RT_LP_POOL_FIELDS(F, INT, "[n, c, l] or [c, l]", RT_NOT_GIVEN)
#define RT_LP_POOL2D_FIELDS(F)                                                                     \
    RT_LP_POOL_FIELDS(F, PAIR, "[n, c, h, w] or [c, h, w]", (RT_NOT_GIVEN, RT_NOT_GIVEN))
#define RT_LP_POOL3D_FIELDS(F)                                                                     \
    RT_LP_POOL_FIELDS(F, TRIPLE, "[n, c, d, h, w] or [c, d, h, w]",                                \
                      (RT_NOT_GIVEN, RT_NOT_GIVEN, RT_NOT_GIVEN))
/* The arguments of rt_lp_pool1d. */
typedef struct rt_lp_pool1d_args {
    RT_STRUCT(RT_LP_POOL1D_FIELDS)
} rt_lp_pool1d_args;
/* The arguments of rt_lp_pool2d. */
typedef struct rt_lp_pool2d_args {
    RT_STRUCT(RT_LP_POOL2D_FIELDS)
} rt_lp_pool2d_args;
/* The arguments of rt_lp_pool3d. */
typedef struct rt_lp_pool3d_args {
    RT_STRUCT(RT_LP_POOL3D_FIELDS)
} rt_lp_pool3d_args;
/* Returns the root sum(x^p)^(1/p) of each window of sequences, p being .norm_type. A last window that is cut off counts as if it had all elements, with the mean of those it has, as in
 * PyTorch. */
#define rt_lp_pool1d(...)                                                                          \
    RT_OP_CALL(rt_lp_pool1d_, rt_lp_pool1d_args, RT_LP_POOL1D_FIELDS, x, __VA_ARGS__)
/* The same of images. */
#define rt_lp_pool2d(...)                                                                          \
    RT_OP_CALL(rt_lp_pool2d_, rt_lp_pool2d_args, RT_LP_POOL2D_FIELDS, x, __VA_ARGS__)
/* The same of volumes. */
#define rt_lp_pool3d(...)                                                                          \
    RT_OP_CALL(rt_lp_pool3d_, rt_lp_pool3d_args, RT_LP_POOL3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_lp_pool1d_(rt_lp_pool1d_args a);
RT_API rt_tensor *rt_lp_pool2d_(rt_lp_pool2d_args a);
RT_API rt_tensor *rt_lp_pool3d_(rt_lp_pool3d_args a);

/* ---- a given number of windows ---- */
#define RT_ADAPTIVE_POOL_FIELDS(F, KIND, shape)                                                    \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, shape)                                                       \
    F(KIND, size, RT_NEEDED, RT_WITHIN(-1, INT32_MAX), "of the result; -1: that of x")
#define RT_ADAPTIVE_POOL1D_FIELDS(F) RT_ADAPTIVE_POOL_FIELDS(F, INT, "[n, c, l] or [c, l]")
#define RT_ADAPTIVE_POOL2D_FIELDS(F) RT_ADAPTIVE_POOL_FIELDS(F, PAIR, "[n, c, h, w] or [c, h, w]")
#define RT_ADAPTIVE_POOL3D_FIELDS(F)                                                               \
    RT_ADAPTIVE_POOL_FIELDS(F, TRIPLE, "[n, c, d, h, w] or [c, d, h, w]")
/* The arguments of rt_adaptive_avg_pool1d and rt_adaptive_max_pool1d. */
typedef struct rt_adaptive_pool1d_args {
    RT_STRUCT(RT_ADAPTIVE_POOL1D_FIELDS)
} rt_adaptive_pool1d_args;
/* The arguments of rt_adaptive_avg_pool2d and rt_adaptive_max_pool2d. */
typedef struct rt_adaptive_pool2d_args {
    RT_STRUCT(RT_ADAPTIVE_POOL2D_FIELDS)
} rt_adaptive_pool2d_args;
/* The arguments of rt_adaptive_avg_pool3d and rt_adaptive_max_pool3d. */
typedef struct rt_adaptive_pool3d_args {
    RT_STRUCT(RT_ADAPTIVE_POOL3D_FIELDS)
} rt_adaptive_pool3d_args;
/* Returns the means of .size windows of sequences, which together cover them: of an axis of size n window i
 * goes from floor(i * n / size) to before ceil((i + 1) * n / size). */
#define rt_adaptive_avg_pool1d(...)                                                                \
    RT_OP_CALL(rt_adaptive_avg_pool1d_, rt_adaptive_pool1d_args, RT_ADAPTIVE_POOL1D_FIELDS, x,     \
               __VA_ARGS__)
/* The same of images. */
#define rt_adaptive_avg_pool2d(...)                                                                \
    RT_OP_CALL(rt_adaptive_avg_pool2d_, rt_adaptive_pool2d_args, RT_ADAPTIVE_POOL2D_FIELDS, x,     \
               __VA_ARGS__)
/* The same of volumes. */
#define rt_adaptive_avg_pool3d(...)                                                                \
    RT_OP_CALL(rt_adaptive_avg_pool3d_, rt_adaptive_pool3d_args, RT_ADAPTIVE_POOL3D_FIELDS, x,     \
               __VA_ARGS__)
/* Returns the maxima of the windows of rt_adaptive_avg_pool1d. */
#define rt_adaptive_max_pool1d(...)                                                                \
    RT_OP_CALL(rt_adaptive_max_pool1d_, rt_adaptive_pool1d_args, RT_ADAPTIVE_POOL1D_FIELDS, x,     \
               __VA_ARGS__)
/* The same of images. */
#define rt_adaptive_max_pool2d(...)                                                                \
    RT_OP_CALL(rt_adaptive_max_pool2d_, rt_adaptive_pool2d_args, RT_ADAPTIVE_POOL2D_FIELDS, x,     \
               __VA_ARGS__)
/* The same of volumes. */
#define rt_adaptive_max_pool3d(...)                                                                \
    RT_OP_CALL(rt_adaptive_max_pool3d_, rt_adaptive_pool3d_args, RT_ADAPTIVE_POOL3D_FIELDS, x,     \
               __VA_ARGS__)
/* Returns what rt_adaptive_max_pool1d does, and where each maximum is. */
#define rt_adaptive_max_pool1d_with_indices(...)                                                   \
    RT_OP_CALL(rt_adaptive_max_pool1d_with_indices_, rt_adaptive_pool1d_args,                      \
               RT_ADAPTIVE_POOL1D_FIELDS, x, __VA_ARGS__)
/* Returns what rt_adaptive_max_pool2d does, and where each maximum is. */
#define rt_adaptive_max_pool2d_with_indices(...)                                                   \
    RT_OP_CALL(rt_adaptive_max_pool2d_with_indices_, rt_adaptive_pool2d_args,                      \
               RT_ADAPTIVE_POOL2D_FIELDS, x, __VA_ARGS__)
/* Returns what rt_adaptive_max_pool3d does, and where each maximum is. */
#define rt_adaptive_max_pool3d_with_indices(...)                                                   \
    RT_OP_CALL(rt_adaptive_max_pool3d_with_indices_, rt_adaptive_pool3d_args,                      \
               RT_ADAPTIVE_POOL3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_adaptive_avg_pool1d_(rt_adaptive_pool1d_args a);
RT_API rt_tensor *rt_adaptive_avg_pool2d_(rt_adaptive_pool2d_args a);
RT_API rt_tensor *rt_adaptive_avg_pool3d_(rt_adaptive_pool3d_args a);
RT_API rt_tensor *rt_adaptive_max_pool1d_(rt_adaptive_pool1d_args a);
RT_API rt_tensor *rt_adaptive_max_pool2d_(rt_adaptive_pool2d_args a);
RT_API rt_tensor *rt_adaptive_max_pool3d_(rt_adaptive_pool3d_args a);
RT_API rt_max_pool_results rt_adaptive_max_pool1d_with_indices_(rt_adaptive_pool1d_args a);
RT_API rt_max_pool_results rt_adaptive_max_pool2d_with_indices_(rt_adaptive_pool2d_args a);
RT_API rt_max_pool_results rt_adaptive_max_pool3d_with_indices_(rt_adaptive_pool3d_args a);

RT_END_DECLS

#endif
