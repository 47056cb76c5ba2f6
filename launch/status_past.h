/* What a run directory says of a run that no coordinator answers for: it has ended, or was killed and
 * can be gone on with.
 *
 *     json_t *past;
 *     RT_TRY(rt__past_read("runs/x", 8, &past));
 *     rt__past_show(past, &screen, &out);
 *     json_decref(past);
 *
 * The object: directory, name, answered (false), status ("done", "stopped", "failed", "killed", or
 * "empty": nothing was run), step, checkpoint_step and checkpoint, snapshot_step and snapshot_dir,
 * next (what to type, and what for), summary, events. What is not known is null. */
#ifndef RINGTORCH_LAUNCH_STATUS_PAST_H
#define RINGTORCH_LAUNCH_STATUS_PAST_H

#include "common/json.h"
#include "launch/screen.h"

/* Files that are missing or damaged are left out of account. events: how many to tell. */
rt_status rt__past_read(const char *dir, int64_t events, json_t **out);
void rt__past_show(const json_t *past, const rt__screen *screen, rt_text *out);

#endif
