/* What the convolutions share: three operations on a shape of up to three axes, in which the public ones end. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_CONV_CONVOLUTION_H
#define RINGTORCH_WORKER_ENGINE_OPS_CONV_CONVOLUTION_H

#include "worker/engine/ops/ops.h"

/* The arguments of a convolution, whatever its number of axes. */
typedef struct RT_DESIGNATED rt__convolution {
    const char *name; /* of the operation, for messages */
    int axes;
    rt_tensor *x, *w, *bias;
    const int64_t *stride, *padding, *dilation; /* [axes] */
    const int64_t *output_padding;              /* [axes]; of a transposed one */
    int64_t groups;
    bool same;
    int mode; /* rt_pad_mode */
} rt__convolution;

/* Returns the convolution of x with w, plus the bias. */
rt_tensor *rt__conv(const rt__convolution *c);
/* Returns the transposed convolution, the gradient of one with respect to its input x, plus the bias. */
rt_tensor *rt__conv_transpose(const rt__convolution *c);

/* Returns a shape of that many axes without tensors: everything is 1, without padding. The values of the axes are copied to the last
 * places but for a single one, whose place is the height. */
rt_conv_shape rt__conv_shape(int axes, const int64_t *stride, const int64_t *padding,
                             const int64_t *dilation);
/* Returns where the values of the axes begin. */
int rt__conv_first(int axes);
/* Computes s->out from the other sizes. Fails if a window does not fit into the padded input, or if sizes are beyond what kernels can
 * multiply. */
rt_status rt__conv_fit(const char *name, rt_conv_shape *s);

#endif
