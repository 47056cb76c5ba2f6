/* Ranks as threads of one process: for tests, and for one-process runs of the collectives.
 *
 * Every rank has an inbox of sends that wait to be received, guarded by a lock. The receiving thread copies straight
 * from the sender's buffer while it holds the lock of its inbox. So a sender that gives up only has to remove its sends
 * from the inboxes to be sure that no thread reads them any more. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/transport.h"
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

typedef struct inbox {
    pthread_mutex_t lock;
    rt_request *first, **end; /* sends in the order posted, linked by next */
} inbox;

typedef struct hub {
    atomic_int users; /* ranks not yet freed */
    int world;
    inbox inboxes[]; /* [world] */
} hub;

typedef struct loopback {
    rt_transport base;
    hub *hub;
    rt_request *receives, **receives_end; /* posted but not matched; used by this rank only */
} loopback;

static void append(rt_request ***end, rt_request *r)
{
    r->next = NULL;
    **end = r;
    *end = &r->next;
}

/* Unlinks *at from the list that ends at *end. */
static rt_request *unlink_at(rt_request **at, rt_request ***end)
{
    rt_request *r = *at;
    *at = r->next;
    if (*end == &r->next)
        *end = at;
    return r;
}

static rt_status post(rt_transport *base, rt_request *r)
{
    loopback *t = (loopback *)base;
    if (r->from != base->rank) {
        append(&t->receives_end, r);
        return RT_OK;
    }
    inbox *box = &t->hub->inboxes[r->to];
    pthread_mutex_lock(&box->lock);
    append(&box->end, r);
    pthread_mutex_unlock(&box->lock);
    return RT_OK;
}

static rt_request *take_send(inbox *box, const rt_request *receive)
{
    for (rt_request **at = &box->first; *at; at = &(*at)->next)
        if ((*at)->from == receive->from && (*at)->tag == receive->tag)
            return unlink_at(at, &box->end);
    return NULL;
}

static rt_status deliver(rt_request *send, rt_request *receive)
{
    const size_t sent = send->bytes;
    const bool fits = sent == receive->bytes;
    if (fits && sent > 0)
        memcpy(receive->data, send->data, sent);
    /* From here on the sender may reuse its request. */
    atomic_store_explicit(&send->state, fits ? RT_REQUEST_DONE : RT_REQUEST_REFUSED,
                          memory_order_release);
    if (!fits)
        return RT_FAIL(PROTOCOL, "rank %d sent %zu bytes, rank %d expected %zu", receive->from,
                       sent, receive->to, receive->bytes);
    atomic_store_explicit(&receive->state, RT_REQUEST_DONE, memory_order_release);
    return RT_OK;
}

static rt_status progress(rt_transport *base)
{
    loopback *t = (loopback *)base;
    inbox *box = &t->hub->inboxes[base->rank];
    rt_status status = RT_OK;
    if (!t->receives)
        return RT_OK;
    pthread_mutex_lock(&box->lock);
    for (rt_request **at = &t->receives; *at && status == RT_OK;) {
        rt_request *send = take_send(box, *at);
        if (send)
            status = deliver(send, unlink_at(at, &t->receives_end));
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&box->lock);
    return status;
}

static void cancel(rt_transport *base)
{
    loopback *t = (loopback *)base;
    t->receives = NULL;
    t->receives_end = &t->receives;
    for (int i = 0; i < t->hub->world; i++) {
        inbox *box = &t->hub->inboxes[i];
        pthread_mutex_lock(&box->lock);
        for (rt_request **at = &box->first; *at;)
            if ((*at)->from == base->rank)
                unlink_at(at, &box->end);
            else
                at = &(*at)->next;
        pthread_mutex_unlock(&box->lock);
    }
}

static void hub_free(hub *h)
{
    for (int i = 0; i < h->world; i++)
        pthread_mutex_destroy(&h->inboxes[i].lock);
    rt_mem_free(h);
}

static hub *hub_new(int world)
{
    hub *h = rt_calloc(1, sizeof *h + (size_t)world * sizeof *h->inboxes);
    if (!h)
        return NULL;
    atomic_init(&h->users, world);
    h->world = world;
    for (int i = 0; i < world; i++) {
        pthread_mutex_init(&h->inboxes[i].lock, NULL);
        h->inboxes[i].end = &h->inboxes[i].first;
    }
    return h;
}

static void loopback_free(rt_transport *base)
{
    hub *h = ((loopback *)base)->hub;
    cancel(base);
    rt_mem_free(base);
    if (atomic_fetch_sub(&h->users, 1) == 1)
        hub_free(h);
}

static const rt_transport_ops ops = {
    .name = "loopback",
    .post = post,
    .progress = progress,
    .cancel = cancel,
    .free = loopback_free,
};

rt_status rt__comm_transport_loopback(int world, rt_transport *ranks[])
{
    hub *h = hub_new(world);
    if (!h)
        return RT_E_NOMEM;
    for (int i = 0; i < world; i++) {
        loopback *t = rt_calloc(1, sizeof *t);
        if (!t) {
            while (i-- > 0)
                rt_mem_free(ranks[i]);
            hub_free(h);
            return RT_E_NOMEM;
        }
        *t = (loopback){
            .base = {.ops = &ops, .rank = i, .world = world, .tags = INT_MAX, .neighbours = world},
            .hub = h};
        t->receives_end = &t->receives;
        ranks[i] = &t->base;
    }
    return RT_OK;
}
