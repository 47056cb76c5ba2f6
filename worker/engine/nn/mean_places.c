/* Reduces a sequence of any length to one row: the mean over its real positions. */
#include "common/base/error.h"
#include "worker/engine/nn/layers.h"
#include "worker/engine/tensor/tensor.h"

typedef struct mean_places {
    rt_module base;
    bool masked;
} mean_places;

/* Returns the weight of each position, [n, places]: 1 / (number of real positions) or 0. If a sample has no
 * real positions, all are 0. */
static rt_tensor *shares(rt_tensor *mask, int64_t n, int64_t places)
{
    rt_tensor *there = rt__nn_present("mean_places", mask, n, places);
    if (!there)
        return NULL;
    rt_tensor *one = rt_ones(rt_shape(), .device = there->device);
    return rt_div(there, rt_maximum(rt_sum(there, rt_shape(1), .keep_dim = true), one));
}

static void mean_places_forward(rt_module *m, rt_tensor *const *in, int n_in, rt_tensor **out,
                                int n_out)
{
    (void)n_out;
    rt_tensor *x = in[0], *mask = n_in > 1 ? in[1] : NULL;
    bool masked = ((mean_places *)m)->masked;
    if (x->dims.n != 3) {
        RT_FAIL(SHAPE, "mean_places: x %s, expected [n, places, features]", rt_dims_text(x->dims));
        return;
    }
    if (masked && !mask) {
        RT_FAIL(ARG, "mean_places: was made with a mask, but got no second input");
        return;
    }
    if (!masked) {
        out[0] = rt_mean(x, rt_shape(1));
        return;
    }
    rt_tensor *share = shares(mask, x->dims.d[0], x->dims.d[1]);
    out[0] = share ? rt_squeeze(rt_matmul(rt_unsqueeze(share, 1), x), 1) : NULL;
}

rt_module *rt_nn_mean_places_(rt_nn_mean_places_args a)
{
    static const rt_module_type type = {"mean_places", sizeof(mean_places),
                                        .forward_all = mean_places_forward, .n_optional = 1};
    mean_places *p = rt__layer_fits(RT_LAYER_mean_places, &a) ? rt_nn_new(&type) : NULL;
    if (!p)
        return NULL;
    p->masked = a.mask && a.mask[0];
    return &p->base;
}

static rt_status mean_places_infer(void *args, rt_nn_sample *at)
{
    RT_TRY(rt__nn_check_sequence(at->dims));
    RT_TRY(rt__nn_connect_mask(at, ((rt_nn_mean_places_args *)args)->mask, true));
    at->dims = rt_shape(at->dims.d[1]);
    at->varies = false;
    return RT_OK;
}

RT__LAYER(mean_places, mean_places_infer)
