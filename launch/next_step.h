/* What to type after a run that has not come to its end: said by `ringtorch train` when it fails, and by `ringtorch status`
 * whenever it is asked.
 *
 *     char text[RT__NEXT_STEP];
 *     if (rt__next_step("runs/x", RT_NEXT_OTHER_RATE, "newest checkpoint", text))
 *         printf("%s\n", text); // to begin again, more slowly: ringtorch train runs/x/config.yaml --run-dir runs/x-slower ...
 *
 * Judged from config.yaml, metrics.jsonl and checkpoints/. */
#ifndef RINGTORCH_LAUNCH_NEXT_STEP_H
#define RINGTORCH_LAUNCH_NEXT_STEP_H

#include <stdbool.h>
#include "common/messages.h"
#include "launch/advice.h"

enum { RT__NEXT_STEP = RT__ADVICE + 128 };

/* state: what --resume would go on from, if that is known. False: nothing that could be typed helps. */
bool rt__next_step(const char *run_dir, rt_next next, const char *state, char text[RT__NEXT_STEP]);

#endif
