/* Asks all hosts of a run, before it starts, whether they can take part in it, and finds the address at which they reach
 * this one. Each is asked once, through the remote shell, 32 at a time: `ringtorch-worker preflight` there tells its version,
 * whether it sees the same run directory, what time it has, and whether it can connect to the places where we listen
 * meanwhile.
 *
 *     rt__preflight p;
 *     RT_TRY(rt__preflight_run(&(rt__preflight_spec){.jobs = &jobs, .hosts = &hosts, .source = "hosts.txt",
 *                                                    .bind = "auto", .run_dir = "runs/x"}, &p));
 *     for (int64_t i = 0; i < p.count; i++)
 *         if (p.host[i].state != RT__HOST_FINE)
 *             printf("%s: %s: %s\n", p.host[i].name, p.host[i].finding, p.host[i].advice);
 *     listen(p.address);
 *     rt__preflight_release(&p);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_PREFLIGHT_H
#define RINGTORCH_LAUNCH_JOBS_PREFLIGHT_H

#include "launch/jobs/asked_host.h"
#include "launch/jobs/job.h"

/* All borrowed, during the call. */
typedef struct rt__preflight_spec {
    const rt__jobs *jobs;
    const rt__host_list *hosts;
    const char *source;  /* where they come from: "hosts.txt" */
    const char *bind;    /* control.bind; "auto": to be chosen */
    int64_t port;        /* control.port; 0: any */
    const char *run_dir; /* must be the same on all hosts; NULL: there is none */
    const char *worker;  /* a program that must be there, too; NULL: ringtorch-worker beside us */
} rt__preflight_spec;

typedef struct rt__preflight {
    rt__asked_host *host; /* [count] as in the list */
    int64_t count;
    int stopped_by; /* the signal that ended it early; 0: none. Stays after a failure */
    /* Where to listen; loopback if all hosts are this one; "": no host reaches us. */
    char address[256];
    char interface[RT__ROUTE_TEXT];
    rt__route candidate[RT__ROUTES_MOST]; /* [candidates] addresses that were tried */
    int candidates;
} rt__preflight;

/* Fails if there is no remote shell, if no address of this host comes into question, or if no thread can be started; with INTERRUPTED
 * if a signal comes that is held (rt_stop_signals_hold). What is wrong with single hosts is no failure. */
rt_status rt__preflight_run(const rt__preflight_spec *spec, rt__preflight *out);
void rt__preflight_release(rt__preflight *p);
/* Returns what was found out about a host; NULL: it was not asked. p may be NULL. */
const rt__asked_host *rt__preflight_find(const rt__preflight *p, const char *name);

#endif
