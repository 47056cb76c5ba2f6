/* The link thread against a coordinator that is just a wire: what it sends, which orders it obeys, what it drops. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "tests/support/child.h"
#include "tests/support/outcome.h"
#include "worker/link.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { GENERATION = 5 };
static const double PATIENCE = 20;

typedef struct pair {
    rt_wire_keys keys;
    rt_wire *coordinator;
    char endpoint[128];
    rt__link *link;
    rt__progress progress;
    rt__orders orders;
    char peer[64];
    _Atomic int64_t forgot;
    rt__commthread *comm; /* NULL: none */
    rt_comm *ends[2];
} pair;

static void listen_at(pair *p, const char *endpoint)
{
    rt_wire_options o = {endpoint, &p->keys, "r1", "coordinator", GENERATION};
    must(rt_wire_listen(&o, &p->coordinator));
}

static void note_forget(void *ctx, int64_t before)
{
    atomic_store((_Atomic int64_t *)ctx, before);
}

static void start_link(pair *p)
{
    rt__link_args a = {.endpoint = p->endpoint,
                       .keys = &p->keys,
                       .run = "r1",
                       .name = "worker 3",
                       .generation = GENERATION,
                       .progress = &p->progress,
                       .orders = &p->orders,
                       .comm = p->comm,
                       .forget = note_forget,
                       .forget_ctx = &p->forgot,
                       .takes_sigterm = true};
    must(rt__link_start(&a, &p->link));
}

static pair *pair_new(void)
{
    pair *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    memset(p, 0, sizeof *p);
    must(rt_wire_keys_make(&p->keys));
    listen_at(p, "tcp://127.0.0.1:*");
    strncat(p->endpoint, rt_wire_endpoint(p->coordinator), sizeof p->endpoint - 1);
    rt__progress_init(&p->progress);
    rt__orders_init(&p->orders);
    return p;
}

static int set_up(void **state)
{
    pair *p = pair_new();
    start_link(p);
    *state = p;
    return 0;
}

static rt_status take_first_end(void *arg, rt_comm **out)
{
    *out = ((pair *)arg)->ends[0];
    return RT_OK;
}

/* With a communicator of two ranks, whose other one the test may play. */
static int set_up_comm(void **state)
{
    int rank, world;
    pair *p = pair_new();
    must(rt_comm_loopback(2, p->ends));
    must(rt__commthread_start(take_first_end, p, &p->orders.abort, &p->comm));
    must(rt__commthread_ready(p->comm, &rank, &world));
    start_link(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    pair *p = *state;
    rt__link_end(p->link, 0);
    rt_wire_close(p->coordinator, 0);
    rt__commthread_end(p->comm);
    rt_comm_free(p->ends[1]);
    free(p);
    return 0;
}

/* Waits for a message of that type; others are dropped. */
static rt_frame expect(pair *p, rt_msg_type type)
{
    rt_frame f;
    for (double end = rt_clock() + PATIENCE; rt_clock() < end; rt_frame_release(&f)) {
        rt_status status = rt_wire_receive(p->coordinator, 0.2, &f);
        if (status == RT_OK && f.type == type) {
            memcpy(p->peer, f.peer, sizeof p->peer);
            return f;
        }
        if (status != RT_OK) {
            rt_error_clear();
            f = (rt_frame){.type = RT_MSG_COMMITTED};
        }
    }
    fail_msg("no %s came", rt_msg_name(type));
    return f;
}

static void greet(pair *p)
{
    rt_msg_hello hello = {.host = "h0", .rank = 3, .world = 4, .device = "cpu"};
    rt__link_post(p->link, RT_MSG_HELLO, &hello);
    rt_frame f = expect(p, RT_MSG_HELLO);
    assert_int_equal(f.body.hello.rank, 3);
    assert_string_equal(f.body.hello.host, "h0");
    assert_string_equal(f.sender, "worker 3");
    rt_frame_release(&f);
}

static void send_stop(pair *p, int64_t after)
{
    rt_msg_stop m = {.after_step = after, .checkpoint = 1, .reason = "test"};
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_STOP, &m));
}

static bool becomes(const _Atomic int64_t *value, int64_t wanted)
{
    double end = rt_clock() + PATIENCE;
    while (atomic_load(value) != wanted && rt_clock() < end)
        rt_clock_sleep(0.01);
    return atomic_load(value) == wanted;
}

