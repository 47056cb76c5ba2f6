/* The decisions of a coordinator as written to its journal: structs and conversion from and to JSON, all generated from
 * the rows of journal.def.
 *
 *     json_t *json = rt_record_json(RT_RECORD_commit, &(rt_record_commit){.step = 500});     // {"kind":"commit","step":500}
 *     ...
 *     rt_record r;
 *     RT_TRY(rt_record_read(json, &r));            // "commit needs 'step': whose state it is"
 *     if (r.kind == RT_RECORD_commit) note(r.body.commit.step);
 *
 * Texts and JSON in these structs are borrowed: from the caller when written, from the JSON when read. The coordinator
 * writes with RT__DECIDE (coordinator/machine/record.h); coordinator/books/history.h explains what the records mean. */
#ifndef RINGTORCH_COMMON_CONTROL_JOURNAL_RECORDS_H
#define RINGTORCH_COMMON_CONTROL_JOURNAL_RECORDS_H

#include "common/base/designated.h"
#include "common/base/samples.h"
#include "common/base/schema.h"
#include "common/base/slices.h"
#include <math.h>

/* struct rt_record_commit { int64_t step; } */
#define RECORD(kind, after, sentence, when) typedef struct RT_DESIGNATED rt_record_##kind {
#define F                                   RT_MEMBER_ROW
#define END(kind)                                                                                  \
    }                                                                                              \
    rt_record_##kind;
#define PART(name, what) typedef struct RT_DESIGNATED rt_record_part_##name {
#define END_PART(name)                                                                             \
    }                                                                                              \
    rt_record_part_##name;
#include "common/control/journal.def"

typedef enum rt_record_kind {
#define RECORD(kind, after, sentence, when) RT_RECORD_##kind,
#include "common/control/journal.def"
    RT_RECORDS /* how many there are */
} rt_record_kind;

typedef enum rt_record_part {
#define PART(name, what) RT_RECORD_PART_##name,
#include "common/control/journal.def"
    RT_RECORD_PARTS
} rt_record_part;

/* The number of fields of a record: RT_RECORD_FIELDS_commit. */
#define RECORD(kind, after, sentence, when) enum { RT_RECORD_FIELDS_##kind = 0
#define F(kind, name, value, allowed, help) +1
#define END(kind)                                                                                  \
    }                                                                                              \
    ;
#define PART(name, what) enum { RT_RECORD_PART_FIELDS_##name = 0
#define END_PART(name)                                                                             \
    }                                                                                              \
    ;
#include "common/control/journal.def"

/* Values of the field `status` of the record `end`. */
enum { RT_RECORD_END_DONE, RT_RECORD_END_STOPPED, RT_RECORD_END_FAILED };

/* What must have been journaled before a record. */
typedef enum rt_record_after {
    RT_AFTER_NOTHING,
    RT_AFTER_RUN,
    RT_AFTER_GENERATION,
    RT_AFTER_PLAN
} rt_record_after;

typedef struct rt_record_row {
    const char *kind, *when; /* for a part: its name and what it is */
    const char *sentence;    /* for people (sentence.h); NULL for a part */
    rt_record_after after;   /* of a record */
    rt__schema schema;
} rt_record_row;
extern const rt_record_row rt_record_rows[RT_RECORDS], rt_record_parts[RT_RECORD_PARTS];

typedef struct rt_record {
    rt_record_kind kind;
    union {
#define RECORD(kind, after, sentence, when) rt_record_##kind kind;
#include "common/control/journal.def"
    } body;
} rt_record;

/* Returns a record as JSON. `values` points to the struct of its kind. Returns NULL with the error slot filled if
 * memory runs out or the reader would refuse a value. */
json_t *rt_record_json(rt_record_kind kind, const void *values);
/* Returns the row of a record's kind, or NULL if it has no kind or an unknown one. */
const rt_record_row *rt_record_row_of(const json_t *json);
/* Reads a record back. Fails with FORMAT, naming kind and field, if the kind is unknown or a field is missing, unknown,
 * of another type or out of range. */
rt_status rt_record_read(const json_t *json, rt_record *out);

/* The same for an object inside a record; `values` points to its struct. */
json_t *rt_record_part_json(rt_record_part part, const void *values);
rt_status rt_record_part_read(rt_record_part part, const json_t *json, void *values);

#endif
