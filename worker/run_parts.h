/* The state of a run, part by part, as checkpoints hold it: parameters, buffers, and the optimiser's states.
 *
 *     for (int64_t i = 0; rt__run_part_at(run, i, &part); i++)
 *         use(part.kind, part.tensor, part.buffer + part.begin, part.end - part.begin);
 */
#ifndef RINGTORCH_WORKER_RUN_PARTS_H
#define RINGTORCH_WORKER_RUN_PARTS_H

#include <stdbool.h>
#include "worker/engine/train/run.h"

typedef struct rt__run_part {
    const char *kind;   /* "param", "buffer", or a state of the optimiser */
    const char *tensor; /* both borrowed from the run */
    float *buffer;      /* a flat buffer */
    int number;         /* of that buffer: 0 the parameters', then the states' like them */
    int64_t begin, end; /* elements of it */
} rt__run_part;

/* Gives part i; false if there are no more. Those of one buffer come together, in the order of their elements. */
bool rt__run_part_at(const rt_run *run, int64_t i, rt__run_part *out);
/* Returns the i-th flat buffer (0 the parameters', then the states' like them), NULL if there are no more; its name may be NULL. */
float *rt__run_buffer(const rt_run *run, int i, const char **name);
int rt__run_buffers(const rt_run *run);

#endif
