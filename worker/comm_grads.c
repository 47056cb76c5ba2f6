/* Sums of gradients over slices for programs with a loop of their own (ringtorch/comm.h). A rank keeps the partial sums of its slices as
 * a binary counter does, so that they are nodes of T[0,S), and the ranks add these in the order of that tree. */
#include <ringtorch/comm.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "worker/comm/comm.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/object.h"
#include "worker/engine/optim/rule.h"
#include <string.h>

struct rt_comm_grads {
    rt_comm *comm;         /* borrowed */
    rt_optim *optim;       /* kept */
    int64_t slices, count; /* count: of the elements */
    int64_t next;          /* the slice that is due */
    int64_t *slice_begin;  /* [W+1] */
    rt_range *owned;       /* [W] */
    int depth;             /* nodes so far */
    rt_range node[RT_TREE_NODES_MAX];
    float *sum[RT_TREE_NODES_MAX]; /* [count] each; NULL until needed */
};

/* Fails unless the optimiser can be used here. */
static rt_status check_optim(const char *what, const rt_comm *c, const rt_optim *o)
{
    RT_TRY(rt_error_code());
    if (!c)
        return RT_FAIL(ARG, "%s: the communicator is NULL", what);
    if (!rt__is_optim(what, o))
        return rt_error_code();
    if (rt_optim_flat(o)->device.kind != RT_CPU)
        return RT_FAIL(UNSUPPORTED, "%s: the net is not in host memory", what);
    return RT_OK;
}

rt_status rt_comm_broadcast_params(rt_comm *c, rt_optim *o, int root)
{
    RT_TRY(check_optim("comm_broadcast_params", c, o));
    if (root < 0 || root >= rt_comm_world(c))
        return RT_FAIL(RANGE, "comm_broadcast_params: rank %d, expected one below %d", root,
                       rt_comm_world(c));
    const rt_flat *flat = rt_optim_flat(o);
    const rt_buf buf = {.data = flat->param, .count = flat->tail};
    return rt_comm_broadcast(c, buf, root);
}

/* ---- opening ---- */

static rt_status share_out(rt_comm_grads *g)
{
    const int world = rt_comm_world(g->comm);
    g->slice_begin = rt_calloc((size_t)world + 1, sizeof *g->slice_begin);
    g->owned = rt_calloc((size_t)world, sizeof *g->owned);
    if (!g->slice_begin || !g->owned)
        return rt_error_code();
    for (int r = 0; r < world; r++) {
        g->slice_begin[r] = rt_slices_of_rank(g->slices, world, r).begin;
        g->owned[r] = rt_owned_by_rank(g->count, world, r);
    }
    g->slice_begin[world] = g->slices;
    g->next = rt_comm_grads_begin(g);
    return RT_OK;
}

rt_status rt_comm_grads_open(rt_comm *c, rt_optim *o, int64_t slices, rt_comm_grads **out)
{
    static const char what[] = "comm_grads_open";
    if (!rt__given(out, what, "place for the result"))
        return rt_error_code();
    *out = NULL;
    RT_TRY(check_optim(what, c, o));
    if (slices < rt_comm_world(c) || slices > RT_SLICES_MAX)
        return RT_FAIL(RANGE, "%s: %lld slices, expected %d, the number of ranks, to %d", what,
                       (long long)slices, rt_comm_world(c), RT_SLICES_MAX);
    rt_comm_grads *g = rt_calloc(1, sizeof *g);
    if (!g)
        return rt_error_code();
    g->comm = c;
    g->optim = rt_keep(o);
    g->slices = slices;
    g->count = rt_optim_flat(o)->count;
    if (share_out(g) == RT_OK)
        *out = g;
    else
        rt_comm_grads_free(g);
    return rt_error_code();
}

void rt_comm_grads_free(rt_comm_grads *g)
{
    if (!g)
        return;
    for (int i = 0; i < RT_TREE_NODES_MAX; i++)
        rt_mem_free(g->sum[i]);
    rt_mem_free(g->slice_begin);
    rt_mem_free(g->owned);
    rt_free(g->optim);
    rt_mem_free(g);
}

