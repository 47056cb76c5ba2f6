/* Compares hashes of data that must have the same bits wherever it is computed. Pure.
 *
 *     rt__sums s = {0};
 *     rt__verdict v;
 *     RT_TRY(rt__sums_add(&s, world, rank, &frame.body.checksum, &v));
 *     if (v.differ) ... v.ranks[0 .. v.count) computed different bits ...
 *     rt__sums_release(&s);
 */
#ifndef RINGTORCH_COORDINATOR_MACHINE_SUMS_H
#define RINGTORCH_COORDINATOR_MACHINE_SUMS_H

#include "common/control/messages.h"
#include <stdbool.h>

enum { RT__SUMS_OPEN = 256, RT__SUMS_NAMED = 8 };

/* The sums of one slice, or of all parameters, that have arrived so far. */
typedef struct rt__sum {
    int64_t step, slice; /* slice -1: all parameters */
    int64_t answers;
    int64_t *value; /* [world]; of a slice: [0] from its owner, [1] from the other rank */
    int64_t *from;  /* ranks of the values, -1: none yet */
} rt__sum;

typedef struct rt__sums {
    rt__sum open[RT__SUMS_OPEN]; /* [count], oldest first */
    int count;
    int64_t agreed_step; /* newest step at which all had the same parameters; -1: none */
    bool wrong; /* they differed once: later agreement means nothing, as all may share the fault */
} rt__sums;

typedef struct rt__verdict {
    bool complete; /* all answers have arrived */
    bool differ;
    int64_t ranks[RT__SUMS_NAMED]; /* that differ from the majority, or all if there is none */
    int count;
} rt__verdict;

/* Takes one rank's answer; a second answer of the same rank changes nothing. If this fails, memory ran out and the sum is not compared. */
rt_status rt__sums_add(rt__sums *s, int64_t world, int64_t rank, const rt_msg_checksum *m,
                       rt__verdict *out);
/* Forgets all open sums, once their generation has ended. */
void rt__sums_clear(rt__sums *s);
void rt__sums_release(rt__sums *s);

#endif
