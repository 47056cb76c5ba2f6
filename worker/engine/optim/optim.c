/* What all optimisers share: construction, whole and partial updates, the norm of the gradients. */
#include <math.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/slices.h"
#include "worker/engine/nn/module.h"
#include "worker/engine/optim/rule.h"
#include "worker/engine/tensor/tensor.h"

static void optim_destroy(void *object)
{
    rt_optim *o = object;
    rt__flat_release(&o->flat);
    for (int i = 0; i < o->states; i++)
        rt_free(o->state[i]);
    rt_mem_free(o->made);
    rt_free(o->net);
}

static const rt_object_type optim_type = {.name = "optimiser", .destroy = optim_destroy};

static bool is_optim(const char *what, const rt_optim *o)
{
    return rt__object_is(o, &optim_type, what, 1);
}

static rt_status check_rate(const char *what, double lr)
{
    if (isfinite(lr) && lr >= 0)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: learning rate %g, expected a number that is not below 0", what, lr);
}

rt_optim *rt__optim_new(rt_module *net, const rt__rule *rule, int states, rt__hyper hyper,
                        double lr)
{
    if (rt_failed() || check_rate(rule->name, lr) != RT_OK || !rt_exec_cpu())
        return NULL;
    if (!rt__is_module(rule->name, net))
        return NULL;
    rt_scope s = rt_scope_begin();
    rt_optim *o = rt__object_new(&optim_type, sizeof *o);
    if (!o)
        return NULL;
    o->rule = rule;
    o->hyper = hyper;
    o->lr = lr;
    o->net = rt_keep(net);
    rt_status status = rt__flat_init(&o->flat, net);
    if (status == RT_OK) {
        o->made = rt_calloc((size_t)o->flat.flat.entries, sizeof *o->made);
        status = rt_error_code();
    }
    for (o->states = 0; status == RT_OK && o->states < states; o->states++) {
        o->state[o->states] = rt_keep(rt_zeros(rt_shape(o->flat.flat.length)));
        status = rt_error_code();
    }
    return rt_scope_return(s, status == RT_OK ? o : NULL);
}

/* ---- updates ---- */

/* A second optimiser of the net, or of a part of it, moves parameters to buffers of its own. */
static rt_status check_owns(const rt_optim *o, const rt_flat_entry *e)
{
    if (rt_data(e->param) == o->flat.flat.param + e->begin)
        return RT_OK;
    return RT_FAIL(ARG, "%s: another optimiser has taken %s over since: use that one",
                   o->rule->name, e->name);
}

/* Notes that the parameters in [begin,end) change, as update number t. */
static rt_status note_update(rt_optim *o, int64_t begin, int64_t end, int64_t t)
{
    const rt_flat *flat = &o->flat.flat;
    for (int32_t i = 0; i < flat->entries && flat->entry[i].begin < end; i++) {
        if (flat->entry[i].end <= begin)
            continue;
        RT_TRY(check_owns(o, &flat->entry[i]));
        rt__tensor_touch(flat->entry[i].param);
        o->made[i] = t;
    }
    return RT_OK;
}

static rt_status update_range(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                              double grad_scale)
{
    const rt_flat *flat = &o->flat.flat;
    if (begin == end)
        return RT_OK;
    RT_TRY(note_update(o, begin, end, t));
    rt__range_update u = {.exec = rt_exec_cpu(),
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
    return RT_OK;
}

rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                          double grad_scale)
{
    if (!is_optim("optim_update", o))
        return rt_error_code();
    const rt_flat *flat = &o->flat.flat;
    if (begin < 0 || end < begin || end > flat->count || t < 1)
        return RT_FAIL(RANGE,
                       "optim_update: elements [%lld, %lld) of %lld, update %lld: expected a range "
                       "inside, and updates "
                       "counted from 1",
                       (long long)begin, (long long)end, (long long)flat->count, (long long)t);
    RT_TRY(check_rate("optim_update", lr));
    o->updates = t;
    return update_range(o, begin, end, t, lr, grad_scale);
}

/* The end of the run of entries from i on that have a gradient and have been updated equally often:
 * one update does for all of them. */
static int32_t end_of_run(const rt_optim *o, int32_t i)
{
    int64_t made = o->made[i];
    while (i < o->flat.flat.entries && o->made[i] == made &&
           rt_grad_of(o->flat.flat.entry[i].param))
        i++;
    return i;
}

