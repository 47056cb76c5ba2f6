/* The journal on disk: what a crash may leave is dropped, what it cannot leave is refused with its
 * place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/file.h"
#include "coordinator/journal.h"

static char folder[64], path[80];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ringtorch-journal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

/* Collects "1 2 3 " from records {"n": 1}, ... */
static rt_status collect(void *ctx, const json_t *record)
{
    char *text = ctx;
    size_t used = strlen(text);
    snprintf(text + used, 256 - used, "%lld ",
             (long long)json_integer_value(json_object_get(record, "n")));
    return RT_OK;
}

static rt_status append(rt__journal *j, int n)
{
    json_t *record = json_pack("{s:i, s:s}", "n", n, "kind", "test");
    rt_status status = rt__journal_append(j, record);
    json_decref(record);
    return status;
}

/* Writes records first .. last into a journal that may be there already. */
static void write_records(int first, int last)
{
    char seen[256] = "";
    rt__journal *j;
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    for (int n = first; n <= last; n++)
        assert_int_equal(append(j, n), RT_OK);
    rt__journal_close(j);
}

/* Opens and returns what was replayed; status in *status. */
static const char *replayed(rt_status *status)
{
    static char seen[256];
    rt__journal *j;
    seen[0] = '\0';
    *status = rt__journal_open(path, collect, seen, &j);
    if (*status == RT_OK)
        rt__journal_close(j);
    return seen;
}

static void put(const rt_bytes *b, size_t len)
{
    assert_int_equal(rt_file_replace(path, b->data, len), RT_OK);
}

static void keeps_records_in_order(void **state)
{
    (void)state;
    rt_status status;
    write_records(1, 3);
    write_records(4, 5);
    assert_string_equal(replayed(&status), "1 2 3 4 5 ");
    assert_int_equal(status, RT_OK);
}

/* Every prefix of the file is what a crash might have left: whole records stay, and one can go on
 * writing. */
static void any_prefix_replays(void **state)
{
    (void)state;
    rt_bytes whole;
    rt_status status;
    write_records(1, 3);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t record = (whole.len - 8) / 3; /* the three are equally long */
    assert_int_equal(whole.len, 8 + 3 * record);
    for (size_t len = 0; len <= whole.len; len++) {
        put(&whole, len);
        char expected[64] = "";
        size_t full = len < 8 ? 0 : (len - 8) / record;
        for (size_t n = 0; n < full; n++)
            snprintf(expected + 2 * n, 3, "%c ", (char)('1' + n));
        assert_string_equal(replayed(&status), expected);
        assert_int_equal(status, RT_OK);
        write_records(9, 9);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "9 ");
        assert_string_equal(replayed(&status), expected);
    }
    rt_bytes_release(&whole);
}

/* A file system may have made the file longer before it wrote the data. */
static void a_tail_of_zeros_is_dropped(void **state)
{
    (void)state;
    rt_bytes whole;
    rt_status status;
    write_records(1, 2);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t second = 8 + (whole.len - 8) / 2;
    size_t from[] = {second, second + 24, second + 30};
    for (size_t i = 0; i < 3; i++) {
        uint8_t copy[512] = {0};
        memcpy(copy, whole.data, from[i]);
        put(&(rt_bytes){copy, whole.len}, whole.len);
        assert_string_equal(replayed(&status), "1 ");
        assert_int_equal(status, RT_OK);
    }
    rt_bytes_release(&whole);
}

static void any_flipped_bit_is_refused_with_its_place(void **state)
{
    (void)state;
    rt_bytes whole;
    rt_status status;
    write_records(1, 3);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t record = (whole.len - 8) / 3;
    for (size_t bit = 0; bit < 8 * whole.len; bit++) {
        size_t byte = bit / 8;
        whole.data[byte] ^= (uint8_t)(1u << (bit % 8));
        put(&whole, whole.len);
        replayed(&status);
        size_t in_record = byte < 8 ? 0 : (byte - 8) % record, start = byte - in_record;
        size_t place = byte < 8 ? 0 : in_record < 24 ? start : start + 24;
        char expected[64];
        snprintf(expected, sizeof expected, "damaged at byte %zu:", place);
        if (byte == 7)
            assert_int_equal(status, RT_E_MISMATCH); /* the version */
        else if (status != RT_E_CORRUPT || !strstr(rt_error(), expected))
            fail_msg("byte %zu: \"%s\", expected \"%s\"", byte, rt_error(), expected);
        rt_error_clear();
        whole.data[byte] ^= (uint8_t)(1u << (bit % 8));
    }
    rt_bytes_release(&whole);
}

static void a_record_twice_or_missing_is_refused(void **state)
{
    (void)state;
    rt_bytes whole;
    rt_status status;
    write_records(1, 3);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t record = (whole.len - 8) / 3;
    memmove(whole.data + 8 + record, whole.data + 8 + 2 * record, record);
    put(&whole, whole.len - record);
    replayed(&status);
    assert_int_equal(status, RT_E_CORRUPT);
    assert_non_null(strstr(rt_error(), "missing or out of order"));
    rt_bytes_release(&whole);
}

static void another_file_is_refused(void **state)
{
    (void)state;
    rt_status status;
    assert_int_equal(rt_file_replace(path, "{\"a\": 1}\n\n", 10), RT_OK);
    replayed(&status);
    assert_int_equal(status, RT_E_CORRUPT);
    assert_non_null(strstr(rt_error(), "not a journal"));
}

/* When the disk is full half a record may have been written: it is taken back, and later ones go
 * through. */
static void a_failed_append_leaves_nothing(void **state)
{
    (void)state;
    char seen[256] = "";
    rt__journal *j;
    rt_status status;
    rt_bytes before;
    write_records(1, 2);
    assert_int_equal(rt_file_read(path, 1 << 20, &before), RT_OK);
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);

    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = before.len + 10; /* a full disk, as far as this process can tell */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_not_equal(append(j, 3), RT_OK);
    rt_error_clear();
    setrlimit(RLIMIT_FSIZE, &old);
    rt_bytes after;
    assert_int_equal(rt_file_read(path, 1 << 20, &after), RT_OK);
    assert_int_equal(after.len, before.len);
    rt_bytes_release(&after);

    assert_int_equal(append(j, 4), RT_OK);
    rt__journal_close(j);
    assert_string_equal(replayed(&status), "1 2 4 ");
    rt_bytes_release(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_records_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_prefix_replays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tail_of_zeros_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_flipped_bit_is_refused_with_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_record_twice_or_missing_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_append_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
