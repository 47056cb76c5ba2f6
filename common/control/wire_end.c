#include "common/control/wire_end.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CONFIRM_EVERY = 64,  /* messages after which a busy receiver confirms */
    BLOCKED_AT_ONCE = 16 /* blocked peers to retry per turn */
};
static const double RESEND_REQUEST_PAUSE =
    1;                                  /* seconds between two requests for the same messages */
static const double FORGET_AFTER = 60;  /* seconds of silence after which a peer that has no
                                            connection is forgotten */
static const int64_t MUST_CONFIRM = -1; /* rt__session.acked: confirm in any case */

rt_status rt__end_init(rt__end *e, const rt__end_options *o)
{
    *e = (rt__end){.options = *o, .generation = o->generation};
    if (strlen(o->run) >= RT__NAME_MAX || strlen(o->name) >= RT__NAME_MAX)
        return RT_FAIL(ARG, "run '%.80s', name '%.80s': at most %d bytes each", o->run, o->name,
                       RT__NAME_MAX - 1);
    snprintf(e->run, sizeof e->run, "%s", o->run);
    snprintf(e->name, sizeof e->name, "%s", o->name);
    if (!o->is_router && !(e->only = rt__peers_add(&e->peers, "")))
        return rt_error_code();
    return RT_OK;
}

void rt__end_release(rt__end *e)
{
    rt__peers_release(&e->peers);
    e->only = NULL;
}

static rt__session *find(rt__end *e, const char *peer)
{
    return e->only ? e->only : rt__peers_find(&e->peers, peer);
}

void rt__end_forget(rt__end *e, const char *peer)
{
    rt__session *s = rt__peers_find(&e->peers, peer);
    if (s && s != e->only)
        rt__peers_forget(&e->peers, s);
}

/* ---- sending ---- */

/* Packs one frame and hands it to the socket. NOMEM counts as a full queue, so it is retried. */
static rt_status give(rt__end *e, const char *peer, const rt__frame_head *head,
                      const rt_bytes *body)
{
    rt_bytes frame;
    rt_saved_error before;
    rt_error_save(&before);
    rt_status status = rt__frame_pack(head, body, &frame) == RT_OK
                           ? e->options.give(e->options.ctx, peer, &frame)
                           : RT_E_TIMEOUT;
    rt_bytes_release(&frame);
    rt_error_clear();
    rt_error_restore(&before);
    return status;
}

/* Sends one of the wire's own frames. It may get lost, because such frames are repeated. */
static rt_status send_control(rt__end *e, rt__session *s, int64_t type)
{
    rt__frame_head head = {e->run, e->name, e->generation, s->talk, 0, s->seen, type};
    rt_status status = give(e, s->peer, &head, NULL);
    if (status == RT_OK)
        s->acked = s->seen;
    return status;
}

/* Hands the socket as many messages as it accepts. */
static rt_status hand_over(rt__end *e, rt__session *s)
{
    const rt__letter *l;
    while (!s->awaiting_answer && (l = rt__session_next(s))) {
        rt__frame_head head = {e->run,        e->name, l->generation, s->talk,
                               s->handed + 1, s->seen, l->type};
        rt_status status = give(e, s->peer, &head, &l->body);
        if (status != RT_OK)
            return status;
        rt__session_handed(s);
        s->acked = s->seen; /* the frame carries the confirmation */
    }
    return RT_OK;
}

/* A peer without a connection asks when it is back; a peer whose queue is full is retried. */
static void push(rt__end *e, rt__session *s)
{
    if (hand_over(e, s) == RT_E_TIMEOUT)
        rt__peers_put(&e->peers, s, &e->peers.blocked);
    else if (s->acked != s->seen)
        rt__peers_put(&e->peers, s, &e->peers.due);
}

rt_status rt__end_send(rt__end *e, const char *peer, rt_msg_type type, const void *body, double now)
{
    rt__session *s = find(e, peer);
    if (!s)
        return RT_FAIL(CLOSED, "%s: no such peer", peer);
    rt__letter letter = {.type = type, .generation = e->generation, .since = now};
    RT_TRY(rt_msg_encode(type, body, &letter.body));
    rt_status status = rt__frame_fits(type, letter.body.len);
    if (status != RT_OK) {
        rt_bytes_release(&letter.body);
        return status;
    }
    RT_TRY(rt__session_queue(s, &letter));
    push(e, s);
    return RT_OK;
}

