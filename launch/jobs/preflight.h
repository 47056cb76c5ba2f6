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

#include "launch/jobs/control_address.h"
#include "launch/jobs/hosts.h"

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

typedef enum rt__host_state {
    RT__HOST_FINE,
    RT__HOST_AWAY,  /* it cannot be reached, or cannot reach us: a run may go on without it */
    RT__HOST_UNFIT, /* workers would fail on it: it lacks the program or the run directory */
} rt__host_state;

typedef struct rt__asked_host {
    char name[RT__HOST_NAME];
    int64_t slots, line; /* line of the host file; 0: none */
    bool here;           /* it is this host, which is not asked */
    rt__host_state state;
    char finding[512], advice[512]; /* what is wrong, and what to do; "" if it is fine */
    char called[RT__HOST_NAME];     /* its own name for itself; "": unknown */
    double ahead, uncertain;        /* seconds: its clock against ours */
    rt__route route;                /* of this host to it; address "": unknown */
    uint64_t reaches;               /* bit i: it has reached candidate i */
    int64_t shm_bytes;              /* free in its /dev/shm; -1: unknown */
} rt__asked_host;

typedef struct rt__preflight {
    rt__asked_host *host; /* [count] as in the list */
    int64_t count;
    /* Where to listen; loopback if all hosts are this one; "": no host reaches us. */
    char address[256];
    char interface[RT__ROUTE_TEXT];
    rt__route candidate[RT__ROUTES_MOST]; /* [candidates] addresses that were tried */
    int candidates;
} rt__preflight;

/* Fails if there is no remote shell, or if no address of this host comes into question. What is wrong with single hosts is
 * no failure. */
rt_status rt__preflight_run(const rt__preflight_spec *spec, rt__preflight *out);
void rt__preflight_release(rt__preflight *p);
/* Returns what was found out about a host; NULL: it was not asked. p may be NULL. */
const rt__asked_host *rt__preflight_find(const rt__preflight *p, const char *name);

#endif
