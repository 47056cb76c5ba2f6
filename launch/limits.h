/* Limits of this process (setrlimit, ulimit) that no run can live with. Under them libraries crash or wait
 * for ever, so they are named before anything is started.
 *
 *     RT_TRY(rt__limits_check(cfg.parallel.workers));
 */
#ifndef RINGTORCH_LAUNCH_LIMITS_H
#define RINGTORCH_LAUNCH_LIMITS_H

#include <stdint.h>
#include <ringtorch/status.h>

/* UNSUPPORTED names the limit, what it is and what is needed. workers: processes that will run here. */
rt_status rt__limits_check(int64_t workers);

/* Tells, on standard error, of a limit that a run meets only after a while: that of processor time. */
void rt__limits_tell(void);

#endif
