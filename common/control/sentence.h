/* Turns an event or a journal record into the sentence of its row (events.def, which explains the language of sentences, and
 * journal.def). `ringtorch train` and `ringtorch status` show events with it, `ringtorch journal show` records.
 *
 *     rt_text out = {0};
 *     rt__sentence_of(event, &out);        // "workers lost at step 1,200: worker 2 was killed by signal 9"
 *     rt__sentence_of_record(record, &out);        // "the checkpoint of step 500 is on disk"
 *
 * Any field may be missing or of another type, and texts may contain anything: the sentence is safe for a terminal. */
#ifndef RINGTORCH_COMMON_CONTROL_SENTENCE_H
#define RINGTORCH_COMMON_CONTROL_SENTENCE_H

#include "common/base/text.h"
#include "common/control/events.h"

/* Adds the sentence of an object of events.jsonl, without its time. For a kind of event that this program does not know, adds its fields. */
void rt__sentence_of(const json_t *event, rt_text *out);
/* Adds the sentence of an event that is about to be written; `values` points to its struct. */
void rt__sentence_of_values(rt_event_id id, const void *values, rt_text *out);
/* Adds the sentence of a journal record. Returns false, and adds nothing, if this program does not know its kind. */
bool rt__sentence_of_record(const json_t *record, rt_text *out);

/* ---- the language ---- */

enum { RT__PLACE_PART = 64 };

/* The parts between braces: "{lost_steps:n step}" has the field lost_steps, the format n and the noun step; "{best?, the best}" has a choice
 * of texts. Missing parts are empty. */
typedef struct rt__place {
    char field[RT__PLACE_PART], format[RT__PLACE_PART], noun[RT__PLACE_PART];
    bool chooses;
    char yes[RT__PLACE_PART], no[RT__PLACE_PART];
} rt__place;

/* Reads the place that begins at an opening brace. Returns what follows it, or NULL if it has no end or a part is too long. */
const char *rt__place_read(const char *at, rt__place *out);
/* Fails with ARG if a place names a field that the schema lacks, or has a format that does not suit the field, or if brackets do not come in
 * pairs. */
rt_status rt__sentence_check(const rt__schema *schema, const char *text);

#endif