static void the_plan_arrives(void **state)
{
    pair *p = *state;
    int64_t begin[] = {0, 1, 2, 3, 4};
    rt_msg_plan plan = {
        .world = 4, .slices = 4, .slice_begin = begin, .slice_begin_count = 5, .end_step = 9};
    rt_msg_body got;
    greet(p);
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_PLAN, &plan));
    must(rt__link_wait_plan(p->link, &got));
    assert_int_equal(got.plan.end_step, 9);
    assert_memory_equal(got.plan.slice_begin, begin, sizeof begin);
    rt_msg_body_release(RT_MSG_PLAN, &got);
}

static void a_refusal_ends_the_wait_with_its_reason(void **state)
{
    pair *p = *state;
    rt_msg_refused no = {.code = RT_E_MISMATCH, .reason = "worker 3 has isa sse4, worker 0 avx2"};
    rt_msg_body got;
    greet(p);
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_REFUSED, &no));
    assert_int_equal(rt__link_wait_plan(p->link, &got), RT_E_MISMATCH);
    assert_string_equal(rt_error(), "worker 3 has isa sse4, worker 0 avx2");
    rt_error_clear();
}

static void progress_flows_while_the_computing_thread_is_busy(void **state)
{
    pair *p = *state;
    greet(p);
    rt__progress_step(&p->progress, 17);
    rt__progress_enter_phase(&p->progress, RT_PHASE_BACKWARD, 2);
    double began = rt_clock();
    for (int i = 0; i < 3; i++) { /* meanwhile this thread does nothing for the link */
        rt_frame f = expect(p, RT_MSG_PROGRESS);
        if (f.body.progress.step != 17) /* one that was in flight */
            i--;
        else {
            assert_string_equal(f.body.progress.what, "backward");
            assert_int_equal(f.body.progress.slice, 2);
            assert_true(f.body.progress.rss_bytes > 0);
        }
        rt_frame_release(&f);
    }
    assert_true(rt_clock() - began > 0.9); /* twice a second, not more */
}

static void orders_are_obeyed(void **state)
{
    pair *p = *state;
    greet(p);
    send_stop(p, 40);
    assert_true(becomes(&p->orders.stop_after, 40));
    assert_int_equal(atomic_load(&p->orders.abort), 0);
    send_stop(p, -1);
    rt__link_wait_leave(p->link);
    assert_int_equal(atomic_load(&p->orders.abort), 1);
    rt_msg_body got;
    assert_int_equal(rt__link_wait_plan(p->link, &got),
                     RT_E_ABORTED); /* no plan can come any more */
    rt_error_clear();
}

static void checkpoint_and_forget_are_obeyed(void **state)
{
    pair *p = *state;
    greet(p);
    rt_msg_checkpoint save = {.after_step = 70};
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_CHECKPOINT, &save));
    assert_true(becomes(&p->orders.checkpoint_after, 70));
    rt_msg_forget forget = {.before = GENERATION};
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_FORGET, &forget));
    assert_true(becomes(&p->forgot, GENERATION));
    send_stop(p, 40);
    assert_true(becomes(&p->orders.stop_after, 40));
    assert_int_equal(atomic_load(&p->orders.stop_checkpoint), 1);
}

static void orders_of_another_generation_are_dropped(void **state)
{
    pair *p = *state;
    greet(p);
    rt_wire_set_generation(p->coordinator, GENERATION - 1);
    send_stop(p, 11);
    rt_wire_set_generation(p->coordinator, GENERATION);
    send_stop(p, 22); /* frames arrive in order, so once this one is here the other was, too */
    double end = rt_clock() + PATIENCE;
    int64_t seen;
    while ((seen = atomic_load(&p->orders.stop_after)) == -1 && rt_clock() < end)
        rt_clock_sleep(0.001);
    assert_int_equal(seen, 22);
}

static void messages_wait_for_a_coordinator_that_is_away(void **state)
{
    pair *p = *state;
    greet(p);
    rt_wire_close(p->coordinator, 0);
    rt_msg_finished done = {
        .step = 200, .weights_sha256 = "abc", .rss_bytes = 1, .snapshot_step = -1};
    rt__link_post(p->link, RT_MSG_FINISHED, &done);
    rt_clock_sleep(0.3);
    listen_at(p, p->endpoint); /* the same port, as a restarted coordinator would */
    rt_frame f = expect(p, RT_MSG_FINISHED);
    assert_int_equal(f.body.finished.step, 200);
    rt_frame_release(&f);
}

