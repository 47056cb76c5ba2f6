/* The rows of journal.def: a record of each kind is written and read back, refusals have the right words, and the
 * documents agree with the rows. `test_journal_records --write` updates docs/.
 *
 * The compiler checks that the coordinator gives every field (RT__DECIDE). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/journal_records.h"
#include "tests/support/outcome.h"
#include "tests/support/schema_docs.h"

static bool write_documents;

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    must(rt_json_parse(text, strlen(text), "record", &j));
    return j;
}

#define HISTORY_START                                                                              \
    "{\"kind\":\"history\",\"run\":\"9f21\",\"config\":null,\"source\":\"fresh\",\"generation\":"  \
    "3,"                                                                                           \
    "\"restarts\":1,\"lost_steps\":2,\"open\":true,\"world\":2,\"planned\":true,\"start_step\":7," \
    "\"committed_step\":-1,\"committing_step\":10,\"first_step_at\":-1.0,\"trained_seconds\":2.5," \
    "\"trained_steps\":7,\"target\":0,\"interrupt_signal\":0,\"not_finite_step\":-1,"              \
    "\"world_sizes\":[2,2],\"recovery_seconds\":[0.5,null],\"init\":{\"weights_sha256\":\"\"},"    \
    "\"evaluated\":{\"generation\":0,\"step\":-1},"                                                \
    "\"compared\":{\"newest\":0,\"by\":\"\",\"since\":0,\"better\":[]},"
#define HISTORY_END                                                                                \
    "\"over\":{\"generation\":0,\"step\":0,\"end_step\":0,\"samples\":0,\"loss\":null,"            \
    "\"weights_sha256\":\"\",\"in_memory\":false},\"doubts\":[{\"generation\":1,\"step\":4}],"

/* One record of each kind as in the journal. */
static const char *const lines[RT_RECORDS] = {
    [RT_RECORD_run] = "{\"kind\":\"run\",\"run\":\"9f21\",\"config\":\"run: {}\"}",
    [RT_RECORD_launch] = "{\"kind\":\"launch\"}",
    [RT_RECORD_init] = "{\"kind\":\"init\",\"weights_sha256\":\"beef\"}",
    [RT_RECORD_target] = "{\"kind\":\"target\",\"workers\":4}",
    [RT_RECORD_interrupt] = "{\"kind\":\"interrupt\",\"signal\":15}",
    [RT_RECORD_over] =
        "{\"kind\":\"over\",\"generation\":1,\"step\":9,\"end_step\":9,\"samples\":640,\"loss\":"
        "null,\"trained_seconds\":1.5,\"trained_steps\":9,\"weights_sha256\":\"ab\",\"in_memory\":"
        "true}",
    [RT_RECORD_end] = "{\"kind\":\"end\",\"status\":\"stopped\",\"step\":9}",
    [RT_RECORD_generation] =
        "{\"kind\":\"generation\",\"generation\":1,\"world\":2,\"restart\":false,\"hosts\":[\"a\"],"
        "\"trained_seconds\":0.0,\"trained_steps\":0}",
    [RT_RECORD_plan] =
        "{\"kind\":\"plan\",\"generation\":1,\"start_step\":0,\"lost_steps\":0,\"source\":"
        "\"runs/x/checkpoints/step-4\",\"samples\":640,\"task\":\"language\",\"sample_tokens\":64,"
        "\"data\":{\"files\":[]},\"config_hash\":\"c0ffee\"}",
    [RT_RECORD_exited] = "{\"kind\":\"exited\",\"generation\":1}",
    [RT_RECORD_recovered] = "{\"kind\":\"recovered\",\"recovery_seconds\":0.25}",
    [RT_RECORD_committing] = "{\"kind\":\"committing\",\"step\":9}",
    [RT_RECORD_commit] = "{\"kind\":\"commit\",\"step\":9}",
    [RT_RECORD_abort] = "{\"kind\":\"abort\",\"step\":9}",
    [RT_RECORD_first_step] = "{\"kind\":\"first_step\",\"seconds\":1.5,\"step\":1,\"loss\":2.25}",
    [RT_RECORD_reported] = "{\"kind\":\"reported\",\"row\":{\"step\":9,\"loss\":0.5}}",
    [RT_RECORD_evaluated] =
        "{\"kind\":\"evaluated\",\"generation\":1,\"step\":9,\"loss\":null,\"accuracy\":0.5,"
        "\"better\":true,\"best\":{\"step\":9,\"accuracy\":0.5}}",
    [RT_RECORD_early_stop] = "{\"kind\":\"early_stop\",\"step\":9}",
    [RT_RECORD_compare] = "{\"kind\":\"compare\",\"by\":\"accuracy\",\"since\":4}",
    [RT_RECORD_skipped] = "{\"kind\":\"skipped\",\"step\":9}",
    [RT_RECORD_not_finite] = "{\"kind\":\"not_finite\",\"step\":9}",
    [RT_RECORD_doubt] = "{\"kind\":\"doubt\",\"generation\":1,\"step\":4}",
    [RT_RECORD_history] = HISTORY_START
    "\"evaluated_up_to\":null,\"early_stop\":-1,\"first_loss\":null,\"samples\":0,\"task\":\"\","
    "\"sample_tokens\":0," HISTORY_END
    "\"skipped\":[3,4],\"held\":null,\"data\":null,\"config_hash\":\"\",\"config_since\":0}",
};

