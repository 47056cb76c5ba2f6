/* The state of a run, part by part, as checkpoints hold it: parameters, buffers, and the optimiser's states.
 *
 *     for (int64_t i = 0; rt__run_part_at(run, i, &part); i++)
 *         use(part.kind, part.tensor, rt_buf_range(part.buffer, (rt_range){part.begin, part.end}));
 */
#ifndef RINGTORCH_WORKER_RUN_PARTS_H
#define RINGTORCH_WORKER_RUN_PARTS_H

#include "worker/comm/comm.h"
#include "worker/engine/train/run.h"
#include <stdbool.h>

typedef struct rt__run_part {
    const char *kind;   /* "param", "buffer", or a state of the optimiser */
    const char *tensor; /* both borrowed from the run */
    rt_buf buffer;      /* a flat buffer, without its tail */
    int number;         /* of that buffer: 0 for the parameters, then the states in order */
    int64_t begin, end; /* elements of the buffer */
} rt__run_part;

/* Fills in part i; returns false if there are no more. Parts of one buffer follow each other in the order of their
 * elements. */
bool rt__run_part_at(const rt_run *run, int64_t i, rt__run_part *out);
/* Returns flat buffer i (0 holds the parameters, then come the states in order) without its tail; `name` may be NULL. */
rt_buf rt__run_buffer(const rt_run *run, int i, const char **name);
int rt__run_buffers(const rt_run *run);

#endif
