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
/* Writes and shows a metrics line. */
void rt__record_report(rt__run *r, double now, const rt_msg_report *m);
/* Shows where rank 0 is, without writing it anywhere. */
void rt__record_progress(rt__run *r, const rt_msg_progress *m);
/* Writes and shows the summary; status: "done", "stopped" or "failed". */
void rt__record_summary(rt__run *r, double now, const char *status);
/* Appends a journal record, made as an event's fields are, and applies it to the history. */
rt_status rt__record_decision(rt__run *r, const char *kind, const char *fmt, ...);

#endif
