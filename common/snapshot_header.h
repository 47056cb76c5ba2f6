/* A snapshot: one rank's part of the state in a file of shared memory, which outlives the process.
 *
 *     rt_snapshot s;
 *     RT_TRY(rt_snapshot_open("/dev/shm/ringtorch-4f1c-g2-r0", &s));     // verified, or refused by name
 *     int slot = rt_snapshot_slot_at(&s, 417);
 *     RT_TRY(rt_snapshot_verify(&s, slot));                              // the checksum, if it has one
 *     RT_TRY(rt_snapshot_read(&s, slot, 0, s.about.begin, s.about.end, param + s.about.begin));
 *     rt_snapshot_close(&s);
 *
 * The file is a header of RT_SNAPSHOT_DATA bytes and two slots. A slot holds, one kind after the
 * other (the parameters, then each state of the optimiser), the elements [begin,end) that its rank
 * owns, as float32; each kind begins at a multiple of 64 bytes. Slots are written in turn, so that there is a whole one at every moment:
 *
 *     commit = 0;  data;  checksums;  commit = step + 1
 *
 * A process that is killed between two instructions leaves the slot it was writing empty and the
 * other one as it was. Step and state are one word, so no reader takes one for another's.
 *
 * The header's constant part has a checksum of its own. What follows it changes: the slots' words,
 * and the mark of where the rank last moved, for whoever asks afterwards what it was doing.
 *
 * The last evaluations of the rank follow, each with a checksum of its own, so that one the rank was writing when it was
 * killed does not count. They are known to the coordinator as well, unless it died before it had written them down.
 *
 * A file is read with pread, never mapped: one that is cut short under the reader's hands gives an
 * error and no signal. Who writes it holds a shared lock (flock) for as long as he lives. */
#ifndef RINGTORCH_COMMON_SNAPSHOT_HEADER_H
#define RINGTORCH_COMMON_SNAPSHOT_HEADER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <ringtorch/status.h>
#include "common/best.h"

enum {
    RT_SNAPSHOT_VERSION = 2,
    RT_SNAPSHOT_SLOTS = 2,
    RT_SNAPSHOT_KINDS_MAX = 8,
    RT_SNAPSHOT_EVALUATIONS =
        32, /* that are kept; what the older ones mean for the best is in the newer */
    RT_SNAPSHOT_DATA = 32768, /* bytes before the first slot */
    RT_SNAPSHOT_PIECE =
        1 << 15, /* bytes that go into the checksum at a time: they fit a first-level
                                     cache, so that who copies them hashes them for next to nothing */
};

/* What a snapshot is of; it never changes. */
typedef struct rt_snapshot_about {
    char run[64];       /* run id */
    char run_dir[4096]; /* absolute */
    int64_t generation, rank;
    int64_t begin, end; /* the elements of the flat buffers that this rank owns */
    int64_t count;      /* elements of the flat buffers in all */
    int64_t kinds;
    char kind[RT_SNAPSHOT_KINDS_MAX][32]; /* "param", "exp_avg", ... */
    char layout_hash[72], config_hash[72];
} rt_snapshot_about;

/* ---- as it lies in the file ---- */

/* commit: 1 + the steps after which this was the state; 0: empty. */
typedef struct rt_snapshot_slot {
    _Alignas(64) _Atomic int64_t commit;
    _Atomic uint64_t checksum[RT_SNAPSHOT_KINDS_MAX]; /* of each kind's bytes */
} rt_snapshot_slot;

/* Where the rank last moved: steps finished, slice (-1: none), phase as in PROGRESS. */
typedef struct rt_snapshot_mark {
    _Alignas(64) _Atomic int64_t step;
    _Atomic int64_t slice, phase;
} rt_snapshot_mark;

/* An evaluation of this rank's; step 0: none. */
typedef struct rt_snapshot_evaluation {
    rt_evaluated figures;
    uint64_t checksum; /* XXH3-64 of the figures */
} rt_snapshot_evaluation;

typedef struct rt_snapshot_header {
    char magic[8];
    int64_t version, file_bytes;
    rt_snapshot_about about;
    uint64_t checksum; /* XXH3-64 of all that precedes */
    rt_snapshot_slot slot[RT_SNAPSHOT_SLOTS];
    rt_snapshot_mark mark;
    rt_snapshot_evaluation evaluation[RT_SNAPSHOT_EVALUATIONS];
} rt_snapshot_header;

/* Returns the bytes of one kind in a slot, where it begins in the file, and the bytes of the file. */
size_t rt_snapshot_kind_bytes(const rt_snapshot_about *a);
size_t rt_snapshot_offset(const rt_snapshot_about *a, int slot, int kind);
size_t rt_snapshot_file_bytes(const rt_snapshot_about *a);
/* Returns the checksum of what came before of a kind and `len` more bytes: a chain of XXH3-64 that
 * begins with 0. All pieces but a kind's last are of RT_SNAPSHOT_PIECE bytes. */
uint64_t rt_snapshot_checksum(uint64_t before, const void *data, size_t len);

/* ---- writing ---- */

/* Makes a file with empty slots (mode 0600) and locks it; *fd is open for reading and writing and
 * holds the lock until it is closed. NOSPACE if there is no room for the header, EXISTS if the name
 * is taken; then no file is left behind. Quick, because nothing is allocated but the header. */
rt_status rt_snapshot_create(const char *path, const rt_snapshot_about *a, int *fd);
/* Allocates the slots, without which writing into them may kill the process (SIGBUS). NOSPACE if
 * there is no room; the file stays as it was. */
rt_status rt_snapshot_allocate(int fd, const char *path, const rt_snapshot_about *a);

/* Puts an evaluation in place of the oldest one. May be killed at any point. */
void rt_snapshot_put_evaluation(rt_snapshot_header *h, const rt_evaluated *e);

/* ---- reading ---- */

typedef struct rt_snapshot {
    char *path;
    int fd;
    rt_snapshot_about about;
    struct {
        int64_t step; /* -1: empty */
        uint64_t checksum[RT_SNAPSHOT_KINDS_MAX];
    } slot[RT_SNAPSHOT_SLOTS]; /* as found when it was opened */
    struct {
        int64_t step, slice, phase;
    } mark;
    rt_evaluated evaluation[RT_SNAPSHOT_EVALUATIONS]; /* [evaluations], in no order */
    int evaluations;
} rt_snapshot;

/* Opens and verifies all but the slots' data. Refused, with file and field named: a link or
 * anything else that is no file, another owner, open to others (ARG), truncated or altered
 * (CORRUPT), of another version or another name than it had (MISMATCH). */
rt_status rt_snapshot_open(const char *path, rt_snapshot *out);
void rt_snapshot_close(rt_snapshot *s);
/* Returns the slot that holds a step, or the newest one; -1: none. */
int rt_snapshot_slot_at(const rt_snapshot *s, int64_t step);
int rt_snapshot_newest(const rt_snapshot *s);
/* Compares the data with their checksums. CORRUPT, with file, step and kind named, if one differs,
 * or if the slot was written anew meanwhile. */
rt_status rt_snapshot_verify(const rt_snapshot *s, int slot);
/* Copies elements [begin,end) of one kind, which must be among those it has, to `to`. Fails as
 * rt_snapshot_verify does. */
rt_status rt_snapshot_read(const rt_snapshot *s, int slot, int kind, int64_t begin, int64_t end,
                           float *to);

#endif
