/* Host files: what is read, what is refused with which place, and how a file is watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "launch/jobs/hosts.h"
#include "tests/unit/common/random.h"

static rt_status parse(const char *text, rt__host_list *out)
{
    return rt__host_list_parse(text, strlen(text), "f", out);
}

static void good_files(void **state)
{
    (void)state;
    rt__host_list h;
    assert_int_equal(parse("# all of them\n\n node1 slots=4 # the big one\r\nnode2.lan\n"
                           "\t10.0.0.7\tslots=65536",
                           &h),
                     RT_OK);
    assert_int_equal(h.count, 3);
    assert_string_equal(h.name[0], "node1");
    assert_int_equal(h.slots[0], 4);
    assert_int_equal(h.line[0], 3);
    assert_string_equal(h.name[1], "node2.lan");
    assert_int_equal(h.slots[1], 1);
    assert_string_equal(h.name[2], "10.0.0.7");
    assert_int_equal(h.slots[2], 65536);
    rt__host_list_release(&h);
}

static void bad_files_are_refused_where_they_are_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "f:1:1: it names no host"},
        {"# nobody\n \n", "f:1:1: it names no host"},
        {"a\n  -oProxyCommand=x\n", "f:2:3: '-oProxyCommand=x' is not a host name"},
        {"a:4\n", "f:1:1: 'a:4' is not a host name"},
        {"a,b\n", "f:1:1: 'a,b' is not a host name"},
        {"a\nb\na slots=2\n", "f:3:1: a is already in line 1"},
        {"a 4\n", "f:1:3: '4' is not understood: expected slots=N"},
        {"a slots = 4\n", "f:1:3: 'slots' is not understood"},
        {"a slots=\n", "f:1:3: 'slots=' is not understood"},
        {"a slots=-1\n", "f:1:9: slots=-1: expected a whole number"},
        {"a slots=4x\n", "f:1:10: slots=4x: expected a whole number"},
        {"a slots=0\n", "f:1:9: slots=0: expected 1 to 65536"},
        {"a slots=65537\n", "f:1:9: slots=65537: expected 1 to 65536"},
        {"a slots=99999999999999999999999\n", "expected 1 to 65536"},
        {"a slots=4 b\n", "f:1:11: 'b': nothing may follow slots=N"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rt__host_list h;
        rt_status status = parse(bad[i].text, &h);
        if (status != RT_E_CONFIG || !strstr(rt_error(), bad[i].message))
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", bad[i].text, status, rt_error(),
                     bad[i].message);
        assert_int_equal(h.count, 0);
        rt_error_clear();
    }
    rt__host_list h;
    assert_int_equal(rt__host_list_parse("a\n\0b", 4, "f", &h), RT_E_CONFIG);
    assert_non_null(strstr(rt_error(), "f:2:1: a zero byte"));
    rt_error_clear();
}

/* Any bytes give a list or an error, and leave nothing allocated. */
static void any_bytes(void **state)
{
    (void)state;
    static const char letters[] = "ab-._ \t\n\r#=slot0123456789,:\0\xff";
    uint64_t x = random_seed("test_hosts") | 1;
    int64_t before = rt_mem_live();
    for (int round = 0; round < 2000; round++) {
        char text[200];
        size_t len = 0;
        for (; len < sizeof text && (len == 0 || x % 64 != 0); len++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            text[len] = letters[x % (sizeof letters - 1)];
        }
        rt__host_list h;
        rt_status status = rt__host_list_parse(text, len, "f", &h);
        if (status == RT_OK)
            assert_true(h.count > 0);
        else
            assert_int_equal(status, RT_E_CONFIG);
        for (int64_t i = 0; i < h.count; i++)
            assert_true(rt__host_is_name(h.name[i]) && h.slots[i] >= 1);
        rt__host_list_release(&h);
        rt_error_clear();
    }
    assert_int_equal(rt_mem_live(), before);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    int64_t before = rt_mem_live();
    rt_status status = RT_E_NOMEM;
    for (int n = 0; status != RT_OK; n++) {
        rt__host_list h;
        rt_mem_fail_after(n);
        status = parse("a\nb slots=2\n", &h);
        rt_mem_fail_after(-1);
        assert_true(status == RT_OK || status == RT_E_NOMEM);
        rt__host_list_release(&h);
        rt_error_clear();
        assert_true(n < 100);
    }
    assert_int_equal(rt_mem_live(), before);
}

static void this_machine_is_known(void **state)
{
    (void)state;
    char mine[256], longer[300];
    assert_int_equal(gethostname(mine, sizeof mine), 0);
    snprintf(longer, sizeof longer, "%s.some.domain", mine);
    assert_true(rt__host_is_local(mine));
    assert_true(rt__host_is_local("localhost"));
    assert_true(rt__host_is_local("127.0.0.1"));
    assert_int_equal(rt__host_is_local(longer), strchr(mine, '.') == NULL);
    assert_false(rt__host_is_local("127.0.0.2"));
    assert_false(rt__host_is_local("127"));
    snprintf(longer, sizeof longer, "%sx", mine);
    assert_false(rt__host_is_local(longer));
}

