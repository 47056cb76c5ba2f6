#include "worker/reach.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double POLL_SECONDS = 0.005;

/* ---- one rank ---- */

/* Writes the endpoints of all addresses, at the port of the coordinator's own. Returns how many there are. */
static int list_endpoints(const rt__reach *r, char endpoint[RT__REACH_MOST][RT__REACH_TEXT])
{
    int n = 0;
    const char *port = strrchr(r->wire.endpoint, ':');
    for (const char *at = r->addresses; at && port && *at && n < RT__REACH_MOST; at += *at == ',') {
        int length = (int)strcspn(at, ",");
        snprintf(endpoint[n++], RT__REACH_TEXT, "tcp://%.*s%s", length, at, port);
        at += length;
    }
    if (n == 0)
        snprintf(endpoint[n++], RT__REACH_TEXT, "%s", r->wire.endpoint);
    return n;
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

bool rt__reach_find(rt__reach *r, double seconds)
{
    char endpoint[RT__REACH_MOST][RT__REACH_TEXT];
    rt_wire *wire[RT__REACH_MOST] = {0};
    int n = list_endpoints(r, endpoint);
    for (int i = 0; i < n; i++) {
        rt_wire_options o = r->wire;
        o.endpoint = endpoint[i];
        if (rt_wire_connect(&o, &wire[i]) != RT_OK)
            rt_error_clear(); /* no address */
    }
    r->found[0] = '\0';
    double end = rt_clock() + seconds;
    do {
        for (int i = 0; i < n && !r->found[0]; i++)
            if (has_answered(wire[i]))
                memcpy(r->found, endpoint[i], sizeof r->found);
        if (!r->found[0])
            rt_clock_sleep(POLL_SECONDS);
    } while (!r->found[0] && rt_clock() < end);
    for (int i = 0; i < n; i++)
        rt_wire_close(wire[i], 0);
    return r->found[0] != '\0';
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

/* What has been tried, as a message has it: "tcp://172.17.0.1:4711, tcp://10.0.0.1:4711". */
static void write_tried(const rt__reach *r, char *text, size_t size)
{
    char endpoint[RT__REACH_MOST][RT__REACH_TEXT];
    int n = list_endpoints(r, endpoint);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", endpoint[i]);
}

static rt_status judge(const findings *f, const rt__reach *r)
{
    char tried[512];
    int first = 0, lost = 0;
    for (int i = f->world - 1; i >= 0; i--)
        if (!f->of[i].found) {
            first = i;
            lost++;
        }
    if (lost == 0)
        return RT_OK;
    write_tried(r, tried, sizeof tried);
    char more[40] = "";
    if (lost > 1)
        snprintf(more, sizeof more, " (and %d more)", lost - 1);
    return RT_FAIL(
        NET,
        "rank %d on %s%s does not reach the coordinator on %s at any of its addresses (%s): "
        "set control.bind to an address or interface of %s that it reaches, as in --set "
        "control.bind=192.168.0.10, or let a firewall pass that port",
        first, f->of[first].host, more, f->of[0].host, tried, f->of[0].host);
}

rt_status rt__reach_agree(rt__commthread *comm, int rank, int world, bool found, const rt__reach *r)
{
    findings f = {.of = rt_calloc((size_t)world, sizeof *f.of),
                  .owned = rt_calloc((size_t)world, sizeof *f.owned),
                  .world = world};
    rt_status status = f.of && f.owned ? RT_OK : rt_error_code();
    for (int i = 0; status == RT_OK && i < world; i++)
        f.owned[i] = (rt_range){(int64_t)i * WORDS, (int64_t)(i + 1) * WORDS};
    if (status == RT_OK) {
        f.of[rank].found = found;
        gethostname(f.of[rank].host, sizeof f.of[rank].host - 1);
        status = rt__commthread_run(comm, exchange, &f);
    }
    if (status == RT_OK)
        status = judge(&f, r);
    rt_mem_free(f.owned);
    rt_mem_free(f.of);
    return status;
}
