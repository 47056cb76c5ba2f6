/* Keeps metrics.jsonl one history: its steps strictly increase, whichever checkpoints the run was resumed from. Rows of
 * abandoned steps are moved to a second file, and back if the run goes on from a state that has those steps behind it.
 *
 *     rt__metrics m = {"runs/x/metrics.jsonl", "runs/x/metrics-abandoned.jsonl"};
 *     int64_t newest;
 *     RT_TRY(rt__metrics_open(&m, &newest));            // mends what a crash or an earlier version left
 *     RT_TRY(rt__metrics_rewind(&m, 500, &newest));     // the run goes on from step 500
 *
 * A row is a line {"step":N, ...}. If the process dies in a function and calls it again later, no row is lost and
 * metrics.jsonl has none twice. If a file is missing, it counts as empty. */
#ifndef RINGTORCH_COORDINATOR_BOOKS_METRICS_H
#define RINGTORCH_COORDINATOR_BOOKS_METRICS_H

#include "coordinator/books/doubts.h"
#include <ringtorch/status.h>

/* Receives how many bytes of the file have been read. */
typedef void rt__reading(int64_t done, int64_t total);

typedef struct rt__metrics {
    const char *path, *abandoned; /* borrowed */
    rt__reading *reading;         /* rt__metrics_open calls it as it reads `path`; may be NULL */
    int64_t reading_step;         /* bytes between two calls */
    int64_t *moved; /* rt__metrics_open adds how many whole lines it has moved away; may be NULL */
} rt__metrics;

/* Moves away what does not belong to one history: rows that a later row of the same or an earlier step supersedes, lines
 * that are no rows, and an incomplete last line. Writes the newest step, or -1 if there are no rows. */
rt_status rt__metrics_open(const rt__metrics *m, int64_t *newest);

/* Moves the rows of steps after `step` away; the file must have been opened. Writes the newest step that remains. */
rt_status rt__metrics_rewind(const rt__metrics *m, int64_t step, int64_t *newest);

/* Which rows come back: those of steps after the last row and up to `step`. */
typedef struct rt__rows_wanted {
    int64_t step;
    bool evaluated;           /* the row of `step` itself comes only with its evaluation */
    int64_t since;            /* the oldest generation that had the present configuration */
    const rt__doubts *doubts; /* borrowed; rows that were made of states in doubt stay away */
} rt__rows_wanted;

/* Moves rows of abandoned steps back. Of several rows of a step the last one with an evaluation comes, else the last one.
 * Writes the newest step that the file then has, or -1; if it fails, *newest stays. */
rt_status rt__metrics_bring_back(const rt__metrics *m, const rt__rows_wanted *want,
                                 int64_t *newest);

/* Writes the generation that wrote the last row, or -1 if there are no rows. */
rt_status rt__metrics_last_generation(const rt__metrics *m, int64_t *generation);

#endif
