/* The lines a run leaves behind: events, metrics and the summary, as JSON, also shown to the user.
 * Pure.
 *
 *     rt__record_event(r, now, "checkpoint", "{s:I, s:s}", "step", (json_int_t)500, "path", path);
 *     rt__record_report(r, now, &frame.body.report);
 *
 * Every event has event, time (UTC), seconds (since the command) and generation in front. */
#ifndef RINGTORCH_COORDINATOR_RECORD_H
#define RINGTORCH_COORDINATOR_RECORD_H

#include "coordinator/state.h"

/* Returns s as a JSON string; bytes that are not UTF-8 (a path, a log's tail) become '?'. */
json_t *rt__record_text(const char *s);
/* Writes and shows an event; fmt and what follows are json_pack's and make an object. */
void rt__record_event(rt__run *r, double now, const char *name, const char *fmt, ...);
/* The same of fields that are an object already, which it takes over; NULL: memory was out when they were made. */
void rt__record_event_of(rt__run *r, double now, const char *name, json_t *fields);
/* Shows a report and writes it as a row of metrics.jsonl. held: only when its step has been evaluated, or when it turns
 * out that it will not be; until then the journal keeps it. */
void rt__record_report(rt__run *r, double now, const rt_msg_report *m, bool held);
/* Sees to it that a row waits for the evaluation of this step: makes one if nobody has the report, and takes the last one
 * back if it was written without. */
void rt__record_hold_row_of(rt__run *r, double now, int64_t step);
/* Writes the row that is held back, if there is one, with what its evaluation has given by now. */
void rt__record_held_row(rt__run *r);
/* Returns the newest step that has a row, held back or not; -1: none. */
int64_t rt__record_newest_row(const rt__run *r);
/* {checkpoint, bytes, of}: how far the verifying of a checkpoint is; null if none is being verified. */
json_t *rt__record_looking(const rt__run *r);
/* Shows how far the verifying of a checkpoint is, without writing it anywhere. */
void rt__record_verifying(rt__run *r);
/* Shows where rank 0 is, likewise. */
void rt__record_progress(rt__run *r, const rt_msg_progress *m);
/* Writes and shows the summary; status: "done", "stopped" or "failed". */
void rt__record_summary(rt__run *r, double now, const char *status);
/* Appends a journal record, made as an event's fields are, and applies it to the history. */
rt_status rt__record_decision(rt__run *r, const char *kind, const char *fmt, ...);
/* The same for what a run can go on without: if it cannot be written, it is known as long as this coordinator lives. */
void rt__record_finding(rt__run *r, const char *kind, const char *fmt, ...);
void rt__record_finding_of(rt__run *r, const char *kind, json_t *fields);

#endif
