/* Convolutions of sequences [n, channels, len], images [n, channels, h, w] and volumes
 * [n, channels, d, h, w], or of a single one without the axis n. A pair is height and width, a triple
 * depth, height and width; give all numbers or none. Integers are summed in 64 bits, and the result
 * wraps around.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3, 32, 32)), *w = rt_randn(rt_shape(16, 3, 5, 5));
 *     rt_tensor *y = rt_conv2d(x, w, .stride = {2, 2}, .padding = {2, 2});   // [8,16,16,16]
 *     rt_tensor *z = rt_conv_transpose2d(y, w, .stride = {2, 2}, .padding = {2, 2},
 *                                        .output_padding = {1, 1});          // [8,3,32,32]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_CONV_H
#define RINGTORCH_OPS_CONV_H

#include <ringtorch/op.h>
#include <ringtorch/ops/resize.h>

RT_BEGIN_DECLS

/* ---- convolution ---- */

#define RT_CONV_FIELDS(F, KIND, ones, zeros, of_x, of_w)                                           \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_NOT_BOOL, of_x)                                            \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_NOT_BOOL, of_w)                                            \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_NOT_BOOL, "[out]")                                    \
    F(KIND, stride, ones, RT_WITHIN(1, INT32_MAX), "steps of the kernel")                          \
    F(KIND, padding, zeros, RT_WITHIN(0, INT32_MAX), "elements added on both sides")               \
    F(KIND, dilation, ones, RT_WITHIN(1, INT32_MAX), "distance between elements of the kernel")    \
    F(INT, groups, 1, RT_WITHIN(1, INT32_MAX),                                                     \
      "groups of channels, convolved separately; divides in and out")                              \
    F(FLAG, same, false, RT_ANY, "pad to keep the size (stride 1); an odd element pads the end")   \
    F(CHOICE, mode, RT_PAD_CONSTANT, "zeros|reflect|replicate|circular",                           \
      "what is added: zeros, or what rt_pad adds")
#define RT_CONV1D_FIELDS(F)                                                                        \
    RT_CONV_FIELDS(F, INT, 1, 0, "[n, in, len], or one sequence [in, len]", "[out, in/groups, k]")
#define RT_CONV2D_FIELDS(F)                                                                        \
    RT_CONV_FIELDS(F, PAIR, (1, 1), (0, 0), "[n, in, h, w], or one image [in, h, w]",              \
                   "[out, in/groups, kh, kw]")
#define RT_CONV3D_FIELDS(F)                                                                        \
    RT_CONV_FIELDS(F, TRIPLE, (1, 1, 1), (0, 0, 0),                                                \
                   "[n, in, d, h, w], or one volume [in, d, h, w]",                                \
                   "[out, in/groups, kd, kh, kw]")
typedef struct rt_conv1d_args {
    RT_STRUCT(RT_CONV1D_FIELDS)
} rt_conv1d_args;
typedef struct rt_conv2d_args {
    RT_STRUCT(RT_CONV2D_FIELDS)
} rt_conv2d_args;
typedef struct rt_conv3d_args {
    RT_STRUCT(RT_CONV3D_FIELDS)
} rt_conv3d_args;
/* Returns the convolution of x with w (a correlation, which all frameworks call convolution), plus
 * the bias: [n, out, len']. */
#define rt_conv1d(...) RT_OP_CALL(rt_conv1d_, rt_conv1d_args, RT_CONV1D_FIELDS, x, __VA_ARGS__)
/* Returns the same of images: [n, out, h', w']. */
#define rt_conv2d(...) RT_OP_CALL(rt_conv2d_, rt_conv2d_args, RT_CONV2D_FIELDS, x, __VA_ARGS__)
/* Returns the same of volumes: [n, out, d', h', w']. */
#define rt_conv3d(...) RT_OP_CALL(rt_conv3d_, rt_conv3d_args, RT_CONV3D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_conv1d_(rt_conv1d_args a);
RT_API rt_tensor *rt_conv2d_(rt_conv2d_args a);
RT_API rt_tensor *rt_conv3d_(rt_conv3d_args a);

/* ---- transposed convolution ---- */

#define RT_CONV_TRANSPOSE_FIELDS(F, KIND, ones, zeros, of_x, of_w)                                 \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_NOT_BOOL, of_x)                                            \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_NOT_BOOL, of_w)                                            \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_NOT_BOOL, "[out]")                                    \
    F(KIND, stride, ones, RT_WITHIN(1, INT32_MAX), "steps of the kernel over the result")          \
    F(KIND, padding, zeros, RT_WITHIN(0, INT32_MAX), "cut off the result on both sides")           \
    F(KIND, output_padding, zeros, RT_WITHIN(0, INT32_MAX),                                        \
      "added to the size at the end; less than the stride or the dilation")                        \
    F(KIND, dilation, ones, RT_WITHIN(1, INT32_MAX), "distance between elements of the kernel")    \
    F(INT, groups, 1, RT_WITHIN(1, INT32_MAX),                                                     \
      "groups of channels, convolved separately; divides in and out")
