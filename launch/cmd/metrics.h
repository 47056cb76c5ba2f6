/* `ringtorch metrics RUN` shows the curve of a run from its metrics.jsonl. The run may still be writing the file: a last
 * line without a line break is skipped. */
#ifndef RINGTORCH_LAUNCH_CMD_METRICS_H
#define RINGTORCH_LAUNCH_CMD_METRICS_H

#include "common/base/json.h"
#include "launch/tui/screen.h"
#include <ringtorch/status.h>
#include <stdint.h>
#include <stdio.h>

/* argv[0] is the command's name; returns the exit code. */
int rt__metrics_command(int argc, char **argv);

typedef enum rt__curve_form { RT__CURVE_TABLE, RT__CURVE_CSV, RT__CURVE_JSON } rt__curve_form;

/* Writes the rows of a metrics file. CSV has a header and all rows; JSON has one object per line; a table has as many
 * rows as the screen has lines for, evenly spaced, always with the last one. *damaged: the number of lines that are not
 * rows, which are skipped. */
rt_status rt__metrics_write(const char *path, rt__curve_form form, const rt__screen *screen,
                            FILE *to, int64_t *damaged);

/* Calls `row` for every row in order. Skips lines that are not rows and counts them in *damaged. */
rt_status rt__metrics_each(const char *path, void (*row)(void *ctx, const json_t *row), void *ctx,
                           int64_t *damaged);

#endif
