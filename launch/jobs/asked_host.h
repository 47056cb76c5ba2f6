/* What the preflight has found out about one host.
 *
 *     if (h.state != RT__HOST_FINE)
 *         printf("%s: %s: %s\n", h.name, h.finding, h.advice);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_ASKED_HOST_H
#define RINGTORCH_LAUNCH_JOBS_ASKED_HOST_H

#include "launch/jobs/hosts.h"
#include "launch/jobs/own_address.h"
#include <stdbool.h>
#include <stdint.h>

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

#endif