static void ranks_fill_slots_in_order(void **state)
{
    (void)state;
    rt__host_list h;
    assert_int_equal(parse("far slots=2\nlocalhost slots=3\nfarther.lan slots=4\n", &h), RT_OK);
    assert_int_equal(rt__host_list_local_ranks(&h, 1), 0);
    assert_int_equal(rt__host_list_local_ranks(&h, 4), 2);
    assert_int_equal(rt__host_list_local_ranks(&h, 9), 3);
    assert_int_equal(rt__host_list_busiest(&h, 4), 2);
    assert_int_equal(rt__host_list_busiest(&h, 9), 4);
    assert_false(rt__host_list_all_local(&h));
    assert_string_equal(rt__host_list_find(&h, "farther"), "farther.lan");
    assert_string_equal(rt__host_list_find(&h, "far.lan"), "far");
    assert_null(rt__host_list_find(&h, "farther.wan"));
    assert_null(rt__host_list_find(&h, ""));
    rt__host_list_release(&h);
    rt__host_list none = {0};
    assert_int_equal(rt__host_list_local_ranks(&none, 5), 5);
    assert_int_equal(rt__host_list_busiest(&none, 5), 5);
}

static void a_coordinator_must_be_reachable(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"127.0.0.1", "127.3.2.1", "localhost",
                                          "lo",        "0.0.0.0",   "*"};
    rt__host_list far, here;
    assert_int_equal(parse("localhost\nfar\n", &far), RT_OK);
    assert_int_equal(parse("localhost\n", &here), RT_OK);
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_int_equal(rt__host_list_check_bind(&far, "f", nowhere[i]), RT_E_CONFIG);
        assert_non_null(strstr(rt_error(), "where host far (f:2) cannot reach"));
        assert_non_null(strstr(rt_error(), nowhere[i]));
        rt_error_clear();
        assert_int_equal(rt__host_list_check_bind(&here, "f", nowhere[i]), RT_OK);
    }
    assert_int_equal(rt__host_list_check_bind(&far, "f", "192.0.2.1"), RT_OK);
    rt__host_list_release(&far);
    rt__host_list_release(&here);
}

static void a_file_is_watched(void **state)
{
    (void)state;
    char path[] = "/tmp/ringtorch-hosts-XXXXXX";
    rt__hosts_file f;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(rt_file_replace(path, "a\n", 2), RT_OK);
    assert_int_equal(rt__hosts_file_open(&f, path, "192.0.2.1"), RT_OK);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_SAME);
    assert_int_equal(rt_file_replace(path, "a\nb\n", 4), RT_OK);
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_SAME); /* a second has not passed yet */
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_NEW);
    assert_int_equal(f.hosts.count, 2);
    assert_int_equal(rt_file_replace(path, "a b\n", 4), RT_OK);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_BAD);
    assert_non_null(strstr(f.trouble, ":1:3: 'b' is not understood"));
    assert_int_equal(f.hosts.count, 2); /* unchanged */
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f),
                     RT__HOSTS_SAME); /* each bad version is reported once */
    unlink(path);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_BAD);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_SAME);
    assert_int_equal(rt_file_replace(path, "c\n", 2), RT_OK);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_NEW);
    assert_string_equal(f.hosts.name[0], "c");
    rt__hosts_file_close(&f);
    unlink(path);
    assert_int_equal(rt__hosts_file_open(&f, "", "127.0.0.1"), RT_OK);
    f.next_look = 0;
    assert_int_equal(rt__hosts_file_look(&f), RT__HOSTS_SAME);
    rt__hosts_file_close(&f);
    assert_int_equal(rt__hosts_file_open(&f, path, "127.0.0.1"), RT_E_NOTFOUND);
    rt_error_clear();
}

static void idle_slots_are_counted(void **state)
{
    (void)state;
    static const struct {
        int64_t world, idle, hosts;
    } rows[] = {{1, 6, 2}, {2, 5, 2}, {3, 4, 1}, {6, 1, 0}, {7, 0, 0}, {9, 0, 0}};
    static const char *const name[] = {"a", "b", "c"};
    rt__host_list h;
    int64_t all, hosts;
    assert_int_equal(rt__host_list_copy(name, (const int64_t[]){2, 3, 2}, 3, &h), RT_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rt__host_list_idle(&h, rows[i].world, &all, &hosts), rows[i].idle);
        assert_int_equal(all, 7);
        assert_int_equal(hosts, rows[i].hosts);
    }
    rt__host_list_release(&h);
    rt__host_list job = {.tasks = 5}; /* of a batch system, on this host alone */
    assert_int_equal(rt__host_list_idle(&job, 2, &all, &hosts), 3);
    assert_int_equal(rt__host_list_idle(&(rt__host_list){0}, 2, &all, &hosts), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),
        cmocka_unit_test(bad_files_are_refused_where_they_are_bad),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(this_machine_is_known),
        cmocka_unit_test(ranks_fill_slots_in_order),
        cmocka_unit_test(idle_slots_are_counted),
        cmocka_unit_test(a_coordinator_must_be_reachable),
        cmocka_unit_test(a_file_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
