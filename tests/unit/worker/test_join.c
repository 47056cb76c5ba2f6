/* How ranks that somebody's mpirun has started find each other and the coordinator: at which of its addresses they reach it, what is said
 * if one does not, and who is named if one never comes. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "tests/unit/common/proxy.h"
#include "worker/arrivals.h"
#include "worker/comm/internal.h"
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
    atomic_llong refused;
} coordinator;

static void *answer(void *arg)
{
    (void)arg;
    rt_frame f;
    while (!atomic_load(&coordinator.over))
        if (rt_wire_receive(coordinator.wire, 0.01, &f) == RT_OK)
            rt_frame_release(&f);
        else
            atomic_store(&coordinator.refused, rt_wire_refused(coordinator.wire));
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
        {NULL, "127.0.0.1"},
        {"", "127.0.0.1"},
        {"127.0.0.9,127.0.0.2", "127.0.0.2"},
        {"127.0.0.3", "127.0.0.3"},
        {"127.0.0.9,no address,127.0.0.1", "127.0.0.1"},
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

static void *begin_late(void *p)
{
    rt_clock_sleep(0.7);
    proxy_begin(p);
    return NULL;
}

/* At one of its addresses the coordinator answers late. A connection that we close while it is being made looks to the coordinator like
 * one of a stranger, of which its log would warn in every run on such hosts. */
static void an_answer_at_another_address_breaks_no_connection(void **state)
{
    (void)state;
    static const char *const rows[] = {"127.0.0.1,127.0.0.9", "127.0.0.9,127.0.0.1"};
    const char *endpoint = rt_wire_endpoint(coordinator.wire);
    long long refused = atomic_load(&coordinator.refused);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        proxy late;
        pthread_t thread;
        rt__reach r = reach(rows[i], &coordinator.keys);
        proxy_listen(&late, "127.0.0.9", atoi(strrchr(endpoint, ':') + 1), endpoint);
        assert_int_equal(pthread_create(&thread, NULL, begin_late, &late), 0);
        assert_true(rt__reach_find(&r, 60));
        pthread_join(thread, NULL);
        rt_clock_sleep(0.2); /* so that the coordinator has seen what there is to see */
        proxy_stop(&late);
        assert_int_equal(atomic_load(&coordinator.refused), refused);
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
    rt_status (*act)(struct rank *);
    rt__join_order order;
    rt_status status;
    char message[512];
} rank;

static rt_status take(void *arg, rt_comm **out)
{
    *out = arg;
    return RT_OK;
}

static atomic_int no_abort;

static rt_status agree(rank *r)
{
    bool lost;
    rt__reach at = reach("172.17.0.1,10.0.0.1", &coordinator.keys);
    at.wire.endpoint = "tcp://172.17.0.1:4711";
    rt_status status = rt__reach_agree(r->thread, r->number, WORLD, r->found, &at, &lost);
    assert_int_equal(lost, status == RT_E_NET);
    return status;
}

static rt_status find_coordinator(rank *r)
{
    r->order.numbers = (rt__rank_numbers){.rank = r->number, .world = WORLD, .local_world = 1};
    return rt__join_reach(r->thread, &r->order, 0.1);
}

static void *be_rank(void *arg)
{
    rank *r = arg;
    int number, world;
    r->status = rt__commthread_start(take, r->comm, &no_abort, &r->thread);
    if (r->status == RT_OK)
        r->status = rt__commthread_ready(r->thread, &number, &world);
    if (r->status == RT_OK)
        r->status = r->act(r);
    snprintf(r->message, sizeof r->message, "%s", rt_failed() ? rt_error() : "");
    rt_error_clear();
    return NULL;
}

