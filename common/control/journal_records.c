/* Records of the journal described by their rows: writing and reading. */
#include "common/control/journal_records.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include <string.h>

#define ROWS_END                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }                                                                                              \
    }                                                                                              \
    ;
#define RECORD(kind, after, sentence, when) static const rt_field kind##_fields[] = {
#define F                                   RT_SCHEMA_ROW
#define END(kind)                           ROWS_END
#define PART(name, what)                    static const rt_field part_##name##_fields[] = {
#define END_PART(name)                      ROWS_END
#include "common/control/journal.def"

#define DEFAULTS_END                                                                               \
    }                                                                                              \
    ;
#define RECORD(kind, after, sentence, when) static const rt_record_##kind kind##_defaults = {
#define F                                   RT_DEFAULT_ROW
#define END(kind)                           DEFAULTS_END
#define PART(name, what)                    static const rt_record_part_##name part_##name##_defaults = {
#define END_PART(name)                      DEFAULTS_END
#include "common/control/journal.def"

#define ROW(kind_, after_, sentence_, when_, rows, type, owner_)                                   \
    {                                                                                              \
        .kind = kind_, .when = when_, .after = after_, .sentence = sentence_, .schema = {          \
            .owner = owner_,                                                                       \
            .thing = "field",                                                                      \
            .fields = rows##_fields,                                                               \
            .n_fields = (int)(sizeof rows##_fields / sizeof(rt_field)) - 1,                        \
            .defaults = &rows##_defaults,                                                          \
            .size = sizeof(type)                                                                   \
        }                                                                                          \
    }

const rt_record_row rt_record_rows[RT_RECORDS] = {
#define RECORD(kind, after, sentence, when)                                                        \
    [RT_RECORD_##kind] =                                                                           \
        ROW(#kind, RT_AFTER_##after, sentence, when, kind, rt_record_##kind, #kind),
#include "common/control/journal.def"
};

const rt_record_row rt_record_parts[RT_RECORD_PARTS] = {
#define PART(name, what)                                                                           \
    [RT_RECORD_PART_##name] = ROW(#name, RT_AFTER_NOTHING, NULL, what, part_##name,                \
                                  rt_record_part_##name, #name " in it"),
#include "common/control/journal.def"
};

/* ---- writing ---- */

/* Refuses to write what the reader would refuse: a run with such a journal could not be resumed. */
static rt_status check(const rt__schema *schema, const void *values)
{
    RT__EACH_MEMBER(m, schema, values)
    {
        bool pointer = m.row->kind == RT_FIELD_TEXT || m.row->kind == RT_FIELD_VALUE;
        if (pointer && !m.row->maybe && m.row->needed && !*(void *const *)m.at)
            return RT_FAIL(INTERNAL, "%s: no %s", schema->owner, m.row->name);
    }
    return rt__schema_check(schema, values);
}

static json_t *whole_or_error(json_t *json, bool whole)
{
    json = rt__json_if_whole(json, whole);
    return json ? json : RT_FAIL_NULL(NOMEM, "out of memory while a record is made");
}

json_t *rt_record_json(rt_record_kind kind, const void *values)
{
    const rt_record_row *row = &rt_record_rows[kind];
    if (check(&row->schema, values) != RT_OK)
        return NULL;
    json_t *json = json_object();
    bool whole = json && json_object_set_new(json, "kind", json_string(row->kind)) == 0;
    return whole_or_error(json, whole && rt__schema_put(&row->schema, values, json));
}

json_t *rt_record_part_json(rt_record_part part, const void *values)
{
    const rt__schema *schema = &rt_record_parts[part].schema;
    json_t *json = check(schema, values) == RT_OK ? json_object() : NULL;
    return whole_or_error(json, rt__schema_put(schema, values, json));
}

/* ---- reading ---- */

/* Turns the schema's error into FORMAT: here the file is at fault, not the caller. */
static rt_status read_fields(const rt__schema *schema, const json_t *fields, void *values)
{
    memcpy(values, schema->defaults, schema->size);
    rt_status status = rt__schema_set(schema, values, fields);
    if (status != RT_E_ARG && status != RT_E_RANGE)
        return status;
    rt_saved_error e;
    rt_error_save(&e);
    return RT_FAIL(FORMAT, "%s", e.text);
}

const rt_record_row *rt_record_row_of(const json_t *json)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    for (int i = 0; kind && i < RT_RECORDS; i++)
        if (strcmp(rt_record_rows[i].kind, kind) == 0)
            return &rt_record_rows[i];
    return NULL;
}

rt_status rt_record_read(const json_t *json, rt_record *out)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    if (!kind)
        return RT_FAIL(FORMAT, "it has no kind");
    const rt_record_row *row = rt_record_row_of(json);
    if (!row)
        return RT_FAIL(FORMAT, "unknown kind '%.60s'", kind);
    out->kind = (rt_record_kind)(row - rt_record_rows);
    json_t *fields = json_copy((json_t *)json);
    if (!fields)
        return RT_FAIL(NOMEM, "out of memory while a record is read");
    json_object_del(fields, "kind");
    rt_status status = read_fields(&row->schema, fields, &out->body);
    json_decref(fields);
    return status;
}

rt_status rt_record_part_read(rt_record_part part, const json_t *json, void *values)
{
    return read_fields(&rt_record_parts[part].schema, json, values);
}
