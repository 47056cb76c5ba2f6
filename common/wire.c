/* The wire: conversations over the sockets of wire_sockets.c, and the loop that receives. */
#include "common/wire.h"

#include <stdio.h>
#include <string.h>
#include <zmq.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/wire_session.h"
#include "common/wire_sockets.h"

enum {
    CONFIRM_EVERY = 64,        /* messages after which a busy receiver says what it has */
    FAILED_HANDSHAKES_MAX = 3, /* in a row, without a reason given: then the keys are to blame */
};
static const double ASK_AGAIN = 1; /* seconds between two requests for the same lost message */

struct rt_wire {
    rt__sockets sockets;
    bool is_router;
    char run[RT__NAME_MAX], name[RT__NAME_MAX];
    int64_t generation;

    rt__session **sessions; /* ROUTER: one per peer; DEALER: exactly one, with peer "" */
    size_t n_sessions, room;

    /* DEALER: its connection. locked_out: the other side does not accept our keys. */
    bool connected, was_connected, locked_out;
    int failed_handshakes;

    int64_t refused; /* frames */
};

/* ---- conversations ---- */

static rt__session *session_add(rt_wire *w, const char *peer)
{
    if (w->n_sessions == w->room) {
        size_t room = w->room ? 2 * w->room : 4;
        rt__session **grown = rt_realloc(w->sessions, room * sizeof *grown);
        if (!grown)
            return NULL;
        w->sessions = grown;
        w->room = room;
    }
    rt__session *s = rt_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    w->sessions[w->n_sessions++] = s;
    return s;
}

static rt__session *session_find(const rt_wire *w, const char *peer)
{
    for (size_t i = 0; i < w->n_sessions; i++)
        if (strcmp(w->sessions[i]->peer, peer) == 0)
            return w->sessions[i];
    return NULL;
}

void rt_wire_forget(rt_wire *w, const char *peer)
{
    for (size_t i = 0; i < w->n_sessions; i++)
        if (strcmp(w->sessions[i]->peer, peer) == 0) {
            rt__session_release(w->sessions[i]);
            rt_mem_free(w->sessions[i]);
            w->sessions[i] = w->sessions[--w->n_sessions];
            return;
        }
}

/* ---- opening ---- */

static rt_status wire_new(const rt_wire_options *o, bool is_router, rt_wire **out)
{
    *out = NULL;
    if (strlen(o->run) >= RT__NAME_MAX || strlen(o->name) >= RT__NAME_MAX)
        return RT_FAIL(ARG, "run '%.80s', name '%.80s': at most %d bytes each", o->run, o->name,
                       RT__NAME_MAX - 1);
    rt_wire *w = rt_calloc(1, sizeof *w);
    if (!w)
        return rt_error_code();
    w->sockets.epoll = -1;
    w->is_router = is_router;
    w->generation = o->generation;
    snprintf(w->run, sizeof w->run, "%s", o->run);
    snprintf(w->name, sizeof w->name, "%s", o->name);
    *out = w;
    return RT_OK;
}

rt_status rt_wire_listen(const rt_wire_options *o, rt_wire **out)
{
    RT_TRY(wire_new(o, true, out));
    rt_status status = rt__sockets_listen(o, &(*out)->sockets);
    if (status != RT_OK) {
        rt_wire_close(*out, 0);
        *out = NULL;
    }
    return status;
}

rt_status rt_wire_connect(const rt_wire_options *o, rt_wire **out)
{
    RT_TRY(wire_new(o, false, out));
    rt_status status = session_add(*out, "") ? RT_OK : rt_error_code();
    if (status == RT_OK)
        status = rt__sockets_connect(o, &(*out)->sockets);
    if (status != RT_OK) {
        rt_wire_close(*out, 0);
        *out = NULL;
    }
    return status;
}

const char *rt_wire_endpoint(const rt_wire *w)
{
    return w->sockets.endpoint;
}

int rt_wire_fd(const rt_wire *w)
{
    return w->sockets.epoll;
}

void rt_wire_set_generation(rt_wire *w, int64_t generation)
{
    w->generation = generation;
}

bool rt_wire_connected(const rt_wire *w)
{
    return w->connected;
}

int64_t rt_wire_refused(const rt_wire *w)
{
    return w->refused + w->sockets.auth.refused;
}

/* ---- sending ---- */

/* Gives one frame to the socket. CLOSED: no such peer now; TIMEOUT: its queue is full. Fills no
 * error slot, since the frame is kept and both may pass. */
