/* Keeps the newest states in shared memory, where they outlive this process.
 *
 *     rt__snapshot_args a = {.dir = "/dev/shm", .about = &about, .kind = {param, exp_avg, exp_avg_sq},
 *                            .progress = &progress};
 *     RT_TRY(rt__snapshot_start(&a, &s));     // a thread reserves the memory in the background
 *     ... a step, in which rt__snapshot_part is called for the updated parts ...
 *     rt__snapshot_take(s, 417);              // keeps what this rank owns, whole or not at all
 *     if (*rt__snapshot_trouble(s)) ...       // there are no snapshots, but training goes on
 *     rt__snapshot_end(s);                    // the file stays
 *
 * From the start the progress is mirrored into the file, so that after this rank's death its last place is known. All
 * calls must come from the computing thread. After the first take nothing is allocated and no page is touched for the
 * first time.
 *
 * A snapshot costs one pass over the owned parameters and optimiser states at the speed of memory, or half of that if
 * they are handed over in parts while they are in the cache; bench/bench_snapshot.c measures both. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_H
#define RINGTORCH_WORKER_SNAPSHOT_H

#include "common/state/snapshot_list.h"
#include "worker/comm/comm.h"
#include "worker/progress.h"
#include <stdbool.h>

typedef struct rt__snapshot_args {
    const char *dir;                /* directory of snapshots */
    const rt_snapshot_about *about; /* what it holds */
    rt_snapshot_what what;          /* RT_SNAPSHOT_COPY for a rank of another host */
    /* [about->kinds] flat buffers of about->count elements, of which [about->begin, about->end) are kept. Unused for a
     * copy, whose slots are filled with data from another rank. */
    rt_buf kind[RT_SNAPSHOT_KINDS_MAX];
    double keep_free; /* bytes to leave free for memory mapped but not yet filled by others */
    /* How many files of this size the directory may have to hold: if it has too little room, the advice is for so many. */
    int64_t files;
    rt__progress *progress; /* is mirrored into the file; may be NULL */
} rt__snapshot_args;

typedef struct rt__snapshot rt__snapshot;

/* Creates the file and starts the thread that reserves its memory. Borrows buffers and progress until the end. Fails,
 * naming the file, if it cannot be created, and with UNSUPPORTED for a kind that is not float32, because the format has
 * no other type. */
rt_status rt__snapshot_start(const rt__snapshot_args *a, rt__snapshot **out);
/* Copies the owned ones of the elements [begin,end) of the flat buffers for the next take. Parts must come in order and
 * without gaps, and each but the last must be a multiple of 8192 elements. A part that contains the first owned element
 * starts over. */
void rt__snapshot_part(rt__snapshot *s, int64_t begin, int64_t end);
/* Keeps the state after `step` steps, replacing the older of the two kept ones; returns false if there is trouble.
 * Copies the owned elements, unless all of them have come in parts since the last take. The first take or part waits
 * for the thread. */
bool rt__snapshot_take(rt__snapshot *s, int64_t step);

/* Stores an evaluation in the file, so that it survives if this process and the coordinator both die before the
 * coordinator has received it. Call it before the next take. */
void rt__snapshot_evaluated(rt__snapshot *s, const rt_evaluated *e);

/* Waits for the thread and returns whether snapshots can be kept; the answer does not change later. */
bool rt__snapshot_ready(rt__snapshot *s);

/* The contents of one slot: the bytes of all kinds as laid out in the file, and their checksums. */
typedef struct rt__snapshot_view {
    int64_t step;
    void *data;
    size_t bytes;
    uint64_t checksum[RT_SNAPSHOT_KINDS_MAX];
} rt__snapshot_view;
/* Fills in the state that was taken or committed last; returns false if there is none. */
bool rt__snapshot_last(const rt__snapshot *s, rt__snapshot_view *out);
/* Empties the older slot and fills in its place in memory (step and checksums stay unset); returns false if there is
 * trouble. */
bool rt__snapshot_begin(rt__snapshot *s, rt__snapshot_view *out);
/* Commits the slot that rt__snapshot_begin emptied, with the step and checksums in *v. */
void rt__snapshot_commit(rt__snapshot *s, const rt__snapshot_view *v);

/* Returns why no snapshots can be taken, or "" if no reason is known so far. Borrowed until the end. */
const char *rt__snapshot_trouble(const rt__snapshot *s);
/* Logs how many were taken and what they cost, and closes the file. `s` may be NULL. */
void rt__snapshot_end(rt__snapshot *s);

/* Copies `bytes` with stores that bypass the caches, because nobody will read the copy soon. Returns the same checksum
 * as rt_snapshot_checksum of the same bytes in pieces. `to` must be aligned to 64 bytes. */
uint64_t rt__snapshot_copy(void *to, const void *from, size_t bytes, uint64_t checksum);

#endif
