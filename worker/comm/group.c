/* Communicators over some of the ranks of another one.
 *
 * A group is a list of ranks and a context: a number that is part of every tag, so that messages of two groups never
 * meet. Only members take part in making one, so they must find a number that none of them has used: the maximum over
 * the members, plus one. The maximum is spread as in a dissemination barrier: in round d = 1, 2, 4, ... each member
 * sends the largest number that it knows to the one d above it. This also proves that all members have called, and a
 * checksum of the list that all mean the same group. (MPI_Comm_create_group would do the same inside the library, but
 * ignore the abort flag and be invisible to stall reports.) */
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "worker/comm/internal.h"
#include <stdlib.h>

/* What a member knows at the beginning. */
typedef struct knowledge {
    int64_t contexts; /* numbers below it may be in use */
    uint64_t members; /* checksum of the list, as ranks of the world */
} knowledge;

static rt_status agree(rt_comm *g, knowledge *k)
{
    for (int64_t distance = 1; distance < g->world; distance <<= 1) {
        const int from = (int)((g->rank - distance + g->world) % g->world);
        const knowledge mine = *k;
        knowledge theirs;
        rt_request in, out;
        RT_TRY(rt__comm_receive(g, &in, from, &theirs, sizeof theirs));
        RT_TRY(rt__comm_send(g, &out, (int)((g->rank + distance) % g->world), &mine, sizeof mine));
        RT_TRY(rt__comm_wait(g, &in));
        RT_TRY(rt__comm_wait(g, &out));
        if (theirs.members != k->members)
            return rt__comm_break(g, RT_FAIL(PROTOCOL,
                                             "group: ranks %d and %d named different members",
                                             g->members[from], g->members[g->rank]));
        k->contexts = theirs.contexts > k->contexts ? theirs.contexts : k->contexts;
    }
    return RT_OK;
}

/* Agrees on the context by messages in the parent's context, which reserves a tag for this. */
static rt_status find_context(rt_comm *g, const rt_comm *parent)
{
    const int most = g->end->transport->tags / RT__CONTEXT_TAGS;
    knowledge k = {
        .contexts = g->end->contexts,
        .members = rt_hash64(g->members, (size_t)g->world * sizeof *g->members),
    };
    g->context = parent->context;
    g->tag = RT__TAG_GROUP;
    g->op = RT__GROUP;
    RT_TRY(agree(g, &k));
    g->op = RT__IDLE;
    if (k.contexts >= most)
        return RT_FAIL(UNSUPPORTED,
                       "group: %s has tags for %d communicators of a rank, and all "
                       "were given away: free groups do not come back",
                       g->end->transport->ops->name, most);
    g->context = (int)k.contexts;
    g->end->contexts = k.contexts + 1;
    return RT_OK;
}

/* Finds the caller's place in the list. */
static rt_status check_members(const rt_comm *c, const int ranks[], int count, int *place)
{
    *place = -1;
    if (count < 1 || count > c->world)
        return RT_FAIL(ARG, "group of %d ranks, expected 1 to %d", count, c->world);
    bool *seen = rt_calloc((size_t)c->world, sizeof *seen);
    rt_status status = seen ? RT_OK : RT_E_NOMEM;
    for (int i = 0; i < count && status == RT_OK; i++) {
        if (ranks[i] < 0 || ranks[i] >= c->world || seen[ranks[i]])
            status = RT_FAIL(ARG, "group: member %d is rank %d, expected another one below %d", i,
                             ranks[i], c->world);
        else
            seen[ranks[i]] = true;
        if (ranks[i] == c->rank)
            *place = i;
    }
    rt_mem_free(seen);
    if (status == RT_OK && *place < 0)
        return RT_FAIL(ARG, "group: rank %d is no member: only members make a group", c->rank);
    return status;
}

rt_status rt_comm_group(rt_comm *c, const int ranks[], int count, rt_comm **out)
{
    int place;
    rt_comm *g;
    *out = NULL;
    RT_TRY(check_members(c, ranks, count, &place));
    RT_TRY(rt__comm_may_begin(c));
    RT_TRY(rt__comm_new(c->end, place, count, &g));
    for (int i = 0; i < count; i++)
        g->members[i] = c->members[ranks[i]];
    g->abort_flag = c->abort_flag;
    const rt_status status = find_context(g, c);
    if (status != RT_OK)
        rt_comm_free(g);
    else
        *out = g;
    return status;
}

/* ---- split ---- */

typedef struct choice {
    int64_t color, key;
} choice;

typedef struct candidate {
    int64_t key;
    int rank;
} candidate;

static int by_key(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : x->rank - y->rank;
}

/* `all` is [world]; `ranks` is [world] and receives the members. */
static int list_members(const rt_comm *c, const choice *all, candidate *same, int *ranks)
{
    int count = 0;
    for (int r = 0; r < c->world; r++)
        if (all[r].color == all[c->rank].color)
            same[count++] = (candidate){all[r].key, r};
    qsort(same, (size_t)count, sizeof *same, by_key);
    for (int i = 0; i < count; i++)
        ranks[i] = same[i].rank;
    return count;
}

static rt_status split(rt_comm *c, choice *all, rt_range *owned, candidate *same, int *ranks,
                       rt_comm **out)
{
    for (int64_t r = 0; r < c->world; r++)
        owned[r] = (rt_range){2 * r, 2 * r + 2};
    const rt_buf buf = {.data = all, .count = 2 * (int64_t)c->world, .dtype = RT_I64};
    RT_TRY(rt_comm_all_gather(c, buf, owned, RT_ALGO_DIRECT));
    if (all[c->rank].color < 0)
        return RT_OK;
    return rt_comm_group(c, ranks, list_members(c, all, same, ranks), out);
}

rt_status rt_comm_split(rt_comm *c, int color, int key, rt_comm **out)
{
    const size_t n = (size_t)c->world;
    choice *all = rt_calloc(n, sizeof *all);
    rt_range *owned = rt_calloc(n, sizeof *owned);
    candidate *same = rt_calloc(n, sizeof *same);
    int *ranks = rt_calloc(n, sizeof *ranks);
    rt_status status = RT_E_NOMEM;
    *out = NULL;
    if (all && owned && same && ranks) {
        all[c->rank] = (choice){color, key};
        status = split(c, all, owned, same, ranks, out);
    }
    rt_mem_free(all);
    rt_mem_free(owned);
    rt_mem_free(same);
    rt_mem_free(ranks);
    return status;
}
