/* The link as a state machine: tables of events, and the messages and orders after each. No socket, no thread, no
 * clock. */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/link_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { GENERATION = 5 };

/* ---- a rank without anything around it ---- */

typedef struct bench {
    rt__orders orders;
    rt__link_effects effects;
    rt__link_state state;
    double now;
    char said[512];      /* messages since the last check, "HELLO(3,h1) PIECE_DONE(500)" */
    bool full;           /* the wire accepts nothing */
    int64_t room;        /* messages that fit before it is full; -1 for any number */
    int64_t unconfirmed; /* messages that it holds */
    int64_t step;        /* the rank's current step */
    int64_t forgot;      /* last FORGET */
} bench;

static bool effect_send(void *ctx, rt_msg_type type, const void *body)
{
    bench *b = ctx;
    const rt_msg_body *m = body;
    char *at = b->said + strlen(b->said);
    size_t room = sizeof b->said - strlen(b->said);
    if (b->full || b->room == 0)
        return false;
    b->room -= b->room > 0;
    if (at != b->said)
        *at++ = ' ', room--;
    if (type == RT_MSG_HELLO)
        snprintf(at, room, "HELLO(%lld,%s)", (long long)m->hello.step, m->hello.plan_hash);
    else if (type == RT_MSG_PIECE_DONE)
        snprintf(at, room, "PIECE_DONE(%lld)", (long long)m->piece_done.step);
    else if (type == RT_MSG_PIECE_FAILED)
        snprintf(at, room, "PIECE_FAILED(%lld)", (long long)m->piece_failed.step);
    else if (type == RT_MSG_FAULT)
        snprintf(at, room, "FAULT(%lld)", (long long)m->fault.code);
    else if (type == RT_MSG_CHECKSUM)
        snprintf(at, room, "CHECKSUM(%lld)", (long long)m->checksum.step);
    else if (type == RT_MSG_LEAVE)
        snprintf(at, room, "LEAVE(%s,%g)", m->leave.reason, m->leave.grace);
    else
        snprintf(at, room, "%s", rt_msg_name(type));
    return true;
}

static int64_t effect_unconfirmed(void *ctx)
{
    return ((bench *)ctx)->unconfirmed;
}

static void effect_look(void *ctx, double now, rt_msg_progress *out)
{
    (void)now;
    *out = (rt_msg_progress){.step = ((bench *)ctx)->step, .what = "forward"};
}

static void effect_forget(void *ctx, int64_t before)
{
    ((bench *)ctx)->forgot = before;
}

static void bench_start(bench *b)
{
    *b = (bench){.now = 100, .forgot = -1, .room = -1};
    b->effects = (rt__link_effects){.ctx = b,
                                    .send = effect_send,
                                    .unconfirmed = effect_unconfirmed,
                                    .look = effect_look,
                                    .forget = effect_forget};
    rt__orders_init(&b->orders);
    rt__link_facts facts = {GENERATION, "tcp://h0:4242", &b->orders, &b->effects};
    rt__link_state_init(&b->state, &facts, b->now);
}

static void step(bench *b, rt__link_event e)
{
    rt__link_step(&b->state, b->now, &e);
}

static void tick_at(bench *b, double seconds)
{
    b->now = 100 + seconds;
    step(b, (rt__link_event){.kind = RT__LINK_TICK});
}

static void post(bench *b, rt_msg_type type, int64_t number)
{
    rt_msg_body body = {0};
    if (type == RT_MSG_PIECE_DONE)
        body.piece_done.step = number;
    else if (type == RT_MSG_PIECE_FAILED)
        body.piece_failed.step = number;
    else if (type == RT_MSG_CHECKSUM)
        body.checksum = (rt_msg_checksum){.step = llabs(number), .slice = number < 0 ? 0 : -1};
    else if (type == RT_MSG_EVALUATED)
        body.evaluated.evaluation = "";
    rt__note *n = rt__note_make(type, &body);
    assert_non_null(n);
    step(b, (rt__link_event){.kind = RT__LINK_POST, .note = n});
}