rt_status rt_optim_step(rt_optim *o)
{
    if (rt_failed() || !is_optim("optim_step", o))
        return rt_error_code();
    const rt_flat_entry *entry = o->flat.flat.entry;
    for (int32_t i = 0; i < o->flat.flat.entries; i++)
        RT_TRY(
            check_owns(o, &entry[i])); /* all of them first: a step is made whole or not at all */
    for (int32_t i = 0, end; i < o->flat.flat.entries; i = end) {
        end = end_of_run(o, i);
        if (end == i)
            end++; /* no gradient: as it is, weight decay, momentum and all */
        else
            RT_TRY(update_range(o, entry[i].begin, entry[end - 1].end, o->made[i] + 1, o->lr, 1));
    }
    o->updates++;
    rt_optim_zero_grad(o);
    return RT_OK;
}

void rt_optim_zero_grad(rt_optim *o)
{
    bool is = is_optim("optim_zero_grad", o);
    for (int32_t i = 0; is && i < o->flat.flat.entries; i++)
        rt_grad_clear(o->flat.flat.entry[i].param);
}

/* ---- looking ---- */

void rt_optim_set_lr(rt_optim *o, double lr)
{
    if (is_optim("optim_set_lr", o) && check_rate("optim_set_lr", lr) == RT_OK)
        o->lr = lr;
}

double rt_optim_lr(const rt_optim *o)
{
    return is_optim("optim_lr", o) ? o->lr : NAN;
}

const rt_flat *rt_optim_flat(const rt_optim *o)
{
    return is_optim("optim_flat", o) ? &o->flat.flat : NULL;
}

int rt_optim_states(const rt_optim *o)
{
    return is_optim("optim_states", o) ? o->states : 0;
}

float *rt_optim_state(const rt_optim *o, int i, const char **name)
{
    if (!is_optim("optim_state", o) || i < 0 || i >= o->states)
        return NULL;
    if (name)
        *name = o->rule->state[i];
    return rt_f32(o->state[i]);
}

const char *rt_optim_name(const rt_optim *o)
{
    return is_optim("optim_name", o) ? o->rule->name : NULL;
}

int64_t rt_optim_updates(const rt_optim *o)
{
    return is_optim("optim_updates", o) ? o->updates : 0;
}

void rt_optim_set_updates(rt_optim *o, int64_t t)
{
    if (!is_optim("optim_set_updates", o))
        return;
    o->updates = t;
    for (int32_t i = 0; i < o->flat.flat.entries; i++)
        o->made[i] = t;
}

int64_t rt_optim_param_updates(const rt_optim *o, int32_t i)
{
    bool is = is_optim("optim_param_updates", o);
    return is && i >= 0 && i < o->flat.flat.entries ? o->made[i] : 0;
}

void rt_optim_set_param_updates(rt_optim *o, int32_t i, int64_t t)
{
    if (!is_optim("optim_set_param_updates", o))
        return;
    if (i < 0 || i >= o->flat.flat.entries || t < 0)
        RT_FAIL(RANGE, "optim_set_param_updates: parameter %d, update %lld: there is no such one",
                i, (long long)t);
    else
        o->made[i] = t;
}

/* ---- norm ---- */

double rt_optim_block_square_sum(const rt_optim *o, int64_t block)
{
    if (!is_optim("optim_block_square_sum", o))
        return NAN;
    const rt_flat *flat = &o->flat.flat;
    int64_t begin = block * RT_BLOCK, n = flat->count - begin;
    double sum = 0;
    rt_exec *e = rt_exec_cpu();
    if (block >= 0 && n > 0)
        e->kernels->sum_squares[RT_F32](e, n < RT_BLOCK ? n : RT_BLOCK, flat->grad + begin, &sum);
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
    if (blocks > 0 && !rt__given(square_sums, "optim_norm_of_blocks", "list of sums"))
        return NAN;
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

/* Does any parameter have a gradient that backward left? A trainer that fills the flat buffer itself
 * has none. */
static bool any_gradient(const rt_flat *flat)
{
    for (int32_t i = 0; i < flat->entries; i++)
        if (rt_grad_of(flat->entry[i].param))
            return true;
    return false;
}

double rt_optim_grad_norm(const rt_optim *o, double scale)
{
    if (!is_optim("optim_grad_norm", o))
        return NAN;
    if (any_gradient(&o->flat.flat))
        rt__place_complete(&o->flat.grad, &o->flat.flat);
    return scale * sqrt(tree_sum_of(o, 0, (o->flat.flat.count + RT_BLOCK - 1) / RT_BLOCK));
}
