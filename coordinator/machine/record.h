/* The lines that a run leaves: events, metrics and the summary, as JSON; they are also shown to the user. Pure.
 *
 *     RT__RECORD(r, now, checkpoint, .step = 500, .path = path);        // a row of events.def
 *     rt__record_report(r, now, &frame.body.report);
 */
#ifndef RINGTORCH_COORDINATOR_MACHINE_RECORD_H
#define RINGTORCH_COORDINATOR_MACHINE_RECORD_H

#include "common/control/events.h"
#include "coordinator/machine/state.h"

/* Returns s as a JSON string; bytes that are not UTF-8 (in a path, or the tail of a log) become '?'. */
json_t *rt__record_text(const char *s);
/* Writes and shows an event of events.def. Its fields are given by name; the compiler checks that none that is needed is missing. Texts
 * and JSON remain the caller's. */
#define RT__RECORD(r, now, event, ...) RT__RECORD_AS(r, now, RT_EVENT_##event, event, __VA_ARGS__)
/* The same for an event that is chosen at run time among those with the fields of `event`. */
#define RT__RECORD_AS(r, now, id, event, ...)                                                      \
    (RT__ALL_GIVEN(RT_EVENT_NEEDED_##event, __VA_ARGS__),                                          \
     rt__record_event(r, now, id, &(rt_event_##event){__VA_ARGS__}))
/* The same, and copies the event's sentence to text[RT__SENTENCE_BYTES], cut off if it is longer. */
#define RT__RECORD_SAID(text, r, now, event, ...)                                                  \
    (RT__ALL_GIVEN(RT_EVENT_NEEDED_##event, __VA_ARGS__),                                          \
     rt__record_said(text, r, now, RT_EVENT_##event, &(rt_event_##event){__VA_ARGS__}))
enum { RT__SENTENCE_BYTES = 1024 };
void rt__record_said(char text[RT__SENTENCE_BYTES], rt__run *r, double now, rt_event_id id,
                     const void *values);
void rt__record_event(rt__run *r, double now, rt_event_id id, const void *values);
/* If lines could not be written, as on a full disk, says so once, and once writing works again, how many are lost. */
void rt__record_lost_lines(rt__run *r, double now);
/* The same at the end of the run: says how many are lost, if only to the user. */
void rt__record_lost_lines_at_end(rt__run *r, double now);
/* Shows a report and writes it as a row of metrics.jsonl. `held`: the journal holds the row back until its step has been evaluated, or
 * until it turns out that it will not be. */
void rt__record_report(rt__run *r, double now, const rt_msg_report *m, bool held);
/* Makes sure that a held row waits for the evaluation of this step: makes one if the report is missing, and takes the last row back if it was
 * written without its evaluation. */
void rt__record_hold_row(rt__run *r, double now, int64_t step);
/* Brings rows of steps up to `step` back that were moved away when the run went on from an earlier state, because the host with the later one
 * could not be reached. A row that lacks its evaluation makes way for one that has it. `evaluated`: the row of `step` itself comes only if it
 * has its evaluation. Rows that were made with another configuration stay away. */
void rt__record_bring_back_rows(rt__run *r, int64_t step, bool evaluated);
/* Writes the row that is held back, if there is one, with its evaluation if that has arrived. */
void rt__record_write_held_row(rt__run *r);
/* Returns the newest step that has a row, held back or not, or -1 if there is none. */
int64_t rt__record_newest_row(const rt__run *r);
/* Returns {checkpoint, bytes, of}, the progress of verifying a checkpoint, or null if none is being verified. */
json_t *rt__record_verification_json(const rt__run *r);
/* Shows the progress of verifying a checkpoint, without writing it anywhere. */
void rt__record_show_verification(rt__run *r);
/* Shows what rank 0 is doing, without writing it anywhere. */
void rt__record_show_progress(rt__run *r, const rt_msg_progress *m);
/* Writes an object and shows it, with "event": shown in front if `shown` is given. Takes over `fields`; NULL means that memory ran out,
 * which is logged. */
void rt__record_line(rt__run *r, rt__line where, const char *shown, json_t *fields);
/* Appends a record of journal.def to the journal and applies it to the history. All its fields are given by name; the compiler checks
 * that none is missing. Texts and JSON remain the caller's.
 *
 *     RT_TRY(RT__DECIDE(r, target, .workers = 4));
 *
 * A record that may not stand in this place of the journal is refused with INTERNAL (rt__history_allows), logged and not applied.
 * DECIDE fails if the record cannot be written, and then nothing has been decided. A run can go on without the other two: if NOTE cannot
 * write its record, the record is dropped; if FIND cannot, the history has it all the same, and it is written before the next record. */
#define RT__DECIDE(r, kind, ...) RT__RECORD_BY(rt__record_decision, r, kind, __VA_ARGS__)
#define RT__NOTE(r, kind, ...)   RT__RECORD_BY(rt__record_note, r, kind, __VA_ARGS__)
#define RT__FIND(r, kind, ...)   RT__RECORD_BY(rt__record_finding, r, kind, __VA_ARGS__)
#define RT__RECORD_BY(write, r, kind, ...)                                                         \
    (RT__ALL_GIVEN(RT_RECORD_FIELDS_##kind, __VA_ARGS__),                                          \
     write(r, RT_RECORD_##kind, &(rt_record_##kind){__VA_ARGS__}))
rt_status rt__record_decision(rt__run *r, rt_record_kind kind, const void *values);
void rt__record_note(rt__run *r, rt_record_kind kind, const void *values);
void rt__record_finding(rt__run *r, rt_record_kind kind, const void *values);

#endif
