/* How often a failed process is restarted. One rule serves generations of workers (counted by the coordinator) and the
 * coordinator itself (counted by the launcher).
 *
 *     rt_restarts r = {.most = cfg->run.max_restarts, .pause_most = 30};
 *     rt_restarts_step(&r, 417);                   // whenever a step is known to be complete
 *     ...                                          // after a failure:
 *     if (!rt_restarts_failed(&r))
 *         give_up(r.count);
 *     not_before = now + rt_restarts_pause(&r);
 *
 * Only failures in a row count. They are forgiven once RT_RESTARTS_SOUND_STEPS steps have been made since the last one:
 * a run of weeks loses processes all the time, and only a run that makes no progress must be stopped. Two in a row may
 * be chance, so the restart follows at once; from the third on the pause before it doubles each time. */
#ifndef RINGTORCH_COMMON_BASE_RESTARTS_H
#define RINGTORCH_COMMON_BASE_RESTARTS_H

#include <stdbool.h>
#include <stdint.h>

enum { RT_RESTARTS_SOUND_STEPS = 20 };

typedef struct rt_restarts {
    int64_t most;      /* run.max_restarts; 0: the first failure is the last */
    double pause_most; /* seconds */
    int64_t count;     /* failures in a row that led to a restart */
    int64_t from;      /* the first step reported since the last of them; -1 if none yet */
} rt_restarts;

/* Counts a failure. Returns false if there have been too many and the caller must give up. */
bool rt_restarts_failed(rt_restarts *r);
/* Returns how many seconds to wait before the next start. */
double rt_restarts_pause(const rt_restarts *r);
/* Records that the run has reached this step. Returns true if that forgives the failures so far. */
bool rt_restarts_step(rt_restarts *r, int64_t step);

#endif
