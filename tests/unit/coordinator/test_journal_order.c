/* A journal whose records are each sound, but do not follow each other as a coordinator writes them, has lost some: it is
 * refused with the record, its byte, what was expected and what to do, by all that read it. */
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
#include "common/control/journal.h"
#include "coordinator/books/history.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"

#define RUN        "{\"kind\":\"run\",\"run\":\"9f21\",\"config\":\"run: {}\"}"
#define NAMED(run) "{\"kind\":\"run\",\"run\":\"" run "\",\"config\":\"run: {}\"}"
#define LAUNCH     "{\"kind\":\"launch\"}"
#define SIGNAL     "{\"kind\":\"interrupt\",\"signal\":2}"
#define TARGET     "{\"kind\":\"target\",\"workers\":3}"
#define GENERATION(n)                                                                              \
    "{\"kind\":\"generation\",\"generation\":" #n ",\"world\":2,\"restart\":false,\"hosts\":[],"   \
    "\"trained_seconds\":0.0,\"trained_steps\":0}"
#define PLAN(n)                                                                                    \
    "{\"kind\":\"plan\",\"generation\":" #n ",\"start_step\":0,\"lost_steps\":0,"                  \
    "\"source\":\"fresh\"}"
#define EXITED(n) "{\"kind\":\"exited\",\"generation\":" #n "}"
#define OVER(n)                                                                                    \
    "{\"kind\":\"over\",\"generation\":" #n ",\"step\":9,\"end_step\":9,\"samples\":5,"            \
    "\"loss\":0.5,\"trained_seconds\":1,\"trained_steps\":9,\"weights_sha256\":\"ab\","            \
    "\"in_memory\":true}"
#define EVALUATED(n)                                                                               \
    "{\"kind\":\"evaluated\",\"generation\":" #n ",\"step\":9,\"loss\":1,\"better\":false}"
#define COMMIT   "{\"kind\":\"commit\",\"step\":9}"
#define DOUBT(n) "{\"kind\":\"doubt\",\"generation\":" #n ",\"step\":0}"
#define LATER    "{\"kind\":\"moon\",\"phase\":3}"

enum { MOST = 8 };

static char folder[FOLDER_MAX], path[FOLDER_MAX + 16];

static int set_up(void **state)
{
    (void)state;
    if (!folder_make(folder, "order"))
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

static rt_status no_visitor(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_OK;
}

/* Writes a journal of these records, up to NULL. Returns the byte at which the last one begins. */
static size_t write_journal(const char *const *records)
{
    rt__journal *j;
    size_t at = 0;
    must(rt_remove_tree(path));
    must(rt__journal_open(path, no_visitor, NULL, &j));
    for (; *records; records++) {
        rt_bytes before;
        json_t *record;
        must(rt_file_read(path, 1 << 20, &before));
        at = before.len;
        rt_bytes_release(&before);
        must(rt_json_parse(*records, strlen(*records), "record", &record));
        must(rt__journal_append(j, record));
        json_decref(record);
    }
    rt__journal_close(j);
    return at;
}

/* Whoever writes is told the same before the record is in the journal. */
static void the_writer_refuses_a_record_out_of_place(void **state)
{
    (void)state;
    static const rt_record_commit commit = {.step = 9};
    static const rt_record_run run = {.run = "9f21", .config = ""};
    const struct {
        rt_record_kind kind;
        const void *values;
        const char *says; /* NULL: it may follow those before, and does */
    } rows[] = {
        {RT_RECORD_commit, &commit, "expected 'run' or 'history' before it"},
        {RT_RECORD_run, &run, NULL},
        {RT_RECORD_run, &run, "expected only one"},
        {RT_RECORD_commit, &commit, "expected 'generation' before it"},
        {RT_RECORD_generation, &(rt_record_generation){.generation = 2, .world = 2},
         "of generation 2, expected generation 1"},
        {RT_RECORD_generation, &(rt_record_generation){.generation = 1, .world = 2}, NULL},
        {RT_RECORD_over, &(rt_record_over){.generation = 1, .weights_sha256 = ""},
         "expected 'plan' before it"},
        {RT_RECORD_exited, &(rt_record_exited){.generation = 2},
         "of generation 2, expected generation 1"},
        {RT_RECORD_commit, &commit, NULL},
    };
    rt__history h;
    must(rt__history_init(&h));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_status status = rt__history_allows(&h, rows[i].kind, rows[i].values);
        assert_int_equal(status, rows[i].says ? RT_E_INTERNAL : RT_OK);
        if (rows[i].says)
            expect_error(RT_E_INTERNAL, rows[i].says);
        else
            must(rt__history_apply(&h, rows[i].kind, rows[i].values));
    }
    rt__history_release(&h);
}

