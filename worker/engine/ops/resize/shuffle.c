/* Blocks of pixels made of channels, and back: views with their axes in another order, which are copied. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define PIXEL_SHUFFLE_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., c * r * r, h, w]")                                  \
    F(INT, upscale_factor, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "the side r of a block")
typedef struct RT_DESIGNATED pixel_shuffle_args {
    RT_STRUCT(PIXEL_SHUFFLE_FIELDS)
} pixel_shuffle_args;

#define PIXEL_UNSHUFFLE_FIELDS(F)                                                                  \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[..., c, h * r, w * r]")                                  \
    F(INT, downscale_factor, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "the side r of a block")
typedef struct RT_DESIGNATED pixel_unshuffle_args {
    RT_STRUCT(PIXEL_UNSHUFFLE_FIELDS)
} pixel_unshuffle_args;

#define CHANNEL_SHUFFLE_FIELDS(F)                                                                  \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[n, c, ...] of three axes or more")                       \
    F(INT, groups, RT_NEEDED, RT_WITHIN(1, INT32_MAX), "of channels; divides c")
typedef struct RT_DESIGNATED channel_shuffle_args {
    RT_STRUCT(CHANNEL_SHUFFLE_FIELDS)
} channel_shuffle_args;

/* Returns the product of the sizes of axes [from, to). */
static int64_t volume(const rt_dims *d, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= d->d[i];
    return n;
}

RT_COMPOSITE(pixel_shuffle, pixel_shuffle_args, PIXEL_SHUFFLE_FIELDS,
             "y[..., c, h * r + i, w * r + j] = x[..., (c * r + i) * r + j, h, w]")
{
    rt_dims d = a->x->dims;
    int64_t r = a->upscale_factor;
    if (d.n < 3 || d.d[d.n - 3] % (r * r) != 0)
        return RT_FAIL_NULL(SHAPE, "pixel_shuffle: x %s, expected [..., c * %lld * %lld, h, w]",
                            rt_dims_text(d), (long long)r, (long long)r);
    int64_t *last = d.d + d.n - 3, n = volume(&d, 0, d.n - 3);
    int64_t channels = last[0] / (r * r), h = last[1], w = last[2];
    rt_tensor *blocks = rt_reshape(a->x, rt_shape(n, channels, r, r, h, w));
    if (!blocks) /* of an empty x, with more than 2^63 elements beside that axis */
        return NULL;
    last[0] = channels;
    last[1] = h * r;
    last[2] = w * r;
    return rt_reshape(rt_permute(blocks, rt_shape(0, 1, 4, 2, 5, 3)), d);
}

RT_COMPOSITE(pixel_unshuffle, pixel_unshuffle_args, PIXEL_UNSHUFFLE_FIELDS,
             "y[..., (c * r + i) * r + j, h, w] = x[..., c, h * r + i, w * r + j]")
{
    rt_dims d = a->x->dims;
    int64_t r = a->downscale_factor;
    if (d.n < 3 || d.d[d.n - 2] % r != 0 || d.d[d.n - 1] % r != 0)
        return RT_FAIL_NULL(SHAPE, "pixel_unshuffle: x %s, expected [..., c, h * %lld, w * %lld]",
                            rt_dims_text(d), (long long)r, (long long)r);
    int64_t *last = d.d + d.n - 3, n = volume(&d, 0, d.n - 3);
    int64_t channels = last[0], h = last[1] / r, w = last[2] / r;
    rt_tensor *blocks = rt_reshape(a->x, rt_shape(n, channels, h, r, w, r));
    if (!blocks)
        return NULL;
    last[0] = channels * r * r;
    last[1] = h;
    last[2] = w;
    return rt_reshape(rt_permute(blocks, rt_shape(0, 1, 3, 5, 2, 4)), d);
}

RT_COMPOSITE(channel_shuffle, channel_shuffle_args, CHANNEL_SHUFFLE_FIELDS,
             "y[:, i * groups + g] = x[:, g * (c / groups) + i]")
{
    rt_dims d = a->x->dims;
    if (d.n < 3 || d.d[1] % a->groups != 0)
        return RT_FAIL_NULL(SHAPE,
                            "channel_shuffle: x %s, expected [n, c, ...] with channels that %lld "
                            "groups divide",
                            rt_dims_text(d), (long long)a->groups);
    rt_tensor *groups =
        rt_reshape(a->x, rt_shape(d.d[0], a->groups, d.d[1] / a->groups, volume(&d, 2, d.n)));
    return rt_reshape(rt_transpose(groups, 1, 2), d);
}

rt_tensor *rt_pixel_shuffle(rt_tensor *x, int64_t upscale_factor)
{
    return rt_apply(&rt__op_pixel_shuffle,
                    &(pixel_shuffle_args){.x = x, .upscale_factor = upscale_factor});
}

rt_tensor *rt_pixel_unshuffle(rt_tensor *x, int64_t downscale_factor)
{
    return rt_apply(&rt__op_pixel_unshuffle,
                    &(pixel_unshuffle_args){.x = x, .downscale_factor = downscale_factor});
}

rt_tensor *rt_channel_shuffle(rt_tensor *x, int64_t groups)
{
    return rt_apply(&rt__op_channel_shuffle, &(channel_shuffle_args){.x = x, .groups = groups});
}
