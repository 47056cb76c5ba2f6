/* Conversations over a simulated network that breaks connections and restarts the router at random: what arrives, how
 * often and in which order. And the cost of ten thousand peers, counted. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/wire_end.h"
#include "tests/unit/common/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static uint64_t rng;
static double now;

/* ---- a network ---- */

enum { DEALERS = 3, PIPE = 400, SENT_MOST = 4000 };

/* Frames in flight, first in, first out. */
typedef struct pipe {
    rt_bytes frame[PIPE];
    int count;
} pipe;

static bool pipe_put(pipe *p, const rt_bytes *frame, int room)
{
    if (p->count >= room)
        return false;
    rt_bytes *copy = &p->frame[p->count++];
    copy->len = frame->len;
    copy->data = memcpy(rt_malloc(frame->len), frame->data, frame->len);
    return true;
}

static rt_bytes pipe_get(pipe *p)
{
    rt_bytes first = p->frame[0];
    memmove(p->frame, p->frame + 1, (size_t)--p->count * sizeof first);
    return first;
}

static void pipe_clear(pipe *p)
{
    while (p->count > 0) {
        rt_bytes b = pipe_get(p);
        rt_bytes_release(&b);
    }
}

static void pipe_move(pipe *from, pipe *to)
{
    if (from->count > 0 && to->count < PIPE)
        to->frame[to->count++] = pipe_get(from);
}

/* One dealer and the network between it and the router. As with ZeroMQ, the dealer's two pipes outlive a connection,
 * but the router's outgoing pipe does not, and neither do bytes in flight. */
typedef struct dealer {
    char name[32];
    rt__end end;
    pipe out, up, router_in, router_out, down, in;
    bool connected;
    int events[PIPE], n_events; /* 1 connected, 0 disconnected; not yet noticed */
    int64_t sent;               /* PROGRESS 1, 2, ..., sent */
    bool delivered[SENT_MOST];
    int64_t heard; /* last COMMITTED that came */
    /* What the present router has received from it. */
    int64_t hellos, last;
    bool known;
    int64_t told; /* COMMITTED instance * 10000 + 1, ... + told were sent to it by this router */
} dealer;

typedef struct net {
    rt__end router;
    int64_t instance;
    int room; /* how many frames fit into a socket's queue */
    dealer dealer[DEALERS];
} net;

static rt_status give_up(void *ctx, const char *peer, const rt_bytes *frame)
{
    dealer *d = ctx;
    assert_string_equal(peer, "");
    return pipe_put(&d->out, frame, PIPE / 2) ? RT_OK : RT_E_TIMEOUT;
}

static rt_status give_down(void *ctx, const char *peer, const rt_bytes *frame)
{
    net *n = ctx;
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &n->dealer[i];
        if (strcmp(d->name, peer) != 0)
            continue;
        if (!d->connected)
            return RT_E_CLOSED;
        return pipe_put(&d->router_out, frame, n->room) ? RT_OK : RT_E_TIMEOUT;
    }
    fail_msg("no peer %s", peer);
    return RT_E_INTERNAL;
}

static void send_hello(void *ctx)
{
    dealer *d = ctx;
    rt_msg_hello m = {.host = "h"};
    assert_int_equal(rt__end_send(&d->end, "", RT_MSG_HELLO, &m, now), RT_OK);
}

static void router_start(net *n)
{
    n->instance++;
    rt__end_options o = {
        .is_router = true, .run = "r", .name = "coordinator", .give = give_down, .ctx = n};
    assert_int_equal(rt__end_init(&n->router, &o), RT_OK);
}

static void net_start(net *n)
{
    memset(n, 0, sizeof *n);
    n->room = 2 + (int)random_below(&rng, 60);
    router_start(n);
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &n->dealer[i];
        snprintf(d->name, sizeof d->name, "worker %d", i);
        rt__end_options o = {.run = "r", .name = d->name, .give = give_up, .ctx = d};
        assert_int_equal(rt__end_init(&d->end, &o), RT_OK);
        d->end.on_reset = send_hello;
        d->end.on_reset_ctx = d;
        send_hello(d);
    }
}

static void cut(dealer *d)
{
    if (!d->connected)
        return;
    d->connected = false;
    d->events[d->n_events++] = 0;
    pipe_clear(&d->up);
    pipe_clear(&d->down);
    pipe_clear(&d->router_out);
}

