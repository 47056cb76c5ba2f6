/* Numbers, times and events as people read them.
 *
 *     char text[RT__WORDS];
 *     printf("%s samples/s\n", rt__words_number(5120, text));      // "5,120"
 *     rt__words_event(event, &out);        // "worker 2 was lost at step 1,200: killed by signal 9"
 *
 * Each function returns `text`. What comes from elsewhere may hold anything: rt__words_add makes it
 * safe for a terminal. */
#ifndef RINGTORCH_LAUNCH_WORDS_H
#define RINGTORCH_LAUNCH_WORDS_H

#include "common/json.h"
#include "common/text.h"

enum { RT__WORDS = 40 };

/* "1,234,567"; "-" for NaN. */
const char *rt__words_number(double number, char text[RT__WORDS]);
/* "2:03", "1:02:03", "2 d 3 h". */
const char *rt__words_duration(double seconds, char text[RT__WORDS]);
/* "0.12 s", "4.2 s", "42 s", "2:03". */
const char *rt__words_seconds(double seconds, char text[RT__WORDS]);
/* "412 MiB", "1.5 GiB". */
const char *rt__words_bytes(double bytes, char text[RT__WORDS]);
/* "step-00000500, 43 % of 1.2 GiB", of an object {checkpoint, bytes, of}. */
void rt__words_verifying(const json_t *verifying, rt_text *out);
/* "14:03:59" of an event's time (UTC, ISO 8601) on this machine's clock, with the date if it is not
 * of the day of `now` (wall-clock seconds); "" for what is no time. */
const char *rt__words_clock(const char *iso, double now, char text[RT__WORDS]);

/* Adds text up to its first line break, control characters as \xNN. */
void rt__words_add(rt_text *out, const char *text);
/* Adds what an object of events.jsonl says, without its time; kinds this program does not know are
 * told by their fields. */
void rt__words_event(const json_t *event, rt_text *out);

#endif
