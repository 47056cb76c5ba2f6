/* How often what has failed is started again: one rule, for generations of workers (which the coordinator counts) and
 * for the coordinator (which the launcher counts).
 *
 *     rt_restarts r = {.most = cfg->run.max_restarts, .pause_most = 30};
 *     rt_restarts_step(&r, 417);                   // whenever steps are known to be made
 *     ...                                          // it has failed:
 *     if (!rt_restarts_failed(&r))
 *         give_up(r.count);
 *     not_before = now + rt_restarts_pause(&r);
 *
 * Failures count in a row. They are forgiven once RT_RESTARTS_SOUND_STEPS steps have been made after the last: a run of
 * weeks loses processes all the time, and what must be stopped is the one that cannot get on. Two in a row may be chance
 * and are answered at once; from the third on the pause before the next start doubles. */
#ifndef RINGTORCH_COMMON_RESTARTS_H
#define RINGTORCH_COMMON_RESTARTS_H

#include <stdbool.h>
#include <stdint.h>

enum { RT_RESTARTS_SOUND_STEPS = 20 };

typedef struct rt_restarts {
    int64_t most;      /* run.max_restarts; 0: the first failure is the last */
    double pause_most; /* seconds */
    int64_t count;     /* failures in a row that were answered by a restart */
    int64_t from;      /* the first step heard of after the last of them; -1: none yet */
} rt_restarts;

/* Counts a failure. False if there have been too many: give up. */
bool rt_restarts_failed(rt_restarts *r);
/* Returns how many seconds to wait before the next start. */
double rt_restarts_pause(const rt_restarts *r);
/* Takes note that the run is at that step. True if the failures so far are forgiven by it. */
bool rt_restarts_step(rt_restarts *r, int64_t step);

#endif
