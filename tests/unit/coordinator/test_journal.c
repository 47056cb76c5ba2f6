/* The journal on disk: a tail that a crash may have left is dropped, and any other damage is refused with its position. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/control/journal.h"
#include "tests/support/child.h"
#include "tests/support/folder.h"

static char folder[FOLDER_MAX], path[80];

static int set_up(void **state)
{
    (void)state;
    assert_true(folder_make(folder, "journal"));
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

/* Writes records first .. last into a journal that may already exist. */
static void write_records(int first, int last)
{
    char seen[256] = "";
    rt__journal *j;
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    for (int n = first; n <= last; n++)
        assert_int_equal(append(j, n), RT_OK);
    rt__journal_close(j);
}

/* Opens the journal and returns the replayed records as text. */
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

/* A crash may leave any prefix of the file: complete records stay, and writing can go on. */
static void any_prefix_replays(void **state)
{
    (void)state;
    rt_bytes whole;
    rt_status status;
    write_records(1, 3);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t record = (whole.len - 8) / 3; /* the three records have the same length */
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

/* A file system may have extended the file before it wrote the data. */
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
        if (byte != 7 && !strstr(rt_error(), "--run-dir NEW --resume /"))
            fail_msg("\"%s\" does not say how to go on", rt_error());
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
    assert_non_null(strstr(rt_error(), "is not a journal"));
}

/* If the disk is full, half a record may have been written: it is removed, and later appends succeed. */
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

/* ---- what is no journal ---- */

static void expect_refused(rt_status expected, const char *fragment)
{
    rt_status status;
    replayed(&status);
    if (status != expected || !strstr(rt_error(), fragment) || !strstr(rt_error(), path))
        fail_msg("status %d, \"%s\", expected \"%s\"", status, rt_error(), fragment);
    rt_error_clear();
}

/* A crash before the first sync may leave this many zeros; more than that is damage. */
static void zeros_are_an_empty_journal_or_damage(void **state)
{
    (void)state;
    static uint8_t zeros[4096];
    rt_status status;
    put(&(rt_bytes){zeros, 8}, 8);
    replayed(&status);
    assert_int_equal(status, RT_OK);
    size_t lengths[] = {9, 512, 4096};
    for (int i = 0; i < 3; i++) {
        put(&(rt_bytes){zeros, lengths[i]}, lengths[i]);
        expect_refused(RT_E_CORRUPT, "is not a journal");
    }
}

static void a_short_file_of_another_kind_is_refused(void **state)
{
    (void)state;
    assert_int_equal(rt_file_replace(path, "note", 4), RT_OK);
    expect_refused(RT_E_CORRUPT, "is not a journal");
    rt_bytes after;
    assert_int_equal(rt_file_read(path, 100, &after), RT_OK);
    assert_string_equal((char *)after.data, "note"); /* and is left as it is */
    rt_bytes_release(&after);
}

static void a_journal_behind_a_journal_is_refused(void **state)
{
    (void)state;
    rt_bytes whole;
    write_records(1, 2);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    uint8_t twice[1024];
    memcpy(twice, whole.data, whole.len);
    memcpy(twice + whole.len, whole.data, whole.len);
    put(&(rt_bytes){twice, 2 * whole.len}, 2 * whole.len);
    char expected[64];
    snprintf(expected, sizeof expected, "damaged at byte %zu:", whole.len);
    expect_refused(RT_E_CORRUPT, expected);
    rt_bytes_release(&whole);
}

static void a_record_that_is_no_json_is_refused_with_its_place(void **state)
{
    (void)state;
    char seen[256] = "";
    rt__journal *j;
    json_t *text = json_string("x");
    write_records(1, 1);
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    assert_int_equal(rt__journal_append(j, text), RT_OK); /* JSON, but not a record */
    rt__journal_close(j);
    json_decref(text);
    rt_bytes whole;
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    size_t place = whole.len - 3; /* "x" with its quotes */
    char expected[64];
    snprintf(expected, sizeof expected, "damaged at byte %zu: a record is not a JSON object",
             place);
    expect_refused(RT_E_CORRUPT, expected);
    rt_bytes_release(&whole);
}

static void what_is_not_a_file_is_refused(void **state)
{
    (void)state;
    char target[100];
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refused(RT_E_ARG, "is a directory");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not be waited for */
    expect_refused(RT_E_ARG, "is not a file");
    assert_int_equal(unlink(path), 0);
    snprintf(target, sizeof target, "%s/elsewhere", folder);
    assert_int_equal(symlink(target, path), 0);
    expect_refused(RT_E_ARG, "is a symbolic link");
    assert_false(rt_path_exists(target));
}