int64_t rt_comm_grads_begin(const rt_comm_grads *g)
{
    return g ? g->slice_begin[rt_comm_rank(g->comm)] : 0;
}

int64_t rt_comm_grads_end(const rt_comm_grads *g)
{
    return g ? g->slice_begin[rt_comm_rank(g->comm) + 1] : 0;
}

/* ---- this rank's slices ---- */

/* Copies the gradients out of the net; one that is not there is 0. */
static void take_gradients(const rt_comm_grads *g, float *to)
{
    const rt_flat *flat = rt_optim_flat(g->optim);
    for (int32_t i = 0; i < flat->entries; i++) {
        const rt_flat_entry *e = &flat->entry[i];
        const size_t bytes = (size_t)(e->end - e->begin) * sizeof *to;
        if (rt_grad_of(e->param))
            memcpy(to + e->begin, flat->grad + e->begin, bytes);
        else
            memset(to + e->begin, 0, bytes);
    }
    rt_optim_zero_grad(g->optim);
}

static void add_sums(void *grads, int low)
{
    const rt_comm_grads *g = grads;
    float *restrict to = g->sum[low];
    const float *restrict from = g->sum[low + 1];
    for (int64_t i = 0; i < g->count; i++)
        to[i] += from[i];
}

rt_status rt_comm_grads_add(rt_comm_grads *g, int64_t slice)
{
    RT_TRY(rt_error_code());
    if (!rt__given(g, "comm_grads_add", "sum of gradients"))
        return rt_error_code();
    if (slice != g->next || slice >= rt_comm_grads_end(g))
        return RT_FAIL(
            ARG,
            "comm_grads_add: slice %lld, but %lld of slices %lld to %lld of this rank is "
            "due%s",
            (long long)slice, (long long)g->next, (long long)rt_comm_grads_begin(g),
            (long long)rt_comm_grads_end(g) - 1,
            g->next == rt_comm_grads_end(g) ? " (none: call rt_comm_grads_sum)" : "");
    float **sum = &g->sum[g->depth];
    if (!*sum)
        *sum = rt_malloc_aligned(64, (size_t)(g->count + !g->count) * sizeof **sum);
    if (!*sum)
        return rt_error_code();
    take_gradients(g, *sum);
    g->depth = rt_tree_push(g->slices, g->node, g->depth, slice, add_sums, g);
    g->next++;
    return RT_OK;
}

/* ---- all slices ---- */

static rt_status reduce(rt_comm_grads *g)
{
    rt_partial parts[RT_TREE_NODES_MAX];
    const rt_buf grad = {.data = rt_optim_flat(g->optim)->grad, .count = g->count};
    for (int i = 0; i < g->depth; i++)
        parts[i] = (rt_partial){g->node[i], g->sum[i]};
    if (rt_comm_world(g->comm) == 1) {
        memcpy(grad.data, parts[0].data, rt_buf_bytes(grad));
        return RT_OK;
    }
    const rt_reduce how = {g->slices, g->slice_begin, g->owned};
    RT_TRY(rt_comm_reduce_scatter(g->comm, &how, parts, g->depth, grad, RT_ALGO_AUTO));
    return rt_comm_all_gather(g->comm, grad, g->owned, RT_ALGO_AUTO);
}

rt_status rt_comm_grads_sum(rt_comm_grads *g)
{
    RT_TRY(rt_error_code());
    if (!rt__given(g, "comm_grads_sum", "sum of gradients"))
        return rt_error_code();
    if (g->next != rt_comm_grads_end(g))
        return RT_FAIL(ARG, "comm_grads_sum: slice %lld of this rank is missing",
                       (long long)g->next);
    RT_TRY(reduce(g));
    const rt_flat *flat = rt_optim_flat(g->optim);
    for (int32_t i = 0; i < flat->entries; i++)
        rt__grad_filled(flat->entry[i].param);
    g->depth = 0;
    g->next = rt_comm_grads_begin(g);
    return RT_OK;
}
