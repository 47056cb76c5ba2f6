/* Sequence numbers, confirmations, resending and restarting. */
#include "common/control/wire_session.h"

#include "common/base/error.h"
#include "common/base/mem.h"

static void letter_free(rt__letter *l)
{
    rt_bytes_release(&l->body);
    rt_mem_free(l);
}

/* Gives a message the next number. */
static void append(rt__session *s, rt__letter *l)
{
    l->next = NULL;
    if (s->last)
        s->last->next = l;
    else
        s->first = l;
    s->last = l;
    s->next = s->next ? s->next : l;
    s->sent++;
}

rt_status rt__session_queue(rt__session *s, rt__letter *letter)
{
    rt__letter *l = NULL;
    if (s->sent - s->confirmed >= RT__UNCONFIRMED_MAX)
        RT_FAIL(TIMEOUT, "%s%s%d messages are not confirmed", s->peer, *s->peer ? ": " : "",
                RT__UNCONFIRMED_MAX);
    else
        l = rt_malloc(sizeof *l);
    if (!l) {
        rt_bytes_release(&letter->body);
        return rt_error_code();
    }
    *l = *letter;
    letter->body = (rt_bytes){0};
    append(s, l);
    return RT_OK;
}

const rt__letter *rt__session_next(const rt__session *s)
{
    return s->next;
}

void rt__session_handed(rt__session *s)
{
    RT_ASSERT(s->next);
    s->next = s->next->next;
    s->handed++;
}

void rt__session_confirmed(rt__session *s, int64_t ack)
{
    if (ack > s->sent)
        return;
    while (s->confirmed < ack) {
        rt__letter *l = s->first;
        if (s->next == l) /* the peer received it before a rewind */
            rt__session_handed(s);
        s->first = l->next;
        s->confirmed++;
        letter_free(l);
    }
    if (!s->first)
        s->last = NULL;
}

void rt__session_rewind(rt__session *s)
{
    s->handed = s->confirmed;
    s->next = s->first;
}

rt__arrival rt__session_arrived(rt__session *s, int64_t seq)
{
    if (seq <= s->seen)
        return RT__ARRIVED_AGAIN;
    if (seq > s->seen + 1)
        return RT__ARRIVED_EARLY;
    s->seen = seq;
    return RT__ARRIVED_NEW;
}

rt__letter *rt__session_restart(rt__session *s, int64_t talk)
{
    rt__letter *open = s->first;
    s->talk = talk;
    s->confirmed = s->handed = s->sent = s->seen = s->acked = 0;
    s->resend_asked = 0;
    s->awaiting_answer = false;
    s->first = s->last = s->next = NULL;
    return open;
}

/* Returns whether one of the messages from `l` up to `last` is of that type. */
static bool has_type(const rt__letter *l, const rt__letter *last, rt_msg_type type)
{
    while (l && l->type != type)
        l = l == last ? NULL : l->next;
    return l != NULL;
}

void rt__session_requeue(rt__session *s, rt__letter *letters, double now)
{
    const rt__letter *last_said = s->last;
    rt__letter *next;
    for (rt__letter *l = letters; l; l = next) {
        next = l->next;
        l->since = now;
        if (last_said && has_type(s->first, last_said, l->type))
            letter_free(l);
        else
            append(s, l);
    }
}

void rt__session_release(rt__session *s)
{
    rt__session_confirmed(s, s->sent);
    *s = (rt__session){0};
}
