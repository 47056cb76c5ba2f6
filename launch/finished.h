/* Has a run directory's run done already what the command asks for?
 *
 *     rt__finished f;
 *     rt__finished_look("runs/x", "auto", &cfg, &f);
 *     if (f.answer == RT__NOTHING_LEFT) ...
 *     rt__finished_release(&f);
 *
 * Judged from summary.json and config.yaml. A configuration of other mathematics is not judged here, nor a run whose
 * last checkpoint is gone: the coordinator, which knows more, says what is the matter. */
#ifndef RINGTORCH_LAUNCH_FINISHED_H
#define RINGTORCH_LAUNCH_FINISHED_H

#include "common/config.h"
#include "common/json.h"

typedef enum rt__finished_answer {
    RT__SOMETHING_LEFT, /* or not known */
    RT__NOTHING_LEFT,
    RT__PAST_THE_END, /* it has made more steps than are asked for */
} rt__finished_answer;

typedef struct rt__finished {
    rt__finished_answer answer;
    bool
        impatient; /* nothing is left because run.patience has run out: more steps alone would change nothing */
    int64_t steps;   /* that it has made */
    json_t *summary; /* owned; NULL: something is left */
} rt__finished;

/* resume: as --resume gives it. The path of the run, or of its checkpoint after the last step, asks for the same as
 * "auto"; that of another checkpoint, or "never", for something else. */
void rt__finished_look(const char *dir, const char *resume, const rt_config *cfg,
                       rt__finished *out);
void rt__finished_release(rt__finished *f);

#endif
