/* Sequence numbers and resending over a simulated channel that loses, repeats and reorders thousands of messages. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/wire_session.h"
#include "tests/unit/common/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static uint64_t rng;

/* Queues a message that holds a number. */
static rt_status queue_as(rt__session *s, rt_msg_type type, int64_t number)
{
    rt__letter l = {.type = type, .since = (double)number};
    l.body = (rt_bytes){.data = rt_malloc(sizeof number), .len = sizeof number};
    memcpy(l.body.data, &number, sizeof number);
    rt_status status = rt__session_queue(s, &l);
    assert_null(l.body.data); /* taken over */
    return status;
}

static rt_status queue(rt__session *s, int64_t number)
{
    return queue_as(s, RT_MSG_PROGRESS, number);
}

static int64_t number_of(const rt__letter *l)
{
    int64_t number;
    memcpy(&number, l->body.data, sizeof number);
    return number;
}

static void messages_are_kept_until_confirmed(void **state)
{
    (void)state;
    rt__session s = {0};
    int64_t live = rt_mem_live();
    assert_null(rt__session_next(&s));
    for (int64_t n = 1; n <= 20; n++)
        assert_int_equal(queue(&s, n), RT_OK);
    for (int64_t n = 1; n <= 15; n++) {
        assert_int_equal(number_of(rt__session_next(&s)), n);
        rt__session_handed(&s);
    }
    rt__session_confirmed(&s, 10);
    rt__session_confirmed(&s, 4);   /* an old one changes nothing */
    rt__session_confirmed(&s, 999); /* nor does one for what was never sent */
    assert_int_equal(number_of(rt__session_next(&s)), 16);
    rt__session_rewind(&s);
    assert_int_equal(number_of(rt__session_next(&s)), 11);
    rt__session_confirmed(&s, 18);
    assert_int_equal(number_of(rt__session_next(&s)), 19);
    assert_int_equal(s.handed, 18);
    rt__session_confirmed(&s, 20);
    assert_null(rt__session_next(&s));
    assert_int_equal(queue(&s, 21), RT_OK); /* empty, and in use again */
    assert_int_equal(number_of(rt__session_next(&s)), 21);
    rt__session_release(&s);
    assert_int_equal(rt_mem_live(), live);
}

static void too_many_unconfirmed_are_refused(void **state)
{
    (void)state;
    rt__session s = {.peer = "worker 3"};
    int64_t live = rt_mem_live();
    for (int64_t n = 1; n <= RT__UNCONFIRMED_MAX; n++)
        assert_int_equal(queue(&s, n), RT_OK);
    assert_int_equal(queue(&s, 0), RT_E_TIMEOUT);
    assert_string_equal(rt_error(), "worker 3: 1024 messages are not confirmed");
    rt_error_clear();
    rt__session_confirmed(&s, 1);
    assert_int_equal(queue(&s, RT__UNCONFIRMED_MAX + 1), RT_OK);
    for (int64_t n = 2; n <= RT__UNCONFIRMED_MAX + 1; n++) {
        assert_int_equal(number_of(rt__session_next(&s)), n);
        rt__session_handed(&s);
    }
    rt__session_release(&s);
    assert_int_equal(rt_mem_live(), live);
}

static void arrivals_are_classified(void **state)
{
    (void)state;
    rt__session s = {0};
    assert_int_equal(rt__session_arrived(&s, 2), RT__ARRIVED_EARLY);
    assert_int_equal(rt__session_arrived(&s, 1), RT__ARRIVED_NEW);
    assert_int_equal(rt__session_arrived(&s, 1), RT__ARRIVED_AGAIN);
    assert_int_equal(rt__session_arrived(&s, 3), RT__ARRIVED_EARLY);
    assert_int_equal(rt__session_arrived(&s, 2), RT__ARRIVED_NEW);
    assert_int_equal(s.seen, 2);
}

/* Hands over everything; returns the messages in order as "place:number". */
static const char *all_of(rt__session *s)
{
    static char text[256];
    size_t used = 0;
    text[0] = '\0';
    for (const rt__letter *l; (l = rt__session_next(s)); rt__session_handed(s))
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld:%lld", used ? " " : "",
                                 (long long)s->handed + 1, (long long)number_of(l));
    return text;
}

