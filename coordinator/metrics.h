/* metrics.jsonl as one history: its steps strictly increase, whatever was resumed from whichever checkpoint. Rows of
 * steps that were given up are moved to a second file.
 *
 *     rt__metrics m = {"runs/x/metrics.jsonl", "runs/x/metrics-abandoned.jsonl"};
 *     int64_t newest;
 *     RT_TRY(rt__metrics_open(&m, &newest));            // mends what a crash or an earlier version left
 *     RT_TRY(rt__metrics_rewind(&m, 500, &newest));     // the run goes on from step 500
 *
 * A row is a line {"step":N, ...}. Both functions may die at any point and be called again: then no row is lost and
 * none is there twice. Files that do not exist are empty. */
#ifndef RINGTORCH_COORDINATOR_METRICS_H
#define RINGTORCH_COORDINATOR_METRICS_H

#include <stdint.h>
#include <ringtorch/status.h>

/* Is told how far the reading of a file is, in bytes. */
typedef void rt__reading(int64_t done, int64_t total);

typedef struct rt__metrics {
    const char *path, *abandoned; /* borrowed */
    rt__reading *reading; /* of path, by rt__metrics_open, once in so many bytes; may be NULL */
    int64_t reading_step;
} rt__metrics;

/* Moves away what does not belong to one history: a row whose step a later row has again or comes before, lines that
 * are no rows, and a last line that was not finished. Writes the newest step; -1: no rows. */
rt_status rt__metrics_open(const rt__metrics *m, int64_t *newest);

/* Moves the rows of steps after `step` away; the file must have been opened. Writes the newest step left. */
rt_status rt__metrics_rewind(const rt__metrics *m, int64_t step, int64_t *newest);

/* Writes the generation that wrote the last row; -1: there is none. */
rt_status rt__metrics_last_generation(const rt__metrics *m, int64_t *generation);

#endif
