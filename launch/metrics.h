/* The curve of a run, from its metrics.jsonl: `ringtorch metrics RUN`. It may still be written: a last line without its
 * end is left out. */
#ifndef RINGTORCH_LAUNCH_METRICS_H
#define RINGTORCH_LAUNCH_METRICS_H

#include <stdint.h>
#include <stdio.h>
#include <ringtorch/status.h>
#include "common/json.h"
#include "launch/screen.h"

/* argv[0] is the command's name; returns the exit code. */
int rt__metrics_command(int argc, char **argv);

typedef enum rt__curve_form { RT__CURVE_TABLE, RT__CURVE_CSV, RT__CURVE_JSON } rt__curve_form;

/* Writes the rows of a metrics file: as CSV, one header and all rows; as JSON, one object a line; as a table, as many
 * rows as the screen has lines for, evenly apart, the last one among them. *damaged: lines that are no row, which are
 * left out. */
rt_status rt__metrics_write(const char *path, rt__curve_form form, const rt__screen *screen,
                            FILE *to, int64_t *damaged);

/* Shows every row, in order, to `row`; lines that are none are left out, and counted in *damaged. */
rt_status rt__metrics_each(const char *path, void (*row)(void *ctx, const json_t *row), void *ctx,
                           int64_t *damaged);

#endif
