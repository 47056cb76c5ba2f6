/* How long recoveries took, from the `recovered` events of a run.
 *
 *     figures f;
 *     figures_make(&f, records.events, AFTER_A_DEATH);
 *     printf("median %.2f s\n", f.row[RECOVERY].median);
 *     figures_print(&f, "after a death", stdout);
 *
 * A death is detected at once, while a worker that does not move is given some time. So the two kinds are separated, by how long their
 * detection took. */
#ifndef RINGTORCH_TESTS_CHAOS_FIGURES_H
#define RINGTORCH_TESTS_CHAOS_FIGURES_H

#include "common/base/json.h"
#include <stdint.h>
#include <stdio.h>

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
