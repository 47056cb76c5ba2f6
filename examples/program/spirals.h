/* Two spirals that a net must tell apart: a module, a loss with a metric, and a data set of our own. spirals_alone.c trains it in a plain
 * loop, spirals_worker.c in any number of processes, spirals_mpi.c in an MPI program. */
#include <ringtorch/ringtorch.h>

/* ---- the net: sin(6 (x w + b)), twice, then a score: above 0 for one spiral, below 0 for the other ---- */

typedef struct spiral_net {
    rt_module base;
    rt_module *first, *second, *score;
} spiral_net;

static inline rt_tensor *wave(rt_module *layer, rt_tensor *x)
{
    return rt_sin(rt_mul_scalar(rt_forward(layer, x), 6));
}

static inline rt_tensor *spiral_forward(rt_module *m, rt_tensor *x) /* x [n, 2] */
{
    spiral_net *s = (spiral_net *)m;
    return rt_forward(s->score, wave(s->second, wave(s->first, x))); /* [n, 1] */
}

static inline rt_module *spiral_net_new(void)
{
    static const rt_module_type type = {"spiral_net", sizeof(spiral_net), spiral_forward};
    spiral_net *s = rt_nn_new(&type);
    if (!s)
        return NULL;
    s->first = rt_nn_child(&s->base, "first", rt_nn_linear(2, 32));
    s->second = rt_nn_child(&s->base, "second", rt_nn_linear(32, 32));
    s->score = rt_nn_child(&s->base, "score", rt_nn_linear(32, 1));
    return &s->base;
}

/* ---- the loss of a batch: what each score lacks to a margin of 1, squared and summed ---- */

static inline rt_tensor *spiral_loss(rt_tensor *score, rt_tensor *side)
{
    rt_tensor *margin = rt_mul(score, side);
    return rt_sum(rt_square(rt_relu(rt_add_scalar(rt_neg(margin), 1))));
}

/* ---- the samples: points of two spirals; those for evaluation lie between the others ---- */

static inline rt_dataset *spiral_points(int64_t points, double turns, bool train)
{
    rt_scope s = rt_scope_begin();
    int64_t n = points / 2;
    rt_tensor *i = rt_arange(0, (double)n, 1, RT_F32);
    rt_tensor *r = rt_mul_scalar(rt_add_scalar(i, train ? 0 : 0.5), 1 / (double)n);
    rt_tensor *angle = rt_mul_scalar(r, turns * 6.283185307);
    rt_tensor *arm = rt_stack((rt_tensor *[]){rt_mul(r, rt_cos(angle)), rt_mul(r, rt_sin(angle))},
                              2, 1); /* [n, 2] */
    rt_tensor *one = rt_ones(rt_shape(n, 1));
    rt_dataset *d = rt_data_tensors({"x", rt_cat((rt_tensor *[]){arm, rt_neg(arm)}, 2, 0)},
                                    {"side", rt_cat((rt_tensor *[]){one, rt_neg(one)}, 2, 0)});
    return rt_scope_return(s, d);
}
