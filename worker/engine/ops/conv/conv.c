/* Convolutions of sequences, images and volumes, and transposed ones. */
#include "worker/engine/ops/conv/convolution.h"

/* The members that the arguments have in common. `first` is & where an axis has one number, not an array. */
#define COMMON(n_axes, first)                                                                      \
    .name = c->op->name, .axes = (n_axes), .x = a->x, .w = a->w, .bias = a->bias,                  \
    .stride = first a->stride, .padding = first a->padding, .dilation = first a->dilation,         \
    .groups = a->groups

RT_COMPOSITE(conv1d, rt_conv1d_args, RT_CONV1D_FIELDS,
             "y[n,o,i] = bias[o] + sum over c, p of x[n,c,i+p] w[o,c,p]")
{
    return rt__conv(&(rt__convolution){COMMON(1, &), .same = a->same, .mode = a->mode});
}

rt_tensor *rt_conv1d_(rt_conv1d_args a)
{
    return rt_apply(&rt__op_conv1d, &a);
}

RT_COMPOSITE(conv2d, rt_conv2d_args, RT_CONV2D_FIELDS,
             "y[n,o,i,j] = bias[o] + sum over c, p, q of x[n,c,i+p,j+q] w[o,c,p,q]")
{
    return rt__conv(&(rt__convolution){COMMON(2, ), .same = a->same, .mode = a->mode});
}

rt_tensor *rt_conv2d_(rt_conv2d_args a)
{
    return rt_apply(&rt__op_conv2d, &a);
}

RT_COMPOSITE(conv3d, rt_conv3d_args, RT_CONV3D_FIELDS,
             "y[n,o,i,j,k] = bias[o] + sum over c, p, q, r of x[n,c,i+p,j+q,k+r] w[o,c,p,q,r]")
{
    return rt__conv(&(rt__convolution){COMMON(3, ), .same = a->same, .mode = a->mode});
}

rt_tensor *rt_conv3d_(rt_conv3d_args a)
{
    return rt_apply(&rt__op_conv3d, &a);
}

RT_COMPOSITE(conv_transpose1d, rt_conv_transpose1d_args, RT_CONV_TRANSPOSE1D_FIELDS,
             "y[n,o,i+p] = bias[o] + sum over c, p of x[n,c,i] w[c,o,p]")
{
    return rt__conv_transpose(
        &(rt__convolution){COMMON(1, &), .output_padding = &a->output_padding});
}

rt_tensor *rt_conv_transpose1d_(rt_conv_transpose1d_args a)
{
    return rt_apply(&rt__op_conv_transpose1d, &a);
}

RT_COMPOSITE(conv_transpose2d, rt_conv_transpose2d_args, RT_CONV_TRANSPOSE2D_FIELDS,
             "y[n,o,i+p,j+q] = bias[o] + sum over c, p, q of x[n,c,i,j] w[c,o,p,q]")
{
    return rt__conv_transpose(&(rt__convolution){COMMON(2, ), .output_padding = a->output_padding});
}

rt_tensor *rt_conv_transpose2d_(rt_conv_transpose2d_args a)
{
    return rt_apply(&rt__op_conv_transpose2d, &a);
}

RT_COMPOSITE(conv_transpose3d, rt_conv_transpose3d_args, RT_CONV_TRANSPOSE3D_FIELDS,
             "y[n,o,i+p,j+q,k+r] = bias[o] + sum over c, p, q, r of x[n,c,i,j,k] w[c,o,p,q,r]")
{
    return rt__conv_transpose(&(rt__convolution){COMMON(3, ), .output_padding = a->output_padding});
}

rt_tensor *rt_conv_transpose3d_(rt_conv_transpose3d_args a)
{
    return rt_apply(&rt__op_conv_transpose3d, &a);
}