static void connect_again(dealer *d)
{
    if (d->connected || d->n_events + 2 > PIPE)
        return;
    d->connected = true;
    d->events[d->n_events++] = 1;
}

static void net_end(net *n)
{
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &n->dealer[i];
        cut(d);
        pipe_clear(&d->out);
        pipe_clear(&d->in);
        pipe_clear(&d->router_in);
        rt__end_release(&d->end);
    }
    rt__end_release(&n->router);
}

static void restart_router(net *n)
{
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &n->dealer[i];
        cut(d);
        pipe_clear(&d->router_in);
        d->hellos = d->last = d->told = 0;
        d->known = false;
    }
    rt__end_release(&n->router);
    router_start(n);
}

/* ---- invariants ---- */

/* A router process receives every conversation from its beginning, each message once and in order. */
static void router_gets(dealer *d, const rt_frame *f)
{
    if (f->type == RT_MSG_HELLO) {
        assert_false(d->known);
        d->known = true;
        d->hellos++;
        return;
    }
    assert_int_equal(f->type, RT_MSG_PROGRESS);
    assert_true(d->known);
    int64_t step = f->body.progress.step;
    assert_true(step > d->last);
    assert_true(d->last == 0 || step == d->last + 1);
    d->last = step;
    d->delivered[step] = true;
}

static void router_turn(net *n)
{
    for (int i = 0; i < DEALERS; i++) {
        dealer *d = &n->dealer[i];
        for (int64_t k = random_below(&rng, 8); k > 0 && d->router_in.count > 0; k--) {
            rt_bytes b = pipe_get(&d->router_in);
            rt_frame f;
            if (rt__end_take(&n->router, d->name, b.data, b.len, now, &f)) {
                router_gets(d, &f);
                rt_frame_release(&f);
            }
            rt_bytes_release(&b);
        }
    }
    rt__end_settle(&n->router, now);
}

/* Messages of one router process arrive once and in order; those of the next process come after them. */
static void dealer_gets(dealer *d, const rt_frame *f)
{
    assert_int_equal(f->type, RT_MSG_COMMITTED);
    int64_t step = f->body.committed.step;
    assert_true(step > d->heard);
    assert_true(step == d->heard + 1 || step % 10000 == 1);
    d->heard = step;
}

static void dealer_turn(dealer *d)
{
    for (int i = 0; i < d->n_events; i++)
        if (d->events[i])
            rt__end_connected(&d->end, now);
        else
            rt__end_disconnected(&d->end);
    d->n_events = 0;
    for (int64_t k = random_below(&rng, 8); k > 0 && d->in.count > 0; k--) {
        rt_bytes b = pipe_get(&d->in);
        rt_frame f;
        if (rt__end_take(&d->end, "", b.data, b.len, now, &f)) {
            dealer_gets(d, &f);
            rt_frame_release(&f);
        }
        rt_bytes_release(&b);
    }
    rt__end_settle(&d->end, now);
}

static void dealer_sends(dealer *d)
{
    if (d->sent + 1 == SENT_MOST)
        return;
    rt_msg_progress m = {.step = d->sent + 1};
    if (rt__end_send(&d->end, "", RT_MSG_PROGRESS, &m, now) == RT_OK)
        d->sent++;
    rt_error_clear(); /* too many unconfirmed */
}

static void router_sends(net *n, dealer *d)
{
    rt_msg_committed m = {.step = n->instance * 10000 + d->told + 1};
    if (d->known && rt__end_send(&n->router, d->name, RT_MSG_COMMITTED, &m, now) == RT_OK)
        d->told++;
    rt_error_clear();
}

static void flow(dealer *d)
{
    if (d->connected) {
        pipe_move(&d->out, &d->up);
        pipe_move(&d->up, &d->router_in);
        pipe_move(&d->router_out, &d->down);
    }
    if (d->connected || random_below(&rng, 2) == 0)
        pipe_move(&d->down, &d->in);
}

static void make_a_move(net *n, bool in_peace)
{
    dealer *d = &n->dealer[random_below(&rng, DEALERS)];
    now += 0.005;
    switch (random_below(&rng, 12)) {
    case 0:
        router_turn(n);
        break;
    case 1:
    case 2:
        dealer_turn(d);
        break;
    case 3:
        if (!in_peace)
            dealer_sends(d);
        break;
    case 4:
        if (!in_peace)
            router_sends(n, d);
        break;
    case 5:
        if (!in_peace && random_below(&rng, 5) == 0)
            cut(d);
        break;
    case 6:
        connect_again(d);
        break;
    case 7:
        if (!in_peace && random_below(&rng, 15) == 0)
            restart_router(n);
        break;
    default:
        flow(d);
    }
}

