/* The rows of events.def and results.h: lines are written and read back, refusals have the right words, lines of real
 * runs are read, and the documents agree with the rows. `test_events --write` updates docs/.
 *
 * The compiler checks that the coordinator gives every field (RT__RECORD); its own tests check that its events can be
 * read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/events.h"
#include "common/control/results.h"
#include "tests/support/outcome.h"
#include "tests/support/schema_docs.h"

#define JSON_SCHEMA "https://json-schema.org/draft/2020-12/schema"

static bool write_documents;

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    must(rt_json_parse(text, strlen(text), "event", &j));
    return j;
}

static const rt_event_stamp stamp = {
    .time = "2026-11-18T08:03:44Z", .seconds = 2.5, .generation = 3};
#define FRONT(kind)                                                                                \
    "{\"event\":\"" kind "\",\"time\":\"2026-11-18T08:03:44Z\",\"seconds\":2.5,\"generation\":3,"

static void expect_line(rt_event_id id, const void *values, const char *expected)
{
    json_t *line = rt_event_json(id, &stamp, values);
    char *text = rt_json_text(line);
    assert_string_equal(text, expected);
    rt_event e;
    must(rt_event_read(line, &e));
    assert_int_equal(e.id, id);
    assert_string_equal(e.stamp.time, stamp.time);
    assert_int_equal(e.stamp.generation, 3);
    json_t *again = rt_event_json(e.id, &e.stamp, &e.body);
    assert_true(json_equal(line, again));
    json_decref(again);
    json_decref(line);
    rt_mem_free(text);
}

static void a_line_is_written_and_read_back(void **state)
{
    (void)state;
    json_t *ranks = parse("[0, 2]");
    expect_line(RT_EVENT_worker_lost,
                &(rt_event_worker_lost){.rank = 2,
                                        .ranks = ranks,
                                        .host = "h\xff",
                                        .cause = "killed",
                                        .exit_code = 137,
                                        .signal = 9,
                                        .step = 10000},
                FRONT("worker_lost") "\"rank\":2,\"ranks\":[0,2],\"host\":\"h?\",\"cause\":"
                                     "\"killed\",\"exit_code\":137,\"signal\":9,\"step\":10000}");
    rt_metrics metrics = {0};
    rt_metrics_add(&metrics, "loss", 0.0 / 0.0);
    rt_metrics_add(&metrics, "accuracy", 0.5);
    expect_line(
        RT_EVENT_evaluation,
        &(rt_event_evaluation){
            .step = 5, .count = 64, .metrics = metrics, .best = true, .evaluation_seconds = 0.25},
        FRONT("evaluation") "\"step\":5,\"count\":64,\"loss\":null,\"accuracy\":0.5,"
                            "\"best\":true,\"evaluation_seconds\":0.25}");
    expect_line(RT_EVENT_done, &(rt_event_done){.step = 7, .in_memory = true},
                FRONT("done") "\"step\":7,\"message\":null,\"in_memory\":true}");
    /* The event's own field `seconds` replaces that of the stamp. */
    expect_line(
        RT_EVENT_missing,
        &(rt_event_missing){
            .missing = "1, 2", .seconds = 4.5, .reason = "why", .joined = 1, .world_size = 3},
        "{\"event\":\"stall\",\"time\":\"2026-11-18T08:03:44Z\",\"seconds\":4.5,"
        "\"generation\":3,\"missing\":\"1, 2\",\"reason\":\"why\",\"joined\":1,"
        "\"world_size\":3,\"text\":null}");
    json_decref(ranks);
}

/* Events of one kind may have different fields; the reader finds the row by them. */
static void the_row_is_found_by_the_fields(void **state)
{
    (void)state;
    json_t *missing = parse("{\"event\":\"stall\",\"missing\":\"1\",\"seconds\":1,\"reason\":\"\","
                            "\"joined\":0,\"world_size\":2}"),
           *none = parse("{\"event\":\"stall\"}"), *unknown = parse("{\"event\":\"of tomorrow\"}");
    assert_ptr_equal(rt_event_row_of(missing), &rt_event_rows[RT_EVENT_missing]);
    assert_ptr_equal(rt_event_row_of(none), &rt_event_rows[RT_EVENT_stall]);
    assert_null(rt_event_row_of(unknown));
    json_decref(missing);
    json_decref(none);
    json_decref(unknown);
}