static rt_status open_it(void)
{
    rt__history h;
    rt__journal *j = NULL;
    must(rt__history_init(&h));
    rt_status status = rt__journal_open(path, rt__history_visit, &h, &j);
    rt__journal_close(j);
    rt__history_release(&h);
    return status;
}

static rt_status read_it(void)
{
    rt__history h;
    int64_t torn;
    must(rt__history_init(&h));
    rt_status status = rt__journal_read(path, rt__history_visit, &h, &torn);
    rt__history_release(&h);
    return status;
}

static void lost_records_are_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *records[MOST], *says; /* of the last record */
    } rows[] = {
        {{GENERATION(1)}, "record 1 is 'generation', expected 'run' or 'history' before it"},
        {{PLAN(1)}, "record 1 is 'plan', expected 'run' or 'history' before it"},
        {{COMMIT}, "record 1 is 'commit', expected 'run' or 'history' before it"},
        {{DOUBT(0)}, "record 1 is 'doubt', expected 'run' or 'history' before it"},
        {{LAUNCH, GENERATION(1)}, "record 2 is 'generation', expected 'run' or 'history' before"},
        {{RUN, PLAN(1)}, "record 2 is 'plan', expected 'generation' before it"},
        {{RUN, COMMIT}, "record 2 is 'commit', expected 'generation' before it"},
        {{RUN, EVALUATED(1)}, "record 2 is 'evaluated', expected 'generation' before it"},
        {{RUN, GENERATION(1), OVER(1)}, "record 3 is 'over', expected 'plan' before it"},
        {{RUN, GENERATION(1), PLAN(1), GENERATION(2), OVER(2)},
         "record 5 is 'over', expected 'plan' before it"},
        {{RUN, GENERATION(1), PLAN(1), LAUNCH, OVER(1)},
         "record 5 is 'over', expected 'plan' before it"},
        {{RUN, GENERATION(2)}, "record 2 is 'generation' of generation 2, expected generation 1"},
        {{RUN, GENERATION(1), GENERATION(1)},
         "record 3 is 'generation' of generation 1, expected generation 2"},
        {{RUN, GENERATION(1), GENERATION(3)},
         "record 3 is 'generation' of generation 3, expected generation 2"},
        {{RUN, GENERATION(1), PLAN(2)},
         "record 3 is 'plan' of generation 2, expected generation 1"},
        {{RUN, GENERATION(1), PLAN(1), OVER(2)},
         "record 4 is 'over' of generation 2, expected generation"},
        {{RUN, GENERATION(1), EXITED(2)},
         "record 3 is 'exited' of generation 2, expected generation 1"},
        {{RUN, GENERATION(1), EVALUATED(2)},
         "record 3 is 'evaluated' of generation 2, expected generation 1"},
        {{RUN, GENERATION(1), DOUBT(2)},
         "record 3 is 'doubt' of generation 2, expected generation 1"},
        {{RUN, RUN}, "record 2 is 'run', expected only one"},
        {{RUN, GENERATION(1), RUN}, "record 3 is 'run', expected only one"},
        {{NAMED("../../x")},
         "record 1 names the run '../../x', expected at most 63 letters and digits"},
        {{NAMED("")}, "record 1 names the run '', expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char place[64], way_on[FOLDER_MAX + 128];
        rt_bytes before, after;
        snprintf(place, sizeof place, "/journal: damaged at byte %zu: record ",
                 write_journal(rows[i].records));
        snprintf(way_on, sizeof way_on,
                 ": restore the file, or go on from the run's checkpoints in another directory: "
                 "--run-dir NEW --resume %s",
                 folder);
        must(rt_file_read(path, 1 << 20, &before));
        for (int reads = 0; reads < 2; reads++) {
            rt_status status = reads ? read_it() : open_it();
            if (status != RT_E_CORRUPT)
                fail_msg("row %zu: accepted", i);
            assert_non_null(strstr(rt_error(), place));
            assert_non_null(strstr(rt_error(), way_on));
            expect_error(RT_E_CORRUPT, rows[i].says);
        }
        must(rt_file_read(path, 1 << 20, &after));
        assert_int_equal(after.len, before.len);
        assert_memory_equal(after.data, before.data, before.len);
        rt_bytes_release(&before);
        rt_bytes_release(&after);
    }
}