/* A frame from the coordinator; `number` is the step or after_step, `text` a plan hash or a reason. */
static void frame_of(bench *b, int64_t generation, rt_msg_type type, int64_t number,
                     const char *text)
{
    rt_frame f = {.generation = generation, .type = type};
    rt_msg_body body = {0};
    switch (type) {
    case RT_MSG_PLAN:
        body.plan = (rt_msg_plan){.world = number, .plan_hash = text};
        break;
    case RT_MSG_STOP:
        body.stop =
            (rt_msg_stop){.after_step = number, .checkpoint = text && *text, .reason = text};
        break;
    case RT_MSG_CHECKPOINT:
        body.checkpoint.after_step = number;
        break;
    case RT_MSG_COMMITTED:
        body.committed.step = number;
        break;
    case RT_MSG_ABORTED:
        body.aborted.step = number;
        break;
    case RT_MSG_FORGET:
        body.forget.before = number;
        break;
    default:
        body.refused = (rt_msg_refused){.code = (rt_status)number, .reason = text};
    }
    rt__note *n = rt__note_make(type, &body); /* as decoding would give it */
    assert_non_null(n);
    f.body = n->body;
    n->body = (rt_msg_body){0};
    rt__note_free(n);
    step(b, (rt__link_event){.kind = RT__LINK_FRAME, .frame = &f});
    rt_frame_release(&f);
}

static void frame(bench *b, rt_msg_type type, int64_t number, const char *text)
{
    frame_of(b, GENERATION, type, number, text);
}

static void expect(bench *b, const char *said)
{
    assert_string_equal(b->said, said);
    b->said[0] = '\0';
}

/* ---- resending after a reset ---- */

typedef struct row {
    rt__link_kind kind;
    rt_msg_type type;
    int64_t number;
    const char *text;
    const char *said; /* after it, in this order */
} row;

#define POST(type, number)       RT__LINK_POST, RT_MSG_##type, number, NULL
#define GETS(type, number, text) RT__LINK_FRAME, RT_MSG_##type, number, text
#define SIMPLY(kind)             RT__LINK_##kind, 0, 0, NULL

static void play(bench *b, const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const row *r = &rows[i];
        if (r->kind == RT__LINK_POST)
            post(b, r->type, r->number);
        else if (r->kind == RT__LINK_FRAME)
            frame(b, r->type, r->number, r->text);
        else
            step(b, (rt__link_event){.kind = r->kind});
        if (strcmp(b->said, r->said) != 0)
            fail_msg("row %zu: said '%s', expected '%s'", i, b->said, r->said);
        b->said[0] = '\0';
    }
}
#define PLAY(b, rows) play(b, rows, sizeof(rows) / sizeof *(rows))

