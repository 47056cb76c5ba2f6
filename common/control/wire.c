/* The wire: conversations over the sockets of wire_sockets.c, and the loop that receives. */
#include "common/control/wire.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/wire_end.h"
#include "common/control/wire_sockets.h"
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { FAILED_HANDSHAKES_MAX = 3 };       /* without a reason, before any has succeeded ... */
static const double FAILED_SECONDS = 0.5; /* ... and for so long: then the keys are wrong. A killed
                                             coordinator causes such a failure only once. */
static const double WAIT_BLOCKED = 0.01;  /* seconds until a full socket is tried again */

struct rt_wire {
    rt__sockets sockets;
    rt__end end;
    /* For a DEALER. locked_out: the other side does not accept our keys. */
    bool locked_out;
    int failed_handshakes; /* since the last success */
    double failing_since;
    rt_log_limit bad_clients; /* ROUTER: connections that broke the protocol */
};

/* Hands one frame to the socket: see rt__end_options. */
static rt_status give(void *ctx, const char *peer, const rt_bytes *frame)
{
    rt_wire *w = ctx;
    bool sent = !w->end.options.is_router ||
                zmq_send(w->sockets.main, peer, strlen(peer), ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
    sent = sent && zmq_send(w->sockets.main, frame->data, frame->len, ZMQ_DONTWAIT) >= 0;
    if (sent)
        return RT_OK;
    return zmq_errno() == EHOSTUNREACH ? RT_E_CLOSED : RT_E_TIMEOUT;
}

/* ---- opening ---- */

static rt_status wire_open(const rt_wire_options *o, bool is_router, rt_wire **out)
{
    *out = NULL;
    rt_wire *w = rt_calloc(1, sizeof *w);
    if (!w)
        return rt_error_code();
    rt_status status = rt__end_init(&w->end, &(rt__end_options){.is_router = is_router,
                                                                .run = o->run,
                                                                .name = o->name,
                                                                .generation = o->generation,
                                                                .give = give,
                                                                .ctx = w});
    const rt__sockets_options at = {o->endpoint, o->also, o->keys, o->name};
    if (status == RT_OK)
        status = is_router ? rt__sockets_listen(&at, &w->sockets)
                           : rt__sockets_connect(&at, &w->sockets);
    if (status != RT_OK)
        rt_wire_close(w, 0);
    else
        *out = w;
    return status;
}

rt_status rt_wire_listen(const rt_wire_options *o, rt_wire **out)
{
    return wire_open(o, true, out);
}

rt_status rt_wire_connect(const rt_wire_options *o, rt_wire **out)
{
    return wire_open(o, false, out);
}

const char *rt_wire_endpoint(const rt_wire *w)
{
    return w->sockets.endpoint;
}

_Static_assert((int)RT_WIRE_FDS == (int)RT__SOCKETS_WATCHED, "each watched socket has a place");

void rt_wire_poll(const rt_wire *w, struct pollfd out[RT_WIRE_FDS])
{
    for (int i = 0; i < RT_WIRE_FDS; i++)
        out[i] =
            (struct pollfd){.fd = i < w->sockets.watched ? w->sockets.fd[i] : -1, .events = POLLIN};
}

void rt_wire_set_generation(rt_wire *w, int64_t generation)
{
    w->end.generation = generation;
}

bool rt_wire_connected(const rt_wire *w)
{
    return w->end.connected;
}

int64_t rt_wire_refused(const rt_wire *w)
{
    return w->end.refused.count + w->sockets.auth.refused.count + w->bad_clients.count;
}

double rt_wire_unconfirmed_seconds(const rt_wire *w)
{
    return rt__end_unconfirmed_seconds(&w->end, rt_clock());
}

int64_t rt_wire_unconfirmed(const rt_wire *w)
{
    return rt__end_unconfirmed(&w->end);
}

void rt_wire_on_reset(rt_wire *w, void (*on_reset)(void *ctx), void *ctx)
{
    w->end.on_reset = on_reset;
    w->end.on_reset_ctx = ctx;
}

void rt_wire_forget(rt_wire *w, const char *peer)
{
    rt__end_forget(&w->end, peer);
}

rt_status rt_wire_send(rt_wire *w, const char *peer, rt_msg_type type, const void *body)
{
    return rt__end_send(&w->end, peer, type, body, rt_clock());
}

/* ---- receiving ---- */

/* Reads a routing id; returns false if it is not one of ours, which are printable text. */
static bool read_peer(zmq_msg_t *part, char peer[RT__NAME_MAX])
{
    size_t len = zmq_msg_size(part);
    const char *text = zmq_msg_data(part);
    peer[0] = 0;
    if (len >= RT__NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    memcpy(peer, text, len);
    peer[len] = 0;
    return true;
}

typedef enum outcome { NOTHING, DROPPED, MESSAGE_READY } outcome;

/* Receives one ZeroMQ message, if there is one: on a ROUTER the peer and the frame, on a DEALER the frame. */
static outcome poll_once(rt_wire *w, rt_frame *out)
{
    bool is_router = w->end.options.is_router;
    char peer[RT__NAME_MAX] = "";
    bool named = true, more = true;
    int parts = 0;
    zmq_msg_t part; /* after the loop the last part, which is the frame */
    zmq_msg_init(&part);
    for (; more; parts++) {
        if (zmq_msg_recv(&part, w->sockets.main, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return NOTHING; /* happens only before the first part: parts arrive together */
        }
        more = zmq_msg_more(&part);
        if (is_router && parts == 0)
            named = read_peer(&part, peer);
    }
    outcome result = DROPPED;
    if (!named)
        rt__end_refuse(&w->end, peer, "its name is not printable text");
    else if (parts != (is_router ? 2 : 1))
        rt__end_refuse(&w->end, peer, "more parts than a frame has");
    else if (rt__end_take(&w->end, peer, zmq_msg_data(&part), zmq_msg_size(&part), rt_clock(), out))
        result = MESSAGE_READY;
    zmq_msg_close(&part);
    return result;
}

/* For a DEALER. If the coordinator once accepted these keys, a failed handshake may be temporary: the coordinator was
 * killed during it, or another program has its port now. */
static void handshake_failed(rt_wire *w, bool with_reason)
{
    if (w->failed_handshakes++ == 0)
        w->failing_since = rt_clock();
    bool long_enough = w->failed_handshakes >= FAILED_HANDSHAKES_MAX &&
                       rt_clock() - w->failing_since >= FAILED_SECONDS;
    w->locked_out = with_reason || (long_enough && !w->end.was_connected);
}

/* For a ROUTER: a client without encryption or with the keys of another run. It may hang up before ZeroMQ notices,
 * which looks like a peer that has died. */
static void count_bad_client(rt_wire *w)
{
    rt_log_warn_limited(&w->bad_clients,
                        "a connection failed: it lacked this run's keys or encryption, "
                        "or its process died");
}

static void note_event(rt_wire *w, uint16_t kind)
{
    if (w->end.options.is_router) {
        count_bad_client(w);
    } else if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        w->failed_handshakes = 0;
        rt__end_connected(&w->end, rt_clock());
    } else if (kind == ZMQ_EVENT_DISCONNECTED) {
        rt__end_disconnected(&w->end);
    } else {
        handshake_failed(w, kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
}

/* Reads the monitor's events about connections. */
static void read_events(rt_wire *w)
{
    for (;;) {
        uint8_t event[6]; /* 16-bit kind, 32-bit value; then a part with the address */
        char address[256];
        if (zmq_recv(w->sockets.monitor, event, sizeof event, ZMQ_DONTWAIT) < 0)
            return;
        zmq_recv(w->sockets.monitor, address, sizeof address, 0);
        uint16_t kind;
        memcpy(&kind, event, sizeof kind);
        note_event(w, kind);
    }
}

static rt_status locked_out(const rt_wire *w)
{
    return RT_FAIL(AUTH,
                   "%s: the coordinator there does not accept the keys in RINGTORCH_KEYS: they are "
                   "of another run, or another run has the port now: take endpoint and keys from "
                   "the same control.json, or start this with `ringtorch train`",
                   w->sockets.endpoint);
}

rt_status rt_wire_receive(rt_wire *w, double seconds, rt_frame *out)
{
    double deadline = rt_clock() + seconds;
    for (;;) {
        if (w->end.options.is_router)
            rt__auth_serve(&w->sockets.auth);
        read_events(w);
        outcome result = poll_once(w, out);
        if (result == MESSAGE_READY)
            return RT_OK;
        if (result == DROPPED)
            continue;
        if (w->locked_out)
            return locked_out(w);
        double now = rt_clock(), rest = deadline - now;
        rt__end_settle(&w->end, now);
        bool offer_again = rt__end_is_blocked(&w->end) && rest > WAIT_BLOCKED;
        if (!rt__sockets_wait(&w->sockets, offer_again ? WAIT_BLOCKED : rest) && !offer_again)
            return RT_E_TIMEOUT;
    }
}

/* ---- closing ---- */

/* Hands over what the sockets have not accepted so far. */
static void drain(rt_wire *w, double deadline)
{
    for (double now; rt__end_is_blocked(&w->end) && (now = rt_clock()) < deadline;) {
        rt__end_settle(&w->end, now);
        rt_clock_sleep(0.001);
    }
}

void rt_wire_close(rt_wire *w, double linger)
{
    if (!w)
        return;
    double deadline = rt_clock() + linger;
    drain(w, deadline);
    rt__sockets_close(&w->sockets, deadline - rt_clock());
    rt__end_release(&w->end);
    rt_mem_free(w);
}
