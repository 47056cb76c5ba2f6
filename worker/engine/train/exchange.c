#include "worker/engine/train/exchange.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <string.h>

static int world_of(const rt__answers *a)
{
    return a->peers ? a->peers->world : 1;
}

static rt_range slices_of(const rt__answers *a, int rank)
{
    return a->peers ? (rt_range){a->peers->slice_begin[rank], a->peers->slice_begin[rank + 1]}
                    : a->mine;
}

static int64_t width(rt_range x)
{
    return x.end - x.begin;
}

/* ---- setup ---- */

static void list_nodes(rt__answers *a)
{
    for (int r = 0; r < world_of(a); r++) {
        rt_range node[RT_TREE_NODES_MAX], of = slices_of(a, r);
        int n = rt_tree_nodes(a->slices, of.begin, of.end, node);
        memcpy(a->node + a->first[r], node, (size_t)n * sizeof *node);
        a->first[r + 1] = a->first[r] + n;
    }
}

rt_status rt__answers_init(rt__answers *a, int64_t slices, rt_range mine, const rt_peers *peers)
{
    *a = (rt__answers){.slices = slices, .mine = mine, .peers = peers};
    size_t world = (size_t)world_of(a);
    a->node = rt_calloc((size_t)slices, sizeof *a->node); /* each node has at least one slice */
    a->first = rt_calloc(world + 1, sizeof *a->first);
    a->sent = rt_calloc(world, sizeof *a->sent);
    a->received = rt_calloc(world, sizeof *a->received);
    a->summand = rt_calloc((size_t)slices, sizeof *a->summand);
    if (!a->node || !a->first || !a->sent || !a->received || !a->summand) {
        rt__answers_release(a);
        return rt_error_code();
    }
    list_nodes(a);
    return RT_OK;
}

void rt__answers_release(rt__answers *a)
{
    rt_mem_free(a->node);
    rt_mem_free(a->first);
    rt_mem_free(a->sent);
    rt_mem_free(a->received);
    rt_mem_free(a->summand);
    rt_mem_free(a->memory);
    *a = (rt__answers){0};
}

/* Returns memory for `count` blocks with undefined contents; NULL on failure. */
static char *need(rt__answers *a, int64_t count, size_t block)
{
    size_t size;
    if (__builtin_mul_overflow((size_t)count, block, &size)) {
        RT_FAIL(RANGE, "exchange: %lld blocks of %zu bytes are larger than any memory",
                (long long)count, block);
        return NULL;
    }
    if (size > a->size || !a->memory) {
        rt_mem_free(a->memory);
        a->memory = rt_malloc_aligned(64, size + 1);
        a->size = a->memory ? size : 0;
    }
    return a->memory;
}

static size_t bytes_of(const rt__request *q)
{
    return (size_t)q->n * rt_dtype_size(q->dtype);
}

/* ---- sums ---- */

static void add(rt_dtype dtype, int64_t n, const void *from, void *to)
{
    if (dtype == RT_F64)
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] += ((const double *)from)[i];
    else
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[i] += ((const float *)from)[i];
}

/* Returns the sum of slices [lo, hi), accumulated in the memory of its first summand. */
static void *fold(const rt__answers *a, const rt__request *q, int64_t lo, int64_t hi)
{
    if (a->summand[lo].end == hi)
        return a->summand[lo].data;
    int64_t middle = rt_tree_split(lo, hi);
    void *left = fold(a, q, lo, middle);
    add(q->dtype, q->n, fold(a, q, middle, hi), left);
    return left;
}

/* Replaces this process's slices by the nodes of all processes; from: memory for the nodes. */
static rt_status share_nodes(rt__answers *a, const rt__request *q, char *from)
{
    const rt_peers *p = a->peers;
    size_t bytes = bytes_of(q);
    for (int64_t i = a->first[p->rank]; i < a->first[p->rank + 1]; i++)
        memcpy(from + (size_t)i * bytes, fold(a, q, a->node[i].begin, a->node[i].end), bytes);
    for (int r = 0; r < p->world; r++)
        a->sent[r] = (rt_range){a->first[r] * (int64_t)bytes, a->first[r + 1] * (int64_t)bytes};
    RT_TRY(p->gather(p->ctx, from, a->sent));
    for (int64_t i = 0; i < a->first[p->world]; i++)
        a->summand[a->node[i].begin] = (rt__summand){a->node[i].end, from + (size_t)i * bytes};
    return RT_OK;
}

