/* Formats numbers, times and texts for people. For events and records see sentence.h.
 *
 *     char text[RT__WORDS];
 *     printf("%s samples/s\n", rt__words_number(5120, text));      // "5,120"
 *
 * Each function returns `text`. Text from elsewhere may contain anything: rt__words_add makes it safe for a terminal. */
#ifndef RINGTORCH_COMMON_CONTROL_WORDS_H
#define RINGTORCH_COMMON_CONTROL_WORDS_H

#include "common/base/json.h"
#include "common/base/text.h"

enum { RT__WORDS = 40 };

/* "1,234,567"; "-" for NaN. */
const char *rt__words_number(double number, char text[RT__WORDS]);
/* "2:03", "1:02:03", "2 d 3 h". */
const char *rt__words_duration(double seconds, char text[RT__WORDS]);
/* "0.12 s", "4.2 s", "42 s", "2:03". */
const char *rt__words_seconds(double seconds, char text[RT__WORDS]);
/* "412 MiB", "1.5 GiB". */
const char *rt__words_bytes(double bytes, char text[RT__WORDS]);
/* Adds "step-00000500, 43 % of 1.2 GiB" for an object {checkpoint, bytes, of}. */
void rt__words_verifying(const json_t *verifying, rt_text *out);
/* "14:03:59" for an event's time (UTC, ISO 8601) in local time, with the date unless it is on the day of `now`
 * (wall-clock seconds); "" if `iso` is not a time. */
const char *rt__words_clock(const char *iso, double now, char text[RT__WORDS]);

/* Adds text up to its first line break, with control characters as \xNN. */
void rt__words_add(rt_text *out, const char *text);

#endif
