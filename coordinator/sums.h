/* Comparing what must be the same bits wherever it is computed. Pure.
 *
 *     rt__sums s = {0};
 *     rt__verdict v;
 *     RT_TRY(rt__sums_add(&s, world, rank, &frame.body.checksum, &v));
 *     if (v.differ) ... v.ranks[0 .. v.count) computed something else ...
 *     rt__sums_release(&s);
 */
#ifndef RINGTORCH_COORDINATOR_SUMS_H
#define RINGTORCH_COORDINATOR_SUMS_H

#include <stdbool.h>
#include "common/messages.h"

enum { RT__SUMS_OPEN = 256, RT__SUMS_NAMED = 8 };

/* The sums of one thing that have come so far. */
typedef struct rt__sum {
    int64_t step, slice; /* slice -1: all parameters */
    int64_t answers;
    int64_t *value; /* [world]; of a slice: [0] its owner's, [1] the other's */
    int64_t *from;  /* [world] rank, -1: none yet */
} rt__sum;

typedef struct rt__sums {
    rt__sum open[RT__SUMS_OPEN]; /* [count], oldest first */
    int count;
    int64_t agreed_step; /* newest step at which all had the same parameters; -1: none */
    bool wrong; /* they differed once: what grew out of it may agree again, and means nothing */
} rt__sums;

typedef struct rt__verdict {
    bool complete; /* all answers are in */
    bool differ;
    int64_t ranks[RT__SUMS_NAMED]; /* that differ from most, or all if there is no majority */
    int count;
} rt__verdict;

/* Notes one answer; the same rank's second one changes nothing. When memory is out the check is left out. */
rt_status rt__sums_add(rt__sums *s, int64_t world, int64_t rank, const rt_msg_checksum *m,
                       rt__verdict *out);
/* Forgets what is open: its generation is over. */
void rt__sums_clear(rt__sums *s);
void rt__sums_release(rt__sums *s);

#endif
