/* How long recoveries took, from the `recovered` events of a run.
 *
 *     figures f;
 *     figures_make(&f, records.events);
 *     printf("median %.2f s\n", f.row[RECOVERY].median);
 *     figures_print(&f, stdout);
 */
#ifndef RINGTORCH_TESTS_CHAOS_FIGURES_H
#define RINGTORCH_TESTS_CHAOS_FIGURES_H

#include <stdint.h>
#include <stdio.h>
#include "common/json.h"

enum { RECOVERY, DETECT, STOP, START, RESTORE, FIRST_STEP, FIGURES };

typedef struct figure {
    double median, p90, most;
} figure;

typedef struct figures {
    int64_t count;       /* of recoveries */
    figure row[FIGURES]; /* seconds; zeros without recoveries */
} figures;

void figures_make(figures *f, const json_t *events);
void figures_print(const figures *f, FILE *to);
/* Returns {"count": …, "recovery_seconds": {"median": …, "p90": …, "max": …}, "detect": …, …}. */
json_t *figures_json(const figures *f);

#endif
