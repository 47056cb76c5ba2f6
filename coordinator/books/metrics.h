/* Keeps metrics.jsonl one history: its steps strictly increase, whichever checkpoints the run was resumed from. Rows of
 * abandoned steps are moved to a second file.
 *
 *     rt__metrics m = {"runs/x/metrics.jsonl", "runs/x/metrics-abandoned.jsonl"};
 *     int64_t newest;
 *     RT_TRY(rt__metrics_open(&m, &newest));            // mends what a crash or an earlier version left
 *     RT_TRY(rt__metrics_rewind(&m, 500, &newest));     // the run goes on from step 500
 *
 * A row is a line {"step":N, ...}. If the process dies in either function and calls it again later, no row is lost and
 * none is duplicated. If a file is missing, it counts as empty. */
#ifndef RINGTORCH_COORDINATOR_BOOKS_METRICS_H
#define RINGTORCH_COORDINATOR_BOOKS_METRICS_H

#include <ringtorch/status.h>
#include <stdint.h>

/* Receives how many bytes of the file have been read. */
typedef void rt__reading(int64_t done, int64_t total);

typedef struct rt__metrics {
    const char *path, *abandoned; /* borrowed */
    rt__reading *reading;         /* rt__metrics_open calls it as it reads `path`; may be NULL */
    int64_t reading_step;         /* bytes between two calls */
} rt__metrics;

/* Moves away what does not belong to one history: rows that a later row of the same or an earlier step supersedes, lines
 * that are no rows, and an incomplete last line. Writes the newest step, or -1 if there are no rows. */
rt_status rt__metrics_open(const rt__metrics *m, int64_t *newest);

/* Moves the rows of steps after `step` away; the file must have been opened. Writes the newest step that remains. */
rt_status rt__metrics_rewind(const rt__metrics *m, int64_t step, int64_t *newest);

/* Writes the generation that wrote the last row, or -1 if there are no rows. */
rt_status rt__metrics_last_generation(const rt__metrics *m, int64_t *generation);

#endif
