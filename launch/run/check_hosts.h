/* Whether a run can start on its hosts: judges what the preflight has found.
 *
 *     rt__host_list hosts;
 *     RT_TRY(rt__jobs_hosts(&jobs, hostfile, threads, &hosts));  // of the host file, or of the allocation
 *     rt__preflight p;
 *     RT_TRY(rt__check_hosts_of_run(&(rt__hosts_wanted){...}, &p));   // prints warnings; p.address: where to listen
 *     rt__preflight_release(&p);
 */
#ifndef RINGTORCH_LAUNCH_RUN_CHECK_HOSTS_H
#define RINGTORCH_LAUNCH_RUN_CHECK_HOSTS_H

#include "common/config/config.h"
#include "launch/jobs/preflight.h"

typedef struct rt__hosts_wanted {
    const rt_config *cfg;
    const rt__jobs *jobs;
    const rt__host_list *hosts;
    const char *worker, *run_dir;
    bool resumes; /* the directory holds a run, which goes on with the hosts that there are */
} rt__hosts_wanted;

/* Asks the hosts, and prints one line for each that something is wrong with. Fails with CONFIG if workers could not run on
 * one of them, or if those that cannot be reached leave too little room: less than the run wants, or for a run that resumes
 * none at all. The caller releases `out` if this succeeds. */
rt_status rt__check_hosts_of_run(const rt__hosts_wanted *wanted, rt__preflight *out);

#endif