static void every_kind_is_read_and_written_as_it_was(void **state)
{
    (void)state;
    for (int kind = 0; kind < RT_RECORDS; kind++) {
        rt_record r;
        if (!lines[kind])
            fail_msg("no line for the kind %s", rt_record_rows[kind].kind);
        json_t *json = parse(lines[kind]);
        must(rt_record_read(json, &r));
        assert_int_equal(r.kind, kind);
        json_t *again = rt_record_json(r.kind, &r.body);
        char *text = rt_json_text(again);
        assert_string_equal(text, lines[kind]);
        rt_mem_free(text);
        json_decref(again);
        json_decref(json);
    }
}

/* The coordinator relies on its journal, so every deviation from the rows is refused by name. */
static void errors_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"{}", "it has no kind"},
        {"{\"kind\":5}", "it has no kind"},
        {"{\"kind\":\"moon\",\"step\":5}", "unknown kind 'moon'"},
        {"{\"kind\":\"commit\"}", "commit needs 'step': whose state it is"},
        {"{\"kind\":\"commit\",\"step\":null}", "commit: step is null, expected an integer"},
        {"{\"kind\":\"commit\",\"step\":9.5}", "commit: step is 9.5, expected an integer"},
        {"{\"kind\":\"commit\",\"step\":-1}", "commit: step is -1, expected 0 to 4294967294"},
        {"{\"kind\":\"commit\",\"step\":4294967295}",
         "commit: step is 4294967295, expected 0 to 4294967294"},
        {"{\"kind\":\"plan\",\"generation\":1,\"start_step\":0,\"lost_steps\":9007199254740992,"
         "\"source\":\"fresh\"}",
         "plan: lost_steps is 9007199254740992, expected 0 to 4294967294"},
        {"{\"kind\":\"target\",\"workers\":65537}",
         "target: workers is 65537, expected 0 to 65536"},
        {"{\"kind\":\"interrupt\",\"signal\":9000}",
         "interrupt: signal is 9000, expected 0 to 127"},
        {"{\"kind\":\"exited\",\"generation\":9223372036854775807}",
         "exited: generation is 9223372036854775807, expected 0 to 2147483648"},
        {"{\"kind\":\"commit\",\"step\":9,\"stpe\":9}",
         "commit has no field 'stpe': did you mean 'step'?"},
        {"{\"kind\":\"end\",\"status\":\"lost\",\"step\":9}",
         "end: status is \"lost\", expected one of done|stopped|failed"},
        {"{\"kind\":\"exited\",\"generation\":\"1\"}",
         "exited: generation is \"1\", expected an integer"},
        {"{\"kind\":\"generation\",\"generation\":1,\"world\":0,\"restart\":false,\"hosts\":[],"
         "\"trained_seconds\":0,\"trained_steps\":0}",
         "generation: world is 0, expected 1 to 65536"},
        {"{\"kind\":\"generation\",\"generation\":1,\"world\":2,\"restart\":0,\"hosts\":[],"
         "\"trained_seconds\":0,\"trained_steps\":0}",
         "generation: restart is 0, expected true or false"},
        {"{\"kind\":\"generation\",\"generation\":1,\"world\":2,\"restart\":true,\"hosts\":[4],"
         "\"trained_seconds\":0,\"trained_steps\":0}",
         "generation: hosts is [4], expected a list of texts"},
        {"{\"kind\":\"evaluated\",\"generation\":1,\"step\":9,\"better\":true,\"best\":null}",
         "evaluated needs 'loss', or another metric"},
        {"{\"kind\":\"reported\",\"row\":[]}", "reported: row is [], expected an object"},
        {HISTORY_START "\"doubts\":[]}", "history needs 'over'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_record r;
        json_t *line = parse(rows[i].line);
        assert_int_not_equal(rt_record_read(line, &r), RT_OK);
        expect_error(RT_E_FORMAT, rows[i].says);
        json_decref(line);
    }
}

