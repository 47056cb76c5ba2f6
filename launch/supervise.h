/* A run as its launcher sees it: the coordinator, one MPI job after another, signals, messages.
 *
 *     rt__run_spec spec = {.cfg = &cfg, .rundir = &dir, .mpirun = "/usr/bin/mpirun", ...};
 *     rt__outcome end = rt__supervise(&spec);
 *
 * The launcher owns processes and decides nothing: jobs start and end as the coordinator says
 * (generations.h), and a coordinator that dies is started again (coordinator_process.h). */
#ifndef RINGTORCH_LAUNCH_SUPERVISE_H
#define RINGTORCH_LAUNCH_SUPERVISE_H

#include "common/config.h"
#include "common/messages.h"
#include "launch/rundir.h"

typedef struct rt__run_spec {
    const rt_config *cfg;
    const rt__rundir *rundir;
    const char *mpirun, *coordinator, *worker; /* programs */
    const char *resume;
    double started;
    bool json;
} rt__run_spec;

typedef struct rt__outcome {
    int exit_code;
    bool stepped; /* at least one step was made */
    bool refused; /* the coordinator has told the user why, or will not: print nothing more */
    bool kept;    /* it ended without its coordinator: its snapshots are still there */
    bool gone;    /* so is its run directory */
    char *moved;  /* where that is now; NULL: where it was; free with rt_mem_free */
    rt_next next;
    char message[2048]; /* why it failed; "" if it did not */
} rt__outcome;

/* Runs it to its end. When it returns, every process it started is gone. */
rt__outcome rt__supervise(const rt__run_spec *spec);

#endif
