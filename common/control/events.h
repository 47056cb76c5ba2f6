/* The events of a run as written to events.jsonl: structs and conversion from and to JSON, all generated from the rows
 * of events.def.
 *
 *     rt_event_host_back back = {.host = "h1"};
 *     json_t *line = rt_event_json(RT_EVENT_host_back, &(rt_event_stamp){.time = utc, ...}, &back);
 *     ...
 *     rt_event e;
 *     RT_TRY(rt_event_read(line, &e));                 // "event stall: rank is "1", expected an integer"
 *     if (e.id == RT_EVENT_host_back) puts(e.body.host_back.host);
 *
 * Texts and JSON in these structs are borrowed: from the caller when written, from the line when read. The coordinator
 * writes with RT__RECORD (coordinator/machine/record.h); sentence.h turns an event into a sentence. */
#ifndef RINGTORCH_COMMON_CONTROL_EVENTS_H
#define RINGTORCH_COMMON_CONTROL_EVENTS_H

#include "common/base/designated.h"
#include "common/base/schema.h"

/* The fields that every event has after its kind and before its own fields. */
#define RT_EVENT_STAMP_FIELDS(F)                                                                   \
    F(TEXT, time, RT_NEEDED, RT_ANY, "UTC, as \"2026-11-18T08:03:44Z\"")                           \
    F(NUMBER, seconds, RT_NEEDED, RT_OR_NAN(RT_ANY), "since the launch began")                     \
    F(INT, generation, RT_NEEDED, RT_FROM(0), "in which it happened; 0: before the first one")
typedef struct RT_DESIGNATED rt_event_stamp {
    RT_STRUCT(RT_EVENT_STAMP_FIELDS)
} rt_event_stamp;
extern const rt__schema rt_event_stamp_schema;

/* struct rt_event_host_back { const char *host; } */
#define EVENT(id, kind, severity, sentence, when) typedef struct RT_DESIGNATED rt_event_##id {
#define F                                         RT_MEMBER_ROW
#define END(id)                                                                                    \
    }                                                                                              \
    rt_event_##id;
#include "common/control/events.def"

typedef enum rt_event_id {
#define EVENT(id, kind, severity, sentence, when) RT_EVENT_##id,
#include "common/control/events.def"
    RT_EVENTS /* how many there are */
} rt_event_id;

/* The number of fields that a call which writes the event must give: RT_EVENT_NEEDED_host_back. */
#define EVENT(id, kind, severity, sentence, when) enum { RT_EVENT_NEEDED_##id = 0
#define F                                         RT__NEEDED_ROW
#define END(id)                                                                                    \
    }                                                                                              \
    ;
#include "common/control/events.def"

typedef enum rt_event_severity {
    RT_EVENT_DETAIL,
    RT_EVENT_NOTICE,
    RT_EVENT_WARNING,
    RT_EVENT_ERROR,
} rt_event_severity;

typedef struct rt_event_row {
    const char *kind; /* as written in the file; two rows may have the same kind but other fields */
    rt_event_severity severity;
    const char *sentence, *when;
    rt__schema schema;
} rt_event_row;
extern const rt_event_row rt_event_rows[RT_EVENTS];

typedef struct rt_event {
    rt_event_id id;
    rt_event_stamp stamp; /* an event's own field `seconds` replaces the stamp's */
    union {
#define EVENT(id, kind, severity, sentence, when) rt_event_##id id;
#include "common/control/events.def"
    } body;
} rt_event;

/* Returns a line of events.jsonl, or NULL if memory runs out. `values` points to the struct of this event. */
json_t *rt_event_json(rt_event_id id, const rt_event_stamp *stamp, const void *values);
/* Reads a line back. Fails with ARG or RANGE, naming event and field, if a field is missing, unknown or of another
 * type; with NOTFOUND if the kind of event is unknown. */
rt_status rt_event_read(const json_t *line, rt_event *out);
/* Returns the row whose fields the line has, else the first row of its kind; NULL if the kind is unknown. */
const rt_event_row *rt_event_row_of(const json_t *line);

#endif