/* Fields that earlier versions did not write get their defaults. */
static void fields_missing_in_earlier_versions_get_defaults(void **state)
{
    (void)state;
    rt_record r;
    json_t *plan = parse("{\"kind\":\"plan\",\"generation\":1,\"start_step\":0,\"lost_steps\":0,"
                         "\"source\":\"fresh\"}"),
           *first = parse("{\"kind\":\"first_step\",\"seconds\":1.5}"),
           *history = parse(HISTORY_START HISTORY_END "\"held\":null}");
    must(rt_record_read(plan, &r));
    assert_int_equal(r.body.plan.samples, 0);
    assert_string_equal(r.body.plan.task, "");
    assert_null(r.body.plan.data);
    must(rt_record_read(first, &r));
    assert_int_equal(r.body.first_step.step, 0);
    assert_true(isnan(r.body.first_step.loss));
    must(rt_record_read(history, &r));
    assert_int_equal(r.body.history.early_stop, -1);
    assert_int_equal(r.body.history.evaluated_up_to, RT_NOT_GIVEN);
    assert_true(isnan(r.body.history.first_loss));
    assert_null(r.body.history.skipped);
    json_decref(plan);
    json_decref(first);
    json_decref(history);
}

static void unreadable_records_are_not_written(void **state)
{
    (void)state;
    assert_null(rt_record_json(RT_RECORD_commit, &(rt_record_commit){.step = -1}));
    expect_error(RT_E_RANGE, "commit: step is -1");
    assert_null(rt_record_json(RT_RECORD_run, &(rt_record_run){.run = "9f21"}));
    expect_error(RT_E_INTERNAL, "run: no config");
    assert_null(rt_record_json(RT_RECORD_reported, &(rt_record_reported){}));
    expect_error(RT_E_INTERNAL, "reported: no row");
    assert_null(rt_record_json(RT_RECORD_end, &(rt_record_end){.status = 3}));
    rt_error_clear();
}

static void no_allocation_failure_leaks(void **state)
{
    (void)state;
    json_t *json = parse(lines[RT_RECORD_evaluated]);
    int64_t live = rt_mem_live();
    for (int n = 0; n < 8; n++) {
        rt_record r;
        rt_mem_fail_after(n);
        if (rt_record_read(json, &r) == RT_OK)
            json_decref(rt_record_json(r.kind, &r.body));
        rt_mem_fail_after(-1);
        rt_error_clear();
        assert_int_equal(rt_mem_live(), live);
    }
    json_decref(json);
}

/* ---- documents ---- */

static void add_table(rt_text *table, const char *head, const rt_record_row *rows, int count)
{
    rt_text_add(table, "%s\n|---|---|---|\n", head);
    for (int i = 0; i < count; i++) {
        rt_text_add(table, "| `%s` | %s | ", rows[i].kind, rows[i].when);
        add_fields(table, &rows[i].schema);
        rt_text_add(table, " |\n");
    }
}

static void run_md_is_what_the_rows_say(void **state)
{
    (void)state;
    rt_text table = {0};
    add_table(&table, "| record | when | fields |", rt_record_rows, RT_RECORDS);
    expect_table("docs/RUN.md", &table, write_documents);
}

static json_t *schema_of(const rt_record_row *row)
{
    json_t *properties = json_pack("{s:{s:s}}", "kind", "const", row->kind), *all = json_array();
    add_properties(&row->schema, properties, all);
    json_decref(all);
    json_t *required = json_pack("[s]", "kind"); /* earlier journals may lack the others */
    for (int i = 0; i < row->schema.n_fields; i++)
        if (row->schema.fields[i].needed && row->schema.fields[i].kind != RT_FIELD_METRICS)
            json_array_append_new(required, json_string(row->schema.fields[i].name));
    return object_schema(row->kind, row->when, properties, required);
}

static void the_json_schema_is_what_the_rows_say(void **state)
{
    (void)state;
    json_t *kinds = json_array();
    for (int i = 0; i < RT_RECORDS; i++)
        json_array_append_new(kinds, schema_of(&rt_record_rows[i]));
    expect_json("docs/schema/journal.json",
                json_pack("{s:s, s:s, s:o}", "$schema",
                          "https://json-schema.org/draft/2020-12/schema", "title",
                          "a line of ringtorch journal show --json", "oneOf", kinds),
                write_documents);
}

int main(int argc, char **argv)
{
    write_documents = argc > 1 && strcmp(argv[1], "--write") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_and_written_as_it_was),
        cmocka_unit_test(errors_are_named),
        cmocka_unit_test(fields_missing_in_earlier_versions_get_defaults),
        cmocka_unit_test(unreadable_records_are_not_written),
        cmocka_unit_test(no_allocation_failure_leaks),
        cmocka_unit_test(run_md_is_what_the_rows_say),
        cmocka_unit_test(the_json_schema_is_what_the_rows_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
