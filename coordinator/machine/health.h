/* Finds the worker that holds up the others. Pure.
 *
 *     rt__trouble t;
 *     if (rt__health_find_trouble(&roster, now, awake_since, &t))
 *         ... rank t.rank is silent or does not move; rt__health_describe(&roster, &t, text, size) describes it ...
 *
 * A worker is silent if nothing has arrived from it for RT__SILENT_SECONDS, and stalled if it has not moved for that long and for
 * RT__STALL_FACTOR times as long as its phase usually takes. If it computes (its CPU time grows) in a phase whose usual time is not
 * known yet, it gets RT__COMPUTE_SECONDS. A worker that waits for another is a victim: it is named only if all wait, which means that a
 * collective is wedged. One worker is named at a time: one that is silent before one that is stalled, and the longest first. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_HEALTH_H
#define RINGTORCH_COORDINATOR_MACHINE_HEALTH_H

#include "coordinator/machine/members.h"

enum {
    RT__SILENT_SECONDS = 3,
    RT__STALL_FACTOR = 8,
    RT__COMPUTE_SECONDS = 600,
    RT__HOST_LOST_SECONDS = 5, /* all workers of a lost host have been silent this long */
    RT__ACT_SECONDS = 10,      /* stall_action: restart */
    RT__ACT_DISK_SECONDS = 60, /* the same, in phases that wait for a disk */
};

typedef struct rt__trouble {
    int64_t rank;
    bool silent;
    bool wedged;    /* all ranks wait, and it is the furthest behind */
    double seconds; /* for how long */
} rt__trouble;

/* Finds the worker that holds up the others. Returns false if there is none. awake_since: before that time the coordinator was not
 * running, and could receive nothing. */
bool rt__health_find_trouble(const rt__roster *r, double now, double awake_since, rt__trouble *out);
/* Has the trouble lasted long enough for stall_action? */
bool rt__health_must_act(const rt__roster *r, const rt__trouble *t);
/* Returns true if all unfinished workers on that rank's host have been silent for RT__HOST_LOST_SECONDS, while a worker elsewhere was
 * not, and no worker on the coordinator's own host, `here`, is silent. */
bool rt__health_host_lost(const rt__roster *r, int64_t rank, const char *here, double now,
                          double awake_since);
/* Is the worker silent (and not finished)? */
bool rt__health_silent(const rt__member *m, double now, double awake_since);

/* Writes "rank 1 on h1 (pid 17) at step 57 has sent nothing for 3.2 s, last in forward (conv2d); ranks 0, 2 wait". */
void rt__health_describe(const rt__roster *r, const rt__trouble *t, char *text, size_t size);

#endif