static rt_status sum(rt__answers *a, const rt__request *asked)
{
    const rt__request *q = &asked[0];
    size_t bytes = bytes_of(q);
    int64_t count = width(a->mine), nodes = a->first[world_of(a)];
    char *slice = need(a, count + nodes, bytes);
    if (!slice)
        return rt_error_code();
    for (int64_t i = 0; i < count; i++) {
        int64_t s = a->mine.begin + i;
        a->summand[s] = (rt__summand){s + 1, slice + (size_t)i * bytes};
        memcpy(a->summand[s].data, asked[i].in, bytes);
    }
    if (a->peers)
        RT_TRY(share_nodes(a, q, slice + (size_t)count * bytes));
    const void *all = fold(a, q, 0, a->slices);
    for (int64_t i = 0; i < count; i++)
        memcpy(asked[i].out, all, bytes);
    return RT_OK;
}

/* ---- gather ---- */

static rt_status gather(rt__answers *a, const rt__request *asked)
{
    const rt_peers *p = a->peers;
    size_t bytes = bytes_of(&asked[0]);
    char *all = need(a, a->slices, bytes);
    if (!all)
        return rt_error_code();
    for (int64_t s = a->mine.begin; s < a->mine.end; s++)
        memcpy(all + (size_t)s * bytes, asked[s - a->mine.begin].in, bytes);
    for (int r = 0; p && r < p->world; r++)
        a->sent[r] =
            (rt_range){p->slice_begin[r] * (int64_t)bytes, p->slice_begin[r + 1] * (int64_t)bytes};
    if (p)
        RT_TRY(p->gather(p->ctx, all, a->sent));
    for (int64_t i = 0; i < width(a->mine); i++)
        memcpy(asked[i].out, all, (size_t)a->slices * bytes);
    return RT_OK;
}

/* ---- all to all ---- */

/* The message from one process to another has one block for each pair of their slices, ordered by the sender's slice. */
static rt_status all_to_all(rt__answers *a, const rt__request *asked)
{
    const size_t bytes = bytes_of(&asked[0]);
    const int64_t count = width(a->mine);
    char *out = need(a, 2 * count * a->slices, bytes), *to = out;
    if (!out)
        return rt_error_code();
    char *in = out + (size_t)(count * a->slices) * bytes;
    for (int r = 0; r < world_of(a); r++) {
        rt_range theirs = slices_of(a, r);
        size_t row = (size_t)width(theirs) * bytes;
        a->sent[r].begin = a->received[r].begin = to - out;
        for (int64_t i = 0; i < count; i++, to += row)
            memcpy(to, (const char *)asked[i].in + (size_t)theirs.begin * bytes, row);
        a->sent[r].end = a->received[r].end = to - out;
    }
    if (a->peers)
        RT_TRY(a->peers->all_to_all(a->peers->ctx, out, a->sent, in, a->received));
    else
        in = out;
    for (int r = 0; r < world_of(a); r++) {
        rt_range theirs = slices_of(a, r);
        const char *from = in + a->received[r].begin;
        for (int64_t s = theirs.begin; s < theirs.end; s++)
            for (int64_t i = 0; i < count; i++, from += bytes)
                memcpy((char *)asked[i].out + (size_t)s * bytes, from, bytes);
    }
    return RT_OK;
}

rt_status rt__answers_fill(rt__answers *a, const rt__request *asked)
{
    switch (asked[0].kind) {
    case RT__ASK_SUM:
        return sum(a, asked);
    case RT__ASK_GATHER:
        return gather(a, asked);
    case RT__ASK_ALL_TO_ALL:
        return all_to_all(a, asked);
    }
    return RT_OK;
}