static void state_is_resent_to_a_new_coordinator(void **state)
{
    (void)state;
    static const row before_the_plan[] = {
        {SIMPLY(UP), ""},
        {SIMPLY(RESET), ""}, /* nothing was sent yet */
        {POST(HELLO, 0), "HELLO(0,) PROGRESS"},
        {SIMPLY(RESET), "HELLO(0,)"},
        {GETS(PLAN, 2, "h1"), ""},
        {SIMPLY(RESET), "HELLO(33,h1)"},
    };
    static const row after_it[] = {
        {POST(LAYOUT, 0), "LAYOUT"},
        {POST(EVALUATED, 0), "EVALUATED"}, /* a coordinator whose disk is full cannot keep it */
        {POST(REPORT, 0), "REPORT"},       /* the wire resends it if unconfirmed */
        {POST(PIECE_DONE, 500), "PIECE_DONE(500)"},
        {POST(PIECE_DONE, 600), "PIECE_DONE(600)"},
        {POST(PIECE_FAILED, 700), "PIECE_FAILED(700)"},
        {SIMPLY(RESET), "HELLO(34,h1) LAYOUT PIECE_DONE(500) PIECE_DONE(600) PIECE_FAILED(700)"},
        {SIMPLY(TICK), "EVALUATED"}, /* after the unconfirmed messages that the wire resends */
        {SIMPLY(RESET), "HELLO(34,h1) LAYOUT PIECE_DONE(500) PIECE_DONE(600) PIECE_FAILED(700)"},
        {GETS(COMMITTED, 600, NULL), "EVALUATED"},
        {GETS(COMMITTED, 999, NULL), ""}, /* unknown here */
        {SIMPLY(RESET), "HELLO(34,h1) LAYOUT PIECE_DONE(500) PIECE_FAILED(700)"},
        {GETS(ABORTED, 700, NULL), "EVALUATED"},
        {POST(CHECKSUM, 500), "CHECKSUM(500)"},
        {POST(CHECKSUM, 700), "CHECKSUM(700)"},
        {POST(CHECKSUM, -701), "CHECKSUM(701)"}, /* of a slice: not resent */
        {POST(FINISHED, 0), "FINISHED"},
        {SIMPLY(RESET), "HELLO(34,h1) LAYOUT CHECKSUM(500) CHECKSUM(700) PIECE_DONE(500)"},
        {SIMPLY(TICK), "EVALUATED FINISHED"},
        {SIMPLY(TICK), ""},
        {GETS(COMMITTED, 500, NULL), ""},
        {POST(CHECKSUM, 800), "CHECKSUM(800)"},
        {POST(CHECKSUM, 900), "CHECKSUM(900)"},
        {POST(CHECKSUM, 1000), "CHECKSUM(1000)"},
        {SIMPLY(RESET),
         "HELLO(34,h1) LAYOUT CHECKSUM(700) CHECKSUM(800) CHECKSUM(900) CHECKSUM(1000)"},
        {SIMPLY(TICK), "EVALUATED FINISHED"},
    };
    bench b;
    int64_t live = rt_mem_live();
    bench_start(&b);
    b.step = 33;
    PLAY(&b, before_the_plan);
    b.step = 34;
    PLAY(&b, after_it);
    rt__link_state_release(&b.state);
    assert_int_equal(rt_mem_live(), live);
}

/* The rank could not reach the coordinator for six steps, at the first of which a bit had flipped. */
static void checksums_that_were_not_confirmed_are_all_said_again_in_order(void **state)
{
    (void)state;
    static const row again[] = {
        {SIMPLY(RESET), "CHECKSUM(21) CHECKSUM(22) CHECKSUM(23) CHECKSUM(24) CHECKSUM(25) "
                        "CHECKSUM(26) CHECKSUM(27)"},
        {POST(CHECKSUM, 28), "CHECKSUM(28)"},
    };
    static const row confirmed[] = {
        {POST(CHECKSUM, 29), "CHECKSUM(29)"},
        {SIMPLY(RESET), "CHECKSUM(26) CHECKSUM(27) CHECKSUM(28) CHECKSUM(29)"},
    };
    bench b;
    int64_t live = rt_mem_live();
    bench_start(&b);
    for (int64_t n = 1; n <= 27; n++) {
        b.unconfirmed = n <= 20 ? 1 : n - 20;
        post(&b, RT_MSG_CHECKSUM, n);
        b.said[0] = '\0';
    }
    PLAY(&b, again);
    b.unconfirmed = 0;
    PLAY(&b, confirmed);
    rt__link_state_release(&b.state);
    assert_int_equal(rt_mem_live(), live);
}

static void a_second_plan_is_ignored_if_it_is_the_same_and_refused_if_not(void **state)
{
    (void)state;
    char refused[32];
    snprintf(refused, sizeof refused, "FAULT(%d)", RT_E_PROTOCOL);
    const row rows[] = {
        {POST(HELLO, 0), "HELLO(0,)"},  {GETS(PLAN, 4, "h1"), ""},      {GETS(PLAN, 4, "h1"), ""},
        {GETS(PLAN, 3, "h2"), refused}, {SIMPLY(RESET), "HELLO(0,h1)"},
    };
    bench b;
    bench_start(&b);
    PLAY(&b, rows);
    assert_true(b.state.has_plan);
    assert_int_equal(b.state.plan.plan.world, 4);
    assert_int_equal(b.state.ended.code, RT_OK); /* the rank keeps its plan */
    rt__link_state_release(&b.state);
}

