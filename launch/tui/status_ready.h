/* Answers `ringtorch status --ready` from what status shows: does the run take steps?
 *
 *     rt_text line = {0};
 *     bool ready = rt__ready_now(status, &line);   // "ready: step 1,240 of 2,000\n"
 *
 * As in status_show.h, any field may be missing, have another type, or contain any text. */
#ifndef RINGTORCH_LAUNCH_TUI_STATUS_READY_H
#define RINGTORCH_LAUNCH_TUI_STATUS_READY_H

#include "common/base/json.h"
#include "common/base/text.h"
#include <stdbool.h>

/* Of the coordinator's STATUS_IS. Returns whether all ranks make steps, or have made the last one, and adds a line that
 * says so, or who does not. */
bool rt__ready_now(const json_t *status, rt_text *line);
/* Of what a run without a coordinator has left (rt__past_read). Returns whether it is done. */
bool rt__ready_past(const json_t *past, rt_text *line);

#endif
