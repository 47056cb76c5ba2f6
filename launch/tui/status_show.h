/* Formats the coordinator's STATUS_IS as one screen about a run. Pure: JSON in, text out.
 *
 *     rt_text out = {0};
 *     rt__status_show(status, &(rt__screen){.width = 80, .height = 24, .now = rt_clock_wall()}, &out);
 *     char *text = rt_text_take(&out);
 *
 * Any field may be missing, have another type, or contain any text; still no line is wider than the screen. */
#ifndef RINGTORCH_LAUNCH_TUI_STATUS_SHOW_H
#define RINGTORCH_LAUNCH_TUI_STATUS_SHOW_H

#include "common/base/json.h"
#include "launch/tui/screen.h"

/* Adds the screen, at most `height` lines, each ending in a line break. */
void rt__status_show(const json_t *status, const rt__screen *screen, rt_text *out);
/* Adds a list of events as sentences with their times; nothing if the list is empty. */
void rt__events_show(const json_t *events, const rt__screen *screen, rt_text *out);
/* Returns what a phase of the coordinator's STATUS_IS is called on the screen: "training" for RUN. */
const char *rt__phase_in_words(const char *phase);

#endif
