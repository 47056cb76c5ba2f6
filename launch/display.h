/* What the user sees: a live line on a terminal, plain lines in a pipe, or JSON as it comes.
 *
 *     rt__display d;
 *     rt__display_init(&d, json, "runs/x", batch);
 *     rt__display_show(&d, "{\"event\": \"report\", ...}");     // every SHOW of the coordinator
 *     rt__display_end(&d);                                     // the live line is left behind
 */
#ifndef RINGTORCH_LAUNCH_DISPLAY_H
#define RINGTORCH_LAUNCH_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include "launch/live.h"

typedef struct rt__display {
    bool json, terminal;
    bool output_lost;    /* standard output could not be written, which has been told */
    rt__live live;       /* the line that is drawn over */
    double last_line_at; /* when a report was last printed */
    const char *run_dir;
    int64_t batch, workers, slices, start_step, end_step;
    int64_t step;           /* newest that was told of, in this generation */
    int64_t evaluated_step; /* of the last evaluation shown */
    int kept;               /* lines of progress that stay, so far */
    bool stepped;           /* a step has been finished */
    bool in_memory;         /* it was stopped with a state in memory that may not be on disk */
    bool concluded;         /* the summary has been shown */
    bool cosine; /* the learning rate falls to its end with the run; set after rt__display_init */
} rt__display;

/* batch: samples per step. run_dir is borrowed. */
void rt__display_init(rt__display *d, bool json, const char *run_dir, int64_t batch);
/* Shows one JSON object; text that is none is dropped. */
void rt__display_show(rt__display *d, const char *json_text);
/* Prints a remark of the launcher's own; not with --json. */
__attribute__((format(printf, 2, 3))) void rt__display_say(rt__display *d, const char *fmt, ...);
/* Prints a warning of the launcher's own to standard error; with --json, too. */
__attribute__((format(printf, 2, 3))) void rt__display_warn(rt__display *d, const char *fmt, ...);
/* Fits the live line to the terminal, which may have been resized. */
void rt__display_refresh(rt__display *d);
/* Moves off the live line. */
void rt__display_end(rt__display *d);

#endif
