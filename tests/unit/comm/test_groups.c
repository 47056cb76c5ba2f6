/* Groups, element types, all_to_all and messages with ranks as threads: all of tests/mpi/groups.h for
 * worlds of 1 to 8, and failures. */
#include "ranks.h"
#include "tests/mpi/groups.h"

#define TEST(name)                                                                                 \
    static void loopback_##name(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        run_in_all_worlds(test_##name, 2026);                                                      \
    }
GROUP_TESTS(TEST)
#undef TEST

/* ---- failures ---- */

enum { WORLD = 4 };

static rt_status join_three(rt_comm *c, uint64_t seed)
{
    rt_comm *g;
    (void)seed;
    RT_TRY(rt_comm_group(c, (int[]){3, 2, 1}, 3, &g));
    rt_comm_free(g);
    return RT_OK;
}

/* Ranks 3, 2 and 1 become ranks 0, 1 and 2 of a group; world rank 1 then does not join the collective. */
static rt_status sum_without_one(rt_comm *c, uint64_t seed)
{
    rt_comm *g;
    float x = (float)seed;
    RT_TRY(rt_comm_group(c, (int[]){3, 2, 1}, 3, &g));
    rt_status status = rt_comm_rank(c) == 1 ? RT_OK : rt_comm_broadcast(g, floats(&x, 1), 2);
    rt_comm_free(g);
    return status;
}

static rt_status receive_from_one(rt_comm *c, uint64_t seed)
{
    float x = (float)seed;
    return rt_comm_recv(c, floats(&x, 1), 1);
}

/* While one rank stays away, each other rank reports which rank of the world it waits for. */
static void a_wait_in_a_group_names_the_rank_of_the_world(void **state)
{
    static const struct {
        const char *op;
        rank_body *bodies[WORLD];
        int peer[WORLD]; /* -1: waits for none; -2: for any rank of the group */
    } rows[] = {
        {"group", {never_arrive, never_arrive, join_three, join_three}, {-1, -1, -2, -2}},
        {"broadcast",
         {never_arrive, sum_without_one, sum_without_one, sum_without_one},
         {-1, -1, 1, 1}},
        {"recv", {receive_from_one, never_arrive, never_arrive, never_arrive}, {1, -1, -1, -1}},
    };
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        rt_comm *comms[WORLD];
        rank_thread ranks[WORLD];
        atomic_int flag = 0;
        make(WORLD, comms);
        for (int i = 0; i < WORLD; i++)
            rt_comm_set_abort_flag(comms[i], &flag);
        start(ranks, comms, WORLD, rows[k].bodies, 1);
        for (int i = 0; i < WORLD; i++) {
            rt_comm_wait w = {0};
            const int peer = rows[k].peer[i];
            while (peer != -1 && !(rt_comm_waiting(comms[i], &w) && strcmp(w.op, rows[k].op) == 0 &&
                                   (peer == -2 ? w.peer > 0 && w.peer != i : w.peer == peer)))
                rt_clock_sleep(0.001);
        }
        atomic_store(&flag, 1);
        join(ranks, WORLD);
        for (int i = 0; i < WORLD; i++) {
            const bool waits = rows[k].peer[i] != -1;
            char says[64];
            snprintf(says, sizeof says, "rank %d stopped waiting for rank ", i);
            assert_int_equal(ranks[i].status, waits ? RT_E_ABORTED : RT_OK);
            assert_true(!waits || strstr(ranks[i].error.text, says));
        }
        release(WORLD, comms);
    }
}

static rt_status name_other_members(rt_comm *c, uint64_t seed)
{
    static const int lists[2][2] = {{0, 1}, {1, 0}};
    rt_comm *g;
    (void)seed;
    const rt_status status = rt_comm_group(c, lists[rt_comm_rank(c)], 2, &g);
    rt_saved_error why;
    rt_error_save(&why);
    CHECK(!g, "there is a group");
    CHECK(rt_comm_barrier(c) == status, "a broken rank goes on");
    CHECK(strstr(rt_error(), "earlier"), "\"%s\"", rt_error());
    rt_error_clear();
    return rt_error_restore(&why);
}

static void members_that_disagree_fail(void **state)
{
    static rank_body *const bodies[] = {name_other_members, name_other_members};
    rt_comm *comms[2];
    rank_thread ranks[2];
    (void)state;
    make(2, comms);
    start(ranks, comms, 2, bodies, 1);
    join(ranks, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ranks[i].status, RT_E_PROTOCOL);
        assert_non_null(strstr(ranks[i].error.text, "named different members"));
    }
    release(2, comms);
}

