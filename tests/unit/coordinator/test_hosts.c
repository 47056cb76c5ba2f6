/* Hosts: slots are allotted, hosts are set aside and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "coordinator/machine/hosts.h"

static void set(rt__hosts *h, int count, const char *const *names, const int64_t *slots)
{
    rt_msg_hosts m = {.hosts = names, .hosts_count = count, .slots = slots, .slots_count = count};
    assert_int_equal(rt__hosts_set(h, &m), RT_OK);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__})
#define SLOTS(...) ((const int64_t[]){__VA_ARGS__})

static void without_a_host_list_all_run_here(void **state)
{
    (void)state;
    rt__hosts h = {0};
    assert_int_equal(rt__hosts_allot(&h, 7, 0), 7);
    assert_int_equal(rt__hosts_room(&h, 0), INT64_MAX);
    assert_true(rt__hosts_would_change(&h, 6, 7, 0));
    assert_false(rt__hosts_would_change(&h, 7, 7, 0));
    assert_true(rt__hosts_failed(&h, "any", 0) == 0);
    assert_null(rt__hosts_due_for_probe(&h, 1e9));
    rt__hosts_release(&h);
}

static void slots_are_allotted_in_order(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 3, NAMES("a", "b", "c"), SLOTS(2, 1, 4));
    assert_int_equal(rt__hosts_allot(&h, 4, 0), 4);
    assert_int_equal(h.host[0].used, 2);
    assert_int_equal(h.host[1].used, 1);
    assert_int_equal(h.host[2].used, 1);
    assert_int_equal(rt__hosts_allot(&h, 100, 0), 7);
    assert_int_equal(rt__hosts_room(&h, 0), 7);
    h.host[0].retired = 2; /* both slots given up */
    assert_int_equal(rt__hosts_allot(&h, 4, 0), 4);
    assert_int_equal(h.host[0].used, 0);
    rt__hosts_release(&h);
}

static void lost_hosts_cool_down_ever_longer(void **state)
{
    (void)state;
    rt__hosts h = {0};
    double now = 100, seconds = RT__COOLDOWN_SECONDS;
    set(&h, 2, NAMES("a", "b"), SLOTS(1, 1));
    rt__hosts_allot(&h, 2, now);
    for (int i = 0; i < 12; i++) {
        assert_true(rt__hosts_failed(&h, "b", now) == seconds);
        assert_int_equal(rt__hosts_allot(&h, 2, now + seconds - 0.01), 1);
        assert_null(rt__hosts_due_for_probe(&h, now + seconds - 0.01));
        now += seconds;
        rt__host *due = rt__hosts_due_for_probe(&h, now);
        assert_non_null(due);
        assert_string_equal(due->name, "b");
        due->probing = true; /* not used before the answer has arrived */
        assert_int_equal(rt__hosts_room(&h, now), 1);
        assert_null(rt__hosts_due_for_probe(&h, now));
        seconds = seconds * 2 < RT__COOLDOWN_MOST ? seconds * 2 : RT__COOLDOWN_MOST;
    }
    h.host[1].probing = false;
    assert_int_equal(rt__hosts_allot(&h, 2, now), 2);
    rt__hosts_made_progress(&h);
    assert_true(rt__hosts_failed(&h, "b", now) == RT__COOLDOWN_SECONDS); /* failures were cleared */
    rt__hosts_release(&h);
}

static void a_host_on_which_workers_keep_dying_is_set_aside(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 2, NAMES("a", "b"), SLOTS(1, 1));
    for (int i = 1; i < RT__HOST_DEATHS; i++)
        assert_true(rt__hosts_worker_died(&h, "a", RT__HOST_DEATHS, 0) == 0);
    assert_true(rt__hosts_worker_died(&h, "a", RT__HOST_DEATHS, 0) > 0);
    assert_int_equal(rt__hosts_room(&h, 1), 1);
    for (int i = 0; i < 2 * RT__HOST_DEATHS; i++) /* there is no other host */
        assert_true(rt__hosts_worker_died(&h, "b", RT__HOST_DEATHS, 1) == 0);
    rt__hosts_release(&h);
}

static void a_new_list_keeps_what_is_known(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 2, NAMES("a", "b.example"), SLOTS(2, 2));
    rt__hosts_allot(&h, 4, 0);
    rt__hosts_failed(&h, "b", 0); /* the short name of b.example */
    set(&h, 3, NAMES("c", "b.example", "a"), SLOTS(1, 2, 3));
    assert_int_equal(rt__hosts_room(&h, 1), 1 + 3);
    assert_true(rt__hosts_would_change(&h, 4, 4, 1));
    assert_int_equal(rt__hosts_allot(&h, 9, 1), 4);
    assert_false(rt__hosts_would_change(&h, 9, 4, 1));
    set(&h, 1, NAMES("c"), SLOTS(1)); /* a has gone, so its workers must leave */
    assert_true(rt__hosts_would_change(&h, 9, 4, 1));
    assert_null(rt__hosts_find(&h, "bb"));
    set(&h, 1, NAMES("localhost"), SLOTS(1));
    assert_null(rt__hosts_find(&h, "vm"));
    snprintf(h.here, sizeof h.here, "vm");
    assert_ptr_equal(rt__hosts_find(&h, "vm"), &h.host[0]);
    assert_null(rt__hosts_find(&h, "other"));
    rt__hosts_release(&h);
}

