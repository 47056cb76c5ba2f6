/* A journal stays short, however long the run, and always yields all that is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "coordinator/books/journal_length.h"
#include "tests/support/folder.h"

static char folder[FOLDER_MAX], path[FOLDER_MAX + 16];
static rt__journal *journal;
static rt__history history;

static void must(rt_status status)
{
    if (status != RT_OK)
        fail_msg("%s", rt_error());
}

static int set_up(void **state)
{
    (void)state;
    if (!folder_make(folder, "length"))
        return -1;
    snprintf(path, sizeof path, "%s/journal", folder);
    must(rt__history_init(&history));
    must(rt__journal_open(path, rt__history_visit, &history, &journal));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    rt__journal_close(journal);
    rt__history_release(&history);
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

static void decide(rt_record_kind kind, const void *values)
{
    json_t *record = rt_record_json(kind, values);
    must(rt__journal_append(journal, record));
    must(rt__history_apply(&history, kind, values));
    json_decref(record);
}

static void begin_generation(int64_t number, bool restart)
{
    json_t *hosts = json_array();
    decide(RT_RECORD_generation,
           &(rt_record_generation){
               .generation = number, .world = 2, .restart = restart, .hosts = hosts});
    json_decref(hosts);
}

static void begin_run(void)
{
    decide(RT_RECORD_run, &(rt_record_run){.run = "0123", .config = "run: {}"});
    begin_generation(1, false);
}

/* Records the checkpoint of a step, and now and then a lost generation. */
static void go_on(int step)
{
    decide(RT_RECORD_committing, &(rt_record_committing){.step = step});
    decide(RT_RECORD_commit, &(rt_record_commit){.step = step});
    if (step % 1000 == 0)
        begin_generation(1 + step / 1000, true);
}

static void expect_what_is_known(void)
{
    rt__history read;
    int64_t torn;
    must(rt__history_init(&read));
    must(rt__journal_read(path, rt__history_visit, &read, &torn));
    json_t *known = rt__history_records(&history), *found = rt__history_records(&read);
    assert_true(json_equal(known, found));
    assert_int_equal(torn, 0);
    json_decref(known);
    json_decref(found);
    rt__history_release(&read);
}

static void a_long_run_has_a_short_journal(void **state)
{
    (void)state;
    int64_t most = 100, longest = 0;
    begin_run();
    for (int step = 1; step <= 20000; step++) {
        go_on(step);
        must(rt__journal_shorten(journal, &history, &most));
        int64_t count = rt__journal_count(journal);
        longest = count > longest ? count : longest;
        if (step % 1009 == 0)
            expect_what_is_known();
    }
    assert_int_equal(most, 100);
    assert_in_range(longest, 90, 99); /* a journal of 100 is compacted at once */
    expect_what_is_known();
}

static void a_journal_without_a_run_stays(void **state)
{
    (void)state;
    int64_t most = 2;
    for (int i = 0; i < 5; i++)
        decide(RT_RECORD_launch, &(rt_record_launch){});
    must(rt__journal_shorten(journal, &history, &most));
    assert_int_equal(rt__journal_count(journal), 5);
}

/* Nothing is lost, and not every further step tries again. */
static void a_history_too_large_for_a_record_stays_long(void **state)
{
    (void)state;
    enum { STEPS = 170000 };
    int64_t most = 4;
    begin_run();
    json_t *skipped = json_array();
    for (int i = 0; i < STEPS; i++)
        json_array_append_new(skipped, json_integer(1000000 + i));
    assert_int_equal(json_array_extend(history.skipped, skipped), 0);
    json_decref(skipped);
    go_on(1);
    must(rt__journal_shorten(journal, &history, &most));
    assert_false(rt_failed());
    assert_int_equal(rt__journal_count(journal), 4);
    assert_int_equal(most, 8);
    go_on(2);
    assert_int_equal(rt__journal_count(journal), 6);
}

static void a_failed_compaction_is_not_retried_at_once(void **state)
{
    (void)state;
    int64_t most = 4;
    begin_run();
    go_on(1);
    rt_mem_fail_after(0);
    assert_int_equal(rt__journal_shorten(journal, &history, &most), RT_E_NOMEM);
    rt_mem_fail_after(-1);
    rt_error_clear();
    assert_int_equal(most, 8);
    expect_what_is_known();
    go_on(2);
    go_on(3);
    must(rt__journal_shorten(journal, &history, &most));
    assert_int_equal(rt__journal_count(journal), 1);
    expect_what_is_known();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_long_run_has_a_short_journal),
        TEST(a_journal_without_a_run_stays),
        TEST(a_history_too_large_for_a_record_stays_long),
        TEST(a_failed_compaction_is_not_retried_at_once),
    };
    return cmocka_run_group_tests_name("journal length", tests, NULL, NULL);
}
