/* Events described by their rows: writing and reading. */
#include "common/control/events.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include <string.h>

const rt__schema rt_event_stamp_schema = {
    RT__SCHEMA("event", "field", rt_event_stamp, RT_EVENT_STAMP_FIELDS)};

#define EVENT(id, kind, severity, sentence, when) static const rt_field fields_##id[] = {
#define F                                         RT_SCHEMA_ROW
#define END(id)                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }                                                                                              \
    }                                                                                              \
    ;
#include "common/control/events.def"

#define EVENT(id, kind, severity, sentence, when) static const rt_event_##id defaults_##id = {
#define F                                         RT_DEFAULT_ROW
#define END(id)                                                                                    \
    }                                                                                              \
    ;
#include "common/control/events.def"

const rt_event_row rt_event_rows[RT_EVENTS] = {
#define EVENT(id, kind_, severity_, sentence_, when_)                                              \
    [RT_EVENT_##id] = {.kind = kind_,                                                              \
                       .severity = RT_EVENT_##severity_,                                           \
                       .sentence = sentence_,                                                      \
                       .when = when_,                                                              \
                       .schema = {.owner = "event " kind_,                                         \
                                  .thing = "field",                                                \
                                  .fields = fields_##id,                                           \
                                  .n_fields = (int)(sizeof fields_##id / sizeof(rt_field)) - 1,    \
                                  .defaults = &defaults_##id,                                      \
                                  .size = sizeof(rt_event_##id)}},
#include "common/control/events.def"
};

json_t *rt_event_json(rt_event_id id, const rt_event_stamp *stamp, const void *values)
{
    json_t *line = json_object();
    bool whole =
        line && json_object_set_new(line, "event", json_string(rt_event_rows[id].kind)) == 0;
    whole = whole && rt__schema_put(&rt_event_stamp_schema, stamp, line);
    whole = whole && rt__schema_put(&rt_event_rows[id].schema, values, line);
    return rt__json_if_whole(line, whole);
}

/* ---- reading ---- */

static bool has_all_needed(const rt__schema *s, const json_t *line)
{
    for (int i = 0; i < s->n_fields; i++)
        if (s->fields[i].needed && s->fields[i].kind != RT_FIELD_METRICS &&
            !json_object_get(line, s->fields[i].name))
            return false;
    return true;
}

const rt_event_row *rt_event_row_of(const json_t *line)
{
    const char *kind = rt__field_text(line, "event");
    const rt_event_row *first = NULL;
    for (int i = 0; i < RT_EVENTS; i++) {
        const rt_event_row *row = &rt_event_rows[i];
        if (strcmp(row->kind, kind) != 0)
            continue;
        if (has_all_needed(&row->schema, line))
            return row;
        first = first ? first : row;
    }
    return first;
}

static bool has_field(const rt__schema *s, const char *name)
{
    for (int i = 0; i < s->n_fields; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return true;
    return false;
}

/* Splits a line into the fields that all events have and those of this event. */
static bool take_apart(const json_t *line, const rt__schema *own, json_t *stamp, json_t *rest)
{
    const char *name;
    json_t *value;
    bool whole = stamp && rest;
    json_object_foreach((json_t *)line, name, value)
    {
        bool common = has_field(&rt_event_stamp_schema, name);
        if (common)
            whole &= json_object_set(stamp, name, value) == 0;
        if ((!common && strcmp(name, "event") != 0) || has_field(own, name))
            whole &= json_object_set(rest, name, value) == 0;
    }
    return whole;
}

rt_status rt_event_read(const json_t *line, rt_event *out)
{
    const rt_event_row *row = rt_event_row_of(line);
    if (!row)
        return RT_FAIL(NOTFOUND, "there is no event '%.60s'", rt__field_text(line, "event"));
    *out = (rt_event){.id = (rt_event_id)(row - rt_event_rows)};
    memcpy(&out->body, row->schema.defaults, row->schema.size);
    json_t *stamp = json_object(), *rest = json_object();
    rt_status status = take_apart(line, &row->schema, stamp, rest)
                           ? rt__schema_set(&rt_event_stamp_schema, &out->stamp, stamp)
                           : RT_FAIL(NOMEM, "out of memory while reading an event");
    if (status == RT_OK)
        status = rt__schema_set(&row->schema, &out->body, rest);
    json_decref(stamp);
    json_decref(rest);
    return status;
}
