/* Convolutions of images of shape [n, channels, height, width]. A pair is height and width; give both
 * numbers or neither.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3, 32, 32)), *w = rt_randn(rt_shape(16, 3, 5, 5));
 *     rt_tensor *y = rt_conv2d(x, w, .stride = {2, 2}, .padding = {2, 2});   // [8,16,16,16]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_CONV_H
#define RINGTORCH_OPS_CONV_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_CONV2D_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, in, h, w], or one image [in, h, w]")          \
    F(INPUT, w, RT_NEEDED, RT_SAME | RT_FLOATS, "[out, in/groups, kh, kw]")                        \
    F(INPUT, bias, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[out]")                                      \
    F(PAIR, stride, (1, 1), RT_WITHIN(1, INT32_MAX), "steps of the kernel")                        \
    F(PAIR, padding, (0, 0), RT_WITHIN(0, INT32_MAX), "zeros on both sides")                       \
    F(PAIR, dilation, (1, 1), RT_WITHIN(1, INT32_MAX), "distance between elements of the kernel")  \
    F(INT, groups, 1, RT_WITHIN(1, INT32_MAX),                                                     \
      "groups of channels, convolved separately; divides in and out")                              \
    F(FLAG, same, false, RT_ANY, "pad to keep the size (stride 1); an odd element pads the end")
typedef struct rt_conv2d_args {
    RT_STRUCT(RT_CONV2D_FIELDS)
} rt_conv2d_args;
/* Returns the convolution of x with w (a correlation, which all frameworks call convolution), plus
 * the bias: [n, out, h', w']. */
#define rt_conv2d(...) RT_OP_CALL(rt_conv2d_, rt_conv2d_args, RT_CONV2D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_conv2d_(rt_conv2d_args a);

RT_END_DECLS

#endif
