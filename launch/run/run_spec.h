/* What a run is started with, and what has become of it.
 *
 *     rt__run_spec spec = {.cfg = &cfg, .rundir = &dir, .jobs = &jobs, .resume = "never", ...};
 *     rt__outcome end = rt__supervise(&spec);
 *     if (end.exit_code != 0) puts(end.message);
 */
#ifndef RINGTORCH_LAUNCH_RUN_RUN_SPEC_H
#define RINGTORCH_LAUNCH_RUN_RUN_SPEC_H

#include "common/config/config.h"
#include "common/control/messages.h"
#include "launch/jobs/job.h"
#include "launch/jobs/preflight.h"
#include "launch/run/rundir.h"

typedef struct rt__run_spec {
    const rt_config *cfg;
    const rt__rundir *rundir;
    const rt__jobs *jobs;
    const rt__host_list *hosts; /* where workers may run, as rt__jobs_hosts returns it */
    const char *idle; /* a line that says which of their slots no worker takes; "" or NULL: none */
    /* Of its hosts, with the address to listen on; NULL: only this host. */
    const rt__preflight *preflight;
    /* where the coordinator listens, "10.0.0.1,172.17.0.1"; "" or NULL: at preflight's */
    const char *addresses;
    const char *coordinator, *worker; /* programs */
    const char *resume;
    double started;
    bool json;
} rt__run_spec;

typedef struct rt__outcome {
    int exit_code;
    bool stepped; /* at least one step was made */
    bool refused; /* the coordinator left before it listened, and has told the user why */
    bool kept;    /* the run ended without its coordinator, so its snapshots are still there */
    bool gone;    /* the run directory was removed or renamed */
    char *moved;  /* where it was renamed to (rt_mem_free); NULL: it was not renamed */
    rt_next next;
    char message[2048]; /* why the run failed; "" if it did not */
} rt__outcome;

#endif
