/* The wire over loopback: what arrives, in which order, and which clients are rejected. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/wire.h"
#include "tests/support/child.h"
#include "tests/support/random_message.h"
#include "tests/unit/common/proxy.h"
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

static const double PATIENCE = 20; /* seconds within which something must happen */
static const double QUIET = 0.3;   /* seconds in which something must not happen */

static rt_wire_keys keys;

static rt_wire *listen_at(const char *endpoint)
{
    rt_wire *w;
    rt_wire_options o = {
        .endpoint = endpoint, .keys = &keys, .run = "run-1", .name = "coordinator"};
    assert_int_equal(rt_wire_listen(&o, &w), RT_OK);
    return w;
}

static rt_wire *connect_as(const char *endpoint, const rt_wire_keys *k, const char *run)
{
    rt_wire *w;
    rt_wire_options o = {
        .endpoint = endpoint, .keys = k, .run = run, .name = "worker 3", .generation = 7};
    assert_int_equal(rt_wire_connect(&o, &w), RT_OK);
    return w;
}

/* Receives on `to` while `other` is served, too, as it would be in its own process. */
static rt_status receive_while(rt_wire *to, rt_wire *other, double seconds, rt_frame *f)
{
    double end = rt_clock() + seconds;
    rt_status status;
    do {
        rt_frame strange;
        assert_int_equal(rt_wire_receive(other, 0, &strange), RT_E_TIMEOUT);
        status = rt_wire_receive(to, 0.005, f);
    } while (status == RT_E_TIMEOUT && rt_clock() < end);
    return status;
}

/* Sends PROGRESS with the given step; the smallest message that carries a number. */
static rt_status send_step(rt_wire *w, const char *peer, int64_t step)
{
    rt_msg_progress p = {.step = step, .what = NULL};
    return rt_wire_send(w, peer, RT_MSG_PROGRESS, &p);
}

static void expect_step(rt_wire *to, rt_wire *other, int64_t step, char peer[64])
{
    rt_frame f;
    assert_int_equal(receive_while(to, other, PATIENCE, &f), RT_OK);
    assert_int_equal(f.type, RT_MSG_PROGRESS);
    assert_int_equal(f.body.progress.step, step);
    if (peer)
        memcpy(peer, f.peer, 64);
    rt_frame_release(&f);
}

static void expect_silence(rt_wire *to, rt_wire *other)
{
    rt_frame f;
    assert_int_equal(receive_while(to, other, QUIET, &f), RT_E_TIMEOUT);
}

/* ---- tests ---- */

