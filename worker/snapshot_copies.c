#include "worker/snapshot_copies.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CAN_SEND = 1, CAN_KEEP = 2 }; /* what a rank announces once its memory is reserved */

/* Sent before the data. */
typedef struct label {
    int64_t step;
    uint64_t checksum[RT_SNAPSHOT_KINDS_MAX];
} label;

/* A rank whose snapshots are kept here. */
typedef struct source {
    int rank;
    rt__snapshot *copy;     /* NULL if there is trouble */
    rt__snapshot_view view; /* of the slot being filled */
    label label;
} source;

struct rt__copies {
    rt__commthread *comm;
    int rank, world;
    rt__snapshot *own;
    int keeper; /* -1 if there is only one host */
    source *source;
    int sources;
    uint8_t *can;       /* [world] */
    rt_range *one_each; /* [world] the byte of `can` of each rank */
    bool agreed;        /* `can` is known for all ranks */
    char trouble[512];

    label sent;
    rt_comm_transfer send[2], *receive; /* [2 * sources] */
    int sends, receives;
};

static rt_buf bytes_at(void *data, int64_t bytes)
{
    return (rt_buf){.data = data, .count = bytes, .dtype = RT_U8};
}

/* ---- assignment of keepers ---- */

static bool same_host(char (*host)[RT__HOST_BYTES], int a, int b)
{
    return strcmp(host[a], host[b]) == 0;
}

/* Returns how many ranks before `rank` are on its host. */
static int place_on_host(char (*host)[RT__HOST_BYTES], int rank)
{
    int place = 0;
    for (int r = 0; r < rank; r++)
        place += same_host(host, r, rank);
    return place;
}

static int count_on_host(char (*host)[RT__HOST_BYTES], int world, int rank)
{
    int count = 0;
    for (int r = 0; r < world; r++)
        count += same_host(host, r, rank);
    return count;
}

int rt__copies_keeper(char (*host)[RT__HOST_BYTES], int world, int rank)
{
    int next = 1;
    while (next < world && same_host(host, rank, (rank + next) % world))
        next++;
    if (next >= world)
        return -1;
    next = (rank + next) % world;
    int place = place_on_host(host, rank) % count_on_host(host, world, next);
    for (int r = 0; r < world; r++)
        if (same_host(host, r, next) && place-- == 0)
            return r;
    return next;
}

/* ---- starting ---- */

static rt_status gather_job(rt_comm *c, void *arg)
{
    char(*host)[RT__HOST_BYTES] = arg;
    const int world = rt_comm_world(c);
    rt_range *owned = rt_calloc((size_t)world, sizeof *owned);
    if (!owned)
        return RT_E_NOMEM;
    for (int64_t r = 0; r < world; r++)
        owned[r] = (rt_range){r * RT__HOST_BYTES, (r + 1) * RT__HOST_BYTES};
    const rt_buf names = bytes_at(host, (int64_t)world * RT__HOST_BYTES);
    rt_status status = rt_comm_all_gather(c, names, owned, RT_ALGO_DIRECT);
    rt_mem_free(owned);
    return status;
}

static void note_trouble(rt__copies *c, int rank)
{
    snprintf(c->trouble, sizeof c->trouble, "copies of rank %d's snapshots: %s", rank, rt_error());
    rt_error_clear();
    rt_log_warn("%s", c->trouble);
}

static void start_source(rt__copies *c, const rt__copies_args *a, int rank)
{
    source *s = &c->source[c->sources++];
    rt_snapshot_about about = *a->about;
    s->rank = about.rank = rank;
    about.begin = a->owned[rank].begin < about.count ? a->owned[rank].begin : about.count;
    about.end = a->owned[rank].end < about.count ? a->owned[rank].end : about.count;
    rt__snapshot_args args = {.dir = a->dir,
                              .about = &about,
                              .what = RT_SNAPSHOT_COPY,
                              .keep_free = a->keep_free,
                              .files = a->files};
    if (rt__snapshot_start(&args, &s->copy) != RT_OK)
        note_trouble(c, rank);
}

static rt_status start_sources(rt__copies *c, const rt__copies_args *a,
                               char (*host)[RT__HOST_BYTES])
{
    int n = 0;
    c->keeper = rt__copies_keeper(host, c->world, c->rank);
    for (int r = 0; r < c->world; r++)
        n += rt__copies_keeper(host, c->world, r) == c->rank;
    c->source = rt_calloc((size_t)n + 1, sizeof *c->source);
    c->receive = rt_calloc(2 * (size_t)n + 1, sizeof *c->receive);
    c->can = rt_calloc((size_t)c->world, sizeof *c->can);
    c->one_each = rt_calloc((size_t)c->world, sizeof *c->one_each);
    if (!c->source || !c->receive || !c->can || !c->one_each)
        return RT_E_NOMEM;
    for (int64_t r = 0; r < c->world; r++)
        c->one_each[r] = (rt_range){r, r + 1};
    for (int r = 0; r < c->world; r++)
        if (rt__copies_keeper(host, c->world, r) == c->rank)
            start_source(c, a, r);
    return RT_OK;
}

