/* One screen about a run, made of the coordinator's STATUS_IS. Pure: text in, text out.
 *
 *     rt_text out = {0};
 *     rt__status_show(status, &(rt__screen){.width = 80, .height = 24, .now = rt_clock_wall()}, &out);
 *     char *text = rt_text_take(&out);
 *
 * Nothing is taken for granted: any field may be missing or of another type, and what the fields
 * say may hold anything, but no line is longer than the screen is wide. */
#ifndef RINGTORCH_LAUNCH_STATUS_SHOW_H
#define RINGTORCH_LAUNCH_STATUS_SHOW_H

#include "common/json.h"
#include "launch/screen.h"

/* Adds the screen, at most `height` lines that each end in a line break. */
void rt__status_show(const json_t *status, const rt__screen *screen, rt_text *out);
/* Adds a list of events in words, with their times; nothing if it is empty. */
void rt__events_show(const json_t *events, const rt__screen *screen, rt_text *out);

#endif
