/* The snapshots that workers of a generation can read, and the newest step that is complete in them. Pure.
 *
 *     rt__offers o = {0};
 *     RT_TRY(rt__offers_add(&o, rank, hello));                  // of each rank that joins
 *     int64_t step = rt__offers_newest(&o, elements, least, &doubts, &pieces, &n);
 *     if (step >= 0) ... send the n pieces in PLAN; rt_mem_free(pieces) ...
 *     rt__offers_release(&o);
 *
 * The state at a step does not depend on the ranks that computed it, so pieces from different generations and world sizes fit together. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_OFFERS_H
#define RINGTORCH_COORDINATOR_MACHINE_OFFERS_H

#include "common/config/best.h"
#include "common/control/messages.h"
#include "coordinator/books/doubts.h"
#include <stdbool.h>

typedef struct rt__offer {
    int64_t generation, writer; /* the generation and rank that left it */
    int64_t step;
    int64_t begin, end; /* elements of the flat buffers */
    int64_t holder;     /* the rank of this generation that can read it */
} rt__offer;

/* An evaluation that an earlier generation made. */
typedef struct rt__found_evaluation {
    int64_t generation;
    rt_evaluated figures;
} rt__found_evaluation;

typedef struct rt__offers {
    rt__offer *offer; /* [count] */
    int64_t count;
    rt_msg_trace *trace; /* [traces]: the last position of ranks of earlier generations */
    int64_t traces;
    rt__found_evaluation *evaluation; /* [evaluations] */
    int64_t evaluations;
} rt__offers;

/* Adds the offers, traces and evaluations of a HELLO. PROTOCOL if its numbers are impossible. */
rt_status rt__offers_add(rt__offers *o, const rt_msg_hello *hello);
void rt__offers_release(rt__offers *o);

/* Returns the newest step, at least `least`, whose offers cover [0, elements), or -1. *pieces (rt_malloc, [*count]) gets a piece for
 * each stretch, in the form that PLAN carries. Returns -1 with the error slot filled if memory runs out. */
int64_t rt__offers_newest(const rt__offers *o, int64_t elements, int64_t least,
                          const rt__doubts *doubts, rt_msg_piece **pieces, int64_t *count);

/* Returns the evaluation of the first step in (after, most] that is not in doubt, or NULL if there is none. */
const rt__found_evaluation *rt__offers_evaluation(const rt__offers *o, int64_t after, int64_t most,
                                                  const rt__doubts *doubts);

/* Returns the trace that a rank of a generation left, or NULL if there is none. */
const rt_msg_trace *rt__offers_find_trace(const rt__offers *o, int64_t generation, int64_t rank);

#endif
