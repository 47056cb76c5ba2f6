/* Journals of other versions of ringtorch: those of the current format are taken over; all others are refused with the offending record, its
 * position, and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/control/journal.h"
#include "coordinator/books/history.h"
#include "coordinator/books/journal_length.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"

static char folder[FOLDER_MAX], path[FOLDER_MAX + 16];

static int set_up(void **state)
{
    (void)state;
    if (!folder_make(folder, "versions"))
        return -1;
    snprintf(path, sizeof path, "%s/journal", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    return rt_remove_tree(folder) == RT_OK ? 0 : -1;
}

static void take_golden(const char *run)
{
    rt_bytes bytes;
    char from[256];
    snprintf(from, sizeof from, RT_TEST_SOURCE_DIR "/tests/golden/runs/format-1/%s/journal", run);
    must(rt_file_read(from, 1 << 20, &bytes));
    must(rt_file_replace(path, bytes.data, bytes.len));
    rt_bytes_release(&bytes);
}

static rt__journal *open_with(rt__history *h)
{
    rt__journal *j;
    must(rt__history_init(h));
    must(rt__journal_open(path, rt__history_visit, h, &j));
    return j;
}

/* Journals of the first format yield what the version that wrote them knew. */
static void journals_of_the_first_format_are_taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *run, *run_id, *source;
        int64_t generation, restarts, start_step, committed, evaluated, held, over, recoveries;
        bool open;
    } rows[] = {
        {"killed", "48e29945c458e9e9", "snapshot", 2, 1, 10195, 20000, 20000, 20000, 0, 1, true},
        {"regression", "2f4caa7d7ab42957", "fresh", 1, 0, 0, 203, 203, 203, 1, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__history h;
        take_golden(rows[i].run);
        rt__journal_close(open_with(&h));
        assert_string_equal(h.run_id, rows[i].run_id);
        assert_string_equal(h.source, rows[i].source);
        assert_non_null(strstr(h.config, "run:\n  name:"));
        assert_int_equal(h.generation, rows[i].generation);
        assert_int_equal(h.restarts, rows[i].restarts);
        assert_int_equal(h.start_step, rows[i].start_step);
        assert_int_equal(h.committed_step, rows[i].committed);
        assert_int_equal(h.evaluated_step, rows[i].evaluated);
        assert_int_equal(rt__history_held_step(&h), rows[i].held);
        assert_int_equal(h.completion.generation, rows[i].over);
        assert_int_equal(json_array_size(h.recovery_seconds), rows[i].recoveries);
        assert_int_equal(h.open, rows[i].open);
        assert_int_equal(h.samples, 324);
        assert_string_equal(h.task, "regression");
        assert_non_null(h.data);
        rt__history_release(&h);
    }
}

/* A run is resumed in the directory of an earlier version: its records and ours form one journal. */
static void an_earlier_journal_is_appended_to_and_compacted(void **state)
{
    (void)state;
    rt__history h, read;
    take_golden("killed");
    rt__journal *j = open_with(&h);
    json_t *launch = rt_record_json(RT_RECORD_launch, &(rt_record_launch){});
    must(rt__journal_append(j, launch));
    must(rt__history_apply_json(&h, launch));
    json_decref(launch);
    for (int shorter = 0; shorter < 2; shorter++) {
        int64_t most = 3;
        if (shorter)
            must(rt__journal_shorten(j, &h, &most));
        assert_int_equal(rt__journal_count(j), shorter ? 1 : 29);
        rt__journal_close(j);
        j = open_with(&read);
        json_t *known = rt__history_records(&h), *found = rt__history_records(&read);
        assert_true(json_equal(known, found));
        json_decref(known);
        json_decref(found);
        rt__history_release(&read);
    }
    rt__journal_close(j);
    rt__history_release(&h);
}

static rt_status no_visitor(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_OK;
}

static void append_text(const char *text)
{
    rt__journal *j;
    json_t *record;
    must(rt_json_parse(text, strlen(text), "record", &record));
    must(rt__journal_open(path, no_visitor, NULL, &j));
    must(rt__journal_append(j, record));
    json_decref(record);
    rt__journal_close(j);
}

static rt_status count_and_apply(void *ctx, const json_t *record)
{
    rt__history *h = ctx;
    h->lost_steps++; /* which these journals do not have */
    return rt__history_apply_json(h, record);
}

