/* Turns rows of the schema language into documentation (fields in a cell or a row of a table, and JSON Schema) and
 * compares a document with it. With `--write` on a test's command line the document is updated instead.
 *
 *     rt_text table = {0};
 *     ... a line "| field | what it is |" and the rows ...
 *     expect_table("docs/RUN.md", &table, write);      // the table with this first line; releases the text */
#ifndef RINGTORCH_TESTS_SUPPORT_SCHEMA_DOCS_H
#define RINGTORCH_TESTS_SUPPORT_SCHEMA_DOCS_H

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/schema.h"
#include "common/base/text.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- tables ---- */

/* "`rank`"; "`eval_<metric>`" for metrics. */
static inline void add_field_name(rt_text *out, const rt_field *row)
{
    const char *prefix = row->prefix ? row->prefix : "";
    if (row->kind == RT_FIELD_METRICS)
        rt_text_add(out, "`%sloss`, `%s<metric>`", prefix, prefix);
    else
        rt_text_add(out, "`%s`", row->name);
}

/* "`rank` (of the worker), `host` (where it ran)" */
static inline void add_fields(rt_text *out, const rt__schema *s)
{
    for (int i = 0; i < s->n_fields; i++) {
        rt_text_add(out, "%s", i ? ", " : "");
        add_field_name(out, &s->fields[i]);
        rt_text_add(out, " (%s)", s->fields[i].help);
    }
}

/* Appends one row of a table per field. */
static inline void add_field_rows(rt_text *out, const rt__schema *s)
{
    for (int i = 0; i < s->n_fields; i++) {
        rt_text_add(out, "| ");
        add_field_name(out, &s->fields[i]);
        rt_text_add(out, " | %s |\n", s->fields[i].help);
    }
}

static inline char *read_document(const char *path)
{
    rt_bytes bytes;
    char name[1024];
    snprintf(name, sizeof name, RT_TEST_SOURCE_DIR "/%s", path);
    if (rt_file_read(name, 1 << 22, &bytes) != RT_OK)
        fail_msg("%s", rt_error());
    char *text = rt_strdup_printf("%.*s", (int)bytes.len, (const char *)bytes.data);
    rt_bytes_release(&bytes);
    return text;
}

static inline void write_document(const char *path, const char *text)
{
    char name[1024];
    snprintf(name, sizeof name, RT_TEST_SOURCE_DIR "/%s", path);
    if (rt_file_replace(name, text, strlen(text)) != RT_OK)
        fail_msg("%s", rt_error());
}

/* Finds the table in a page whose first line equals that of `table`; it must be equal to `table`. */
static inline void expect_table(const char *path, rt_text *table, bool write)
{
    char *wanted = rt_text_take(table), *page = read_document(path);
    char *first = rt_strdup_printf("\n%.*s\n", (int)strcspn(wanted, "\n"), wanted);
    char *at = strstr(page, first), *end = at;
    if (!at)
        fail_msg("%s has no table that begins with '%s'", path, first);
    at++;
    for (end = at; *end == '|'; end = strchr(end, '\n') + 1)
        ;
    bool same = (size_t)(end - at) == strlen(wanted) && memcmp(at, wanted, strlen(wanted)) == 0;
    if (!same && write) {
        char *edited = rt_strdup_printf("%.*s%s%s", (int)(at - page), page, wanted, end);
        write_document(path, edited);
        rt_mem_free(edited);
    } else if (!same) {
        fail_msg("%s: a table differs from the rows: run this test with --write\n%s", path, wanted);
    }
    rt_mem_free(first);
    rt_mem_free(page);
    rt_mem_free(wanted);
}

/* The document must be this JSON; takes ownership of it. */
static inline void expect_json(const char *path, json_t *wanted, bool write)
{
    char *text = rt_json_indented(wanted), *whole = rt_strdup_printf("%s\n", text);
    if (write)
        write_document(path, whole);
    char *found = read_document(path);
    if (strcmp(found, whole) != 0)
        fail_msg("%s differs from the rows: run this test with --write", path);
    rt_mem_free(found);
    rt_mem_free(whole);
    rt_mem_free(text);
    json_decref(wanted);
}

/* ---- JSON Schema ---- */

static inline const char *json_type_of(const rt_field *row)
{
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
        return "integer";
    case RT_FIELD_NUMBER:
    case RT_FIELD_METRICS:
        return "number";
    case RT_FIELD_FLAG:
        return "boolean";
    case RT_FIELD_TEXT:
    case RT_FIELD_CHOICE:
        return "string";
    case RT_FIELD_VALUE:
        return rt__field_shapes[row->shape].type;
    default:
        fail_msg("%s: no record has such a field", row->name);
    }
    return NULL;
}

/* Returns the type, or [type, "null"]. */
static inline json_t *type_or_null(const char *type, bool or_null)
{
    return or_null ? json_pack("[s, s]", type, "null") : json_string(type);
}

static inline json_t *items_schema(const rt_field *row)
{
    const char *items = rt__field_shapes[row->shape].items;
    return json_pack("{s:o}", "type", type_or_null(items, row->shape == RT_SHAPE_NUMBERS));
}

static inline json_t *field_schema(const rt_field *row)
{
    json_t *j = json_pack("{s:s}", "description", row->help);
    const char *type = json_type_of(row);
    bool or_null = row->maybe || row->or_nan || row->kind == RT_FIELD_METRICS;
    if (type)
        json_object_set_new(j, "type", type_or_null(type, or_null));
    if (row->kind == RT_FIELD_VALUE && rt__field_shapes[row->shape].items)
        json_object_set_new(j, "items", items_schema(row));
    if (row->choices) {
        json_t *names = json_array();
        for (int i = 0; i < rt__choice_count(row->choices); i++) {
            size_t len;
            const char *name = rt__choice_at(row->choices, i, &len);
            json_array_append_new(names, json_stringn(name, len));
        }
        json_object_set_new(j, "enum", names);
    }
    bool ranged = row->kind == RT_FIELD_INT || row->kind == RT_FIELD_NUMBER;
    if (ranged && isfinite(row->low))
        json_object_set_new(j, "minimum", json_integer((json_int_t)row->low));
    if (ranged && isfinite(row->high))
        json_object_set_new(j, "maximum", json_integer((json_int_t)row->high));
    return j;
}

/* Adds fields to an object's properties and to the names that it must have. */
static inline void add_properties(const rt__schema *s, json_t *properties, json_t *required)
{
    for (int i = 0; i < s->n_fields; i++) {
        const rt_field *row = &s->fields[i];
        for (int k = 0; row->kind == RT_FIELD_METRICS && k < RT_METRIC_ROWS; k++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", row->prefix ? row->prefix : "",
                     rt_metric_rows[k].name);
            json_object_set_new(properties, name, field_schema(row));
        }
        if (row->kind == RT_FIELD_METRICS)
            continue;
        bool again = json_object_get(properties, row->name) != NULL;
        json_object_set_new(properties, row->name, field_schema(row));
        if (!again)
            json_array_append_new(required, json_string(row->name));
    }
}

static inline json_t *object_schema(const char *title, const char *description, json_t *properties,
                                    json_t *required)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b}", "title", title, "description", description,
                     "type", "object", "properties", properties, "required", required,
                     "additionalProperties", 0);
}

#endif