/* Workers leave one after the other: the last slot is used again, and so are all others when a new list no longer has that slot. */
static void the_last_slot_is_not_retired(void **state)
{
    (void)state;
    rt__hosts h = {0};
    const char *names[] = {"a", "b"};
    set(&h, 2, names, (int64_t[]){2, 1});
    rt__hosts_retire_slot(&h, "a");
    rt__hosts_retire_slot(&h, "a");
    assert_int_equal(rt__hosts_room(&h, 0), 1);
    rt__hosts_retire_slot(&h, "b");
    rt__hosts_retire_slot(&h, "unknown");
    assert_int_equal(rt__hosts_allot(&h, 3, 0), 1);
    assert_int_equal(h.host[1].used, 1);
    set(&h, 1, names, (int64_t[]){2});
    assert_int_equal(rt__hosts_room(&h, 0), 2);
    rt__hosts_release(&h);
}

/* A list that is read again, unchanged, offers nothing new. */
static void a_retired_slot_stays_so_in_the_same_offer(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 2, NAMES("a", "b"), SLOTS(2, 1));
    rt__hosts_retire_slot(&h, "a");
    set(&h, 2, NAMES("a", "b"), SLOTS(2, 1));
    assert_int_equal(rt__hosts_room(&h, 0), 2);
    set(&h, 2, NAMES("a", "b"), SLOTS(3, 1));
    assert_int_equal(rt__hosts_room(&h, 0), 4);
    rt__hosts_release(&h);
}

static void a_host_that_is_back_may_lose_as_many_workers_as_before(void **state)
{
    (void)state;
    rt__hosts h = {0};
    double now = 0;
    set(&h, 2, NAMES("a", "b"), SLOTS(1, 1));
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i < RT__HOST_DEATHS; i++)
            assert_true(rt__hosts_worker_died(&h, "a", RT__HOST_DEATHS, now) == 0);
        double seconds = rt__hosts_worker_died(&h, "a", RT__HOST_DEATHS, now);
        assert_true(seconds > 0);
        now += seconds;
    }
    rt__hosts_release(&h);
}

/* Steps that others make say nothing about a host that takes no part in them. */
static void progress_clears_only_hosts_in_use(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 2, NAMES("a", "b"), SLOTS(1, 1));
    assert_true(rt__hosts_failed(&h, "b", 0) == RT__COOLDOWN_SECONDS);
    assert_int_equal(rt__hosts_allot(&h, 2, 1), 1);
    rt__hosts_made_progress(&h);
    assert_true(rt__hosts_failed(&h, "b", 1) == 2 * RT__COOLDOWN_SECONDS);
    rt__hosts_release(&h);
}

static void a_host_in_use_needs_no_probe(void **state)
{
    (void)state;
    rt__hosts h = {0};
    set(&h, 2, NAMES("a", "b"), SLOTS(1, 1));
    double later = rt__hosts_failed(&h, "b", 0) + 1;
    assert_non_null(rt__hosts_due_for_probe(&h, later));
    assert_int_equal(rt__hosts_allot(&h, 2, later), 2);
    assert_null(rt__hosts_due_for_probe(&h, later));
    rt__hosts_release(&h);
}

static void a_malformed_host_list_is_refused(void **state)
{
    (void)state;
    rt__hosts h = {0};
    rt_msg_hosts m = {.hosts = NAMES("a"), .hosts_count = 1};
    assert_int_equal(rt__hosts_set(&h, &m), RT_E_PROTOCOL);
    rt_error_clear();
    assert_int_equal(h.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_host_list_all_run_here),
        cmocka_unit_test(slots_are_allotted_in_order),
        cmocka_unit_test(lost_hosts_cool_down_ever_longer),
        cmocka_unit_test(a_host_on_which_workers_keep_dying_is_set_aside),
        cmocka_unit_test(a_new_list_keeps_what_is_known),
        cmocka_unit_test(the_last_slot_is_not_retired),
        cmocka_unit_test(a_retired_slot_stays_so_in_the_same_offer),
        cmocka_unit_test(a_host_that_is_back_may_lose_as_many_workers_as_before),
        cmocka_unit_test(progress_clears_only_hosts_in_use),
        cmocka_unit_test(a_host_in_use_needs_no_probe),
        cmocka_unit_test(a_malformed_host_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
