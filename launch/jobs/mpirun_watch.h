/* Watches mpirun and its ranks on this host, and ends them. */
#ifndef RINGTORCH_LAUNCH_JOBS_MPIRUN_WATCH_H
#define RINGTORCH_LAUNCH_JOBS_MPIRUN_WATCH_H

#include "launch/jobs/mpirun.h"

/* Watches the ranks on this host. When one fails, kills the others. */
void rt__mpirun_watch(rt__mpirun *m);
double rt__mpirun_patience(const rt__mpirun *m);
/* Tells mpirun to end, which kills its ranks and removes their files. */
void rt__mpirun_end(rt__mpirun *m);
/* Returns whether mpirun should have ended by now but has not. */
bool rt__mpirun_overdue(const rt__mpirun *m);
/* Returns whether mpirun itself may have ended a rank with this wait status, because another rank that we do not see had
 * failed. */
bool rt__mpirun_may_have_ended(const rt__mpirun *m, int wait_status);

#endif