static void records_that_are_not_understood_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *record, *says;
    } rows[] = {
        {"{\"kind\":\"moon\",\"phase\":3}", "unknown kind 'moon'"},
        {"{\"kind\":\"commit\"}", "commit needs 'step'"},
        {"{\"kind\":\"commit\",\"step\":9,\"since\":4}", "commit has no field 'since'"},
        {"{\"kind\":\"commit\",\"step\":\"9\"}", "commit: step is \"9\", expected an integer"},
        {"{\"kind\":\"commit\",\"step\":-9}", "commit: step is -9, expected 0 to 4294967294"},
        {"{\"kind\":\"plan\",\"generation\":2,\"start_step\":0,\"lost_steps\":9007199254740992,"
         "\"source\":\"fresh\"}",
         "plan: lost_steps is 9007199254740992, expected 0 to 4294967294"},
        {"{\"step\":9}", "it has no kind"},
        {"{\"kind\":\"reported\",\"row\":{}}", "a row of metrics.jsonl that has no step"},
        {"{\"kind\":\"compare\",\"by\":\"a metric with a name that is longer than "
         "any\",\"since\":0}",
         "a metric of "},
        {"{\"kind\":\"plan\",\"generation\":1,\"start_step\":0,\"lost_steps\":0,\"source\":\"\","
         "\"data\":{}}",
         "data that are no identity of any"},
        {"{\"kind\":\"evaluated\",\"generation\":1,\"step\":9,\"loss\":1,\"better\":true,\"best\":"
         "{\"stp\":9}}",
         "best in it has no field 'stp'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__history h;
        rt__journal *j = NULL;
        rt_bytes before, after;
        char place[64], way_on[128];
        int64_t torn;
        take_golden("regression");
        must(rt_file_read(path, 1 << 20, &before));
        snprintf(place, sizeof place, "/journal: record 23, at byte %zu, is not one", before.len);
        snprintf(way_on, sizeof way_on, "--run-dir NEW --resume %s", folder);
        rt_bytes_release(&before);
        append_text(rows[i].record);
        append_text("{\"kind\":\"launch\"}");
        must(rt_file_read(path, 1 << 20, &before));

        must(rt__history_init(&h));
        assert_int_equal(rt__journal_open(path, rt__history_visit, &h, &j), RT_E_MISMATCH);
        assert_non_null(strstr(rt_error(), place));
        assert_non_null(strstr(rt_error(), way_on));
        expect_error(RT_E_MISMATCH, rows[i].says);
        rt__history_release(&h);

        /* `journal show` also prints the records after the offending one. */
        must(rt__history_init(&h));
        assert_int_equal(rt__journal_read(path, count_and_apply, &h, &torn), RT_E_MISMATCH);
        assert_non_null(strstr(rt_error(), place));
        expect_error(RT_E_MISMATCH, rows[i].says);
        assert_int_equal(h.lost_steps, 24);
        assert_int_equal(torn, 0);
        rt__history_release(&h);
        must(rt_file_read(path, 1 << 20, &after));
        assert_int_equal(after.len, before.len);
        assert_memory_equal(after.data, before.data, before.len);
        rt_bytes_release(&before);
        rt_bytes_release(&after);
    }
}

static void other_formats_are_refused(void **state)
{
    (void)state;
    static const uint8_t formats[] = {0, RT__JOURNAL_VERSION + 1, 255};
    for (size_t i = 0; i < sizeof formats; i++) {
        rt_bytes bytes;
        rt__journal *j = NULL;
        char says[128];
        int64_t torn;
        take_golden("regression");
        must(rt_file_read(path, 1 << 20, &bytes));
        bytes.data[7] = formats[i];
        must(rt_file_replace(path, bytes.data, bytes.len));
        rt_bytes_release(&bytes);
        snprintf(says, sizeof says,
                 "journal of format %d, this version of ringtorch reads format 1", formats[i]);
        assert_int_equal(rt__journal_open(path, no_visitor, NULL, &j), RT_E_MISMATCH);
        assert_non_null(strstr(rt_error(), "--run-dir NEW --resume "));
        expect_error(RT_E_MISMATCH, says);
        assert_int_equal(rt__journal_read(path, no_visitor, NULL, &torn), RT_E_MISMATCH);
        expect_error(RT_E_MISMATCH, says);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(journals_of_the_first_format_are_taken_over),
        TEST(an_earlier_journal_is_appended_to_and_compacted),
        TEST(records_that_are_not_understood_are_named),
        TEST(other_formats_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