static void errors_are_named(void **state)
{
    (void)state;
#define STAMP "\"time\":\"2026-11-18T08:03:44Z\",\"seconds\":2.5,\"generation\":3"
    static const struct {
        const char *line;
        rt_status code;
        const char *says;
    } rows[] = {
        {"{\"event\":\"host_back\"," STAMP "}", RT_E_ARG, "event host_back needs 'host': its name"},
        {"{\"event\":\"host_back\"," STAMP ",\"host\":5}", RT_E_ARG,
         "event host_back: host is 5, expected a text"},
        {"{\"event\":\"host_back\"," STAMP ",\"host\":\"h\",\"hots\":\"h\"}", RT_E_ARG,
         "event host_back has no field 'hots': did you mean 'host'?"},
        {"{\"event\":\"host_back\",\"seconds\":2.5,\"generation\":3,\"host\":\"h\"}", RT_E_ARG,
         "event needs 'time'"},
        {"{\"event\":\"host_back\",\"time\":\"\",\"seconds\":2.5,\"generation\":-1,\"host\":"
         "\"h\"}",
         RT_E_RANGE, "event: generation is -1, expected 0 or more"},
        {"{\"event\":\"step_skipped\"," STAMP ",\"step\":0,\"what\":\"\"}", RT_E_RANGE,
         "event step_skipped: step is 0, expected 1 or more"},
        {"{\"event\":\"of tomorrow\"," STAMP "}", RT_E_NOTFOUND, "there is no event 'of tomorrow'"},
        {"{}", RT_E_NOTFOUND, "there is no event ''"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_event e;
        json_t *line = parse(rows[i].line);
        assert_int_not_equal(rt_event_read(line, &e), RT_OK);
        expect_error(rows[i].code, rows[i].says);
        json_decref(line);
    }
}

/* ---- what runs of earlier versions have written ---- */

static void read_event(const json_t *line)
{
    rt_event e;
    must(rt_event_read(line, &e));
}

static void read_report(const json_t *line)
{
    rt_run_report r;
    memcpy(&r, rt_run_report_schema.defaults, sizeof r);
    must(rt__schema_set(&rt_run_report_schema, &r, line));
}

static void read_summary(const json_t *line)
{
    rt_run_summary s;
    memcpy(&s, rt_run_summary_schema.defaults, sizeof s);
    must(rt__schema_set(&rt_run_summary_schema, &s, line));
    json_t *again = rt__schema_to_json(&rt_run_summary_schema, &s);
    assert_true(json_equal(line, again));
    json_decref(again);
}

static void lines_of_real_runs_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        void (*read)(const json_t *line);
        int at_least;
    } rows[] = {
        {"killed/events.jsonl", read_event, 8},       {"regression/events.jsonl", read_event, 3},
        {"killed/metrics.jsonl", read_report, 3},     {"regression/metrics.jsonl", read_report, 3},
        {"regression/summary.json", read_summary, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256];
        int lines = 0;
        snprintf(path, sizeof path, "tests/golden/runs/format-1/%s", rows[i].file);
        char *text = read_document(path);
        bool one = strstr(path, ".jsonl") == NULL;
        for (char *line = text, *end; *line; line = end, lines++) {
            json_t *j = NULL;
            end = one ? line + strlen(line) : strchr(line, '\n') + 1;
            must(rt_json_parse(line, (size_t)(end - line), path, &j));
            rows[i].read(j);
            json_decref(j);
        }
        assert_true(lines >= rows[i].at_least);
        rt_mem_free(text);
    }
}

/* Fields have no defaults, because a call that writes an event could forget a field that has one. */
static void rows_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < RT_EVENTS; i++) {
        const rt_event_row *row = &rt_event_rows[i];
        for (int k = 0; k < row->schema.n_fields; k++) {
            const rt_field *field = &row->schema.fields[k];
            if (!field->needed && (!field->maybe || strcmp(field->default_text, "NULL") != 0))
                fail_msg("event %s: %s has the default %s, expected RT_NEEDED, or NULL with "
                         "RT_MAYBE",
                         row->kind, field->name, field->default_text);
            if (!field->help[0])
                fail_msg("event %s: %s has no help", row->kind, field->name);
        }
    }
}