/* Runs in a child with its own mounts; if that is not allowed, nothing is tested. */
static int open_read_only(void *argument)
{
    (void)argument;
    rt_status status;
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(folder, folder, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return 77;
    replayed(&status);
    return status == RT_E_ARG && strstr(rt_error(), "Read-only file system: make") ? 0 : 1;
}

static void a_read_only_file_system_is_named(void **state)
{
    (void)state;
    for (int there = 0; there <= 1; there++) {
        if (there)
            write_records(1, 1);
        int code = child_end(child_function(open_read_only, NULL));
        if (code == 77)
            skip();
        assert_int_equal(code, 0);
    }
}

/* ---- opening again ---- */

static void replay_changes_nothing(void **state)
{
    (void)state;
    rt_status status;
    rt_bytes first, second;
    write_records(1, 3);
    assert_int_equal(rt_file_read(path, 1 << 20, &first), RT_OK);
    put(&first, first.len - 5); /* with a torn tail */
    for (int i = 0; i < 3; i++) {
        assert_string_equal(replayed(&status), "1 2 ");
        assert_int_equal(rt_file_read(path, 1 << 20, &second), RT_OK);
        assert_int_equal(second.len, 8 + (first.len - 8) / 3 * 2);
        assert_memory_equal(first.data, second.data, second.len);
        rt_bytes_release(&second);
    }
    rt_bytes_release(&first);
}

/* ---- compaction ---- */

static rt_status compact_to(rt__journal *j, const int *n, size_t count)
{
    json_t *records[8] = {NULL};
    for (size_t i = 0; i < count; i++)
        records[i] = json_pack("{s:i}", "n", n[i]);
    rt_status status = rt__journal_compact(j, records, count);
    for (size_t i = 0; i < count; i++)
        json_decref(records[i]);
    return status;
}

static void compaction_replaces_and_goes_on(void **state)
{
    (void)state;
    char seen[256] = "";
    rt__journal *j;
    rt_status status;
    rt_bytes before, after;
    rt_names names;
    write_records(1, 9);
    assert_int_equal(rt_file_read(path, 1 << 20, &before), RT_OK);
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    assert_int_equal(compact_to(j, (const int[]){21, 22}, 2), RT_OK);
    assert_int_equal(rt__journal_count(j), 2);
    assert_int_equal(append(j, 23), RT_OK);
    assert_int_equal(rt__journal_count(j), 3);
    assert_string_equal(replayed(&status), "21 22 23 ");
    assert_int_equal(rt_file_read(path, 1 << 20, &after), RT_OK);
    assert_true(after.len < before.len);
    assert_int_equal(compact_to(j, NULL, 0), RT_OK);
    assert_string_equal(replayed(&status), "");
    assert_int_equal(append(j, 24), RT_OK);
    rt__journal_close(j);
    assert_string_equal(replayed(&status), "24 ");
    assert_int_equal(rt_dir_list(folder, &names), RT_OK);
    assert_int_equal(names.count, 1); /* no other file is left */
    rt_names_release(&names);
    rt_bytes_release(&before);
    rt_bytes_release(&after);
}

/* Somebody may have put a pipe where the new file is made; writing into it would block once it is full. */
static void compaction_writes_into_a_file(void **state)
{
    (void)state;
    char next[100], seen[256] = "";
    struct stat st;
    rt__journal *j;
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    snprintf(next, sizeof next, "%s.next", path);
    assert_int_equal(mkfifo(next, 0600), 0);
    assert_int_equal(compact_to(j, (const int[]){21, 22}, 2), RT_OK);
    rt__journal_close(j);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_false(rt_path_exists(next));
}

/* A record that is too large is refused before anything is replaced. */
static void a_refused_compaction_changes_nothing(void **state)
{
    (void)state;
    char seen[256] = "";
    rt__journal *j;
    rt_status status;
    static char large[(1 << 20) + 1];
    memset(large, 'x', sizeof large - 1);
    write_records(1, 2);
    assert_int_equal(rt__journal_open(path, collect, seen, &j), RT_OK);
    json_t *record = json_pack("{s:s}", "text", large);
    assert_int_equal(rt__journal_compact(j, &record, 1), RT_E_RANGE);
    json_decref(record);
    rt_error_clear();
    assert_int_equal(append(j, 3), RT_OK);
    rt__journal_close(j);
    assert_string_equal(replayed(&status), "1 2 3 ");
}

/* ---- random damage ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* Flips a bit, cuts, zeroes, or copies a part over another. */
static void spoil(rt_bytes *file, uint64_t *random)
{
    size_t at = next_random(random) % file->len, from = next_random(random) % file->len;
    size_t len = next_random(random) % 64;
    len = len < file->len - at ? len : file->len - at;
    len = len < file->len - from ? len : file->len - from;
    switch (next_random(random) % 4) {
    case 0:
        file->data[at] ^= (uint8_t)(1u << (next_random(random) % 8));
        break;
    case 1:
        file->len = at;
        break;
    case 2:
        memset(file->data + at, 0, len);
        break;
    default:
        memmove(file->data + at, file->data + from, len);
    }
}

/* Whatever is done to the file, records are replayed from the first one without a gap, or the position of the damage is named. */
static void damage_never_yields_wrong_records(void **state)
{
    (void)state;
    rt_bytes whole;
    uint64_t seed = 20261123, random = seed;
    write_records(1, 5);
    assert_int_equal(rt_file_read(path, 1 << 20, &whole), RT_OK);
    for (int i = 0; i < 3000; i++) {
        uint8_t copy[1024];
        rt_bytes spoilt = {copy, whole.len};
        rt_status status;
        memcpy(copy, whole.data, whole.len);
        for (uint64_t n = 1 + next_random(&random) % 2; n > 0 && spoilt.len > 0; n--)
            spoil(&spoilt, &random);
        put(&spoilt, spoilt.len);
        const char *seen = replayed(&status);
        bool in_order = strncmp(seen, "1 2 3 4 5 ", strlen(seen)) == 0;
        bool named = status == RT_OK || status == RT_E_MISMATCH || strstr(rt_error(), "at byte") ||
                     strstr(rt_error(), "is not a journal");
        if (!in_order || !named)
            fail_msg("seed %llu, round %d: \"%s\", status %d: %s", (unsigned long long)seed, i,
                     seen, status, rt_error());
        rt_error_clear();
    }
    rt_bytes_release(&whole);
}

/* Reading a journal gives all records before the damage, changes nothing, and works while somebody writes. */
static void reading_shows_all_up_to_the_damage(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        long cut,
            alter; /* bytes taken off the end; offset from the end of a byte that is changed, 0: none */
        rt_status status;
        const char *seen;
        bool torn;
    } rows[] = {
        {"whole", 0, 0, RT_OK, "1 2 3 ", false},
        {"cut", 5, 0, RT_OK, "1 2 ", true},
        {"altered", 0, 5, RT_E_CORRUPT, "1 2 ", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_bytes before = {0}, after = {0};
        char seen[256] = "";
        int64_t torn = -1;
        unlink(path);
        write_records(1, 3);
        assert_int_equal(rt_file_read(path, 1 << 20, &before), RT_OK);
        if (rows[i].alter)
            before.data[before.len - (size_t)rows[i].alter] ^= 0x40;
        before.len -= (size_t)rows[i].cut;
        assert_int_equal(rt_file_replace(path, before.data, before.len), RT_OK);
        assert_int_equal(rt__journal_read(path, collect, seen, &torn), rows[i].status);
        assert_string_equal(seen, rows[i].seen);
        assert_int_equal(torn > 0, rows[i].torn);
        assert_int_equal(rt_file_read(path, 1 << 20, &after), RT_OK);
        assert_int_equal(after.len, before.len);
        assert_memory_equal(after.data, before.data, before.len);
        rt_bytes_release(&before);
        rt_bytes_release(&after);
        rt_error_clear();
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keeps_records_in_order),
        TEST(reading_shows_all_up_to_the_damage),
        TEST(any_prefix_replays),
        TEST(a_tail_of_zeros_is_dropped),
        TEST(any_flipped_bit_is_refused_with_its_place),
        TEST(a_record_twice_or_missing_is_refused),
        TEST(another_file_is_refused),
        TEST(a_failed_append_leaves_nothing),
        TEST(zeros_are_an_empty_journal_or_damage),
        TEST(a_short_file_of_another_kind_is_refused),
        TEST(a_journal_behind_a_journal_is_refused),
        TEST(a_record_that_is_no_json_is_refused_with_its_place),
        TEST(what_is_not_a_file_is_refused),
        TEST(a_read_only_file_system_is_named),
        TEST(replay_changes_nothing),
        TEST(compaction_replaces_and_goes_on),
        TEST(compaction_writes_into_a_file),
        TEST(a_refused_compaction_changes_nothing),
        TEST(damage_never_yields_wrong_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
