/* How ranks that somebody's mpirun has started find each other and the coordinator: at which of its addresses they reach it, what is said
 * if one does not, and who is named if one never comes. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "worker/arrivals.h"
#include "worker/join.h"
#include "worker/reach.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char host[64], folder[] = "/tmp/ringtorch-test-join-XXXXXX";

/* ---- a coordinator that only answers ---- */

static struct {
    rt_wire *wire;
    rt_wire_keys keys;
    pthread_t thread;
    atomic_int over;
} coordinator;

static void *answer(void *arg)
{
    (void)arg;
    rt_frame f;
    while (!atomic_load(&coordinator.over))
        if (rt_wire_receive(coordinator.wire, 0.01, &f) == RT_OK)
            rt_frame_release(&f);
    return NULL;
}

static int begin(void **state)
{
    (void)state;
    gethostname(host, sizeof host - 1);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(rt_wire_keys_make(&coordinator.keys), RT_OK);
    assert_int_equal(rt_wire_listen(&(rt_wire_options){.endpoint = "tcp://127.0.0.1:*",
                                                       .also = "127.0.0.2,192.0.2.1,127.0.0.3",
                                                       .keys = &coordinator.keys,
                                                       .run = "run-1",
                                                       .name = "coordinator"},
                                    &coordinator.wire),
                     RT_OK); /* although 192.0.2.1 is nobody's */
    return pthread_create(&coordinator.thread, NULL, answer, NULL);
}

static int end(void **state)
{
    (void)state;
    atomic_store(&coordinator.over, 1);
    pthread_join(coordinator.thread, NULL);
    rt_wire_close(coordinator.wire, 0);
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

static rt__reach reach(const char *addresses, const rt_wire_keys *keys)
{
    return (rt__reach){.addresses = addresses,
                       .wire = {.endpoint = rt_wire_endpoint(coordinator.wire),
                                .keys = keys,
                                .run = "run-1",
                                .name = "worker 1"}};
}

/* ---- the coordinator's address ---- */

static void an_address_that_answers_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *addresses, *found; /* NULL: none */
    } rows[] = {
        {NULL, "127.0.0.1"},        {"127.0.0.9,127.0.0.2", "127.0.0.2"},
        {"127.0.0.3", "127.0.0.3"}, {"127.0.0.9,no address,127.0.0.1", "127.0.0.1"},
        {"127.0.0.9", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__reach r = reach(rows[i].addresses, &coordinator.keys);
        char expected[64] = "";
        if (rows[i].found)
            snprintf(expected, sizeof expected, "tcp://%s%s", rows[i].found,
                     strrchr(rt_wire_endpoint(coordinator.wire), ':'));
        assert_int_equal(rt__reach_find(&r, rows[i].found ? 60 : 0.3), rows[i].found != NULL);
        assert_string_equal(r.found, expected);
        assert_false(rt_failed());
    }
}

/* The coordinator of another run may have the port at an address that each host has. */
static void a_coordinator_with_another_key_is_not_found(void **state)
{
    (void)state;
    rt_wire_keys others;
    assert_int_equal(rt_wire_keys_make(&others), RT_OK);
    rt__reach r = reach("127.0.0.2", &others);
    assert_false(rt__reach_find(&r, 1));
    assert_false(rt_failed());
}

enum { WORLD = 3 };

typedef struct rank {
    int number;
    bool found;
    rt_comm *comm;
    rt__commthread *thread;
    rt_status status;
    char message[512];
} rank;

static rt_status take(void *arg, rt_comm **out)
{
    *out = arg;
    return RT_OK;
}

static void *agree(void *arg)
{
    static const atomic_int no_abort;
    rank *r = arg;
    int number, world;
    rt__reach at = reach("172.17.0.1,10.0.0.1", &coordinator.keys);
    at.wire.endpoint = "tcp://172.17.0.1:4711";
    r->status = rt__commthread_start(take, r->comm, &no_abort, &r->thread);
    if (r->status == RT_OK)
        r->status = rt__commthread_ready(r->thread, &number, &world);
    if (r->status == RT_OK)
        r->status = rt__reach_agree(r->thread, r->number, WORLD, r->found, &at);
    snprintf(r->message, sizeof r->message, "%s", r->status == RT_OK ? "" : rt_error());
    rt_error_clear();
    return NULL;
}