static void messages_wait_for_a_full_wire_in_order(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    b.full = true;
    post(&b, RT_MSG_HELLO, 0);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    post(&b, RT_MSG_LAYOUT, 0);
    expect(&b, "");
    step(&b, (rt__link_event){.kind = RT__LINK_RESET}); /* nothing was sent, so nothing is resent */
    assert_true(rt__link_next(&b.state, b.now) < b.now + 0.1);
    b.full = false;
    tick_at(&b, 0.1);
    expect(&b, "HELLO(0,) LAYOUT PROGRESS");
    b.room = 1; /* it becomes full in the middle of resending */
    step(&b, (rt__link_event){.kind = RT__LINK_RESET});
    expect(&b, "HELLO(0,)");
    b.room = -1;
    tick_at(&b, 0.2);
    expect(&b, "HELLO(0,) LAYOUT");
    tick_at(&b, 0.3);
    expect(&b, "");
    rt__link_state_release(&b.state);
}

/* ---- orders ---- */

static void orders_follow_the_coordinator(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    assert_int_equal(atomic_load(&b.orders.checkpoint_after), -1);
    frame(&b, RT_MSG_CHECKPOINT, 0, NULL);
    assert_int_equal(atomic_load(&b.orders.checkpoint_after), 0);
    frame(&b, RT_MSG_CHECKPOINT, 70, NULL);
    assert_int_equal(atomic_load(&b.orders.checkpoint_after), 70);
    frame(&b, RT_MSG_STOP, 40, "with a checkpoint");
    assert_int_equal(atomic_load(&b.orders.stop_after), 40);
    assert_int_equal(atomic_load(&b.orders.stop_checkpoint), 1);
    frame(&b, RT_MSG_STOP, 41, "");
    assert_int_equal(atomic_load(&b.orders.stop_after), 41);
    assert_int_equal(atomic_load(&b.orders.stop_checkpoint), 0);
    assert_int_equal(atomic_load(&b.orders.abort), 0);
    frame(&b, RT_MSG_FORGET, 5, NULL);
    assert_int_equal(b.forgot, 5);
    assert_int_equal(b.state.ended.code, RT_OK);
    frame(&b, RT_MSG_STOP, -1, "the run is over");
    assert_int_equal(atomic_load(&b.orders.abort), 1);
    assert_int_equal(b.state.ended.code, RT_E_ABORTED);
    assert_non_null(strstr(b.state.ended.text, "the run is over"));
    rt__link_state_release(&b.state);
}

static void forget_without_a_callback_is_ignored(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    b.effects.forget = NULL;
    frame(&b, RT_MSG_FORGET, 5, NULL);
    assert_int_equal(b.forgot, -1);
    rt__link_state_release(&b.state);
}

static void frames_of_other_generations_are_dropped(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    for (int64_t g = GENERATION - 1; g <= GENERATION + 1; g += 2) {
        frame_of(&b, g, RT_MSG_STOP, 10, "x");
        frame_of(&b, g, RT_MSG_CHECKPOINT, 10, NULL);
        frame_of(&b, g, RT_MSG_PLAN, 2, "h9");
        frame_of(&b, g, RT_MSG_REFUSED, RT_E_ARG, "no");
        frame_of(&b, g, RT_MSG_FORGET, 5, NULL);
    }
    frame_of(&b, GENERATION - 1, RT_MSG_STOP, -1, "x");
    assert_int_equal(atomic_load(&b.orders.stop_after), -1);
    assert_int_equal(atomic_load(&b.orders.checkpoint_after), -1);
    assert_int_equal(atomic_load(&b.orders.abort), 0);
    assert_int_equal(b.forgot, -1);
    assert_false(b.state.has_plan);
    assert_int_equal(b.state.ended.code, RT_OK);

    /* A rank that was cut off while its generation ended is ordered to leave by the next generation. */
    frame_of(&b, GENERATION + 1, RT_MSG_STOP, -1, "your generation is over");
    assert_int_equal(atomic_load(&b.orders.abort), 1);
    assert_int_equal(b.state.ended.code, RT_E_ABORTED);
    rt__link_state_release(&b.state);
}