static void restart_coordinator(pair *p)
{
    rt_wire_close(p->coordinator, 0);
    listen_at(p, p->endpoint);
}

static void a_new_coordinator_receives_hello_first_and_then_open_messages(void **state)
{
    pair *p = *state;
    rt_msg_plan plan = {.world = 4, .plan_hash = "h1"};
    rt_msg_body got;
    greet(p);
    must(rt_wire_send(p->coordinator, p->peer, RT_MSG_PLAN, &plan));
    must(rt__link_wait_plan(p->link, &got));
    rt_msg_body_release(RT_MSG_PLAN, &got);
    rt_msg_piece_done piece = {.step = 500,
                               .file = "piece-00003.safetensors",
                               .bytes = 4096,
                               .checksum = "0123456789abcdef"};
    rt__link_post(p->link, RT_MSG_PIECE_DONE, &piece);
    rt_frame f = expect(p, RT_MSG_PIECE_DONE);
    rt_frame_release(&f);
    rt__progress_step(&p->progress, 507);
    restart_coordinator(p);
    rt_msg_report report = {.step = 508};
    rt__link_post(p->link, RT_MSG_REPORT, &report);

    /* The first message that the new coordinator receives. */
    rt_status status;
    double end = rt_clock() + PATIENCE;
    while ((status = rt_wire_receive(p->coordinator, 0.1, &f)) == RT_E_TIMEOUT && rt_clock() < end)
        ;
    assert_int_equal(status, RT_OK);
    assert_int_equal(f.type, RT_MSG_HELLO);
    assert_int_equal(f.body.hello.rank, 3);
    assert_int_equal(f.body.hello.step, 507);
    assert_string_equal(f.body.hello.plan_hash, "h1");
    memcpy(p->peer, f.peer, sizeof p->peer);
    rt_frame_release(&f);
    f = expect(p, RT_MSG_PIECE_DONE);
    assert_string_equal(f.body.piece_done.file, piece.file);
    rt_frame_release(&f);
    f = expect(p, RT_MSG_REPORT);
    rt_frame_release(&f);

    send_stop(p, 600); /* and it is obeyed as the old one was */
    assert_true(becomes(&p->orders.stop_after, 600));
}

static rt_status wait_for_all(rt_comm *c, void *arg)
{
    (void)arg;
    return rt_comm_barrier(c);
}

static void progress_names_the_rank_waited_for(void **state)
{
    pair *p = *state;
    greet(p);
    rt__commthread_post(p->comm, wait_for_all, NULL);
    rt__progress_enter_phase(&p->progress, RT_PHASE_REDUCE, -1);
    rt_frame f = {0};
    for (double end = rt_clock() + PATIENCE; rt_clock() < end; rt_frame_release(&f)) {
        f = expect(p, RT_MSG_PROGRESS);
        if (f.body.progress.peer == 1)
            break;
    }
    assert_int_equal(f.body.progress.peer, 1);
    assert_string_equal(f.body.progress.what, "barrier from rank 1");
    rt_frame_release(&f);
    send_stop(p, -1); /* it ends the wait */
    assert_int_equal(rt__commthread_wait(p->comm), RT_E_ABORTED);
    rt_error_clear();
}

static void keys_that_are_not_accepted_end_the_wait_for_a_plan(void **state)
{
    (void)state;
    pair *p = pair_new();
    rt_wire_keys other;
    must(rt_wire_keys_make(&other));
    memcpy(p->keys.client_public, other.client_public, RT_WIRE_KEY);
    memcpy(p->keys.client_secret, other.client_secret, RT_WIRE_KEY);
    start_link(p);
    rt_frame f;
    rt_msg_body got;
    for (double end = rt_clock() + PATIENCE; rt_clock() < end && !atomic_load(&p->orders.abort);)
        assert_int_equal(rt_wire_receive(p->coordinator, 0.01, &f), RT_E_TIMEOUT);
    assert_int_equal(rt__link_wait_plan(p->link, &got), RT_E_AUTH);
    assert_non_null(strstr(rt_error(), p->endpoint));
    rt_error_clear();
    assert_int_equal(rt__link_wait_leave(p->link), RT_E_AUTH);
    rt_error_clear();
    *state = p;
    tear_down(state);
}