static void a_new_conversation_keeps_unconfirmed_messages(void **state)
{
    (void)state;
    rt__session s = {.talk = 1};
    int64_t live = rt_mem_live();
    queue_as(&s, RT_MSG_HELLO, 10);
    for (int64_t n = 11; n <= 15; n++)
        queue(&s, n);
    queue_as(&s, RT_MSG_FINISHED, 16);
    all_of(&s);
    rt__session_confirmed(&s, 3);
    s.seen = s.acked = 40;
    s.awaiting_answer = true;

    rt__letter *open = rt__session_restart(&s, 2);
    assert_int_equal(s.talk, 2);
    assert_int_equal(s.seen, 0);
    assert_int_equal(s.sent, 0);
    assert_false(s.awaiting_answer);
    queue_as(&s, RT_MSG_HELLO, 90);
    queue_as(&s, RT_MSG_FINISHED, 91); /* stands for the one that was not confirmed */
    rt__session_requeue(&s, open, 7.5);
    assert_true(s.first->next->next->since == 7.5);
    assert_string_equal(all_of(&s), "1:90 2:91 3:13 4:14 5:15");

    open = rt__session_restart(&s, 3); /* twice in a row, the second in the middle of the first */
    queue_as(&s, RT_MSG_HELLO, 92);
    rt__session_requeue(&s, open, 8);
    assert_string_equal(all_of(&s), "1:92 2:91 3:13 4:14 5:15");

    rt__session_confirmed(&s, 5);
    open = rt__session_restart(&s, 4);
    assert_null(open);
    rt__session_requeue(&s, open, 9);
    assert_null(rt__session_next(&s));
    rt__session_release(&s);
    assert_int_equal(rt_mem_live(), live);
}

/* A channel that holds a few frames and loses, doubles and reorders them. */
typedef struct channel {
    int64_t frame[16];
    int count;
} channel;

static void channel_put(channel *c, int64_t number)
{
    if (random_below(&rng, 10) == 0 || c->count == 16) /* lost */
        return;
    c->frame[c->count++] = number;
    if (c->count < 16 && random_below(&rng, 10) == 0) /* doubled */
        c->frame[c->count++] = number;
}

static bool channel_get(channel *c, int64_t *number)
{
    if (c->count == 0)
        return false;
    int at = random_below(&rng, 5) == 0 ? (int)random_below(&rng, c->count) : 0; /* out of order */
    *number = c->frame[at];
    memmove(c->frame + at, c->frame + at + 1, (size_t)(--c->count - at) * sizeof *c->frame);
    return true;
}

static void everything_arrives_once_and_in_order(void **state)
{
    (void)state;
    enum { MESSAGES = 5000 };
    rt__session from = {0}, to = {0};
    channel there = {.count = 0};
    int64_t made = 0, delivered = 0, number, rounds = 0;
    while (delivered < MESSAGES && rounds++ < 1000000) {
        if (made < MESSAGES && from.sent - from.confirmed < 50)
            assert_int_equal(queue(&from, ++made), RT_OK);
        for (const rt__letter *b; there.count < 8 && (b = rt__session_next(&from));
             rt__session_handed(&from))
            channel_put(&there, number_of(b));
        if (channel_get(&there, &number) && rt__session_arrived(&to, number) == RT__ARRIVED_NEW)
            assert_int_equal(number, ++delivered);
        if (random_below(&rng, 4) == 0) /* some acks get through, some late */
            rt__session_confirmed(&from, to.seen - random_below(&rng, 3));
        if (there.count == 0 && !rt__session_next(&from)) /* silence: the receiver asks again */
            rt__session_rewind(&from);
    }
    assert_int_equal(delivered, MESSAGES);
    rt__session_release(&from);
}

int main(void)
{
    rng = random_seed("test_session");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_kept_until_confirmed),
        cmocka_unit_test(too_many_unconfirmed_are_refused),
        cmocka_unit_test(arrivals_are_classified),
        cmocka_unit_test(a_new_conversation_keeps_unconfirmed_messages),
        cmocka_unit_test(everything_arrives_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