static rt_status give(rt_wire *w, const rt__session *s, const rt_bytes *frame)
{
    bool sent = !w->is_router || zmq_send(w->sockets.main, s->peer, strlen(s->peer),
                                          ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
    sent = sent && zmq_send(w->sockets.main, frame->data, frame->len, ZMQ_DONTWAIT) >= 0;
    if (sent)
        return RT_OK;
    return zmq_errno() == EHOSTUNREACH ? RT_E_CLOSED : RT_E_TIMEOUT;
}

/* Gives the socket all it will take. */
static rt_status flush(rt_wire *w, rt__session *s)
{
    const rt_bytes *next;
    while ((next = rt__session_next(s))) {
        rt_status status = give(w, s, next);
        if (status != RT_OK)
            return status;
        rt__session_handed(s);
    }
    return RT_OK;
}

static rt__frame_head head_for(const rt_wire *w, const rt__session *s, int64_t type, int64_t seq)
{
    return (rt__frame_head){w->run, w->name, w->generation, seq, s->seen, type};
}

/* Sends one of the wire's own frames, which may get lost: whatever they say is said again. */
static void send_control(rt_wire *w, rt__session *s, int64_t type)
{
    rt_saved_error before;
    rt_error_save(&before);
    rt_bytes frame;
    rt__frame_head head = head_for(w, s, type, 0);
    if (rt__frame_encode(&head, NULL, &frame) == RT_OK) {
        if (give(w, s, &frame) == RT_OK)
            s->told = s->seen;
        rt_bytes_release(&frame);
    }
    rt_error_clear();
    rt_error_restore(&before);
}

rt_status rt_wire_send(rt_wire *w, const char *peer, rt_msg_type type, const void *body)
{
    rt__session *s = session_find(w, w->is_router ? peer : "");
    if (!s)
        return RT_FAIL(CLOSED, "%s: no such peer", peer);
    rt_bytes frame;
    rt__frame_head head = head_for(w, s, type, s->sent + 1);
    RT_TRY(rt__frame_encode(&head, body, &frame));
    RT_TRY(rt__session_queue(s, &frame));
    if (flush(w, s) == RT_E_CLOSED) {
        rt__session_unqueue(s);
        return RT_FAIL(CLOSED, "%s: the peer is gone", peer);
    }
    s->told = s->seen; /* the frame says so */
    return RT_OK;
}

/* ---- receiving ---- */

/* Counts and logs what is not let through; the error slot is as before. */
static void refuse(rt_wire *w, const char *peer, const char *reason)
{
    w->refused++;
    rt_log_warn("refused a frame%s%s: %s", *peer ? " from " : "", peer, reason);
}

/* Deals with what every frame says about our own messages. */
static void note_ack(rt_wire *w, rt__session *s, const rt__frame_head *head)
{
    rt__session_confirmed(s, head->ack);
    if (head->type == RT__FRAME_RESEND)
        rt__session_rewind(s);
    flush(w, s);
}

/* Asks for what is missing before an early message, once in a while. */
static void ask_again(rt_wire *w, rt__session *s)
{
    double now = rt_clock();
    if (s->asked != 0 && now - s->asked < ASK_AGAIN)
        return;
    s->asked = now;
    send_control(w, s, RT__FRAME_RESEND);
}

/* Returns true if the frame is a message for the caller. */
static bool take(rt_wire *w, const char *peer, const rt__frame_head *head)
{
    rt__session *s = session_find(w, peer);
    bool control = head->type == RT__FRAME_ACK || head->type == RT__FRAME_RESEND;
    if (!s && control)
        return false; /* of a peer that was forgotten */
    if (!s && head->seq != 1) {
        refuse(w, peer, "the conversation is under way, and its beginning is not known here");
        return false;
    }
    if (!s && !(s = session_add(w, peer))) {
        refuse(w, peer, "out of memory");
        rt_error_clear();
        return false;
    }
    note_ack(w, s, head);
    if (control)
        return false;
    switch (rt__session_arrived(s, head->seq)) {
    case RT__ARRIVED_NEW:
        s->asked = 0;
        if (s->seen - s->told >= CONFIRM_EVERY)
            send_control(w, s, RT__FRAME_ACK);
        return true;
    case RT__ARRIVED_AGAIN:
        s->told = s->seen - 1; /* it has not heard that we have it */
        return false;
    case RT__ARRIVED_EARLY:
        ask_again(w, s);
        return false;
    }
    return false;
}

/* Judges the bytes of one frame; returns true if *out is a message for the caller. */
static bool judge(rt_wire *w, const char *peer, const void *data, size_t len, rt_frame *out)
{
    rt__frame_head head;
    rt_saved_error before;
    rt_error_save(&before);
    bool good = rt__frame_decode(data, len, w->run, &head, out) == RT_OK;
    if (!good)
        refuse(w, peer, rt_error());
    bool wanted = good && take(w, peer, &head);
    rt_error_clear();
    rt_error_restore(&before);
    if (good && !wanted)
        rt_frame_release(out);
    snprintf(out->peer, sizeof out->peer, "%s", peer);
    return wanted;
}

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

/* Takes one ZeroMQ message off the socket, if there is one: on a ROUTER its peer and the frame, on
 * a DEALER the frame. */
static outcome poll_once(rt_wire *w, rt_frame *out)
{
    char peer[RT__NAME_MAX] = "";
    bool named = true, more = true;
    int parts = 0;
    zmq_msg_t part; /* in the end the last one, which is the frame */
    zmq_msg_init(&part);
    for (; more; parts++) {
        if (zmq_msg_recv(&part, w->sockets.main, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return NOTHING; /* only before the first: the parts of a message arrive together */
        }
        more = zmq_msg_more(&part);
        if (w->is_router && parts == 0)
            named = read_peer(&part, peer);
    }
    outcome result = DROPPED;
    if (!named)
        refuse(w, peer, "its name is not printable text");
    else if (parts != (w->is_router ? 2 : 1))
        refuse(w, peer, "more parts than a frame has");
    else if (judge(w, peer, zmq_msg_data(&part), zmq_msg_size(&part), out))
        result = MESSAGE_READY;
    zmq_msg_close(&part);
    return result;
}

static void handshake_failed(rt_wire *w, bool with_reason)
{
    w->failed_handshakes++;
    w->locked_out = with_reason || w->failed_handshakes >= FAILED_HANDSHAKES_MAX;
}

static void connection_is_up(rt_wire *w)
{
    rt__session *s = w->sessions[0];
    if (w->was_connected) { /* what was under way then is lost, in both directions */
        rt__session_rewind(s);
        send_control(w, s, RT__FRAME_RESEND);
        flush(w, s);
    }
    w->connected = w->was_connected = true;
    w->failed_handshakes = 0;
}

/* Reads what the monitor has to say about a DEALER's connection. */
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
        if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            connection_is_up(w);
        else if (kind == ZMQ_EVENT_DISCONNECTED)
            w->connected = false;
        else
            handshake_failed(w, kind == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
}

/* Tells peers what has arrived from them, and offers the socket what it would not take before. */
static void catch_up(rt_wire *w)
{
    for (size_t i = 0; i < w->n_sessions; i++) {
        rt__session *s = w->sessions[i];
        if (s->told != s->seen)
            send_control(w, s, RT__FRAME_ACK);
        flush(w, s);
    }
}

rt_status rt_wire_receive(rt_wire *w, double seconds, rt_frame *out)
{
    double deadline = rt_clock() + seconds;
    for (;;) {
        if (w->is_router)
            rt__auth_serve(&w->sockets.auth);
        else
            read_events(w);
        outcome result = poll_once(w, out);
        if (result == MESSAGE_READY)
            return RT_OK;
        if (result == DROPPED)
            continue;
        if (w->locked_out)
            return RT_FAIL(
                AUTH,
                "%s: the coordinator does not accept this process's keys: RINGTORCH_KEYS must "
                "come from the same run",
                w->sockets.endpoint);
        catch_up(w);
        if (!rt__sockets_wait(&w->sockets, deadline - rt_clock()))
            return RT_E_TIMEOUT;
    }
}

/* ---- closing ---- */

/* Hands over what the sockets would not take so far. */
static void drain(rt_wire *w, double seconds)
{
    double deadline = rt_clock() + seconds;
    bool waiting = true;
    while (waiting && rt_clock() < deadline) {
        waiting = false;
        for (size_t i = 0; i < w->n_sessions; i++)
            waiting |= flush(w, w->sessions[i]) == RT_E_TIMEOUT;
        if (waiting)
            rt_clock_sleep(0.001);
    }
}

void rt_wire_close(rt_wire *w, double linger)
{
    if (!w)
        return;
    double deadline = rt_clock() + linger;
    drain(w, linger);
    rt__sockets_close(&w->sockets, deadline - rt_clock());
    while (w->n_sessions > 0)
        rt_wire_forget(w, w->sessions[0]->peer);
    rt_mem_free(w->sessions);
    rt_mem_free(w);
}