static void a_refusal_ends_a_rank_without_a_plan_only(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    frame(&b, RT_MSG_REFUSED, RT_E_MISMATCH, "worker 3 has isa sse4, worker 0 avx2");
    assert_int_equal(b.state.ended.code, RT_E_MISMATCH);
    assert_string_equal(b.state.ended.text, "worker 3 has isa sse4, worker 0 avx2");
    assert_int_equal(atomic_load(&b.orders.abort), 0);
    rt__link_state_release(&b.state);

    bench_start(&b);
    frame(&b, RT_MSG_PLAN, 2, "h1");
    frame(&b, RT_MSG_REFUSED, RT_E_PROTOCOL, "that message makes no sense");
    assert_int_equal(b.state.ended.code, RT_OK);
    rt__link_state_release(&b.state);
}

/* ---- time ---- */

static void progress_is_sent_twice_a_second_and_at_once_after_a_long_wait(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    tick_at(&b, 0.9);
    expect(&b, "");
    assert_true(rt__link_next(&b.state, b.now) == 101);
    tick_at(&b, 1);
    expect(&b, "PROGRESS"); /* reports what delays a late HELLO */
    post(&b, RT_MSG_HELLO, 0);
    expect(&b, "HELLO(0,)");
    static const struct {
        double at;
        bool due;
    } rows[] = {{1.1, false}, {1.49, false}, {1.5, true}, {1.6, false}, {2.3, true}, {2.7, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tick_at(&b, rows[i].at);
        expect(&b, rows[i].due ? "PROGRESS" : "");
    }
    assert_true(rt__link_next(&b.state, b.now) == 102.8);
    step(&b, (rt__link_event){.kind = RT__LINK_MOVED});
    expect(&b, "PROGRESS");
    tick_at(&b, 2.9);
    expect(&b, "");
    step(&b, (rt__link_event){.kind = RT__LINK_DOWN}); /* not connected: nothing piles up */
    tick_at(&b, 10);
    expect(&b, "");
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    expect(&b, "PROGRESS");
    step(&b, (rt__link_event){.kind = RT__LINK_ENDING});
    tick_at(&b, 20);
    expect(&b, "");
    rt__link_state_release(&b.state);
}

static void a_rank_that_cannot_reach_the_coordinator_gives_up(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    tick_at(&b, 14.9); /* never connected yet */
    assert_int_equal(b.state.ended.code, RT_OK);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    tick_at(&b, 100);
    assert_int_equal(b.state.ended.code, RT_OK);
    step(&b, (rt__link_event){.kind = RT__LINK_DOWN});
    b.now = 210;
    step(&b, (rt__link_event){.kind = RT__LINK_DOWN}); /* once more: it is still down since 200 */
    assert_true(rt__link_next(&b.state, b.now) == 200 + RT_LEASE_SECONDS);
    tick_at(&b, 114.9);
    assert_int_equal(atomic_load(&b.orders.abort), 0);
    tick_at(&b, 115);
    assert_int_equal(atomic_load(&b.orders.abort), 1);
    assert_int_equal(b.state.ended.code, RT_E_NET);
    assert_non_null(strstr(b.state.ended.text, "tcp://h0:4242"));
    assert_non_null(strstr(b.state.ended.text, "15 s"));
    rt__link_state_release(&b.state);
}

static void a_rank_ordered_to_leave_needs_no_coordinator(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    frame(&b, RT_MSG_STOP, -1, "done");
    step(&b, (rt__link_event){.kind = RT__LINK_DOWN});
    tick_at(&b, 50);
    assert_int_equal(b.state.ended.code, RT_E_ABORTED);
    assert_true(rt__link_next(&b.state, b.now) > b.now + 60);
    rt__link_state_release(&b.state);
}

static void a_wire_that_failed_ends_the_rank(void **state)
{
    (void)state;
    rt_saved_error e = {.code = RT_E_AUTH, .text = "wrong keys"};
    bench b;
    bench_start(&b);
    step(&b, (rt__link_event){.kind = RT__LINK_REFUSED, .error = &e});
    assert_int_equal(b.state.ended.code, RT_E_AUTH);
    assert_string_equal(b.state.ended.text, "wrong keys");
    assert_int_equal(atomic_load(&b.orders.abort), 1);
    rt__link_state_release(&b.state);
}

/* ---- SIGTERM ---- */

static void sigterm_means_leave_with_grace(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    post(&b, RT_MSG_HELLO, 0);
    expect(&b, "HELLO(0,) PROGRESS");
    step(&b, (rt__link_event){.kind = RT__LINK_TERMINATE});
    tick_at(&b, 0.1); /* if SIGTERM came from mpirun, SIGKILL would follow before LEAVE is sent */
    expect(&b, "");
    tick_at(&b, 0.25);
    expect(&b, "LEAVE(SIGTERM,30)");
    assert_false(b.state.quit);
    assert_int_equal(atomic_load(&b.orders.abort), 0); /* it continues to work */
    tick_at(&b, 0.3);
    expect(&b, "");
    step(&b, (rt__link_event){.kind = RT__LINK_RESET});
    expect(&b, "HELLO(0,) LEAVE(SIGTERM,30)");
    step(&b, (rt__link_event){.kind = RT__LINK_TERMINATE});
    assert_true(b.state.quit);
    rt__link_state_release(&b.state);
}

static void sigterm_without_coordinator_ends_at_once(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        bench b;
        bench_start(&b);
        if (how > 0)
            step(&b, (rt__link_event){.kind = RT__LINK_UP});
        if (how == 1)
            step(&b, (rt__link_event){.kind = RT__LINK_DOWN});
        if (how == 2)
            frame(&b, RT_MSG_STOP, -1, "leave");
        step(&b, (rt__link_event){.kind = RT__LINK_TERMINATE});
        assert_true(b.state.quit);
        expect(&b, "");
        rt__link_state_release(&b.state);
    }
}