static void all_agree(rank r[WORLD])
{
    pthread_t thread[WORLD];
    rt_comm *ends[WORLD];
    assert_int_equal(rt_comm_loopback(WORLD, ends), RT_OK);
    for (int i = 0; i < WORLD; i++) {
        r[i].number = i;
        r[i].comm = ends[i];
        assert_int_equal(pthread_create(&thread[i], NULL, agree, &r[i]), 0);
    }
    for (int i = 0; i < WORLD; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < WORLD; i++)
        rt__commthread_end(r[i].thread);
}

static void a_rank_that_does_not_reach_the_coordinator_is_named(void **state)
{
    (void)state;
    rank all[WORLD] = {{.found = true}, {.found = true}, {.found = true}};
    all_agree(all);
    for (int i = 0; i < WORLD; i++)
        assert_string_equal(all[i].message, "");
    rank two[WORLD] = {{.found = true}, {.found = false}, {.found = false}};
    char expected[512];
    all_agree(two);
    snprintf(expected, sizeof expected,
             "rank 1 on %s (and 1 more) does not reach the coordinator on %s at any of its "
             "addresses (tcp://172.17.0.1:4711, tcp://10.0.0.1:4711): set control.bind to an "
             "address or interface of "
             "%s that it reaches, as in --set control.bind=192.168.0.10, or let a firewall pass "
             "that port",
             host, host, host);
    for (int i = 0; i < WORLD; i++) { /* so that all end alike, and rank 0 can say it */
        assert_int_equal(two[i].status, RT_E_NET);
        assert_string_equal(two[i].message, expected);
    }
}

/* ---- ranks that do not come ---- */

static void missing_ranks_are_told_from_those_that_have_come(void **state)
{
    (void)state;
    char logs[128], text[512], expected[512];
    snprintf(logs, sizeof logs, "%s/logs", folder);
    rt__arrivals first = {.dir = folder, .job = "4711", .rank = 0, .world = 4}, third = first,
                 other = first;
    third.rank = 2;
    other.rank = 1;
    other.job = "4710"; /* of an earlier job in this directory */
    rt__arrivals_note(&third);
    assert_false(third.noted); /* rank 0 has not made the directory yet */
    assert_false(rt_failed());
    assert_int_equal(rt_dir_make(logs, 0755), RT_OK);
    rt__arrivals_note(&third);
    rt__arrivals_note(&other);
    assert_true(third.noted);
    rt__arrivals_describe(&first, text, sizeof text);
    snprintf(expected, sizeof expected, "rank 1, 3; these have: 0, 2 on %s", host);
    assert_string_equal(text, expected);
    rt__arrivals_forget(&first); /* those of its job */
    assert_int_equal(rt__arrivals_describe(&first, text, sizeof text), 3);
    assert_string_equal(text, "rank 1, 2, 3; these have: 0");
    rt__arrivals_forget(&other);
    assert_int_equal(rmdir(logs), 0); /* nothing is left */
    rt__arrivals alone = {.dir = folder, .world = 1};
    assert_int_equal(rt__arrivals_describe(&alone, text, sizeof text), 0);
    rt__arrivals nowhere = {.job = "4711", .rank = 1, .world = 12};
    rt__arrivals_describe(&nowhere, text, sizeof text);
    assert_string_equal(text, "rank 0, 2, 3, 4, 5, 6, 7, 8 and 3 more; these have: 1");
}

static rt_status never(void *arg, rt_comm **out)
{
    for (const atomic_int *over = arg; !atomic_load(over);)
        rt_clock_sleep(0.01);
    *out = NULL;
    return RT_FAIL(NET, "over");
}

static void a_rank_does_not_wait_for_ever(void **state)
{
    (void)state;
    static atomic_int over;
    rt__commthread *t;
    rt__join_order order;
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    assert_int_equal(rt__commthread_start(never, &over, &over, &t), RT_OK);
    assert_int_equal(rt__join(t, 0.1, &order), RT_E_TIMEOUT);
    assert_string_equal(rt_error(),
                        "not all 3 ranks have come within 0 s; missing: rank 0, 2; these have: 1");
    assert_false(order.leave);
    rt_error_clear();
    atomic_store(&over, 1);
    rt__commthread_end(t);
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_answers_is_found),
        cmocka_unit_test(a_coordinator_with_another_key_is_not_found),
        cmocka_unit_test(a_rank_that_does_not_reach_the_coordinator_is_named),
        cmocka_unit_test(missing_ranks_are_told_from_those_that_have_come),
        cmocka_unit_test(a_rank_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
