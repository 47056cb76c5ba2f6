/* What the user can type next for a run that has not reached its end. `ringtorch train` prints it when the run fails,
 * `ringtorch status` whenever it is asked.
 *
 *     char text[RT__NEXT_STEP];
 *     if (rt__next_step("runs/x", RT_NEXT_OTHER_RATE, "newest checkpoint", text))
 *         printf("%s\n", text); // to start again with a lower learning rate: ringtorch train runs/x/config.yaml --run-dir runs/x-slower ...
 *
 * Judged from config.yaml, metrics.jsonl, the journal and checkpoints/. */
#ifndef RINGTORCH_LAUNCH_CMD_NEXT_STEP_H
#define RINGTORCH_LAUNCH_CMD_NEXT_STEP_H

#include "common/control/messages.h"
#include "launch/tui/advice.h"
#include <stdbool.h>

enum { RT__NEXT_STEP = RT__ADVICE + 128 };

/* Writes the advice. state: what --resume would resume from; NULL: unknown. Returns false if no command would help. */
bool rt__next_step(const char *run_dir, rt_next next, const char *state, char text[RT__NEXT_STEP]);
/* Returns why a coordinator would refuse the run's journal (rt_malloc), or NULL if it would not. A journal that we may not read does not count:
 * its owner can read it. */
char *rt__journal_refusal(const char *run_dir);

#endif
