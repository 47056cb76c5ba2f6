/* Images made larger and smaller: elements around a tensor, or cut off.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3, 30, 40));
 *     rt_tensor *framed = rt_pad(x, (int64_t[]){1, 1, 2, 2}, 4);              // [8,3,34,42]
 *     rt_tensor *mirrored = rt_pad(x, (int64_t[]){3, 0}, 2, RT_PAD_REFLECT);  // [8,3,30,43]
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

RT_END_DECLS

#endif