static bool at_rest(const net *n)
{
    for (int i = 0; i < DEALERS; i++) {
        const dealer *d = &n->dealer[i];
        if (rt__end_unconfirmed_seconds(&d->end, now) > 0 || !d->known ||
            (d->told > 0 && d->heard != n->instance * 10000 + d->told))
            return false;
    }
    return true;
}

static void nothing_is_lost_and_nothing_comes_twice(void **state)
{
    (void)state;
    enum { RUNS = 150, MOVES = 3000 };
    static net n;
    int64_t live = rt_mem_live(), resets = 0;
    for (int run = 0; run < RUNS; run++) {
        net_start(&n);
        for (int i = 0; i < MOVES; i++)
            make_a_move(&n, false);
        for (int i = 0; i < DEALERS; i++) { /* each sends something to the last router, */
            dealer_sends(&n.dealer[i]);
            for (int64_t k = random_below(&rng, 200); k > 0; k--)
                make_a_move(&n, true);
            if (random_below(&rng, 2) == 0) /* and the last of it may be lost */
                cut(&n.dealer[i]);
        }
        for (int i = 0; i < 100000 && !at_rest(&n); i++)
            make_a_move(&n, true);
        assert_true(at_rest(&n));
        for (int i = 0; i < DEALERS; i++) {
            resets += n.dealer[i].end.resets;
            for (int64_t k = 1; k <= n.dealer[i].sent; k++)
                assert_true(n.dealer[i].delivered[k]);
        }
        assert_int_equal(n.router.refused.count, 0);
        net_end(&n);
        assert_int_equal(rt_mem_live(), live);
    }
    assert_true(resets > RUNS); /* otherwise nothing was tested */
}

/* ---- frames by hand ---- */

static rt_bytes frame_of(int64_t talk, int64_t seq, int64_t type, int64_t step)
{
    rt_bytes body = {0}, frame;
    rt_msg_progress m = {.step = step};
    rt__frame_head head = {"r", "x", 0, talk, seq, 0, type};
    if (type > 0)
        assert_int_equal(rt_msg_encode(RT_MSG_PROGRESS, &m, &body), RT_OK);
    assert_int_equal(rt__frame_pack(&head, type > 0 ? &body : NULL, &frame), RT_OK);
    rt_bytes_release(&body);
    return frame;
}

/* Returns the step of the message that came out, -1 if none did. */
static int64_t take(rt__end *e, const char *peer, int64_t talk, int64_t seq, int64_t type,
                    int64_t step)
{
    rt_bytes b = frame_of(talk, seq, type, step);
    rt_frame f;
    int64_t got = -1;
    if (rt__end_take(e, peer, b.data, b.len, now, &f)) {
        got = f.body.progress.step;
        rt_frame_release(&f);
    }
    rt_bytes_release(&b);
    return got;
}

/* The last frame that an end gave to its socket, and how many there were. */
typedef struct socket_log {
    rt_status answer; /* of give */
    int64_t given;
    rt__frame_head last;
} socket_log;

static rt_status log_frame(void *ctx, const char *peer, const rt_bytes *frame)
{
    socket_log *l = ctx;
    rt_frame f;
    (void)peer;
    if (l->answer != RT_OK)
        return l->answer;
    assert_int_equal(rt__frame_decode(frame->data, frame->len, "r", &l->last, &f), RT_OK);
    rt_frame_release(&f);
    l->given++;
    return RT_OK;
}

static void count_call(void *ctx)
{
    ++*(int *)ctx;
}

