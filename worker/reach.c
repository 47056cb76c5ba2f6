#include "worker/reach.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/bind_address.h"
#include "worker/report.h"
#include <stdio.h>
#include <string.h>

static const double POLL_SECONDS = 0.005;
static const double NEXT_SECONDS = 0.5;   /* without an answer: the next address is tried, too */
static const double SETTLE_SECONDS = 0.5; /* for the other addresses that have been tried */

/* ---- one rank ---- */

typedef struct attempts {
    const char *untried;
    rt_wire *wire[RT_ADDRESSES_MOST];
    char endpoint[RT_ADDRESSES_MOST][RT_ENDPOINT];
    int count;
} attempts;

/* Tries the next address, or the coordinator's own endpoint if none are known. */
static void try_next(attempts *a, const rt__reach *r)
{
    char address[RT_ADDRESS];
    if (a->count == RT_ADDRESSES_MOST)
        return;
    char *endpoint = a->endpoint[a->count];
    if (rt_address_next(&a->untried, address))
        rt_endpoint_of(address, r->wire.endpoint, endpoint);
    else if (a->count == 0)
        snprintf(endpoint, RT_ENDPOINT, "%s", r->wire.endpoint);
    else
        return;
    rt_wire_options o = r->wire;
    o.endpoint = endpoint;
    if (rt_wire_connect(&o, &a->wire[a->count++]) != RT_OK)
        rt_error_clear(); /* no address */
}

/* Returns whether the coordinator has answered. Another program, or the coordinator of another run, does not: it lacks the key. */
static bool has_answered(rt_wire *w)
{
    rt_frame f;
    if (!w)
        return false;
    if (rt_wire_receive(w, 0, &f) == RT_OK)
        rt_frame_release(&f);
    rt_error_clear();
    return rt_wire_connected(w);
}

/* Returns how many attempts have been answered; `first` becomes the first of them. */
static int count_answers(const attempts *a, int *first)
{
    int answers = 0;
    for (int i = a->count; i-- > 0;)
        if (has_answered(a->wire[i])) {
            *first = i;
            answers++;
        }
    return answers;
}

/* Waits for the other attempts, too: the coordinator warns of a stranger if a connection is closed that is still being made. */
static void end_attempts(attempts *a, bool settle)
{
    int any;
    double end = rt_clock() + (settle ? SETTLE_SECONDS : 0);
    while (rt_clock() < end && count_answers(a, &any) < a->count)
        rt_clock_sleep(POLL_SECONDS);
    for (int i = 0; i < a->count; i++)
        rt_wire_close(a->wire[i], 0);
}

bool rt__reach_find(rt__reach *r, double seconds)
{
    attempts a = {.untried = r->addresses};
    double now = rt_clock(), next = now, end = now + seconds;
    int first = 0;
    bool found = false;
    for (; !found && now < end; now = rt_clock()) {
        if (now >= next) {
            try_next(&a, r);
            next = now + NEXT_SECONDS;
        }
        found = count_answers(&a, &first) > 0;
        if (!found)
            rt_clock_sleep(POLL_SECONDS);
    }
    snprintf(r->found, sizeof r->found, "%s", found ? a.endpoint[first] : "");
    end_attempts(&a, found);
    return found;
}

/* ---- all ranks ---- */

enum { WORDS = 8 };

typedef struct finding {
    int64_t found;
    char host[(WORDS - 1) * sizeof(int64_t)];
} finding;
_Static_assert(sizeof(finding) == WORDS * sizeof(int64_t), "a finding is sent as WORDS numbers");

typedef struct findings {
    finding *of;
    rt_range *owned;
    int world;
} findings;

static rt_status exchange(rt_comm *c, void *arg)
{
    const findings *f = arg;
    rt_buf all = {.data = f->of, .count = (int64_t)f->world * WORDS, .dtype = RT_I64};
    return rt_comm_all_gather(c, all, f->owned, RT_ALGO_DIRECT);
}

/* The addresses come last: they are cut off where there is no room for all of a message. */
static rt_status judge(const findings *f, const rt__reach *r, bool *lost)
{
    int first = 0, count = 0;
    for (int i = f->world - 1; i >= 0; i--)
        if (!f->of[i].found) {
            first = i;
            count++;
        }
    *lost = count > 0;
    if (!*lost)
        return RT_OK;
    char more[40] = "";
    const char *port = strrchr(r->wire.endpoint, ':');
    if (count > 1)
        snprintf(more, sizeof more, " (and %d more)", count - 1);
    return RT_FAIL(
        NET,
        "rank %d on %s%s does not reach the coordinator on %s: set control.bind to an address or "
        "interface of %s that it reaches, as in --set control.bind=192.168.0.10, or let a firewall "
        "pass port %s; it has tried %s",
        first, f->of[first].host, more, f->of[0].host, f->of[0].host, port ? port + 1 : "",
        r->addresses && *r->addresses ? r->addresses : r->wire.endpoint);
}

rt_status rt__reach_agree(rt__commthread *comm, int rank, int world, bool found, const rt__reach *r,
                          bool *lost)
{
    *lost = false;
    findings f = {.of = rt_calloc((size_t)world, sizeof *f.of),
                  .owned = rt_calloc((size_t)world, sizeof *f.owned),
                  .world = world};
    rt_status status = f.of && f.owned ? RT_OK : rt_error_code();
    for (int i = 0; status == RT_OK && i < world; i++)
        f.owned[i] = (rt_range){(int64_t)i * WORDS, (int64_t)(i + 1) * WORDS};
    if (status == RT_OK) {
        f.of[rank].found = found;
        rt__host_name(f.of[rank].host, sizeof f.of[rank].host);
        status = rt__commthread_run(comm, exchange, &f);
    }
    if (status == RT_OK)
        status = judge(&f, r, lost);
    rt_mem_free(f.owned);
    rt_mem_free(f.of);
    return status;
}
