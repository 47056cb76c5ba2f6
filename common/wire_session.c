/* Sequence numbers, confirmation and resending. */
#include "common/wire_session.h"

#include "common/error.h"
#include "common/mem.h"

enum { FIRST_ROOM = 8 };

static rt_bytes *place(const rt__session *s, int64_t seq)
{
    return &s->ring[seq % s->room];
}

static rt_status grow(rt__session *s)
{
    rt__session larger = *s;
    larger.room = s->room ? 2 * s->room : FIRST_ROOM;
    larger.ring = rt_calloc((size_t)larger.room, sizeof *larger.ring);
    if (!larger.ring)
        return rt_error_code();
    for (int64_t n = s->confirmed + 1; n <= s->sent; n++)
        *place(&larger, n) = *place(s, n);
    rt_mem_free(s->ring);
    *s = larger;
    return RT_OK;
}

rt_status rt__session_queue(rt__session *s, rt_bytes *frame)
{
    rt_status status = RT_OK;
    int64_t waiting = s->sent - s->confirmed;
    if (waiting >= RT__UNCONFIRMED_MAX)
        status = RT_FAIL(TIMEOUT, "%s%s%d messages are not confirmed", s->peer,
                         *s->peer ? ": " : "", RT__UNCONFIRMED_MAX);
    else if (waiting == s->room)
        status = grow(s);
    if (status == RT_OK)
        *place(s, ++s->sent) = *frame;
    else
        rt_mem_free(frame->data);
    *frame = (rt_bytes){0};
    return status;
}

void rt__session_unqueue(rt__session *s)
{
    RT_ASSERT(s->handed < s->sent);
    rt_bytes_release(place(s, s->sent--));
}

const rt_bytes *rt__session_next(const rt__session *s)
{
    return s->handed < s->sent ? place(s, s->handed + 1) : NULL;
}

void rt__session_handed(rt__session *s)
{
    RT_ASSERT(s->handed < s->sent);
    s->handed++;
}

void rt__session_confirmed(rt__session *s, int64_t ack)
{
    if (ack > s->sent)
        return;
    while (s->confirmed < ack)
        rt_bytes_release(place(s, ++s->confirmed));
    if (s->handed < s->confirmed)
        s->handed = s->confirmed;
}

void rt__session_rewind(rt__session *s)
{
    s->handed = s->confirmed;
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

void rt__session_release(rt__session *s)
{
    rt__session_confirmed(s, s->sent);
    rt_mem_free(s->ring);
    *s = (rt__session){0};
}
