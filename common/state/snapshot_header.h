/* A snapshot: one rank's part of the state, in a file in shared memory that outlives the process.
 *
 *     rt_snapshot s;
 *     RT_TRY(rt_snapshot_open("/dev/shm/ringtorch-4f1c-g2-r0", &s));     // verified; errors name the file
 *     int slot = rt_snapshot_slot_at(&s, 417);
 *     RT_TRY(rt_snapshot_verify(&s, slot));                              // compares the checksums
 *     RT_TRY(rt_snapshot_read(&s, slot, 0, s.about.begin, s.about.end, param + s.about.begin));
 *     rt_snapshot_close(&s);
 *
 * The file is a header of RT_SNAPSHOT_DATA bytes and two slots. A slot holds, one kind after the other (the parameters,
 * then each state of the optimiser), the elements [begin,end) that its rank owns, as float32; each kind begins at a
 * multiple of 64 bytes. Slots are written in turn, so one of them is whole at every moment:
 *
 *     commit = 0;  data;  checksums;  commit = step + 1
 *
 * A process that is killed between two instructions leaves the slot it was writing empty and the other one untouched.
 * The step and the mark that the slot is valid are one word, so no reader can combine the data of one step with the
 * number of another.
 *
 * The constant part of the header has a checksum of its own. The part behind it changes: the slots' words, and the mark
 * of where the rank last made progress, which shows after its death what it was doing.
 *
 * Then come the rank's last evaluations, each with its own checksum, so that one that the rank was writing when it was
 * killed does not count. The coordinator has them as well, unless it died before it had journaled them.
 *
 * Readers use pread and never map the file: if it is truncated while they read, they get an error instead of a signal.
 * The writer holds a shared lock (flock) for as long as it lives. */
#ifndef RINGTORCH_COMMON_STATE_SNAPSHOT_HEADER_H
#define RINGTORCH_COMMON_STATE_SNAPSHOT_HEADER_H

#include "common/config/best.h"
#include <ringtorch/status.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RT_SNAPSHOT_VERSION = 2,
    RT_SNAPSHOT_SLOTS = 2,
    RT_SNAPSHOT_KINDS_MAX = 8,
    RT_SNAPSHOT_EVALUATIONS = 32, /* kept; each holds the best so far, so older ones may go */
    RT_SNAPSHOT_DATA = 32768,     /* bytes before the first slot */
    /* Bytes hashed at a time: they fit into a first-level cache, so hashing costs next to nothing while copying. */
    RT_SNAPSHOT_PIECE = 1 << 15,
};

/* What the snapshot holds; never changes. */
typedef struct rt_snapshot_about {
    char run[64];       /* run id */
    char run_dir[4096]; /* absolute */
    int64_t generation, rank;
    int64_t begin, end; /* the elements of the flat buffers that this rank owns */
    int64_t count;      /* elements of the whole flat buffers */
    int64_t kinds;
    char kind[RT_SNAPSHOT_KINDS_MAX][32]; /* "param", "exp_avg", ... */
    char layout_hash[72], config_hash[72];
} rt_snapshot_about;

/* ---- layout of the file ---- */

/* commit: 1 + the number of steps after which this was the state; 0 if the slot is empty. */
typedef struct rt_snapshot_slot {
    _Alignas(64) _Atomic int64_t commit;
    _Atomic uint64_t checksum[RT_SNAPSHOT_KINDS_MAX]; /* of each kind's bytes */
} rt_snapshot_slot;

/* Where the rank last made progress: steps finished, slice (-1 if none), phase as in PROGRESS. */
typedef struct rt_snapshot_mark {
    _Alignas(64) _Atomic int64_t step;
    _Atomic int64_t slice, phase;
} rt_snapshot_mark;

/* An evaluation by this rank; step 0 means none. */
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

/* Return the bytes of one kind in a slot, the offset in the file where it begins, and the bytes of the file. */
size_t rt_snapshot_kind_bytes(const rt_snapshot_about *a);
size_t rt_snapshot_offset(const rt_snapshot_about *a, int slot, int kind);
size_t rt_snapshot_file_bytes(const rt_snapshot_about *a);
/* Extends the checksum `before` of a kind's bytes by `len` more: a chain of XXH3-64 that begins with 0. All pieces
 * except the last of a kind must have RT_SNAPSHOT_PIECE bytes. */
uint64_t rt_snapshot_checksum(uint64_t before, const void *data, size_t len);

/* ---- writing ---- */

/* Creates a file with empty slots (mode 0600) and locks it; *fd is open for reading and writing and holds the lock
 * until it is closed. Fails with NOSPACE if there is no room for the header, or EXISTS if the name is taken, and then
 * leaves no file behind. Quick, because only the header is allocated. */
rt_status rt_snapshot_create(const char *path, const rt_snapshot_about *a, int *fd);
/* Allocates the slots; without this, writing to them may kill the process (SIGBUS). Fails with NOSPACE if there is no
 * room, and then leaves the file as it was. */
rt_status rt_snapshot_allocate(int fd, const char *path, const rt_snapshot_about *a);

/* Replaces the oldest evaluation. The process may be killed at any point. */
void rt_snapshot_put_evaluation(rt_snapshot_header *h, const rt_evaluated *e);

/* ---- reading ---- */

typedef struct rt_snapshot {
    char *path;
    int fd;
    rt_snapshot_about about;
    struct {
        int64_t step; /* -1 if empty */
        uint64_t checksum[RT_SNAPSHOT_KINDS_MAX];
    } slot[RT_SNAPSHOT_SLOTS]; /* as found when opened */
    struct {
        int64_t step, slice, phase;
    } mark;
    rt_evaluated evaluation[RT_SNAPSHOT_EVALUATIONS]; /* [evaluations], unordered */
    int evaluations;
} rt_snapshot;

/* Opens a snapshot and verifies everything except the slots' data. Fails, naming file and field, with ARG if it is a
 * link or not a regular file, belongs to another user or is accessible to others; with CORRUPT if it is truncated or
 * altered; with MISMATCH if it has another version or does not match its name. */
rt_status rt_snapshot_open(const char *path, rt_snapshot *out);
void rt_snapshot_close(rt_snapshot *s);
/* Return the slot that holds a step, or the newest one; -1 if there is none. */
int rt_snapshot_slot_at(const rt_snapshot *s, int64_t step);
int rt_snapshot_newest(const rt_snapshot *s);
/* Compares the data with their checksums. Fails with CORRUPT, naming file, step and kind, if one differs, and with
 * NOTFOUND if the slot was overwritten meanwhile. */
rt_status rt_snapshot_verify(const rt_snapshot *s, int slot);
/* Copies elements [begin,end) of one kind, which the snapshot must hold, to `to`. Fails like rt_snapshot_verify. */
rt_status rt_snapshot_read(const rt_snapshot *s, int slot, int kind, int64_t begin, int64_t end,
                           float *to);

#endif