static rt_status start(rt__copies *c, const rt__copies_args *a, char (*host)[RT__HOST_BYTES])
{
    snprintf(host[c->rank], RT__HOST_BYTES, "%s", a->host);
    if (c->world > 1)
        RT_TRY(rt__commthread_run(c->comm, gather_job, host));
    RT_TRY(start_sources(c, a, host));
    if (c->keeper < 0)
        rt_log_info("snapshot.replicas: all ranks are on %s, so no copies are kept", a->host);
    else
        rt_log_info("copies of snapshots go to rank %d on %s", c->keeper, host[c->keeper]);
    return RT_OK;
}

rt_status rt__copies_start(const rt__copies_args *a, rt__copies **out)
{
    rt__copies *c = rt_calloc(1, sizeof *c);
    char(*host)[RT__HOST_BYTES] = rt_calloc((size_t)a->world, sizeof *host);
    rt_status status = RT_E_NOMEM;
    if (c && host) {
        *c = (rt__copies){
            .comm = a->comm, .rank = a->rank, .world = a->world, .own = a->own, .keeper = -1};
        status = start(c, a, host);
    }
    rt_mem_free(host);
    if (status != RT_OK)
        rt__copies_end(c);
    else
        *out = c;
    return status;
}

void rt__copies_end(rt__copies *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->sources; i++)
        rt__snapshot_end(c->source[i].copy);
    rt_mem_free(c->source);
    rt_mem_free(c->receive);
    rt_mem_free(c->can);
    rt_mem_free(c->one_each);
    rt_mem_free(c);
}

const char *rt__copies_trouble(const rt__copies *c)
{
    return c->trouble;
}

/* ---- exchanging ---- */

/* Waits for the memory for all sources; returns whether it is reserved. */
static bool can_keep(rt__copies *c)
{
    bool all = true;
    for (int i = 0; i < c->sources; i++) {
        rt__snapshot *copy = c->source[i].copy;
        if (copy && rt__snapshot_ready(copy))
            continue;
        if (copy && !*c->trouble)
            snprintf(c->trouble, sizeof c->trouble, "%s", rt__snapshot_trouble(copy));
        all = false;
    }
    return all;
}

static rt_status agree_job(rt_comm *comm, void *arg)
{
    rt__copies *c = arg;
    return rt_comm_all_gather(comm, bytes_at(c->can, c->world), c->one_each, RT_ALGO_DIRECT);
}

/* Exchanges `can` once, after each rank knows whether its memory is reserved, since that does not change later. */
static rt_status agree(rt__copies *c)
{
    bool sends = c->own && rt__snapshot_ready(c->own), keeps = can_keep(c);
    c->can[c->rank] = (uint8_t)((sends ? CAN_SEND : 0) | (keeps ? CAN_KEEP : 0));
    RT_TRY(rt__commthread_run(c->comm, agree_job, c));
    c->agreed = true;
    return RT_OK;
}

static bool goes(const rt__copies *c, int from, int to)
{
    return (c->can[from] & CAN_SEND) && (c->can[to] & CAN_KEEP);
}

static void list_sends(rt__copies *c)
{
    rt__snapshot_view v;
    c->sends = 0;
    if (!goes(c, c->rank, c->keeper) || !rt__snapshot_last(c->own, &v))
        return;
    c->sent.step = v.step;
    memcpy(c->sent.checksum, v.checksum, sizeof c->sent.checksum);
    c->send[c->sends++] = (rt_comm_transfer){c->keeper, bytes_at(&c->sent, sizeof c->sent)};
    c->send[c->sends++] = (rt_comm_transfer){c->keeper, bytes_at(v.data, (int64_t)v.bytes)};
}

static void list_receives(rt__copies *c)
{
    c->receives = 0;
    for (int i = 0; i < c->sources; i++) {
        source *s = &c->source[i];
        if (!goes(c, s->rank, c->rank) || !rt__snapshot_begin(s->copy, &s->view))
            continue;
        rt_comm_transfer *t = &c->receive[c->receives];
        t[0] = (rt_comm_transfer){s->rank, bytes_at(&s->label, sizeof s->label)};
        t[1] = (rt_comm_transfer){s->rank, bytes_at(s->view.data, (int64_t)s->view.bytes)};
        c->receives += 2;
    }
}

static rt_status exchange_job(rt_comm *comm, void *arg)
{
    rt__copies *c = arg;
    return rt_comm_exchange(comm, c->send, c->sends, c->receive, c->receives);
}

static rt_status commit_all(rt__copies *c, int64_t step)
{
    for (int i = 0; i < c->sources; i++) {
        source *s = &c->source[i];
        if (!goes(c, s->rank, c->rank))
            continue;
        if (s->label.step != step)
            return RT_FAIL(PROTOCOL,
                           "rank %d sent a snapshot of step %" PRId64 ", expected %" PRId64,
                           s->rank, s->label.step, step);
        s->view.step = step;
        memcpy(s->view.checksum, s->label.checksum, sizeof s->view.checksum);
        rt__snapshot_commit(s->copy, &s->view);
    }
    return RT_OK;
}

rt_status rt__copies_exchange(rt__copies *c, int64_t step)
{
    if (c->keeper < 0)
        return RT_OK;
    if (!c->agreed)
        RT_TRY(agree(c));
    list_sends(c);
    list_receives(c);
    RT_TRY(rt__commthread_run(c->comm, exchange_job, c));
    return commit_all(c, step);
}