static void every_message_arrives_unchanged(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*"),
            *d = connect_as(rt_wire_endpoint(r), &keys, "run-1");
    char peer[64] = "";
    uint64_t seed = 20261122;
    for (int i = 0; i < 2 * RT_MSG_TYPES; i++) {
        bool up = i < RT_MSG_TYPES; /* first all types to the router, then all back */
        rt_msg_type type = rt_msg_type_at(i % RT_MSG_TYPES);
        rt_msg_body body;
        rt_frame f;
        rt_bytes sent, got;
        assert_int_equal(random_message(type, &seed, &body), RT_OK);
        assert_int_equal(rt_wire_send(up ? d : r, up ? NULL : peer, type, &body), RT_OK);
        assert_int_equal(receive_while(up ? r : d, up ? d : r, PATIENCE, &f), RT_OK);
        assert_int_equal(f.type, type);
        assert_string_equal(f.sender, up ? "worker 3" : "coordinator");
        assert_int_equal(f.generation, up ? 7 : 0);
        if (up)
            memcpy(peer, f.peer, sizeof peer);
        assert_int_equal(rt_msg_encode(type, &body, &sent), RT_OK);
        assert_int_equal(rt_msg_encode(type, &f.body, &got), RT_OK);
        assert_int_equal(sent.len, got.len);
        assert_memory_equal(sent.data, got.data, sent.len);
        rt_bytes_release(&sent);
        rt_bytes_release(&got);
        rt_msg_body_release(type, &body);
        rt_frame_release(&f);
    }
    assert_true(rt_wire_connected(d));
    assert_int_equal(rt_wire_refused(r) + rt_wire_refused(d), 0);
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

static void many_messages_keep_their_order(void **state)
{
    (void)state;
    enum { MESSAGES = 5000, AHEAD = 500 }; /* several times what may be unconfirmed */
    rt_wire *r = listen_at("tcp://127.0.0.1:*"),
            *d = connect_as(rt_wire_endpoint(r), &keys, "run-1");
    for (int i = 0; i < MESSAGES + AHEAD; i++) {
        while (i < MESSAGES &&
               send_step(d, NULL, i) != RT_OK) { /* confirmations are on their way */
            rt_frame f;
            assert_int_equal(rt_error_code(), RT_E_TIMEOUT);
            rt_error_clear();
            assert_int_equal(rt_wire_receive(d, 0.01, &f), RT_E_TIMEOUT);
        }
        if (i >= AHEAD)
            expect_step(r, d, i - AHEAD, NULL);
    }
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

static void expect_locked_out(const rt_wire_keys *theirs)
{
    rt_wire *r = listen_at("tcp://127.0.0.1:*"),
            *d = connect_as(rt_wire_endpoint(r), theirs, "run-1");
    rt_frame f;
    rt_status status;
    assert_int_equal(send_step(d, NULL, 1), RT_OK);
    double end = rt_clock() + PATIENCE;
    do {
        assert_int_equal(rt_wire_receive(r, 0.005, &f), RT_E_TIMEOUT);
        status = rt_wire_receive(d, 0.005, &f);
    } while (status == RT_E_TIMEOUT && rt_clock() < end);
    assert_int_equal(status, RT_E_AUTH);
    assert_non_null(strstr(rt_error(), rt_wire_endpoint(r)));
    assert_non_null(strstr(rt_error(), "RINGTORCH_KEYS"));
    assert_non_null(strstr(rt_error(), "control.json"));    /* what to do */
    assert_int_equal(rt_wire_receive(d, 0, &f), RT_E_AUTH); /* and stays so */
    assert_false(rt_wire_connected(d));
    assert_true(rt_wire_refused(r) > 0); /* and the router logged it */
    rt_error_clear();
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

static void a_wrong_client_key_is_refused(void **state)
{
    (void)state;
    rt_wire_keys other, mixed = keys;
    assert_int_equal(rt_wire_keys_make(&other), RT_OK);
    memcpy(mixed.client_public, other.client_public, RT_WIRE_KEY);
    memcpy(mixed.client_secret, other.client_secret, RT_WIRE_KEY);
    expect_locked_out(&mixed);
}

static void a_wrong_server_key_is_noticed(void **state)
{
    (void)state;
    rt_wire_keys other, mixed = keys;
    assert_int_equal(rt_wire_keys_make(&other), RT_OK);
    memcpy(mixed.server_public, other.server_public, RT_WIRE_KEY);
    expect_locked_out(&mixed);
}

/* A client that uses ZeroMQ directly instead of our code. */
typedef struct raw {
    void *context, *socket;
} raw;

static raw raw_connect(const char *endpoint, const char *routing_id, bool curve)
{
    raw c = {.context = zmq_ctx_new()};
    int none = 0;
    c.socket = zmq_socket(c.context, ZMQ_DEALER);
    zmq_setsockopt(c.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(c.socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
    if (curve) {
        zmq_setsockopt(c.socket, ZMQ_CURVE_SERVERKEY, keys.server_public, RT_WIRE_KEY);
        zmq_setsockopt(c.socket, ZMQ_CURVE_PUBLICKEY, keys.client_public, RT_WIRE_KEY);
        zmq_setsockopt(c.socket, ZMQ_CURVE_SECRETKEY, keys.client_secret, RT_WIRE_KEY);
    }
    assert_int_equal(zmq_connect(c.socket, endpoint), 0);
    return c;
}

static void raw_close(raw *c)
{
    zmq_close(c->socket);
    zmq_ctx_term(c->context);
}

static void raw_send_step(raw *c, const char *run, int64_t seq, int64_t step)
{
    rt_msg_progress p = {.step = step};
    rt__frame_head head = {
        .run = run, .sender = "raw", .talk = 1, .seq = seq, .type = RT_MSG_PROGRESS};
    rt_bytes body, frame;
    assert_int_equal(rt_msg_encode(RT_MSG_PROGRESS, &p, &body), RT_OK);
    assert_int_equal(rt__frame_pack(&head, &body, &frame), RT_OK);
    assert_int_equal(zmq_send(c->socket, frame.data, frame.len, 0), (int)frame.len);
    rt_bytes_release(&frame);
    rt_bytes_release(&body);
}

/* Receives one of the router's own frames, if there is one. */
static bool raw_receive(raw *c, rt__frame_head *head)
{
    uint8_t bytes[4096];
    rt_frame f;
    int n = zmq_recv(c->socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
    if (n < 0)
        return false;
    assert_int_equal(rt__frame_decode(bytes, (size_t)n, "run-1", head, &f), RT_OK);
    return true;
}

/* Receives for a while; returns how many messages came, the steps of the first of them in steps. */
static int collect(rt_wire *r, double seconds, int64_t *steps, int most)
{
    int n = 0;
    rt_frame f;
    double end = rt_clock() + seconds;
    while (rt_clock() < end)
        if (rt_wire_receive(r, 0.02, &f) == RT_OK) {
            assert_true(n < most);
            steps[n++] = f.body.progress.step;
            rt_frame_release(&f);
        }
    return n;
}

/* Waits until so many frames were refused, with none let through. */
static void expect_refused(rt_wire *r, int64_t count)
{
    rt_frame f;
    double end = rt_clock() + PATIENCE;
    while (rt_wire_refused(r) < count && rt_clock() < end)
        assert_int_equal(rt_wire_receive(r, 0.02, &f), RT_E_TIMEOUT);
    assert_int_equal(rt_wire_refused(r), count);
    assert_false(rt_failed());
}

static void a_client_without_encryption_is_refused(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "plain", false);
    raw_send_step(&c, "run-1", 1, 1);
    rt_frame f;
    double end = rt_clock() + PATIENCE;
    while (rt_wire_refused(r) == 0 && rt_clock() < end) /* it tries again and again */
        assert_int_equal(rt_wire_receive(r, 0.02, &f), RT_E_TIMEOUT);
    assert_true(rt_wire_refused(r) > 0);
    raw_close(&c);
    rt_wire_close(r, 0);
}

static void the_middle_of_an_unknown_conversation_is_answered_with_reset(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "raw", true);
    raw_send_step(&c, "run-1", 17, 1);
    int64_t step;
    assert_int_equal(collect(r, QUIET, &step, 1), 0);
    rt__frame_head head = {0};
    assert_true(raw_receive(&c, &head));
    assert_int_equal(head.type, RT__FRAME_RESET);
    assert_int_equal(head.talk, 1);
    assert_false(raw_receive(&c, &head));
    assert_int_equal(rt_wire_refused(r), 0);
    raw_close(&c);
    rt_wire_close(r, 0);
}

static void duplicates_and_gaps_are_dropped(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "raw", true);
    const int64_t seqs[] = {1, 1, 2, 1, 2, 4, 5, 3, 4, 3, 5, 5};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++)
        raw_send_step(&c, "run-1", seqs[i], 100 + seqs[i]);
    int64_t steps[5];
    assert_int_equal(collect(r, 2 * QUIET, steps, 5), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(steps[i], 101 + i);
    assert_int_equal(rt_wire_refused(r), 0); /* late and early frames are not malformed */

    /* The answers were a request to resend, and an acknowledgement of all five. */
    bool resend = false;
    int64_t ack = 0;
    for (rt__frame_head head; raw_receive(&c, &head); ack = head.ack)
        resend |= head.type == RT__FRAME_RESEND && head.ack == 2;
    assert_true(resend);
    assert_int_equal(ack, 5);
    raw_close(&c);
    rt_wire_close(r, 0);
}

static void malformed_frames_are_refused(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "raw", true);
    raw_send_step(&c, "run-2", 1, 1); /* another run */
    expect_refused(r, 1);
    zmq_send(c.socket, "\xc1garbage", 8, 0);
    zmq_send(c.socket, "", 0, 0);
    expect_refused(r, 3);
    zmq_send(c.socket, "two", 3, ZMQ_SNDMORE);
    zmq_send(c.socket, "parts", 5, 0);
    expect_refused(r, 4);
    raw_send_step(&c, "run-1", 1, 42); /* and a good one still gets through */
    int64_t step;
    assert_int_equal(collect(r, QUIET, &step, 1), 1);
    assert_int_equal(step, 42);
    raw_close(&c);

    c = raw_connect(rt_wire_endpoint(r), "not\ntext", true);
    raw_send_step(&c, "run-1", 1, 1);
    expect_refused(r, 5);
    raw_close(&c);
    rt_wire_close(r, 0);
}

/* A client that holds the keys but misbehaves cannot fill the disk through the log. */
static void refused_frames_do_not_fill_the_log(void **state)
{
    (void)state;
    enum { FRAMES = 500, LINES_MOST = 20 };
    char path[] = "/tmp/rt-wire-XXXXXX";
    int fd = mkstemp(path), lines = 0;
    assert_true(fd >= 0);
    assert_int_equal(rt_log_open("wire", path, false), RT_OK);
    rt_log_set_level(RT_LOG_WARN);
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "raw", true);
    for (int i = 0; i < FRAMES; i++)
        zmq_send(c.socket, "\xc1garbage", 8, 0);
    expect_refused(r, FRAMES);
    raw_close(&c);
    rt_wire_close(r, 0);
    rt_log_set_level(RT_LOG_ERROR + 1); /* as the other tests have it */
    rt_log_close();
    rt_bytes log;
    assert_int_equal(rt_file_read(path, 1 << 20, &log), RT_OK);
    for (const char *at = (char *)log.data; (at = strstr(at, "refused a frame")); at++)
        lines++;
    assert_in_range(lines, 1, LINES_MOST);
    rt_bytes_release(&log);
    close(fd);
    unlink(path);
}

static void oversize_frames_are_refused(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    raw c = raw_connect(rt_wire_endpoint(r), "raw", true);
    char *large = rt_calloc(1, 2 * RT_WIRE_FRAME_MAX);
    zmq_send(c.socket, large, RT_WIRE_FRAME_MAX + 1, 0); /* one byte too many: our check */
    expect_refused(r, 1);
    zmq_send(c.socket, large, 2 * RT_WIRE_FRAME_MAX,
             0); /* far too many: ZeroMQ ends the connection */
    int64_t steps[1];
    assert_int_equal(collect(r, QUIET, steps, 1), 0);
    rt_mem_free(large);
    raw_close(&c);

    /* The largest message there is fits; one with more than that is not even tried, and takes no number. */
    enum { PIECES = 40000, RANKS = 65537 };
#ifdef __SANITIZE_THREAD__ /* it is slow for the bytes that ZeroMQ passes between threads */
    const int64_t shrink = 100;
#else
    const int64_t shrink = 1;
#endif
    int64_t *numbers = rt_malloc(RANKS * sizeof *numbers);
    rt_msg_piece *pieces = rt_malloc((PIECES + 1) * sizeof *pieces);
    const int64_t longest = INT64_MAX; /* as long as an integer can be */
    for (int i = 0; i < RANKS; i++)
        numbers[i] = longest;
    for (int i = 0; i <= PIECES; i++)
        pieces[i] = (rt_msg_piece){.begin = longest,
                                   .end = longest,
                                   .generation = longest,
                                   .rank = longest,
                                   .holder = longest};
    rt_wire *d = connect_as(rt_wire_endpoint(r), &keys, "run-1");
    rt_msg_plan m = {.slice_begin = numbers,
                     .slice_begin_count = RANKS / shrink,
                     .pieces = pieces,
                     .pieces_count = PIECES / shrink};
    assert_int_equal(rt_wire_send(d, NULL, RT_MSG_PLAN, &m), RT_OK);
    m.pieces_count = PIECES + 1;
    assert_int_equal(rt_wire_send(d, NULL, RT_MSG_PLAN, &m), RT_E_RANGE);
    rt_error_clear();
    assert_int_equal(send_step(d, NULL, 5), RT_OK);
    rt_frame f;
    assert_int_equal(rt_wire_receive(r, PATIENCE, &f), RT_OK);
    assert_int_equal(f.type, RT_MSG_PLAN);
    assert_int_equal(f.body.plan.pieces_count, PIECES / shrink);
    assert_true(f.body.plan.pieces[PIECES / shrink - 1].holder == INT64_MAX);
    rt_frame_release(&f);
    expect_step(r, d, 5, NULL);
    rt_mem_free(numbers);
    rt_mem_free(pieces);
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

/* Receives at most one message, which must carry *step, and moves on to the next. */
static void take_step(rt_wire *w, int64_t *step)
{
    rt_frame f;
    if (rt_wire_receive(w, 0.005, &f) != RT_OK)
        return;
    assert_int_equal(f.body.progress.step, *step);
    ++*step;
    rt_frame_release(&f);
}

static void a_broken_connection_loses_nothing(void **state)
{
    (void)state;
    enum { BATCH = 50, CUTS = 3 };
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    static proxy p; /* static: a failed test leaves its thread behind */
    proxy_start(&p, rt_wire_endpoint(r));
    rt_wire *d = connect_as(p.endpoint, &keys, "run-1");
    char peer[64];
    assert_int_equal(send_step(d, NULL, 0), RT_OK);
    expect_step(r, d, 0, peer);
    assert_int_equal(send_step(r, peer, 0), RT_OK);
    expect_step(d, r, 0, NULL);
    int64_t next = 1;
    for (int cut = 0; cut < CUTS; cut++, next += BATCH) {
        proxy_swallow(&p); /* the bytes leave, and never arrive */
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(send_step(d, NULL, next + i), RT_OK);
            assert_int_equal(send_step(r, peer, next + i), RT_OK);
        }
        expect_silence(r, d);
        expect_silence(d, r);
        proxy_cut(&p);
        int64_t up = next, down = next;
        double end = rt_clock() + PATIENCE;
        while ((up < next + BATCH || down < next + BATCH) && rt_clock() < end) {
            take_step(r, &up);
            take_step(d, &down);
        }
        assert_int_equal(up, next + BATCH);
        assert_int_equal(down, next + BATCH);
    }
    expect_silence(r, d); /* no duplicates behind */
    expect_silence(d, r);
    assert_int_equal(rt_wire_refused(r) + rt_wire_refused(d), 0);
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
    proxy_stop(&p);
}

/* Messages to a disconnected peer wait for it; sending to a forgotten peer fails. */
static void messages_wait_for_a_disconnected_peer_but_not_for_a_forgotten_one(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    static proxy p;
    proxy_start(&p, rt_wire_endpoint(r));
    rt_wire *d = connect_as(p.endpoint, &keys, "run-1");
    char peer[64];
    assert_int_equal(send_step(r, "nobody", 1), RT_E_CLOSED);
    rt_error_clear();
    assert_int_equal(send_step(d, NULL, 1), RT_OK);
    expect_step(r, d, 1, peer);
    proxy_cut(&p);
    rt_clock_sleep(QUIET); /* the router notices it at its next receive */
    assert_int_equal(send_step(r, peer, 2), RT_OK);
    assert_int_equal(send_step(r, peer, 3), RT_OK);
    expect_step(d, r, 2, NULL);
    expect_step(d, r, 3, NULL);
    rt_wire_forget(r, peer);
    assert_int_equal(send_step(r, peer, 4), RT_E_CLOSED);
    assert_non_null(strstr(rt_error(), "worker 3"));
    rt_error_clear();
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
    proxy_stop(&p);
}

static bool becomes_confirmed(rt_wire *d)
{
    rt_frame f;
    double end = rt_clock() + PATIENCE;
    while (rt_wire_unconfirmed_seconds(d) > 0 && rt_clock() < end)
        assert_int_equal(rt_wire_receive(d, 0.005, &f), RT_E_TIMEOUT);
    return rt_wire_unconfirmed_seconds(d) == 0;
}

static void *receive_until_told(void *arg)
{
    rt_wire *r = ((void **)arg)[0];
    _Atomic bool *stop = ((void **)arg)[1];
    rt_frame f;
    while (!*stop)
        if (rt_wire_receive(r, 0.01, &f) == RT_OK)
            rt_frame_release(&f);
    return NULL;
}

/* A peer that only receives confirms; a stuck peer shows by unconfirmed messages. */
static void a_stuck_peer_shows_by_unconfirmed_messages(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*"),
            *d = connect_as(rt_wire_endpoint(r), &keys, "run-1");
    _Atomic bool stop = false;
    void *arg[] = {r, &stop};
    pthread_t receiver;
    rt_frame f;
    assert_true(rt_wire_unconfirmed_seconds(d) == 0);
    assert_int_equal(pthread_create(&receiver, NULL, receive_until_told, arg), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(send_step(d, NULL, i), RT_OK);
        assert_true(becomes_confirmed(d));
        assert_int_equal(rt_wire_unconfirmed(d), 0);
    }
    stop = true;
    pthread_join(receiver, NULL);

    double began = rt_clock();
    assert_int_equal(send_step(d, NULL, 5), RT_OK);
    while (rt_clock() < began + QUIET)
        assert_int_equal(rt_wire_receive(d, 0.005, &f), RT_E_TIMEOUT);
    double unconfirmed = rt_wire_unconfirmed_seconds(d);
    assert_true(unconfirmed >= QUIET - 0.01 && unconfirmed <= rt_clock() - began);
    assert_int_equal(rt_wire_unconfirmed(d), 1);
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

static void a_full_queue_is_reported(void **state)
{
    (void)state;
    rt_wire *d = connect_as("tcp://127.0.0.1:9", &keys, "run-1"); /* nobody there */
    int64_t sent = 0;
    rt_status status;
    while ((status = send_step(d, NULL, sent)) == RT_OK && sent < 100000)
        sent++;
    assert_int_equal(status, RT_E_TIMEOUT);
    assert_in_range(sent, 100, 2000);
    assert_false(rt_wire_connected(d));
    rt_error_clear();
    rt_wire_close(d, 0);
}

static void the_descriptors_wake_a_poll(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*"),
            *d = connect_as(rt_wire_endpoint(r), &keys, "run-1");
    rt_frame f;
    bool got = false;
    assert_int_equal(send_step(d, NULL, 1), RT_OK);
    double end = rt_clock() + PATIENCE;
    while (!got &&
           rt_clock() <
               end) { /* receive only when a descriptor is readable, also for the handshake */
        struct pollfd p[RT_WIRE_FDS];
        rt_wire_poll(r, p);
        if (poll(p, RT_WIRE_FDS, 1000) > 0)
            while (rt_wire_receive(r, 0, &f) == RT_OK) {
                got = true;
                rt_frame_release(&f);
            }
    }
    assert_true(got);
    rt_wire_close(d, 0);
    rt_wire_close(r, 0);
}

static void bad_addresses_are_named(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*"), *w;
    rt_wire_options o = {
        .endpoint = rt_wire_endpoint(r), .keys = &keys, .run = "run-1", .name = "coordinator"};
    assert_int_equal(rt_wire_listen(&o, &w), RT_E_EXISTS);
    assert_null(w);
    assert_non_null(strstr(rt_error(), rt_wire_endpoint(r)));
    assert_non_null(strstr(rt_error(), "port is taken"));
    rt_error_clear();
    o.endpoint = "tcp://203.0.113.9:*"; /* TEST-NET-3: no interface has it */
    assert_int_equal(rt_wire_listen(&o, &w), RT_E_ARG);
    assert_non_null(strstr(rt_error(), "203.0.113.9"));
    rt_error_clear();
    rt_wire_close(r, 0);
}

/* In a network of its own, whose loopback interface is down. */
static int listen_without_loopback(void *argument)
{
    (void)argument;
    rt_wire *w;
    rt_wire_options o = {
        .endpoint = "tcp://127.0.0.1:*", .keys = &keys, .run = "run-1", .name = "coordinator"};
    if (unshare(CLONE_NEWNET) != 0)
        return 77; /* only root may */
    return rt_wire_listen(&o, &w) == RT_E_NET && strstr(rt_error(), "loopback") ? 0 : 1;
}

static void a_host_without_loopback_is_reported(void **state)
{
    (void)state;
    int code = child_end(child_function(listen_without_loopback, NULL));
    if (code == 77)
        skip();
    assert_int_equal(code, 0);
}

static void keys_travel_through_the_environment(void **state)
{
    (void)state;
    char text[4 * RT_WIRE_KEY];
    rt_wire_keys got;
    rt_wire_keys_text(&keys, true, text);
    setenv("RINGTORCH_KEYS", text, 1);
    assert_int_equal(rt_wire_keys_from_env(&got), RT_OK);
    assert_memory_equal(&got, &keys, sizeof keys);
    rt_wire_keys_text(&keys, false, text);
    assert_null(strstr(text, keys.server_secret));
    setenv("RINGTORCH_KEYS", text, 1);
    assert_int_equal(rt_wire_keys_from_env(&got), RT_OK);
    assert_string_equal(got.server_secret, "");
    assert_string_equal(got.client_secret, keys.client_secret);

    text[strlen(text) - 1] = 0;
    const char *bad[] = {"", "abc", text, "a b c d e"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("RINGTORCH_KEYS", bad[i], 1);
        assert_int_equal(rt_wire_keys_from_env(&got), RT_E_AUTH);
        rt_error_clear();
    }
    unsetenv("RINGTORCH_KEYS");
    assert_int_equal(rt_wire_keys_from_env(&got), RT_E_AUTH);
    rt_error_clear();
}

/* Fails the n-th allocation of setting up, sending and receiving, for n = 0, 1, 2, ...: an error each time, no leak. A
 * frame that cannot be decoded for lack of memory is refused, so receiving may also just find nothing. */
static void no_allocation_failure_leaks(void **state)
{
    (void)state;
    rt_wire_options server = {
        .endpoint = "tcp://127.0.0.1:*", .keys = &keys, .run = "run-1", .name = "coordinator"};
    int64_t live = rt_mem_live();
    bool done = false;
    for (int n = 0; !done && n < 100; n++) {
        rt_wire *r = NULL, *d = NULL;
        rt_frame f;
        rt_mem_fail_after(n);
        rt_status status = rt_wire_listen(&server, &r);
        if (status == RT_OK) {
            rt_wire_options client = server;
            client.endpoint = rt_wire_endpoint(r);
            status = rt_wire_connect(&client, &d);
        }
        if (status == RT_OK)
            status = send_step(d, NULL, 5);
        if (status == RT_OK) {
            double end = rt_clock() + QUIET;
            do {
                status = rt_wire_receive(r, 0.01, &f);
            } while (status == RT_E_TIMEOUT && rt_wire_refused(r) == 0 && rt_clock() < end);
            if (status == RT_OK)
                rt_frame_release(&f);
            done = status == RT_OK;
        } else {
            assert_int_equal(status, RT_E_NOMEM);
        }
        rt_mem_fail_after(-1);
        rt_error_clear();
        rt_wire_close(d, 0);
        rt_wire_close(r, 0);
        assert_int_equal(rt_mem_live(), live);
    }
    assert_true(done);
}

/* A worker in a thread: sends its messages and waits for an answer to each. */
enum { PEERS = 4, TALK = 100 };

static void *talk(void *endpoint)
{
    rt_wire_options o = {.endpoint = endpoint, .keys = &keys, .run = "run-1", .name = "talker"};
    rt_wire *d;
    rt_frame f;
    intptr_t answered = 0;
    if (rt_wire_connect(&o, &d) != RT_OK)
        return NULL;
    for (int64_t i = 0; i < TALK; i++) {
        if (send_step(d, NULL, i) != RT_OK || rt_wire_receive(d, PATIENCE, &f) != RT_OK)
            break;
        answered += f.body.progress.step == 2 * i;
        rt_frame_release(&f);
    }
    rt_wire_close(d, 1);
    return (void *)answered;
}

static void peers_in_threads_are_distinguished(void **state)
{
    (void)state;
    rt_wire *r = listen_at("tcp://127.0.0.1:*");
    pthread_t threads[PEERS];
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, (void *)rt_wire_endpoint(r)), 0);
    for (int i = 0; i < PEERS * TALK; i++) {
        rt_frame f;
        assert_int_equal(rt_wire_receive(r, PATIENCE, &f), RT_OK);
        assert_int_equal(send_step(r, f.peer, 2 * f.body.progress.step), RT_OK);
        rt_frame_release(&f);
    }
    for (int i = 0; i < PEERS; i++) {
        void *answered;
        pthread_join(threads[i], &answered);
        assert_int_equal((intptr_t)answered, TALK);
    }
    rt_wire_close(r, 0);
}