static void a_stale_reset_does_no_harm(void **state)
{
    (void)state;
    socket_log l = {.answer = RT_OK};
    int calls = 0;
    rt__end e;
    rt__end_options o = {.run = "r", .name = "worker 0", .give = log_frame, .ctx = &l};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    e.on_reset = count_call;
    e.on_reset_ctx = &calls;
    rt__end_connected(&e, now);
    take(&e, "", 1, 0, RT__FRAME_RESET, 0); /* nothing was sent, so there is nothing to restart */
    assert_int_equal(calls, 0);
    rt_msg_progress m = {.step = 5};
    assert_int_equal(rt__end_send(&e, "", RT_MSG_PROGRESS, &m, now), RT_OK);
    take(&e, "", 2, 0, RT__FRAME_RESET, 0); /* of a future conversation */
    assert_int_equal(calls, 0);
    take(&e, "", 1, 0, RT__FRAME_RESET, 0);
    assert_int_equal(calls, 1);
    assert_int_equal(l.last.talk, 2);
    assert_int_equal(l.last.seq, 1);
    int64_t given = l.given;
    take(&e, "", 1, 0, RT__FRAME_RESET, 0); /* the answer to another frame of the first one */
    assert_int_equal(take(&e, "", 1, 1, RT_MSG_PROGRESS, 3), -1); /* ignored as well */
    assert_int_equal(calls, 1);
    assert_int_equal(l.given, given);
    assert_int_equal(take(&e, "", 2, 1, RT_MSG_PROGRESS, 4), 4);
    rt__end_release(&e);
}

static void a_reset_from_a_dealer_is_ignored(void **state)
{
    (void)state;
    socket_log l = {.answer = RT_OK};
    rt__end e;
    rt__end_options o = {.is_router = true, .run = "r", .name = "c", .give = log_frame, .ctx = &l};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    assert_int_equal(take(&e, "p", 1, 0, RT__FRAME_RESET, 0), -1);
    assert_int_equal(take(&e, "p", 1, 0, RT__FRAME_ACK, 0), -1);
    assert_int_equal(l.given, 0);
    assert_int_equal(take(&e, "p", 1, 0, RT__FRAME_RESEND, 0), -1);
    assert_int_equal(l.last.type, RT__FRAME_RESET);
    assert_int_equal(take(&e, "p", 1, 1, RT_MSG_PROGRESS, 7), 7);
    assert_int_equal(take(&e, "p", 1, 0, RT__FRAME_RESET, 0), -1);
    assert_int_equal(take(&e, "p", 1, 2, RT_MSG_PROGRESS, 8), 8);
    /* A conversation with a higher number replaces it, but only from its beginning; an earlier one has ended. */
    assert_int_equal(take(&e, "p", 3, 2, RT_MSG_PROGRESS, 9), -1);
    assert_int_equal(l.last.type, RT__FRAME_RESET);
    assert_int_equal(l.last.talk, 3);
    assert_int_equal(take(&e, "p", 4, 1, RT_MSG_PROGRESS, 10), 10);
    assert_int_equal(take(&e, "p", 1, 3, RT_MSG_PROGRESS, 11), -1);
    assert_int_equal(take(&e, "p", 4, 2, RT_MSG_PROGRESS, 12), 12);
    assert_int_equal(e.refused.count, 0);
    rt__end_release(&e);
}

static void a_forgotten_peer_is_asked_to_restart(void **state)
{
    (void)state;
    socket_log l = {.answer = RT_OK};
    rt__end e;
    rt__end_options o = {.is_router = true, .run = "r", .name = "c", .give = log_frame, .ctx = &l};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    assert_int_equal(take(&e, "p", 1, 1, RT_MSG_PROGRESS, 7), 7);
    rt__end_forget(&e, "p");
    assert_int_equal(take(&e, "p", 1, 2, RT_MSG_PROGRESS, 8), -1);
    assert_int_equal(l.last.type, RT__FRAME_RESET);
    rt_msg_committed m = {.step = 1};
    assert_int_equal(rt__end_send(&e, "p", RT_MSG_COMMITTED, &m, now), RT_E_CLOSED);
    rt_error_clear();
    assert_int_equal(take(&e, "p", 2, 1, RT_MSG_PROGRESS, 9), 9);
    rt__end_release(&e);
}

/* ---- ten thousand ---- */

enum { MESSAGES = 10 };

static const char *peer_name(int64_t i)
{
    static char name[32];
    snprintf(name, sizeof name, "worker %lld#0123456789abcdef", (long long)i);
    return name;
}

/* Lets every peer send a few messages in random order and answers each; returns the number of sessions visited per
 * message. */
