/* How long recoveries took, from the `recovered` events of a run.
 *
 *     figures f;
 *     figures_make(&f, records.events, AFTER_A_DEATH);
 *     printf("median %.2f s\n", f.row[RECOVERY].median);
 *     figures_print(&f, "after a death", stdout);
 *
 * A death is seen at once; a worker that does not move is given time to think better of it. So the
 * two kinds are told apart, by how long it took to see them. */
#ifndef RINGTORCH_TESTS_CHAOS_FIGURES_H
#define RINGTORCH_TESTS_CHAOS_FIGURES_H

#include <stdint.h>
#include <stdio.h>
#include "common/json.h"

enum { RECOVERY, DETECT, STOP, START, RESTORE, FIRST_STEP, FIGURES };

typedef struct figure {
    double median, p90, most;
} figure;

typedef enum figures_of { AFTER_A_DEATH, AFTER_A_STANDSTILL } figures_of;

typedef struct figures {
    int64_t count;       /* of recoveries */
    figure row[FIGURES]; /* seconds; zeros without recoveries */
} figures;

void figures_make(figures *f, const json_t *events, figures_of what);
void figures_print(const figures *f, const char *title, FILE *to);
/* Returns {"count": …, "recovery_seconds": {"median": …, "p90": …, "max": …}, "detect": …, …}. */
json_t *figures_json(const figures *f);

#endif
