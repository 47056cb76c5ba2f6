/* Who holds the others up. Pure.
 *
 *     rt__trouble t;
 *     if (rt__health_look(&roster, now, awake_since, &t))
 *         ... rank t.rank is silent or does not move; rt__health_tell(&roster, &t, text, size) says it in a line ...
 *
 * A worker is silent when nothing has been heard of it for RT__SILENT_SECONDS, and stalled when it has not moved for
 * that long and for RT__STALL_FACTOR times as long as its phase usually takes. One that computes (its processor time grows)
 * in a phase of which nothing is known yet is given RT__COMPUTE_SECONDS. One that waits for another is a victim: it is named
 * only when all wait, which is a wedged collective. */
#ifndef RINGTORCH_COORDINATOR_HEALTH_H
#define RINGTORCH_COORDINATOR_HEALTH_H

#include "coordinator/members.h"

enum {
    RT__SILENT_SECONDS = 3,
    RT__STALL_FACTOR = 8,
    RT__COMPUTE_SECONDS = 600,
    RT__HOST_LOST_SECONDS = 5, /* a host of whose workers none is heard */
    RT__ACT_SECONDS = 10,      /* stall_action: restart */
    RT__ACT_DISK_SECONDS = 60, /* the same in phases that wait for a disk */
};

typedef struct rt__trouble {
    int64_t rank;
    bool silent;
    bool wedged;    /* it waits for a rank that waits as well */
    double seconds; /* how long */
} rt__trouble;

/* Finds the worker that holds up the rest. awake_since: the coordinator itself could not listen before. */
bool rt__health_look(const rt__roster *r, double now, double awake_since, rt__trouble *out);
/* Is it time to act on it? */
bool rt__health_must_act(const rt__roster *r, const rt__trouble *t);
/* Returns true if all unfinished workers on that rank's host have been silent for RT__HOST_LOST_SECONDS while a worker
 * elsewhere was heard, and none is silent on the coordinator's own host, `here`. */
bool rt__health_host_lost(const rt__roster *r, int64_t rank, const char *here, double now,
                          double awake_since);
/* Is it silent (and not finished)? */
bool rt__health_silent(const rt__member *m, double now, double awake_since);

/* Writes "rank 1 on h1 (pid 17) at step 57 has not been heard of for 3.2 s, last in forward (conv2d); ranks 0, 2 wait". */
void rt__health_tell(const rt__roster *r, const rt__trouble *t, char *text, size_t size);

#endif