static double work_per_message(int64_t peers)
{
    socket_log l = {.answer = RT_OK};
    static int64_t said[10000];
    rt__end e;
    rt__end_options o = {.is_router = true, .run = "r", .name = "c", .give = log_frame, .ctx = &l};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    memset(said, 0, sizeof said);
    for (int64_t i = 0; i < peers * MESSAGES; i++) {
        int64_t who = random_below(&rng, peers);
        rt_msg_committed m = {.step = i};
        assert_int_equal(take(&e, peer_name(who), 1, ++said[who], RT_MSG_PROGRESS, i), i);
        if (i % 3 == 0)
            assert_int_equal(rt__end_send(&e, peer_name(who), RT_MSG_COMMITTED, &m, now), RT_OK);
        rt__end_settle(&e, now);
    }
    double work = (double)e.peers.looked_at / (double)(peers * MESSAGES);
    assert_true(l.given >= peers * MESSAGES); /* each was confirmed, by an answer or without */
    rt__end_release(&e);
    return work;
}

static void the_work_for_a_message_does_not_grow_with_the_number_of_peers(void **state)
{
    (void)state;
    double few = work_per_message(10), many = work_per_message(10000);
    printf("sessions looked at per message: %.2f among 10 peers, %.2f among 10000\n", few, many);
    assert_true(few < 8);
    assert_true(many < 8);
}

static void ten_thousand_blocked_peers_are_tried_a_few_at_a_time(void **state)
{
    (void)state;
    enum { PEERS = 10000 };
    socket_log l = {.answer = RT_OK};
    rt__end e;
    rt__end_options o = {.is_router = true, .run = "r", .name = "c", .give = log_frame, .ctx = &l};
    rt_msg_committed m = {.step = 1};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    for (int64_t i = 0; i < PEERS; i++)
        assert_int_equal(take(&e, peer_name(i), 1, 1, RT_MSG_PROGRESS, i), i);
    rt__end_settle(&e, now);
    l.answer = RT_E_TIMEOUT;
    for (int64_t i = 0; i < PEERS; i++)
        assert_int_equal(rt__end_send(&e, peer_name(i), RT_MSG_COMMITTED, &m, now), RT_OK);
    assert_true(rt__end_is_blocked(&e));
    int64_t before = e.peers.looked_at;
    for (int i = 0; i < 100; i++)
        rt__end_settle(&e, now);
    assert_true(e.peers.looked_at - before < 100 * 50);

    l.answer = RT_OK; /* all get their messages in the end, each once */
    l.given = 0;
    for (int i = 0; i < PEERS && rt__end_is_blocked(&e); i++)
        rt__end_settle(&e, now);
    assert_int_equal(l.given, PEERS);
    rt__end_settle(&e, now);
    assert_int_equal(l.given, PEERS);
    rt__end_release(&e);
}

/* A tool that asked something and left; no caller tells the router to forget it. */
static void silent_peers_are_forgotten(void **state)
{
    (void)state;
    enum { PEERS = 500, TURNS = 4096 };
    socket_log l = {.answer = RT_OK};
    rt__end e;
    rt__end_options o = {.is_router = true, .run = "r", .name = "c", .give = log_frame, .ctx = &l};
    assert_int_equal(rt__end_init(&e, &o), RT_OK);
    for (int64_t i = 0; i < PEERS; i++)
        take(&e, peer_name(i), 1, 1, RT_MSG_PROGRESS, i);
    for (int i = 0; i < TURNS; i++)
        rt__end_settle(&e, now);
    assert_int_equal(e.peers.count, PEERS);
    now += 61; /* silent, but connected: they stay */
    for (int i = 0; i < TURNS; i++)
        rt__end_settle(&e, now);
    assert_int_equal(e.peers.count, PEERS);
    l.answer = RT_E_CLOSED;
    now += 50;
    take(&e, peer_name(7), 1, 2, RT_MSG_PROGRESS, 0);
    now += 11;
    for (int i = 0; i < TURNS; i++)
        rt__end_settle(&e, now);
    assert_int_equal(e.peers.count, 1);
    assert_non_null(rt__peers_find(&e.peers, peer_name(7)));
    rt__end_release(&e);
}

int main(void)
{
    rng = random_seed("test_wire_end");
    now = 1;
    rt_log_set_level(RT_LOG_ERROR + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_nothing_comes_twice),
        cmocka_unit_test(a_stale_reset_does_no_harm),
        cmocka_unit_test(a_reset_from_a_dealer_is_ignored),
        cmocka_unit_test(a_forgotten_peer_is_asked_to_restart),
        cmocka_unit_test(the_work_for_a_message_does_not_grow_with_the_number_of_peers),
        cmocka_unit_test(ten_thousand_blocked_peers_are_tried_a_few_at_a_time),
        cmocka_unit_test(silent_peers_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