/* ---- many ---- */

/* A simulation has thousands of links, so ticks must not allocate memory. */
static void ticks_allocate_nothing(void **state)
{
    (void)state;
    bench b;
    bench_start(&b);
    step(&b, (rt__link_event){.kind = RT__LINK_UP});
    post(&b, RT_MSG_HELLO, 0);
    int64_t made = rt_mem_total();
    for (int i = 0; i < 1000; i++) {
        tick_at(&b, 0.5 * i);
        step(&b, (rt__link_event){.kind = i % 2 ? RT__LINK_RESET : RT__LINK_MOVED});
        b.said[0] = '\0';
    }
    assert_int_equal(rt_mem_total(), made);
    rt__link_state_release(&b.state);
}

int main(void)
{
    rt_log_set_level(RT_LOG_ERROR + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_resent_to_a_new_coordinator),
        cmocka_unit_test(checksums_that_were_not_confirmed_are_all_said_again_in_order),
        cmocka_unit_test(a_second_plan_is_ignored_if_it_is_the_same_and_refused_if_not),
        cmocka_unit_test(messages_wait_for_a_full_wire_in_order),
        cmocka_unit_test(orders_follow_the_coordinator),
        cmocka_unit_test(forget_without_a_callback_is_ignored),
        cmocka_unit_test(frames_of_other_generations_are_dropped),
        cmocka_unit_test(a_refusal_ends_a_rank_without_a_plan_only),
        cmocka_unit_test(progress_is_sent_twice_a_second_and_at_once_after_a_long_wait),
        cmocka_unit_test(a_rank_that_cannot_reach_the_coordinator_gives_up),
        cmocka_unit_test(a_rank_ordered_to_leave_needs_no_coordinator),
        cmocka_unit_test(a_wire_that_failed_ends_the_rank),
        cmocka_unit_test(sigterm_means_leave_with_grace),
        cmocka_unit_test(sigterm_without_coordinator_ends_at_once),
        cmocka_unit_test(ticks_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
