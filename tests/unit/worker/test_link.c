/* The link thread against a coordinator made of a bare wire: what it sends, what it obeys, what it drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "common/clock.h"
#include "common/error.h"
#include "worker/link.h"

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
} pair;

#define must(call)                                                                                 \
    do {                                                                                           \
        if ((call) != RT_OK)                                                                       \
            fail_msg("%s: %s", #call, rt_error());                                                 \
    } while (0)

static void listen_at(pair *p, const char *endpoint)
{
    rt_wire_options o = {endpoint, &p->keys, "r1", "coordinator", GENERATION};
    must(rt_wire_listen(&o, &p->coordinator));
}

static int set_up(void **state)
{
    pair *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
    memset(p, 0, sizeof *p);
    must(rt_wire_keys_make(&p->keys));
    listen_at(p, "tcp://127.0.0.1:*");
    strncat(p->endpoint, rt_wire_endpoint(p->coordinator), sizeof p->endpoint - 1);
    rt__progress_init(&p->progress);
    rt__orders_init(&p->orders);
    rt__link_args a = {p->endpoint, &p->keys,     "r1",      "worker 3",
                       GENERATION,  &p->progress, &p->orders};
    must(rt__link_start(&a, &p->link));
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    pair *p = *state;
    rt__link_end(p->link, 0);
    rt_wire_close(p->coordinator, 0);
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
    rt_msg_refused no = {RT_E_MISMATCH, "worker 3 has isa sse4, worker 0 avx2"};
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
    rt__progress_phase(&p->progress, RT_PHASE_BACKWARD, 2);
    double began = rt_clock();
    for (int i = 0; i < 3; i++) { /* this thread does nothing for the link meanwhile */
        rt_frame f = expect(p, RT_MSG_PROGRESS);
        if (f.body.progress.step != 17) /* one that was under way */
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
                     RT_E_ABORTED); /* no plan will come any more */
    rt_error_clear();
}

static void orders_of_another_generation_are_dropped(void **state)
{
    pair *p = *state;
    greet(p);
    rt_wire_set_generation(p->coordinator, GENERATION - 1);
    send_stop(p, 11);
    rt_wire_set_generation(p->coordinator, GENERATION);
    send_stop(p, 22); /* frames arrive in order: once this is here, the other one was */
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
    rt_msg_finished done = {200, "abc", 1};
    rt__link_post(p->link, RT_MSG_FINISHED, &done);
    rt_clock_sleep(0.3);
    listen_at(p, p->endpoint); /* the same port, as a restarted coordinator would */
    rt_frame f = expect(p, RT_MSG_FINISHED);
    assert_int_equal(f.body.finished.step, 200);
    rt_frame_release(&f);
}

static void ending_sends_what_is_queued(void **state)
{
    pair *p = *state;
    greet(p);
    for (int i = 0; i < 50; i++) {
        rt_msg_evaluated m = {.step = i};
        rt__link_post(p->link, RT_MSG_EVALUATED, &m);
    }
    rt__link_end(p->link, 5);
    p->link = NULL;
    for (int i = 0; i < 50; i++) {
        rt_frame f = expect(p, RT_MSG_EVALUATED);
        assert_int_equal(f.body.evaluated.step, i);
        rt_frame_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_plan_arrives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_ends_the_wait_with_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(progress_flows_while_the_computing_thread_is_busy, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(orders_are_obeyed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_of_another_generation_are_dropped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_wait_for_a_coordinator_that_is_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ending_sends_what_is_queued, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