/* ---- documents ---- */

static void run_md_is_what_the_rows_say(void **state)
{
    (void)state;
    rt_text table = {0};
    rt_text_add(&table, "| event | when | fields of its own |\n|---|---|---|\n");
    for (int i = 0; i < RT_EVENTS; i++) {
        rt_text_add(&table, "| `%s` | %s | ", rt_event_rows[i].kind, rt_event_rows[i].when);
        add_fields(&table, &rt_event_rows[i].schema);
        rt_text_add(&table, " |\n");
    }
    expect_table("docs/RUN.md", &table, write_documents);
    rt_text_add(&table, "| field of every event | what it is |\n|---|---|\n");
    rt_text_add(&table, "| `event` | its kind |\n");
    add_field_rows(&table, &rt_event_stamp_schema);
    expect_table("docs/RUN.md", &table, write_documents);
}

static void expect_record(const char *table_head, const rt__schema *schema, const char *title,
                          const char *path)
{
    rt_text table = {0};
    rt_text_add(&table, "| %s | what it is |\n|---|---|\n", table_head);
    add_field_rows(&table, schema);
    expect_table("docs/RUN.md", &table, write_documents);
    json_t *properties = json_object(), *required = json_array();
    add_properties(schema, properties, required);
    json_t *whole = json_pack("{s:s}", "$schema", JSON_SCHEMA);
    json_object_update_new(whole,
                           object_schema(title, "docs/RUN.md explains it", properties, required));
    expect_json(path, whole, write_documents);
}

/* docs/RUN.md has a table of metrics with an explanation of each. */
static void every_metric_is_explained(void **state)
{
    (void)state;
    char *page = read_document("docs/RUN.md"), *at = strstr(page, "\n## What evaluations tell\n");
    assert_non_null(at);
    for (int i = 0; i < RT_METRIC_ROWS; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "| `%s` |", rt_metric_rows[i].name);
        if (!strstr(at, cell))
            fail_msg("docs/RUN.md does not explain the metric '%s'", rt_metric_rows[i].name);
    }
    rt_mem_free(page);
}

static void results_are_what_the_rows_say(void **state)
{
    (void)state;
    expect_record("field of a row", &rt_run_report_schema, "a line of metrics.jsonl",
                  "docs/schema/metrics.json");
    expect_record("field of the summary", &rt_run_summary_schema, "summary.json",
                  "docs/schema/summary.json");
}

static json_t *schema_of(const rt_event_row *row)
{
    json_t *properties = json_pack("{s:{s:s}}", "event", "const", row->kind),
           *required = json_pack("[s]", "event");
    add_properties(&rt_event_stamp_schema, properties, required);
    add_properties(&row->schema, properties, required);
    return object_schema(row->kind, row->when, properties, required);
}

static void the_json_schema_is_what_the_rows_say(void **state)
{
    (void)state;
    json_t *kinds = json_array();
    for (int i = 0; i < RT_EVENTS; i++)
        json_array_append_new(kinds, schema_of(&rt_event_rows[i]));
    expect_json("docs/schema/events.json",
                json_pack("{s:s, s:s, s:o}", "$schema", JSON_SCHEMA, "title",
                          "a line of events.jsonl", "oneOf", kinds),
                write_documents);
}

int main(int argc, char **argv)
{
    write_documents = argc > 1 && strcmp(argv[1], "--write") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_written_and_read_back),
        cmocka_unit_test(the_row_is_found_by_the_fields),
        cmocka_unit_test(errors_are_named),
        cmocka_unit_test(lines_of_real_runs_are_read),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(run_md_is_what_the_rows_say),
        cmocka_unit_test(the_json_schema_is_what_the_rows_say),
        cmocka_unit_test(results_are_what_the_rows_say),
        cmocka_unit_test(every_metric_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
