/* Keeping the newest states in shared memory, where they outlive this process.
 *
 *     rt__snapshot_args a = {.dir = "/dev/shm", .about = &about, .kind = {param, exp_avg, exp_avg_sq},
 *                            .progress = &progress};
 *     RT_TRY(rt__snapshot_start(&a, &s));     // a thread reserves the memory meanwhile
 *     ... a step, in which rt__snapshot_part is called for what has been updated ...
 *     rt__snapshot_take(s, 417);              // keeps what this rank owns; whole or not at all
 *     if (*rt__snapshot_trouble(s)) ...       // there are no snapshots, and training goes on
 *     rt__snapshot_end(s);                    // the file stays
 *
 * From the start on, progress->mark points into the file, so that where this rank was last is known
 * after its death. All calls from the computing
 * thread. After the first take nothing is allocated and no page is touched for the first time.
 *
 * A snapshot costs one pass over the owned parameters and optimiser states at the speed of memory,
 * or half of it if they are handed over in parts while they are in the cache;
 * bench/bench_snapshot.c measures both. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_H
#define RINGTORCH_WORKER_SNAPSHOT_H

#include <stdbool.h>
#include "common/snapshot_list.h"
#include "worker/progress.h"

typedef struct rt__snapshot_args {
    const char *dir;                /* where snapshots lie */
    const rt_snapshot_about *about; /* what it is of */
    rt_snapshot_what what;          /* RT_SNAPSHOT_COPY: of a rank of another host */
    /* [about->kinds] flat buffers [about->count], of which [about->begin, about->end) is kept. None
     * for a copy, whose slots are filled from elsewhere. */
    const float *kind[RT_SNAPSHOT_KINDS_MAX];
    double keep_free;       /* bytes to leave to others who have not filled what they map yet */
    rt__progress *progress; /* gets the mark; NULL: nobody does */
} rt__snapshot_args;

typedef struct rt__snapshot rt__snapshot;

/* Makes the file and starts the thread that reserves its memory. Buffers and progress are borrowed
 * until the end. Fails if the file cannot be made, naming it. */
rt_status rt__snapshot_start(const rt__snapshot_args *a, rt__snapshot **out);
/* Copies elements [begin,end) of the flat buffers, those that are owned, for the take that follows.
 * Parts come in order, without gaps, and each but the last is a multiple of 8192 elements; the first
 * owned element begins anew. */
void rt__snapshot_part(rt__snapshot *s, int64_t begin, int64_t end);
/* Keeps the state after `step` steps in place of the older of the two that are kept; returns false
 * if there is trouble. Copies what is owned, unless all of it has come in parts since the last take.
 * The first take or part waits for the thread. */
bool rt__snapshot_take(rt__snapshot *s, int64_t step);

/* Leaves word of an evaluation, for whoever comes after this process and a coordinator that died before it had heard of
 * it. Before the next take. */
void rt__snapshot_evaluated(rt__snapshot *s, const rt_evaluated *e);

/* Waits for the thread; returns whether snapshots can be kept, which then stays so. */
bool rt__snapshot_ready(rt__snapshot *s);

/* One slot's contents: the bytes of all kinds as they lie in the file, and their checksums. */
typedef struct rt__snapshot_view {
    int64_t step;
    void *data;
    size_t bytes;
    uint64_t checksum[RT_SNAPSHOT_KINDS_MAX];
} rt__snapshot_view;
/* What was taken or committed last; false if nothing was. */
bool rt__snapshot_last(const rt__snapshot *s, rt__snapshot_view *out);
/* Empties the older slot and returns the place to fill (step and checksums are unset); false if
 * there is trouble. */
bool rt__snapshot_begin(rt__snapshot *s, rt__snapshot_view *out);
/* Commits what was begun, with the step and checksums now in *v. */
void rt__snapshot_commit(rt__snapshot *s, const rt__snapshot_view *v);

/* Returns why no snapshots can be taken, "" as far as is known now. Borrowed until the end. */
const char *rt__snapshot_trouble(const rt__snapshot *s);
/* Logs how many were taken and what they cost, and lets go of the file. NULL is fine. */
void rt__snapshot_end(rt__snapshot *s);

/* Copies `bytes` past the caches, which nobody is going to read, and returns the checksum that
 * rt_snapshot_checksum gives for the same bytes in pieces. `to`: at a multiple of 64. */
uint64_t rt__snapshot_copy(void *to, const void *from, size_t bytes, uint64_t checksum);

#endif
