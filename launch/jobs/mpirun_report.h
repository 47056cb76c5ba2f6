/* Finds out how a job of mpirun has ended, from what we saw of its ranks, mpirun's exit status and its log. */
#ifndef RINGTORCH_LAUNCH_JOBS_MPIRUN_REPORT_H
#define RINGTORCH_LAUNCH_JOBS_MPIRUN_REPORT_H

#include "launch/jobs/mpirun.h"

/* Fills `report` with how the job ended. wait_status must be mpirun's. */
void rt__mpirun_judge(rt__mpirun *m);
/* Records which host was lost, if the inquest has found it out. */
void rt__mpirun_set_lost_host(rt__mpirun *m, const char *host);

#endif