/* Starts ranks that do `act`. If `ops` is given, it carries what they tell each other. */
static void be_ranks(rank r[WORLD], rt_status (*act)(rank *), const rt_transport_ops *ops)
{
    pthread_t thread[WORLD];
    rt_comm *ends[WORLD];
    assert_int_equal(rt_comm_loopback(WORLD, ends), RT_OK);
    for (int i = 0; i < WORLD; i++) {
        r[i].number = i;
        r[i].comm = ends[i];
        r[i].act = act;
        if (ops)
            ends[i]->end->transport->ops = ops;
        assert_int_equal(pthread_create(&thread[i], NULL, be_rank, &r[i]), 0);
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
    be_ranks(all, agree, NULL);
    for (int i = 0; i < WORLD; i++)
        assert_string_equal(all[i].message, "");
    rank two[WORLD] = {{.found = true}, {.found = false}, {.found = false}};
    char expected[512];
    be_ranks(two, agree, NULL);
    snprintf(expected, sizeof expected,
             "rank 1 on %s (and 1 more) does not reach the coordinator on %s: set control.bind to "
             "an address or interface of %s that it reaches, as in --set "
             "control.bind=192.168.0.10, or let a firewall pass port 4711; it has tried "
             "172.17.0.1,10.0.0.1",
             host, host, host);
    for (int i = 0; i < WORLD; i++) { /* so that all end alike, and rank 0 can say it */
        assert_int_equal(two[i].status, RT_E_NET);
        assert_string_equal(two[i].message, expected);
    }
}

static rt_status lose(rt_transport *t)
{
    (void)t;
    return RT_FAIL(NET, "the network is gone");
}

/* Rank 0 says why there will be no run, and the others end in peace. But a rank that MPI has failed must say that. */
static void ranks_leave_only_if_one_is_lost(void **state)
{
    (void)state;
    char keys[4 * RT_WIRE_KEY];
    rt_wire_keys_text(&coordinator.keys, false, keys);
    setenv("RINGTORCH_KEYS", keys, 1);
    setenv("RINGTORCH_ENDPOINT", rt_wire_endpoint(coordinator.wire), 1);
    setenv("RINGTORCH_ADDRESSES", "127.0.0.9", 1);
    setenv("RINGTORCH_RUN", "run-1", 1);
    rank lost[WORLD] = {0}, failed[WORLD] = {0};
    be_ranks(lost, find_coordinator, NULL);
    for (int i = 0; i < WORLD; i++) {
        assert_true(lost[i].order.leave);
        assert_int_equal(lost[i].status, i == 0 ? RT_E_NET : RT_OK);
        assert_int_equal(lost[i].message[0] != '\0', i == 0);
    }
    assert_non_null(strstr(lost[0].message, "rank 0 on "));
    assert_non_null(strstr(lost[0].message, "it has tried 127.0.0.9"));
    rt_comm *other;
    assert_int_equal(rt_comm_loopback(1, &other), RT_OK);
    rt_transport_ops broken = *other->end->transport->ops;
    broken.progress = lose;
    be_ranks(failed, find_coordinator, &broken);
    rt_comm_free(other);
    for (int i = 0; i < WORLD; i++) {
        assert_false(failed[i].order.leave);
        assert_int_equal(failed[i].status, RT_E_NET);
        assert_string_equal(failed[i].message, "the network is gone");
    }
    unsetenv("RINGTORCH_KEYS");
    unsetenv("RINGTORCH_ENDPOINT");
    unsetenv("RINGTORCH_ADDRESSES");
    unsetenv("RINGTORCH_RUN");
}

/* ---- ranks that do not come ---- */

static rt__arrivals arrivals_of(const char *number, const char *restarts)
{
    setenv("PMIX_NAMESPACE", "slurm.pmix.21.0", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_RANK", number, 1);
    setenv("RINGTORCH_JOIN_DIR", folder, 1);
    setenv("SLURM_RESTART_COUNT", restarts, 1);
    rt__arrivals a = rt__arrivals_of_job();
    unsetenv("PMIX_NAMESPACE");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("RINGTORCH_JOIN_DIR");
    unsetenv("SLURM_RESTART_COUNT");
    assert_string_equal(a.dir, folder);
    a.dir = folder; /* and not in the environment */
    return a;
}

static void missing_ranks_are_told_from_those_that_have_come(void **state)
{
    (void)state;
    char logs[128], text[512], expected[512];
    snprintf(logs, sizeof logs, "%s/logs", folder);
    rt__arrivals first = arrivals_of("0", "1"), third = arrivals_of("2", "1");
    rt__arrivals earlier = arrivals_of("1", "0"); /* before Slurm has requeued the job */
    rt__arrivals_note(&third);
    assert_false(third.noted); /* rank 0 has not made the directory yet */
    assert_false(rt_failed());
    assert_int_equal(rt_dir_make(logs, 0755), RT_OK);
    rt__arrivals_note(&earlier);
    assert_int_equal(rt__arrivals_describe(&first, text, sizeof text), -1); /* who knows? */
    rt__arrivals_note(&third);
    assert_true(third.noted);
    snprintf(expected, sizeof expected, "rank 1, 3; these have: 0, 2 on %s", host);
    assert_int_equal(rt__arrivals_describe(&first, text, sizeof text), 2);
    assert_string_equal(text, expected);
    assert_int_equal(rt_remove_tree(logs), RT_OK); /* --resume never makes the directory anew */
    assert_int_equal(rt_dir_make(logs, 0755), RT_OK);
    rt__arrivals_note(&third);
    rt__arrivals_describe(&first, text, sizeof text);
    assert_string_equal(text, expected);
    rt__arrivals_note(&earlier);
    rt__arrivals_forget(&first); /* those of its job */
    assert_int_equal(rt__arrivals_describe(&first, text, sizeof text), -1);
    rt__arrivals_forget(&earlier);
    assert_int_equal(rmdir(logs), 0); /* nothing is left */
    rt__arrivals alone = {.dir = folder, .world = 1}, nowhere = {.rank = 1, .world = 12};
    assert_int_equal(rt__arrivals_describe(&alone, text, sizeof text), 0);
    assert_int_equal(rt__arrivals_describe(&nowhere, text, sizeof text), -1);
}

/* As ranks on other hosts would. */
static void leave_note(int number, const char *on)
{
    char path[200];
    snprintf(path, sizeof path, "%s/logs/.come-%016x-%d", folder, 4711, number);
    assert_int_equal(rt_file_replace(path, on, strlen(on)), RT_OK);
}

static void ranks_that_have_come_are_listed_by_host(void **state)
{
    (void)state;
    char logs[128], text[512], expected[512];
    rt__arrivals a = {.dir = folder, .job = 4711, .rank = 3, .world = 4}, many = a;
    snprintf(logs, sizeof logs, "%s/logs", folder);
    assert_int_equal(rt_dir_make(logs, 0755), RT_OK);
    leave_note(0, "node0");
    leave_note(1, "node0");
    assert_int_equal(rt__arrivals_describe(&a, text, sizeof text), 1);
    snprintf(expected, sizeof expected, "rank 2; these have: 0, 1 on node0, 3 on %s", host);
    assert_string_equal(text, expected);
    leave_note(2, "node1");
    assert_int_equal(rt__arrivals_describe(&a, text, sizeof text), 0);
    for (int i = 4; i < 12; i++)
        leave_note(i, "node2");
    many.world = 30;
    assert_int_equal(rt__arrivals_describe(&many, text, sizeof text), 18);
    snprintf(expected, sizeof expected,
             "rank 12, 13, 14, 15, 16, 17, 18, 19 and 10 more; these have: 0, 1 on node0, 2 on "
             "node1, 3 on %s, 4, 5, 6, 7 on node2 and 4 more",
             host);
    assert_string_equal(text, expected);
    assert_int_equal(rt_remove_tree(logs), RT_OK);
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
    static const char *const messages[] = {
        "it is unknown who has come, but MPI does not connect the 3 ranks within 0 s: to see who "
        "is "
        "missing, take a --run-dir that all hosts share; if hosts have networks that others do not "
        "reach, such as docker0, name the right one, as in mpirun --mca btl_tcp_if_include "
        "10.0.0.0/24",
        "not all 3 ranks have come within 0 s; missing: rank 2; these have: 0, 1 on ",
        "all have come, but MPI does not connect the 3 ranks within 0 s: if hosts have networks "
        "that others do not reach, such as docker0, name the right one, as in mpirun --mca "
        "btl_tcp_if_include 10.0.0.0/24"};
    rt__commthread *t;
    rt__join_order order;
    char logs[128], expected[512];
    snprintf(logs, sizeof logs, "%s/logs", folder);
    assert_int_equal(rt_dir_make(logs, 0755), RT_OK);
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    setenv("RINGTORCH_JOIN_DIR", folder, 1);
    assert_int_equal(rt__commthread_start(never, &over, &over, &t), RT_OK);
    for (int come = 0; come < 3; come++) {
        setenv("OMPI_COMM_WORLD_RANK", "1", 1);
        assert_int_equal(rt__join(t, 0.1, &order), RT_E_TIMEOUT);
        snprintf(expected, sizeof expected, "%s%s", messages[come], come == 1 ? host : "");
        assert_string_equal(rt_error(), expected);
        assert_false(order.leave);
        rt_error_clear();
        setenv("OMPI_COMM_WORLD_RANK", come == 0 ? "0" : "2", 1);
        rt__arrivals other = rt__arrivals_of_job();
        rt__arrivals_note(&other);
    }
    atomic_store(&over, 1);
    rt__commthread_end(t);
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("RINGTORCH_JOIN_DIR");
    assert_int_equal(rt_remove_tree(logs), RT_OK);
}

static rt_status take_late(void *arg, rt_comm **out)
{
    rt_clock_sleep(0.3);
    return take(arg, out);
}

/* The other rank has started MPI, but does not answer. What MPI took is not taken from its time. */
static void a_rank_that_does_not_answer_is_named(void **state)
{
    (void)state;
    atomic_int over = 0;
    rt__commthread *t;
    rt__join_order order;
    rt_comm *ends[2];
    assert_int_equal(rt_comm_loopback(2, ends), RT_OK);
    double began = rt_clock();
    assert_int_equal(rt__commthread_start(take_late, ends[0], &over, &t), RT_OK);
    assert_int_equal(rt__join(t, 1, &order), RT_E_TIMEOUT);
    assert_true(rt_clock() - began > 1.3);
    assert_string_equal(rt_error(), "rank 1 has started MPI, but has not answered within 1 s");
    rt_error_clear();
    atomic_store(&over, 1);
    assert_int_equal(rt__commthread_wait(t), RT_E_ABORTED);
    rt_error_clear();
    rt__commthread_end(t);
    rt_comm_free(ends[1]);
}

/* Rank 0 speaks before the coordinator, which waits for 120 s and could not say who is missing. The others wait until the coordinator has
 * read the checkpoint that a run goes on from, and one of them speaks first. */
static void who_waits_longest(void **state)
{
    (void)state;
    double patience[3];
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    for (int i = 0; i < 3; i++) {
        setenv("OMPI_COMM_WORLD_RANK", (const char *const[]){"0", "1", "2"}[i], 1);
        patience[i] = rt__join_patience();
    }
    assert_true(patience[0] < 120);
    assert_true(patience[1] >= 3600);
    assert_true(patience[2] > patience[1] + 1);
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_answers_is_found),
        cmocka_unit_test(an_answer_at_another_address_breaks_no_connection),
        cmocka_unit_test(a_coordinator_with_another_key_is_not_found),
        cmocka_unit_test(a_rank_that_does_not_reach_the_coordinator_is_named),
        cmocka_unit_test(ranks_leave_only_if_one_is_lost),
        cmocka_unit_test(missing_ranks_are_told_from_those_that_have_come),
        cmocka_unit_test(ranks_that_have_come_are_listed_by_host),
        cmocka_unit_test(a_rank_does_not_wait_for_ever),
        cmocka_unit_test(a_rank_that_does_not_answer_is_named),
        cmocka_unit_test(who_waits_longest),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