static int64_t live_before;

static int note_live(void **state)
{
    (void)state;
    rt_error_clear();
    live_before = rt_mem_live();
    return 0;
}

static int no_leaks(void **state)
{
    (void)state;
    return rt_mem_live() == live_before && !rt_failed() ? 0 : -1;
}

int main(void)
{
    rt_log_set_level(RT_LOG_ERROR + 1);
    if (rt_wire_keys_make(&keys) != RT_OK)
        return 1;
#define TEST(f) cmocka_unit_test_setup_teardown(f, note_live, no_leaks)
    const struct CMUnitTest tests[] = {
        TEST(every_message_arrives_unchanged),
        TEST(many_messages_keep_their_order),
        TEST(a_wrong_client_key_is_refused),
        TEST(a_wrong_server_key_is_noticed),
        TEST(a_client_without_encryption_is_refused),
        TEST(duplicates_and_gaps_are_dropped),
        TEST(malformed_frames_are_refused),
        TEST(refused_frames_do_not_fill_the_log),
        TEST(the_middle_of_an_unknown_conversation_is_answered_with_reset),
        TEST(oversize_frames_are_refused),
        TEST(a_broken_connection_loses_nothing),
        TEST(messages_wait_for_a_disconnected_peer_but_not_for_a_forgotten_one),
        TEST(a_stuck_peer_shows_by_unconfirmed_messages),
        TEST(a_full_queue_is_reported),
        TEST(the_descriptors_wake_a_poll),
        TEST(bad_addresses_are_named),
        TEST(a_host_without_loopback_is_reported),
        TEST(keys_travel_through_the_environment),
        TEST(no_allocation_failure_leaks),
        TEST(peers_in_threads_are_distinguished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
