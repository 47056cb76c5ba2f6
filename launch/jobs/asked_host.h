/* What the preflight has found out about one host.
 *
 *     if (h.state != RT__HOST_FINE)
 *         printf("%s: %s: %s\n", h.name, h.finding, h.advice);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_ASKED_HOST_H
#define RINGTORCH_LAUNCH_JOBS_ASKED_HOST_H

#include "common/base/os/os.h"
#include "launch/jobs/hosts.h"
#include "launch/jobs/own_address.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum rt__host_state {
    RT__HOST_FINE,
    RT__HOST_AWAY,  /* it cannot be reached, or cannot reach us: a run may go on without it */
    RT__HOST_UNFIT, /* workers would fail on it: it lacks the program or the run directory */
} rt__host_state;

enum { RT__HOST_FINDING = 1152, RT__HOST_ADVICE = 2048 }; /* a finding has room for an error */

typedef struct rt__asked_host {
    char name[RT__HOST_NAME];
    int64_t slots, line; /* line of the host file; 0: none */
    bool here;           /* it is this host, which is not asked */
    rt__host_state state;
    char finding[RT__HOST_FINDING], advice[RT__HOST_ADVICE]; /* what is wrong, what to do; or "" */
    char called[RT__HOST_NAME];  /* its own name for itself; "": unknown */
    char machine[RT_OS_MACHINE]; /* as rt_os_machine; "": unknown */
    double ahead, uncertain;     /* seconds: its clock against ours */
    rt__route route;             /* of this host to it; address "": unknown */
    uint64_t reaches;            /* bit i: it has reached candidate i */
    int64_t shm_bytes;           /* free in its /dev/shm; -1: unknown */
} rt__asked_host;

enum { RT__CLOCK_TEXT = 128 };
/* Returns whether its clock is so far off that logs of both hosts cannot be compared; `out` then says so. */
bool rt__asked_host_clock_is_off(const rt__asked_host *h, char out[RT__CLOCK_TEXT]);
/* What to do about that. */
#define RT__CLOCK_ADVICE "set it, as in: chronyc makestep"

#endif
