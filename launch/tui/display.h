/* What `ringtorch train` prints during a run: a live line on a terminal, plain lines in a pipe, or JSON.
 *
 *     rt__display d;
 *     rt__display_init(&d, json, "runs/x", batch);
 *     rt__display_show(&d, "{\"event\": \"report\", ...}");     // every SHOW of the coordinator
 *     rt__display_end(&d);                                     // leaves the live line on the screen
 */
#ifndef RINGTORCH_LAUNCH_TUI_DISPLAY_H
#define RINGTORCH_LAUNCH_TUI_DISPLAY_H

#include "common/base/json.h"
#include "launch/tui/live.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct rt__display {
    bool json, terminal;
    bool output_lost;    /* standard output could not be written, and we have reported that */
    rt__live live;       /* the line that is redrawn */
    double last_line_at; /* when a report was last printed */
    const char *run_dir;
    int64_t batch, workers, slices, start_step, end_step;
    int64_t step;           /* the newest one reported in this generation */
    int64_t evaluated_step; /* of the last evaluation shown */
    int kept;               /* lines of progress that stay on the screen, so far */
    bool stepped;           /* a step has been finished */
    bool in_memory;         /* the run stopped with a state in memory that may not be on disk */
    bool concluded;         /* the summary has been shown */
    /* The configuration's plugins, which the model needs; set after rt__display_init. NULL: none. */
    const json_t *plugins;
    bool cosine; /* the learning rate falls until the run ends; set after rt__display_init */
} rt__display;

/* batch: samples per step. run_dir is borrowed. */
void rt__display_init(rt__display *d, bool json, const char *run_dir, int64_t batch);
/* Shows one JSON object. Ignores text that is not JSON. */
void rt__display_show(rt__display *d, const char *json_text);
/* Prints a remark of the launcher, except with --json. */
__attribute__((format(printf, 2, 3))) void rt__display_say(rt__display *d, const char *fmt, ...);
/* Prints a warning of the launcher to standard error, even with --json. */
__attribute__((format(printf, 2, 3))) void rt__display_warn(rt__display *d, const char *fmt, ...);
/* Fits the live line to the terminal, which may have been resized. */
void rt__display_refresh(rt__display *d);
/* Ends the output: leaves the live line on the screen and flushes. */
void rt__display_end(rt__display *d);

#endif
