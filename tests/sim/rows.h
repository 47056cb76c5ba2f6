/* metrics.jsonl and metrics-abandoned.jsonl, as coordinator/books/metrics.h keeps them. */
#ifndef RINGTORCH_TESTS_SIM_ROWS_H
#define RINGTORCH_TESTS_SIM_ROWS_H

#include "common/base/json.h"
#include "coordinator/books/metrics.h"

typedef struct sim_row {
    int64_t step, generation;
    bool evaluated;
    double loss; /* of the evaluation */
} sim_row;

typedef struct sim_rows {
    sim_row *kept, *abandoned;
    int64_t count, room, abandoned_count, abandoned_room;
} sim_rows;

void sim_rows_release(sim_rows *r);
sim_row sim_row_of(const json_t *json);
/* Returns the last row; its step is -1 if there is none. */
sim_row sim_rows_last(const sim_rows *r);
void sim_rows_add(sim_rows *r, const sim_row *row);
void sim_rows_rewind(sim_rows *r, int64_t step);
/* Moves the wanted rows back, and returns how many: they are then the last ones. */
int64_t sim_rows_bring_back(sim_rows *r, const rt__rows_wanted *want);

#endif
