/* Snapshots that workers of a generation can read, and the newest step that is whole in them. Pure.
 *
 *     rt__offers o = {0};
 *     RT_TRY(rt__offers_add(&o, rank, hello));                  // of each rank that joins
 *     int64_t step = rt__offers_newest(&o, elements, least, &doubts, &pieces, &n);
 *     if (step >= 0) ... send the n numbers of pieces in PLAN; rt_mem_free(pieces) ...
 *     rt__offers_release(&o);
 *
 * The state at a step does not depend on who computed it, so pieces that different generations and
 * world sizes left behind fit together. */
#ifndef RINGTORCH_COORDINATOR_OFFERS_H
#define RINGTORCH_COORDINATOR_OFFERS_H

#include <stdbool.h>
#include "common/best.h"
#include "common/messages.h"

typedef struct rt__offer {
    int64_t generation, writer; /* who left it */
    int64_t step;
    int64_t begin, end; /* elements of the flat buffers */
    int64_t holder;     /* rank of this generation that can read it */
} rt__offer;

/* Where a rank of an earlier generation last moved. */
typedef struct rt__trace {
    int64_t generation, rank, step, slice, phase;
} rt__trace;

/* An evaluation that ranks of an earlier generation have made. */
typedef struct rt__found_evaluation {
    int64_t generation;
    rt_evaluated figures;
} rt__found_evaluation;

typedef struct rt__offers {
    rt__offer *offer; /* [count] */
    int64_t count;
    rt__trace *trace; /* [traces] */
    int64_t traces;
    rt__found_evaluation *evaluation; /* [evaluations] */
    int64_t evaluations;
} rt__offers;

/* Adds what a HELLO brings. PROTOCOL if its numbers cannot be. */
rt_status rt__offers_add(rt__offers *o, const rt_msg_hello *hello);
void rt__offers_release(rt__offers *o);

/* What must not be used: snapshots that generations up to `generation` left of steps after `step`. */
typedef struct rt__doubt {
    int64_t generation; /* 0: no doubt */
    int64_t step;
} rt__doubt;

enum { RT__DOUBTS = 16 };

/* All that hold: a later doubt of later steps leaves the earlier ones in force. Both numbers grow along the list. */
typedef struct rt__doubts {
    rt__doubt list[RT__DOUBTS];
    int count;
} rt__doubts;

/* Adds one of a generation not before those that are there. When there are too many, the two oldest become one that
 * leaves out more. */
void rt__doubts_add(rt__doubts *d, rt__doubt doubt);
/* Returns the one added last; zeros: there is none. */
static inline rt__doubt rt__doubts_last(const rt__doubts *d)
{
    return d->count > 0 ? d->list[d->count - 1] : (rt__doubt){0};
}

/* Returns the newest step, at least `least`, of which [0, elements) is covered, or -1. *pieces
 * (rt_malloc) gets RT_PIECE_FIELDS numbers for each stretch, as PLAN carries them, *count how many numbers. -1 with
 * the error slot filled when memory is out. */
int64_t rt__offers_newest(const rt__offers *o, int64_t elements, int64_t least,
                          const rt__doubts *doubts, int64_t **pieces, int64_t *count);

/* Returns the first evaluation of a step in (after, most] that is not in doubt; NULL if there is none. */
const rt__found_evaluation *rt__offers_evaluation(const rt__offers *o, int64_t after, int64_t most,
                                                  const rt__doubts *doubts);

/* Finds the trace a rank of a generation left; NULL if there is none. */
const rt__trace *rt__offers_trace(const rt__offers *o, int64_t generation, int64_t rank);

#endif
