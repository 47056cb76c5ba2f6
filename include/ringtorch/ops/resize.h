/* Images, sequences and volumes made larger and smaller.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3, 30, 40));
 *     rt_tensor *framed = rt_pad(x, (int64_t[]){1, 1, 2, 2}, 4);              // [8,3,34,42]
 *     rt_tensor *mirrored = rt_pad(x, (int64_t[]){3, 0}, 2, RT_PAD_REFLECT);  // [8,3,30,43]
 *
 *     rt_tensor *twice = rt_interpolate(x, .scale_factor = 2);                // [8,3,60,80]
 *     rt_tensor *square = rt_interpolate(x, rt_shape(64), .mode = RT_INTERPOLATE_BILINEAR); // [8,3,64,64]
 *     rt_tensor *blocks = rt_pixel_unshuffle(x, 2);                           // [8,12,15,20]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_RESIZE_H
#define RINGTORCH_OPS_RESIZE_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* What rt_pad adds, shown for 3 elements on both sides of a, b, c, d: a value; d c b [a b c d] c b a; a a a [a b c d]
 * d d d; b c d [a b c d] a b c. */
typedef enum rt_pad_mode {
    RT_PAD_CONSTANT,
    RT_PAD_REFLECT,
    RT_PAD_REPLICATE,
    RT_PAD_CIRCULAR,
} rt_pad_mode;
#define RT_PAD_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INTS, pads, RT_NEEDED, RT_WITHIN(-0x1p62, 0x1p62),                                           \
      "before and after the last axis, then the one before it, ...; negative ones cut")            \
    F(CHOICE, mode, RT_PAD_CONSTANT, "constant|reflect|replicate|circular", "what is added")       \
    F(NUMBER, value, 0, RT_ANY, "of mode constant, converted to the type of x")
/* The arguments of rt_pad. */
typedef struct rt_pad_args {
    RT_STRUCT(RT_PAD_FIELDS)
} rt_pad_args;
/* Returns x with pads[0] elements before and pads[1] after its last axis, pads[2] and pads[3] before and
 * after the axis before that, and so on: pads_count is even, and at most twice the number of axes. A
 * negative number cuts so many elements off. Mode reflect adds less than an axis has elements, circular
 * at most as many; replicate needs one element. */
#define rt_pad(...) RT_OP_CALL(rt_pad_, rt_pad_args, RT_PAD_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_pad_(rt_pad_args a);

/* How rt_interpolate finds elements: the nearest one, whose places count from the corner of an element
 * (nearest, as of old) or from its middle (nearest-exact); a weighted sum of the two neighbours along each axis
 * (linear for sequences, bilinear for images, trilinear for volumes) or of four (bicubic); or the mean of what
 * an element covers (area, as rt_adaptive_avg_pool2d). */
typedef enum rt_interpolate_mode {
    RT_INTERPOLATE_NEAREST,
    RT_INTERPOLATE_LINEAR,
    RT_INTERPOLATE_BILINEAR,
    RT_INTERPOLATE_BICUBIC,
    RT_INTERPOLATE_TRILINEAR,
    RT_INTERPOLATE_AREA,
    RT_INTERPOLATE_NEAREST_EXACT,
} rt_interpolate_mode;
#define RT_INTERPOLATE_FIELDS(F)                                                                   \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE,                                                            \
      "[n, c, l], [n, c, h, w] or [n, c, d, h, w]; floats, but for nearest; uint8 also for "       \
      "bilinear and bicubic")                                                                      \
    F(DIMS, size, RT_EMPTY, RT_ANY, "of the axes after the channels, or one number for all")       \
    F(NUMBER, scale_factor, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)),                                    \
      "times the sizes of x, rounded down; if no size is given")                                   \
    F(CHOICE, mode, RT_INTERPOLATE_NEAREST,                                                        \
      "nearest|linear|bilinear|bicubic|trilinear|area|nearest-exact", "how elements are found")    \
    F(FLAG, align_corners, false, RT_ANY,                                                          \
      "linear and cubic modes: the middles of the outermost elements stay where they are, "        \
      "instead of their edges")                                                                    \
    F(FLAG, recompute_scale_factor, false, RT_ANY,                                                 \
      "elements are as far apart as the sizes say, instead of scale_factor; area always")
/* The arguments of rt_interpolate. */
typedef struct rt_interpolate_args {
    RT_STRUCT(RT_INTERPOLATE_FIELDS)
} rt_interpolate_args;
/* Returns x with another number of elements along its spatial axes: either .size or .scale_factor must be
 * given. There is one .scale_factor for all axes; for another one on each axis, give the sizes. There is no
 * antialiasing. */
#define rt_interpolate(...)                                                                        \
    RT_OP_CALL(rt_interpolate_, rt_interpolate_args, RT_INTERPOLATE_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_interpolate_(rt_interpolate_args a);

/* Returns [..., c * r * r, h, w] as [..., c, h * r, w * r], r being upscale_factor: channels become blocks of
 * r x r elements. */
RT_API rt_tensor *rt_pixel_shuffle(rt_tensor *x, int64_t upscale_factor);
/* Returns [..., c, h * r, w * r] as [..., c * r * r, h, w]: the reverse of rt_pixel_shuffle. */
RT_API rt_tensor *rt_pixel_unshuffle(rt_tensor *x, int64_t downscale_factor);
/* Returns x, [n, c, ...] with three axes or more, with its channels in another order: the first of each group,
 * then the second of each, and so on. */
RT_API rt_tensor *rt_channel_shuffle(rt_tensor *x, int64_t groups);

RT_END_DECLS

#endif
