/* Refuses limits of this process (setrlimit, ulimit) that are too low for any run. Under them libraries crash or hang,
 * so we name the limit before anything is started.
 *
 *     RT_TRY(rt__limits_check(cfg.parallel.workers));
 */
#ifndef RINGTORCH_LAUNCH_RUN_LIMITS_H
#define RINGTORCH_LAUNCH_RUN_LIMITS_H

#include <ringtorch/status.h>
#include <stdint.h>

/* Fails with UNSUPPORTED if a limit is too low; the message names the limit, its value and the value needed.
 * workers: processes that will run on this host. */
rt_status rt__limits_check(int64_t workers);

/* Warns on standard error about the limit on processor time, which a run reaches only after a while. */
void rt__limits_warn(void);

#endif