/* A failure in one group breaks all communicators of the rank, because its posted messages cannot be cancelled. */
static rt_status break_one_group(rt_comm *c, uint64_t seed)
{
    rt_comm *one, *two;
    float x[2] = {(float)seed};
    RT_TRY(rt_comm_split(c, 0, 0, &one));
    RT_TRY(rt_comm_split(c, 0, 0, &two));
    const rt_status failed = rt_comm_rank(c) == 0 ? rt_comm_send(one, floats(x, 1), 1)
                                                  : rt_comm_recv(one, floats(x, 2), 0);
    rt_saved_error why;
    rt_error_save(&why);
    CHECK(failed == RT_E_PROTOCOL, "%s", rt_status_name(failed));
    rt_error_clear();
    rt_comm *const others[] = {one, two, c};
    for (int i = 0; i < 3; i++) {
        rt_comm *g = others[i];
        CHECK(rt_comm_barrier(others[i]) == failed, "communicator %d goes on", i);
        rt_error_clear();
        CHECK(rt_comm_group(others[i], (int[]){0, 1}, 2, &g) == failed && !g, "a group of %d", i);
        rt_error_clear();
    }
    rt_comm_free(one);
    rt_comm_free(two);
    return rt_error_restore(&why);
}

static void a_broken_group_breaks_the_rank(void **state)
{
    static rank_body *const bodies[] = {break_one_group, break_one_group};
    rt_comm *comms[2];
    rank_thread ranks[2];
    (void)state;
    make(2, comms);
    start(ranks, comms, 2, bodies, 1);
    join(ranks, 2);
    for (int i = 0; i < 2; i++)
        if (ranks[i].status != RT_E_PROTOCOL || !strstr(ranks[i].error.text, "expected"))
            fail_msg("rank %d: %s", i, ranks[i].error.text);
    release(2, comms);
}

/* When the last context with tags is taken, all members' calls fail, but nothing is broken. */
static rt_status use_up_contexts(rt_comm *c, uint64_t seed)
{
    const int most = c->end->transport->tags / RT__CONTEXT_TAGS;
    rt_comm *last, *none;
    (void)seed;
    if (rt_comm_rank(c) == 0) /* the others learn it from this rank */
        c->end->contexts = most - 1;
    RT_TRY(rt_comm_split(c, 0, 0, &last));
    rt_status status = rt_comm_barrier(last);
    if (status == RT_OK)
        status = says(rt_comm_split(c, 0, 0, &none), RT_E_UNSUPPORTED, "loopback has tags for");
    if (status == RT_OK && none)
        status = RT_FAIL(INTERNAL, "there is a group");
    if (status == RT_OK)
        status = rt_comm_barrier(last);
    rt_comm_free(last);
    return status == RT_OK ? rt_comm_barrier(c) : status;
}

static void running_out_of_groups_is_an_error(void **state)
{
    (void)state;
    run_in_all_worlds(use_up_contexts, 4);
}

/* A group stops at its own flag, and at the world's flag that it inherited. */
static rt_status stop_a_group(rt_comm *c, uint64_t seed)
{
    rt_comm *g;
    atomic_int flag = 0;
    float x = (float)seed;
    rt_comm_set_abort_flag(c, &flag);
    rt_status status = rt_comm_split(c, 0, 0, &g);
    if (status == RT_OK) {
        flag = 1;
        CHECK(rt_comm_all_reduce(g, floats(&x, 1), RT_ALGO_AUTO) == RT_E_ABORTED, "inherited");
        rt_error_clear();
        rt_comm_set_abort_flag(g, NULL);
        status = rt_comm_all_reduce(g, floats(&x, 1), RT_ALGO_AUTO);
        CHECK(rt_comm_barrier(c) == RT_E_ABORTED, "the world has its own");
        rt_error_clear();
        rt_comm_free(g);
    }
    rt_comm_set_abort_flag(c, NULL);
    return status;
}

static void a_group_begins_with_the_flag_of_its_world(void **state)
{
    (void)state;
    run_in_all_worlds(stop_a_group, 3);
}

/* Each allocation fails in turn: no leak, no hang. */
static rt_status needs_memory(rt_comm *c, uint64_t seed)
{
    rt_comm *g;
    float x[6] = {(float)seed}, y[6];
    RT_TRY(rt_comm_split(c, 0, 0, &g));
    const rt_status status = rt_comm_all_to_all(g, floats(x, 6), NULL, floats(y, 6), NULL);
    rt_comm_free(g);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_every_allocation(needs_memory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(loopback_##name),
    const struct CMUnitTest tests[] = {
        GROUP_TESTS(TEST) cmocka_unit_test(a_wait_in_a_group_names_the_rank_of_the_world),
        cmocka_unit_test(members_that_disagree_fail),
        cmocka_unit_test(a_broken_group_breaks_the_rank),
        cmocka_unit_test(running_out_of_groups_is_an_error),
        cmocka_unit_test(a_group_begins_with_the_flag_of_its_world),
        cmocka_unit_test(every_allocation_may_fail),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