#define RT_CONV_TRANSPOSE1D_FIELDS(F)                                                              \
    RT_CONV_TRANSPOSE_FIELDS(F, INT, 1, 0, "[n, in, len], or one sequence [in, len]",              \
                             "[in, out/groups, k]")
#define RT_CONV_TRANSPOSE2D_FIELDS(F)                                                              \
    RT_CONV_TRANSPOSE_FIELDS(F, PAIR, (1, 1), (0, 0), "[n, in, h, w], or one image [in, h, w]",    \
                             "[in, out/groups, kh, kw]")
#define RT_CONV_TRANSPOSE3D_FIELDS(F)                                                              \
    RT_CONV_TRANSPOSE_FIELDS(F, TRIPLE, (1, 1, 1), (0, 0, 0),                                      \
                             "[n, in, d, h, w], or one volume [in, d, h, w]",                      \
                             "[in, out/groups, kd, kh, kw]")
typedef struct rt_conv_transpose1d_args {
    RT_STRUCT(RT_CONV_TRANSPOSE1D_FIELDS)
} rt_conv_transpose1d_args;
typedef struct rt_conv_transpose2d_args {
    RT_STRUCT(RT_CONV_TRANSPOSE2D_FIELDS)
} rt_conv_transpose2d_args;
typedef struct rt_conv_transpose3d_args {
    RT_STRUCT(RT_CONV_TRANSPOSE3D_FIELDS)
} rt_conv_transpose3d_args;
/* Returns the transposed convolution, the gradient of rt_conv1d with these options with respect to its
 * x, plus the bias: [n, out, (len - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1]. */
#define rt_conv_transpose1d(...)                                                                   \
    RT_OP_CALL(rt_conv_transpose1d_, rt_conv_transpose1d_args, RT_CONV_TRANSPOSE1D_FIELDS, x,      \
               __VA_ARGS__)
/* Returns the same of images. */
#define rt_conv_transpose2d(...)                                                                   \
    RT_OP_CALL(rt_conv_transpose2d_, rt_conv_transpose2d_args, RT_CONV_TRANSPOSE2D_FIELDS, x,      \
               __VA_ARGS__)
/* Returns the same of volumes. */
#define rt_conv_transpose3d(...)                                                                   \
    RT_OP_CALL(rt_conv_transpose3d_, rt_conv_transpose3d_args, RT_CONV_TRANSPOSE3D_FIELDS, x,      \
               __VA_ARGS__)
RT_API rt_tensor *rt_conv_transpose1d_(rt_conv_transpose1d_args a);
RT_API rt_tensor *rt_conv_transpose2d_(rt_conv_transpose2d_args a);
RT_API rt_tensor *rt_conv_transpose3d_(rt_conv_transpose3d_args a);

/* ---- windows as columns ---- */

#define RT_WINDOW_FIELDS(F)                                                                        \
    F(PAIR, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of a window")                        \
    F(PAIR, stride, (1, 1), RT_WITHIN(1, INT32_MAX), "steps of the window")                        \
    F(PAIR, padding, (0, 0), RT_WITHIN(0, INT32_MAX), "zeros on both sides")                       \
    F(PAIR, dilation, (1, 1), RT_WITHIN(1, INT32_MAX), "distance between elements of a window")
#define RT_IM2COL_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[n, c, h, w], or one image [c, h, w]")                    \
    RT_WINDOW_FIELDS(F)
#define RT_COL2IM_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_FLOATS | RT_COMPLEX,                                                 \
      "[n, c kh kw, windows], or of one image [c kh kw, windows]")                                 \
    F(PAIR, size, RT_NEEDED, RT_FROM(0), "of the images")                                          \
    RT_WINDOW_FIELDS(F)
typedef struct rt_im2col_args {
    RT_STRUCT(RT_IM2COL_FIELDS)
} rt_im2col_args;
typedef struct rt_col2im_args {
    RT_STRUCT(RT_COL2IM_FIELDS)
} rt_col2im_args;
/* Returns the windows of images as columns, as torch.nn.functional.unfold (rt_unfold is
 * torch.Tensor.unfold): [n, c kh kw, windows], windows row by row. rt_im2col(x, {3, 3}) */
#define rt_im2col(...) RT_OP_CALL(rt_im2col_, rt_im2col_args, RT_IM2COL_FIELDS, x, __VA_ARGS__)
/* Returns the images [n, c, h, w] whose elements are the sums of what the columns have of them, as
 * torch.nn.functional.fold. rt_col2im(x, {h, w}, {3, 3}) */
#define rt_col2im(...) RT_OP_CALL(rt_col2im_, rt_col2im_args, RT_COL2IM_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_im2col_(rt_im2col_args a);
RT_API rt_tensor *rt_col2im_(rt_col2im_args a);

RT_END_DECLS

#endif