static void sigterm_sends_leave_and_work_goes_on(void **state)
{
    pair *p = *state;
    greet(p);
    kill(getpid(), SIGTERM);
    rt_frame f = expect(p, RT_MSG_LEAVE);
    assert_string_equal(f.body.leave.reason, "SIGTERM");
    assert_true(f.body.leave.grace == 30);
    rt_frame_release(&f);
    assert_int_equal(atomic_load(&p->orders.abort), 0);
    f = expect(p, RT_MSG_PROGRESS);
    rt_frame_release(&f);
}

/* In a process of its own: sends HELLO, gets SIGTERM, and gets it again. */
static int get_sigterm_twice(void *argument)
{
    (void)argument;
    pair *p = pair_new();
    start_link(p);
    greet(p);
    kill(getpid(), SIGTERM);
    rt_frame f = expect(p, RT_MSG_LEAVE);
    rt_frame_release(&f);
    kill(getpid(), SIGTERM);
    rt_clock_sleep(PATIENCE);
    return 1;
}

/* Likewise, but without a coordinator, so LEAVE cannot be sent. */
static int get_sigterm_without_coordinator(void *argument)
{
    (void)argument;
    pair *p = pair_new();
    rt_wire_close(p->coordinator, 0);
    start_link(p);
    kill(getpid(), SIGTERM);
    rt_clock_sleep(PATIENCE);
    return 1;
}

static void a_second_sigterm_or_one_without_coordinator_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(child_end(child_function(get_sigterm_twice, NULL)), 128 + SIGTERM);
    assert_int_equal(child_end(child_function(get_sigterm_without_coordinator, NULL)),
                     128 + SIGTERM);
}

/* Lets the coordinator receive while rt__link_end waits, as it would in its own process. */
static void *receive_for_a_while(void *arg)
{
    pair *p = arg;
    intptr_t count = 0;
    rt_frame f;
    for (double end = rt_clock() + PATIENCE; count < 50 && rt_clock() < end;)
        if (rt_wire_receive(p->coordinator, 0.05, &f) == RT_OK) {
            count += f.type == RT_MSG_EVALUATED && f.body.evaluated.step == count;
            rt_frame_release(&f);
        }
    if (rt_wire_receive(p->coordinator, 0, &f) == RT_OK) /* confirms the last */
        rt_frame_release(&f);
    return (void *)count;
}

static void ending_waits_until_all_has_arrived(void **state)
{
    pair *p = *state;
    pthread_t coordinator;
    void *count;
    greet(p);
    restart_coordinator(p); /* even at one that has just come back */
    for (int i = 0; i < 50; i++) {
        rt_msg_evaluated m = {.step = i};
        rt__link_post(p->link, RT_MSG_EVALUATED, &m);
    }
    assert_int_equal(pthread_create(&coordinator, NULL, receive_for_a_while, p), 0);
    rt__link_end(p->link, PATIENCE);
    p->link = NULL;
    pthread_join(coordinator, &count);
    assert_int_equal((intptr_t)count, 50);
}

static void ending_sends_what_is_queued(void **state)
{
    pair *p = *state;
    greet(p);
    for (int i = 0; i < 50; i++) {
        rt_msg_evaluated m = {.step = i};
        rt__link_post(p->link, RT_MSG_EVALUATED, &m);
    }
    rt__link_end(p->link, 0.5);
    p->link = NULL;
    for (int i = 0; i < 50; i++) {
        rt_frame f = expect(p, RT_MSG_EVALUATED);
        assert_int_equal(f.body.evaluated.step, i);
        rt_frame_release(&f);
    }
}

int main(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* as a rank does, before any thread is started */
    rt_log_set_level(RT_LOG_ERROR + 1);
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_plan_arrives),
        TEST(a_refusal_ends_the_wait_with_its_reason),
        TEST(progress_flows_while_the_computing_thread_is_busy),
        TEST(orders_are_obeyed),
        TEST(checkpoint_and_forget_are_obeyed),
        TEST(orders_of_another_generation_are_dropped),
        TEST(messages_wait_for_a_coordinator_that_is_away),
        TEST(a_new_coordinator_receives_hello_first_and_then_open_messages),
        cmocka_unit_test_setup_teardown(progress_names_the_rank_waited_for, set_up_comm, tear_down),
        cmocka_unit_test(keys_that_are_not_accepted_end_the_wait_for_a_plan),
        TEST(sigterm_sends_leave_and_work_goes_on),
        cmocka_unit_test(a_second_sigterm_or_one_without_coordinator_ends_the_process),
        TEST(ending_sends_what_is_queued),
        TEST(ending_waits_until_all_has_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
