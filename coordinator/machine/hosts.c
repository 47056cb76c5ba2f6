#include "coordinator/machine/hosts.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void rt__hosts_release(rt__hosts *h)
{
    rt_mem_free(h->host);
    *h = (rt__hosts){0};
}

static bool same_host(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    size_t na = strcspn(a, "."), nb = strcspn(b, ".");
    bool one_is_short = a[na] == '\0' || b[nb] == '\0';
    return one_is_short && na == nb && memcmp(a, b, na) == 0;
}

static bool is_localhost(const char *name)
{
    return strcmp(name, "localhost") == 0 || strcmp(name, "127.0.0.1") == 0;
}

rt__host *rt__hosts_find(const rt__hosts *h, const char *name)
{
    bool is_here = h->here[0] && same_host(h->here, name);
    for (int64_t i = 0; i < h->count; i++)
        if (same_host(h->host[i].name, name) || (is_here && is_localhost(h->host[i].name)))
            return &h->host[i];
    for (int64_t i = 0; i < h->count;
         i++) /* what the list says goes before what a host calls itself */
        if (h->host[i].called[0] && same_host(h->host[i].called, name))
            return &h->host[i];
    return NULL;
}

/* Returns the number of slots in use or offered, also on hosts that are cooling down. */
static int64_t places(const rt__hosts *h)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < h->count; i++)
        sum += h->host[i].slots > h->host[i].retired ? h->host[i].slots - h->host[i].retired : 0;
    return sum;
}

void rt__hosts_retire_slot(rt__hosts *h, const char *name)
{
    rt__host *x = rt__hosts_find(h, name);
    if (x && places(h) > 1)
        x->retired++;
}

rt_status rt__hosts_set(rt__hosts *h, const rt_msg_hosts *m)
{
    if (m->hosts_count != m->slots_count)
        return RT_FAIL(PROTOCOL, "HOSTS: %" PRId64 " names and %" PRId64 " numbers of slots",
                       m->hosts_count, m->slots_count);
    rt__host *list = rt_calloc((size_t)m->hosts_count + 1, sizeof *list);
    if (!list)
        return rt_error_code();
    for (int64_t i = 0; i < m->hosts_count; i++) {
        const rt__host *before = rt__hosts_find(h, m->hosts[i]);
        if (before)
            list[i] = *before;
        if (before && before->slots != m->slots[i])
            list[i].retired = 0; /* a new offer */
        snprintf(list[i].name, sizeof list[i].name, "%s", m->hosts[i]);
        if (i < m->called_count && m->called[i][0])
            snprintf(list[i].called, sizeof list[i].called, "%s", m->called[i]);
        list[i].slots = m->slots[i] > 0 ? m->slots[i] : 0;
    }
    rt_mem_free(h->host);
    h->host = list;
    h->count = m->hosts_count;
    for (int64_t i = 0; places(h) == 0 && i < h->count; i++)
        list[i].retired = 0; /* otherwise no slot would be left */
    return RT_OK;
}

static int64_t room_of(const rt__host *x, double now)
{
    if (now < x->cool_until || x->probing)
        return 0;
    return x->slots > x->retired ? x->slots - x->retired : 0;
}

int64_t rt__hosts_room(const rt__hosts *h, double now)
{
    if (h->count == 0)
        return INT64_MAX;
    int64_t room = 0;
    for (int64_t i = 0; i < h->count; i++)
        room += room_of(&h->host[i], now);
    return room;
}

bool rt__hosts_would_change(const rt__hosts *h, int64_t wanted, int64_t world, double now)
{
    if (h->count == 0)
        return wanted != world;
    int64_t given = 0;
    for (int64_t i = 0; i < h->count; i++) {
        int64_t room = room_of(&h->host[i], now);
        int64_t use = room < wanted - given ? room : wanted - given;
        if (use != h->host[i].used)
            return true;
        given += use;
    }
    return given != world;
}

int64_t rt__hosts_allot(rt__hosts *h, int64_t wanted, double now)
{
    if (h->count == 0)
        return wanted;
    int64_t given = 0;
    for (int64_t i = 0; i < h->count; i++) {
        rt__host *x = &h->host[i];
        int64_t room = room_of(x, now);
        x->used = room < wanted - given ? room : wanted - given;
        given += x->used;
    }
    return given;
}

const char *rt__hosts_of_rank(const rt__hosts *h, int64_t rank)
{
    if (h->count == 0)
        return h->here;
    for (int64_t i = 0; i < h->count; rank -= h->host[i++].used)
        if (rank < h->host[i].used)
            return h->host[i].name;
    return "";
}

bool rt__hosts_is_here(const rt__hosts *h, const char *name)
{
    return is_localhost(name) || (h->here[0] && same_host(h->here, name));
}

static double cool_down(rt__host *x, double now)
{
    double seconds = RT__COOLDOWN_SECONDS;
    for (int i = 0; i < x->failures && seconds < RT__COOLDOWN_MOST; i++)
        seconds *= 2;
    if (seconds > RT__COOLDOWN_MOST)
        seconds = RT__COOLDOWN_MOST;
    x->failures++;
    x->deaths = 0;
    x->probing = false;
    x->cool_until = now + seconds;
    return seconds;
}

double rt__hosts_failed(rt__hosts *h, const char *name, double now)
{
    rt__host *x = rt__hosts_find(h, name);
    return x ? cool_down(x, now) : 0;
}

double rt__hosts_worker_died(rt__hosts *h, const char *name, int64_t most, double now)
{
    rt__host *x = rt__hosts_find(h, name);
    if (!x || ++x->deaths < most || rt__hosts_room(h, now) <= room_of(x, now))
        return 0;
    return cool_down(x, now);
}

void rt__hosts_made_progress(rt__hosts *h)
{
    for (int64_t i = 0; i < h->count; i++)
        if (h->host[i].used > 0)
            h->host[i].failures = h->host[i].deaths = 0;
}

rt__host *rt__hosts_due_for_probe(const rt__hosts *h, double now)
{
    for (int64_t i = 0; i < h->count; i++) {
        rt__host *x = &h->host[i];
        if (x->failures > 0 && x->used == 0 && !x->probing && x->cool_until > 0 &&
            now >= x->cool_until)
            return x;
    }
    return NULL;
}