/* ---- new conversations ---- */

/* For a DEALER: the other end has lost our conversation. */
static void restart_conversation(rt__end *e, rt__session *s, double now)
{
    rt_log_info("the coordinator does not know this conversation: starting a new one");
    rt__letter *open = rt__session_restart(s, s->talk + 1);
    e->resets++;
    if (e->on_reset)
        e->on_reset(e->on_reset_ctx);
    rt__session_requeue(s, open, now);
    push(e, s);
}

static void send_reset(rt__end *e, const char *peer, int64_t talk)
{
    rt__frame_head head = {e->run, e->name, e->generation, talk, 0, 0, RT__FRAME_RESET};
    rt_log_debug("%s: its conversation is unknown here: asked it to start a new one", peer);
    give(e, peer, &head, NULL); /* if it gets lost, the peer asks again */
}

/* For a ROUTER: handles a frame of an unknown conversation from a known peer (s) or an unknown one (NULL). Returns the
 * conversation if the frame begins it. */
static rt__session *begin(rt__end *e, rt__session *s, const char *peer, const rt__frame_head *head,
                          double now)
{
    if (head->type == RT__FRAME_RESEND || (head->type > 0 && head->seq != 1))
        send_reset(e, peer, head->talk);
    if (head->type <= 0 || head->seq != 1)
        return NULL;
    rt__letter *open = NULL;
    if (s)
        open = rt__session_restart(s, head->talk);
    else
        s = rt__peers_add(&e->peers, peer);
    if (!s) {
        rt__end_refuse(e, peer, "out of memory");
        return NULL;
    }
    s->talk = head->talk;
    rt__session_requeue(s, open, now);
    return s;
}

/* ---- receiving ---- */

void rt__end_refuse(rt__end *e, const char *peer, const char *reason)
{
    rt_log_warn_limited(&e->refused, "refused a frame%s%s: %s", *peer ? " from " : "", peer,
                        reason);
}

/* Asks for the messages after the last one we have, unless we asked a moment ago. */
static void request_resend(rt__end *e, rt__session *s, double now)
{
    if (s->resend_asked != 0 && now - s->resend_asked < RESEND_REQUEST_PAUSE)
        return;
    if (send_control(e, s, RT__FRAME_RESEND) == RT_OK)
        s->resend_asked = now;
}

/* Returns true if this is the next message. Confirms the messages before it but not this one: the receiver may die
 * while handling it, and then the peer must resend it. */
static bool arrived(rt__end *e, rt__session *s, int64_t seq, double now)
{
    if (s->seen - s->acked >= CONFIRM_EVERY)
        send_control(e, s, RT__FRAME_ACK);
    switch (rt__session_arrived(s, seq)) {
    case RT__ARRIVED_NEW:
        s->resend_asked = 0;
        return true;
    case RT__ARRIVED_AGAIN:
        s->acked = MUST_CONFIRM; /* the peer has missed our confirmation */
        return false;
    case RT__ARRIVED_EARLY:
        request_resend(e, s, now);
        return false;
    }
    return false;
}

/* Handles a frame's confirmation of our own messages. */
static void handle_ack(const rt__end *e, rt__session *s, const rt__frame_head *head)
{
    rt__session_confirmed(s, head->ack);
    if (head->type == RT__FRAME_RESEND) {
        s->acked = MUST_CONFIRM;
        rt__session_rewind(s);
    }
    if (s->awaiting_answer &&
        e->connected) { /* it knows this conversation: unconfirmed messages are lost */
        s->awaiting_answer = false;
        s->resend_asked = 0;
        rt__session_rewind(s);
    }
}

