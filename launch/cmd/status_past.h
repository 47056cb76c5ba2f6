/* Reads from a run directory what became of a run without a coordinator: it has ended, or was killed and can be
 * resumed.
 *
 *     json_t *past;
 *     RT_TRY(rt__past_read("runs/x", 8, &past));
 *     rt__past_show(past, &screen, &out);
 *     json_decref(past);
 *
 * The object has the fields directory, name, answered (false), status ("done", "stopped", "failed", "killed", or
 * "empty": nothing was run), step, checkpoint_step and checkpoint, snapshot_step and snapshot_dir, next (what to type, and
 * what for), refused (why the last launch was), journal (why it is refused), summary, events. Unknown values are null. */
#ifndef RINGTORCH_LAUNCH_CMD_STATUS_PAST_H
#define RINGTORCH_LAUNCH_CMD_STATUS_PAST_H

#include "common/base/json.h"
#include "launch/tui/screen.h"

/* Ignores missing and damaged files. events: how many of the last events to include. */
rt_status rt__past_read(const char *dir, int64_t events, json_t **out);
void rt__past_show(const json_t *past, const rt__screen *screen, rt_text *out);

#endif
