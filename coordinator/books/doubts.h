/* Snapshots that must not be used, because their state is known to be wrong or may be. Pure. */
#ifndef RINGTORCH_COORDINATOR_BOOKS_DOUBTS_H
#define RINGTORCH_COORDINATOR_BOOKS_DOUBTS_H

#include <stdbool.h>
#include <stdint.h>

/* Rules out the snapshots of steps after `step` that generations up to `generation` left. */
typedef struct rt__doubt {
    int64_t generation; /* 0: no doubt */
    int64_t step;
} rt__doubt;

enum { RT__DOUBTS = 16 };

/* All doubts in force: a later doubt about later steps does not lift the earlier ones. Both numbers grow along the list. */
typedef struct rt__doubts {
    rt__doubt list[RT__DOUBTS];
    int count;
} rt__doubts;

/* Adds a doubt; its generation must not precede those in the list. When the list is full, the two oldest are merged into
 * one that rules out more. */
void rt__doubts_add(rt__doubts *d, rt__doubt doubt);
/* Is what a generation made of this step in doubt? */
bool rt__doubts_include(const rt__doubts *d, int64_t generation, int64_t step);
/* Returns the doubt that was added last, or zeros if there is none. */
static inline rt__doubt rt__doubts_last(const rt__doubts *d)
{
    return d->count > 0 ? d->list[d->count - 1] : (rt__doubt){0};
}

#endif