/* Handles a well-formed frame; returns true if it is a message for the caller. */
static bool handle_frame(rt__end *e, const char *peer, const rt__frame_head *head, double now)
{
    rt__session *s = find(e, peer);
    if ((!s || head->talk > s->talk) && e->options.is_router)
        s = begin(e, s, peer, head, now);
    if (!s || head->talk != s->talk)
        return false; /* refused, or left over from an ended conversation */
    s->last_frame = now;
    if (head->type == RT__FRAME_RESET) {
        if (!e->options.is_router && s->sent > 0)
            restart_conversation(e, s, now);
        return false;
    }
    handle_ack(e, s, head);
    push(e, s);
    bool wanted = head->type > 0 && arrived(e, s, head->seq, now);
    if (s->acked != s->seen && !s->queue)
        rt__peers_put(&e->peers, s, &e->peers.due);
    return wanted;
}

bool rt__end_take(rt__end *e, const char *peer, const void *data, size_t len, double now,
                  rt_frame *out)
{
    rt__frame_head head;
    rt_saved_error before;
    rt_error_save(&before);
    bool good = rt__frame_decode(data, len, e->run, &head, out) == RT_OK;
    if (!good)
        rt__end_refuse(e, peer, rt_error());
    rt_error_clear();
    bool wanted = good && handle_frame(e, peer, &head, now);
    rt_error_clear();
    rt_error_restore(&before);
    if (good && !wanted)
        rt_frame_release(out);
    snprintf(out->peer, sizeof out->peer, "%s", peer);
    return wanted;
}

/* ---- a DEALER's connection ---- */

void rt__end_connected(rt__end *e, double now)
{
    rt__session *s = e->only;
    if (e->was_connected &&
        s->sent + s->seen > 0) { /* messages in flight are lost, in both directions */
        s->awaiting_answer = true;
        s->resend_asked = 0;
        request_resend(e, s, now);
    } else {
        s->awaiting_answer = false;
    }
    e->connected = e->was_connected = true;
    push(e, s);
}

void rt__end_disconnected(rt__end *e)
{
    e->connected = false;
    e->only->awaiting_answer = e->was_connected;
}

double rt__end_unconfirmed_seconds(const rt__end *e, double now)
{
    const rt__letter *oldest = e->only ? e->only->first : NULL;
    return oldest && now > oldest->since ? now - oldest->since : 0;
}

int64_t rt__end_unconfirmed(const rt__end *e)
{
    return e->only ? e->only->sent - e->only->confirmed : 0;
}

/* ---- maintenance ---- */

static void settle(rt__end *e, rt__session *s)
{
    rt_status status = s->acked == s->seen ? RT_OK : send_control(e, s, RT__FRAME_ACK);
    if (status == RT_OK)
        status = hand_over(e, s);
    if (status == RT_E_TIMEOUT)
        rt__peers_put(&e->peers, s, &e->peers.blocked);
}

/* Checks a few peers that have been silent for long: a peer that cannot even be sent a confirmation has left for good.
 * If it comes back after all, it is asked to begin a new conversation. */
static void forget_some(rt__end *e, double now)
{
    rt__session *next;
    for (rt__session *s = rt__peers_next(&e->peers); s; s = next) {
        next = s->same_bucket;
        e->peers.looked_at++;
        if (now - s->last_frame < FORGET_AFTER)
            continue;
        s->last_frame = now;
        if (send_control(e, s, RT__FRAME_ACK) == RT_E_CLOSED)
            rt__peers_forget(&e->peers, s);
    }
}

void rt__end_settle(rt__end *e, double now)
{
    rt__session *s;
    if (e->only && e->only->awaiting_answer && e->connected)
        request_resend(e, e->only, now);
    while ((s = rt__peers_take(&e->peers, &e->peers.due)))
        settle(e, s);
    rt__session *last = e->peers.blocked.last;
    for (int i = 0; i < BLOCKED_AT_ONCE && last; i++) {
        s = rt__peers_take(&e->peers, &e->peers.blocked);
        settle(e, s);
        if (s == last)
            break;
    }
    if (e->options.is_router)
        forget_some(e, now);
}

bool rt__end_is_blocked(const rt__end *e)
{
    return e->peers.blocked.first != NULL;
}