/* The next generation would have a number that is none, paths would be made of the name, and summaries show the rest. */
static void a_history_has_values_that_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        rt_status code;
        const char *says;
    } rows[] = {
        {"{\"run\":\"a/b\"}", RT_E_CORRUPT,
         "record 1 names the run 'a/b', expected at most 63 letters and digits"},
        {"{\"generation\":9223372036854775807}", RT_E_FORMAT,
         "generation is 9223372036854775807, "},
        {"{\"world\":4611686018427387904}", RT_E_FORMAT, "expected 0 to 65536"},
        {"{\"lost_steps\":9007199254740992}", RT_E_FORMAT, "expected 0 to 281474976710656"},
        {"{\"world_sizes\":[2, 65537]}", RT_E_FORMAT, "world_sizes has 65537, expected 1 to 65536"},
        {"{\"world_sizes\":[0]}", RT_E_FORMAT, "world_sizes has 0, expected 1 to 65536"},
        {"{\"skipped\":[4294967295]}", RT_E_FORMAT, "skipped has 4294967295, expected 1 to "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__history h, again;
        json_t *fields;
        must(rt__history_init(&h));
        must(rt__history_init(&again));
        snprintf(h.run_id, sizeof h.run_id, "9f21");
        json_t *records = rt__history_records(&h), *history = json_array_get(records, 0);
        must(rt_json_parse(rows[i].fields, strlen(rows[i].fields), "fields", &fields));
        assert_int_equal(json_object_update_existing(history, fields), 0);
        json_decref(fields);
        assert_int_equal(rt__history_visit(&again, history), rows[i].code);
        expect_error(rows[i].code, rows[i].says);
        json_decref(records);
        rt__history_release(&again);
        rt__history_release(&h);
    }
}

/* Each of them is possible, but not all together. */
static void lost_steps_do_not_add_up_to_more_than_can_be(void **state)
{
    (void)state;
    const int64_t most = INT64_C(1) << 48;
    rt__history h;
    must(rt__history_init(&h));
    h.generation = 1;
    h.lost_steps = most - 1;
    rt_record_plan plan = {
        .generation = 1, .lost_steps = 1, .source = "fresh", .task = "", .config_hash = ""};
    must(rt__history_apply(&h, RT_RECORD_plan, &plan));
    h.planned = false;
    assert_int_equal(rt__history_apply(&h, RT_RECORD_plan, &plan), RT_E_FORMAT);
    expect_error(RT_E_FORMAT, "all lost_steps so far are 281474976710657, expected 0 to ");
    assert_int_equal(h.lost_steps, most);
    rt__history_release(&h);
}

static void a_history_stands_at_the_beginning_only(void **state)
{
    (void)state;
    rt__history h;
    must(rt__history_init(&h));
    snprintf(h.run_id, sizeof h.run_id, "9f21");
    h.generation = 2;
    h.planned = true;
    json_t *records = rt__history_records(&h);
    char *history = rt_json_text(json_array_get(records, 0));

    write_journal((const char *const[]){history, OVER(2), EXITED(2), GENERATION(3), NULL});
    must(open_it());
    must(read_it());
    write_journal((const char *const[]){history, GENERATION(1), NULL});
    assert_int_equal(open_it(), RT_E_CORRUPT);
    expect_error(RT_E_CORRUPT, "record 2 is 'generation' of generation 1, expected generation 3");
    write_journal((const char *const[]){history, RUN, NULL});
    assert_int_equal(open_it(), RT_E_CORRUPT);
    expect_error(RT_E_CORRUPT, "record 2 is 'run', expected only one");
    write_journal((const char *const[]){LAUNCH, history, NULL});
    assert_int_equal(open_it(), RT_E_CORRUPT);
    expect_error(RT_E_CORRUPT, "record 2 is 'history', expected nothing before it");

    json_decref(records);
    rt_mem_free(history);
    rt__history_release(&h);
}

/* A run that was stopped before it knew what to begin with has no `run` yet, and gets one when it is resumed. */
static void what_was_asked_for_may_precede_the_run(void **state)
{
    (void)state;
    write_journal(
        (const char *const[]){SIGNAL, LAUNCH, TARGET, RUN, DOUBT(0), GENERATION(1), PLAN(1), NULL});
    must(open_it());
    must(read_it());
    write_journal((const char *const[]){SIGNAL, NULL});
    must(open_it());
}

/* What follows a record of a later version is not judged: that record may be what allows it. */
static void records_that_are_not_understood_excuse_what_follows(void **state)
{
    (void)state;
    write_journal((const char *const[]){LATER, GENERATION(4), NULL});
    assert_int_equal(open_it(), RT_E_MISMATCH);
    expect_error(RT_E_MISMATCH, "unknown kind 'moon'");
    assert_int_equal(read_it(), RT_E_MISMATCH);
    expect_error(RT_E_MISMATCH, "unknown kind 'moon'");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lost_records_are_noticed),
        TEST(the_writer_refuses_a_record_out_of_place),
        TEST(a_history_has_values_that_can_be),
        TEST(lost_steps_do_not_add_up_to_more_than_can_be),
        TEST(a_history_stands_at_the_beginning_only),
        TEST(what_was_asked_for_may_precede_the_run),
        TEST(records_that_are_not_understood_excuse_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
