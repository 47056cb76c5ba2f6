/* Pooling of images of shape [n, channels, height, width], or of one image, [channels, height, width]. A
 * pair is height and width; give both numbers or neither.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 16, 28, 28));
 *     rt_tensor *y = rt_max_pool2d(x, {2, 2});                               // [8,16,14,14]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_POOL_H
#define RINGTORCH_OPS_POOL_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_POOL2D_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n, c, h, w] or [c, h, w]")                                 \
    F(PAIR, kernel, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "size of the window")                      \
    F(PAIR, stride, (RT_NOT_GIVEN, RT_NOT_GIVEN), RT_MAYBE(RT_WITHIN(1, INT32_MAX)),               \
      "steps of the window; not given: its size")                                                  \
    F(PAIR, padding, (0, 0), RT_WITHIN(0, INT32_MAX),                                              \
      "added on both sides, at most half the kernel: -inf for max, zeros that count for avg")
typedef struct rt_pool2d_args {
    RT_STRUCT(RT_POOL2D_FIELDS)
} rt_pool2d_args;
/* Returns the maximum of each window. If several elements are the maximum, the first one gets the
 * gradient; NaN counts as the maximum. */
#define rt_max_pool2d(...)                                                                         \
    RT_OP_CALL(rt_max_pool2d_, rt_pool2d_args, RT_POOL2D_FIELDS, x, __VA_ARGS__)
/* Returns the mean of each window. */
#define rt_avg_pool2d(...)                                                                         \
    RT_OP_CALL(rt_avg_pool2d_, rt_pool2d_args, RT_POOL2D_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_max_pool2d_(rt_pool2d_args a);
RT_API rt_tensor *rt_avg_pool2d_(rt_pool2d_args a);

RT_END_DECLS

#endif
