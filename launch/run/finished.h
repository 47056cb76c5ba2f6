/* Checks whether the run in a directory has already done what the command asks for.
 *
 *     rt__finished f;
 *     rt__finished_check("runs/x", "auto", &cfg, &f);
 *     if (f.answer == RT__NOTHING_LEFT) ...
 *     rt__finished_release(&f);
 *
 * Judged from summary.json and config.yaml. If the configurations train differently, or the run's last checkpoint is
 * gone, the answer is RT__SOMETHING_LEFT: the coordinator, which knows more, reports what is wrong. */
#ifndef RINGTORCH_LAUNCH_RUN_FINISHED_H
#define RINGTORCH_LAUNCH_RUN_FINISHED_H

#include "common/base/json.h"
#include "common/config/config.h"

typedef enum rt__finished_answer {
    RT__SOMETHING_LEFT, /* or unknown */
    RT__NOTHING_LEFT,
    RT__PAST_THE_END, /* it has made more steps than the command asks for */
} rt__finished_answer;

typedef struct rt__finished {
    rt__finished_answer answer;
    /* Nothing is left because run.patience has run out: raising run.steps alone would change nothing. */
    bool out_of_patience;
    int64_t steps;   /* made so far */
    json_t *summary; /* owned; NULL if something is left */
} rt__finished;

/* resume: as given to --resume. The path of the run, or of the checkpoint of its last step, means the same as "auto". For
 * the path of another checkpoint, and for "never", something is left. */
void rt__finished_check(const char *dir, const char *resume, const rt_config *cfg,
                        rt__finished *out);
void rt__finished_release(rt__finished *f);

#endif
