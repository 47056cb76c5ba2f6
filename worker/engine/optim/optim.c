/* What all optimisers share: construction, whole and partial updates, the norm of the gradients. */
#include <math.h>
#include "common/error.h"
#include "common/slices.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"

static void optim_destroy(void *object)
{
    rt_optim *o = object;
    rt__flat_release(&o->flat);
    for (int i = 0; i < o->states; i++)
        rt_free(o->state[i]);
    rt_free(o->net);
}

static const rt_object_type optim_type = {.name = "optimiser", .destroy = optim_destroy};

rt_optim *rt__optim_new(rt_module *net, const rt__rule *rule, int states, rt__hyper hyper,
                        double lr)
{
    if (rt_failed() || !rt_kernels_cpu())
        return NULL;
    if (!net)
        return RT_FAIL_NULL(ARG, "%s: .net is NULL", rule->name);
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt__object_new(&optim_type, sizeof *o);
    if (!o)
        return NULL;
    o->rule = rule;
    o->hyper = hyper;
    o->lr = lr;
    o->net = rt_keep(net);
    rt_status status = rt__flat_init(&o->flat, net);
    for (o->states = 0; status == RT_OK && o->states < states; o->states++) {
        o->state[o->states] = rt_keep(rt_zeros(rt_shape(o->flat.flat.length)));
        status = rt_error_code();
    }
    return rt_scope_return(s, status == RT_OK ? o : NULL);
}

rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                          double grad_scale)
{
    const rt_flat *flat = &o->flat.flat;
    if (begin < 0 || end < begin || end > flat->count || t < 1)
        return RT_FAIL(RANGE,
                       "optim_update: elements [%lld, %lld) of %lld, update %lld: expected a range "
                       "inside, and updates "
                       "counted from 1",
                       (long long)begin, (long long)end, (long long)flat->count, (long long)t);
    o->updates = t;
    if (begin == end)
        return RT_OK;
    rt__range_update u = {.kernels = rt_kernels_cpu(),
                          .hyper = o->hyper,
                          .n = end - begin,
                          .t = t,
                          .lr = lr,
                          .grad_scale = grad_scale,
                          .p = flat->param + begin,
                          .g = flat->grad + begin};
    for (int i = 0; i < o->states; i++)
        u.state[i] = rt_f32(o->state[i]) + begin;
    o->rule->update(&u);
    rt__tensor_touch(o->flat.param);
    return RT_OK;
}

rt_status rt_optim_step(rt_optim *o)
{
    if (!o || rt_failed())
        return rt_error_code();
    rt__place_complete(&o->flat.grad, &o->flat.flat);
    RT_TRY(rt_optim_update(o, 0, o->flat.flat.count, o->updates + 1, o->lr, 1));
    rt_optim_zero_grad(o);
    return RT_OK;
}

void rt_optim_zero_grad(rt_optim *o)
{
    for (int32_t i = 0; o && i < o->flat.flat.entries; i++)
        rt_grad_clear(o->flat.flat.entry[i].param);
}

/* ---- looking ---- */

void rt_optim_set_lr(rt_optim *o, double lr)
{
    o->lr = lr;
}

double rt_optim_lr(const rt_optim *o)
{
    return o->lr;
}

const rt_flat *rt_optim_flat(const rt_optim *o)
{
    return &o->flat.flat;
}

int rt_optim_states(const rt_optim *o)
{
    return o->states;
}

float *rt_optim_state(const rt_optim *o, int i, const char **name)
{
    if (i < 0 || i >= o->states)
        return NULL;
    if (name)
        *name = o->rule->state[i];
    return rt_f32(o->state[i]);
}

const char *rt_optim_name(const rt_optim *o)
{
    return o->rule->name;
}

int64_t rt_optim_updates(const rt_optim *o)
{
    return o->updates;
}

void rt_optim_set_updates(rt_optim *o, int64_t t)
{
    o->updates = t;
}

/* ---- norm ---- */

double rt_optim_block_square_sum(const rt_optim *o, int64_t block)
{
    const rt_flat *flat = &o->flat.flat;
    int64_t begin = block * RT_BLOCK, n = flat->count - begin;
    double sum = 0;
    if (block >= 0 && n > 0)
        rt_kernels_cpu()->sum_squares[RT_F32](n < RT_BLOCK ? n : RT_BLOCK, flat->grad + begin,
                                              &sum);
    return sum;
}

/* The tree of slices.h over blocks [lo,hi). */
static double tree_sum(const double *sums, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return sums[lo];
    int64_t m = rt_tree_split(lo, hi);
    return tree_sum(sums, lo, m) + tree_sum(sums, m, hi);
}

double rt_optim_norm_of_blocks(const double *square_sums, int64_t blocks)
{
    return blocks > 0 ? sqrt(tree_sum(square_sums, 0, blocks)) : 0;
}

/* As rt_optim_norm_of_blocks of all blocks' sums, but each is computed when the tree asks for it.
 */
static double tree_sum_of(const rt_optim *o, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return rt_optim_block_square_sum(o, lo);
    int64_t m = rt_tree_split(lo, hi);
    return tree_sum_of(o, lo, m) + tree_sum_of(o, m, hi);
}

double rt_optim_grad_norm(const rt_optim *o, double scale)
{
    return scale * sqrt(tree_sum_of(o, 0, (o->flat.flat.count + RT_BLOCK - 1) / RT_BLOCK));
}
