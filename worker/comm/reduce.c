/* Sums and gathers: their checks, and the choice of algorithm. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

/* ---- checks ---- */

static rt_status check_sum(const rt_buf *b, const char *what)
{
    RT_TRY(rt__comm_check_buf(b, what));
    if (!rt__comm_sum_of(b->dtype))
        return RT_FAIL(DTYPE, "%s: %s cannot be summed: float32, float64, int32 and int64 can",
                       what, rt_dtype_name(b->dtype));
    return RT_OK;
}

static rt_status check_partials(const rt_comm *c, const rt_reduce *r, const rt_partial *parts,
                                int k)
{
    rt_range nodes[RT_TREE_NODES_MAX];
    int expected =
        rt_tree_nodes(r->slices, r->slice_begin[c->rank], r->slice_begin[c->rank + 1], nodes);
    if (k != expected)
        return RT_FAIL(ARG, "rank %d brings %d partials, expected %d", c->rank, k, expected);
    for (int i = 0; i < k; i++)
        if (parts[i].node.begin != nodes[i].begin || parts[i].node.end != nodes[i].end)
            return RT_FAIL(ARG,
                           "rank %d: partial %d is of slices %lld to %lld, expected %lld to %lld",
                           c->rank, i, (long long)parts[i].node.begin, (long long)parts[i].node.end,
                           (long long)nodes[i].begin, (long long)nodes[i].end);
    return RT_OK;
}

static rt_status check_reduce(const rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                              const rt_buf *out)
{
    RT_TRY(check_sum(out, "reduce_scatter"));
    for (int i = 0; i < c->world; i++)
        if (r->slice_begin[i + 1] <= r->slice_begin[i])
            return RT_FAIL(ARG, "rank %d has slices %lld to %lld, expected at least one", i,
                           (long long)r->slice_begin[i], (long long)r->slice_begin[i + 1]);
    if (r->slice_begin[0] != 0 || r->slice_begin[c->world] != r->slices)
        return RT_FAIL(ARG, "ranks have slices %lld to %lld, expected 0 to %lld",
                       (long long)r->slice_begin[0], (long long)r->slice_begin[c->world],
                       (long long)r->slices);
    RT_TRY(check_partials(c, r, parts, k));
    return rt__comm_check_ranges(c, r->owned, out->count);
}

/* ---- the choice ---- */

static const rt__algorithm *by_name(rt_algo algo)
{
    switch (algo) {
    case RT_ALGO_DIRECT:
        return &rt__comm_direct;
    case RT_ALGO_HALVING:
        return &rt__comm_halving;
    case RT_ALGO_RING:
        return &rt__comm_ring;
    default:
        return NULL;
    }
}

/* Chooses the algorithm for the sum `r`, or if that is NULL for a gather of `owned`. */
static rt_status choose(const rt_comm *c, rt_algo algo, const rt_reduce *r, const rt_range *owned,
                        const rt__algorithm **out)
{
    if (algo == RT_ALGO_AUTO)
        algo = (r ? rt__comm_halving.can_reduce(c, r) : rt__comm_halving.can_gather(c, owned))
                   ? RT_ALGO_HALVING
                   : RT_ALGO_DIRECT;
    *out = by_name(algo);
    if (!*out)
        return RT_FAIL(UNSUPPORTED, "algorithm %d cannot %s", (int)algo, r ? "reduce" : "gather");
    if (r ? !(*out)->can_reduce(c, r) : !(*out)->can_gather(c, owned))
        return RT_FAIL(UNSUPPORTED, "%s cannot %s among %d ranks with these ranges; use direct",
                       (*out)->name, r ? "reduce" : "gather", c->world);
    return RT_OK;
}

rt_status rt_comm_reduce_scatter(rt_comm *c, const rt_reduce *r, const rt_partial *parts, int k,
                                 rt_buf out, rt_algo algo)
{
    const rt__algorithm *a;
    RT_TRY(check_reduce(c, r, parts, k, &out));
    RT_TRY(choose(c, algo, r, NULL, &a));
    RT_TRY(rt__comm_begin(c, RT__REDUCE_SCATTER));
    return rt__comm_end(c, a->reduce_scatter(c, r, parts, k, &out));
}

rt_status rt_comm_all_gather(rt_comm *c, rt_buf buf, const rt_range *owned, rt_algo algo)
{
    const rt__algorithm *a;
    RT_TRY(rt__comm_check_buf(&buf, "all_gather"));
    RT_TRY(rt__comm_check_ranges(c, owned, buf.count));
    RT_TRY(choose(c, algo, NULL, owned, &a));
    RT_TRY(rt__comm_begin(c, RT__ALL_GATHER));
    return rt__comm_end(c, a->all_gather(c, buf.data, owned, rt_dtype_size(buf.dtype)));
}

/* Rank i holds slice i of T[0,W) and owns an even share. Fills *r; owned and slice_begin are
 * scratch of c. */
static rt_status plan_all_reduce(rt_comm *c, int64_t count, rt_reduce *r)
{
    const int world = c->world;
    rt_range *owned = rt__comm_scratch(
        c, RT__SCRATCH_PLAN, (size_t)world * sizeof *owned + (size_t)(world + 1) * sizeof(int64_t));
    if (!owned)
        return RT_E_NOMEM;
    int64_t *slice_begin = (int64_t *)(owned + world);
    for (int i = 0; i < world; i++) {
        const int64_t p = rt_is_power_of_two(world) ? rt__comm_bit_reversed(world, i) : i;
        owned[i] = (rt_range){count * p / world, count * (p + 1) / world};
        slice_begin[i] = i;
    }
    slice_begin[world] = world;
    *r = (rt_reduce){.slices = world, .slice_begin = slice_begin, .owned = owned};
    return RT_OK;
}

static rt_status library_all_reduce(rt_comm *c, const rt_buf *buf)
{
    rt_transport *t = c->end->transport;
    if (!t->ops->all_reduce)
        return RT_FAIL(UNSUPPORTED, "%s has no all_reduce of its own", t->ops->name);
    if (c->context != 0)
        return RT_FAIL(UNSUPPORTED, "%s knows the whole world only, no groups", t->ops->name);
    RT_TRY(rt__comm_begin(c, RT__ALL_REDUCE));
    return rt__comm_end(c, t->ops->all_reduce(t, buf->data, buf->count, buf->dtype));
}

rt_status rt_comm_all_reduce(rt_comm *c, rt_buf buf, rt_algo algo)
{
    RT_TRY(check_sum(&buf, "all_reduce"));
    if (algo == RT_ALGO_LIBRARY)
        return library_all_reduce(c, &buf);
    const rt_partial mine = {.node = {c->rank, c->rank + 1}, .data = buf.data};
    const rt__algorithm *a;
    rt_reduce r;
    RT_TRY(plan_all_reduce(c, buf.count, &r));
    RT_TRY(choose(c, algo, &r, NULL,
                  &a)); /* an algorithm that reduces these ranges also gathers them */
    RT_TRY(rt__comm_begin(c, RT__ALL_REDUCE));
    rt_status status = a->reduce_scatter(c, &r, &mine, 1, &buf);
    if (status == RT_OK)
        status = a->all_gather(c, buf.data, r.owned, rt_dtype_size(buf.dtype));
    return rt__comm_end(c, status);
}
