/* A host: where processes live, and the snapshots in its shared memory, which outlive them.
 *
 *     sim_snapshot *s = sim_host_create(&host, generation, rank, begin, end);
 *     sim_snapshot_write(s, step, hash);              // complete when it returns
 *     s->slot[k].step = -1;                           // the writer was killed while it wrote
 *     sim_host_find(&host, generation, rank);         // by a process that starts here later
 *     sim_snapshot_drop(s);
 */
#ifndef RINGTORCH_TESTS_SIM_HOST_H
#define RINGTORCH_TESTS_SIM_HOST_H

#include "common/config/best.h"
#include "tests/sim/dice.h"

enum { SIM_EVALUATIONS = 4 }; /* fewer than a real snapshot keeps, so that some get lost */

/* One rank's part of the state, in two slots that are written in turn (common/state/snapshot_header.h). */
typedef struct sim_snapshot {
    int64_t holders; /* references: the host's shared memory, and the process that has it open */
    int64_t generation, rank, begin, end;
    struct {
        int64_t step; /* -1: no complete state */
        uint64_t hash;
    } slot[2];
    int newest; /* slot written last */
    struct {
        int64_t step, slice, phase; /* the rank's last position */
    } mark;
    rt_evaluated evaluation[SIM_EVALUATIONS]; /* the last ones, as a ring */
    int64_t evaluations;                      /* how many were made */
} sim_snapshot;

typedef struct sim_host {
    char name[16];
    /* Hosts of one side can reach each other. 0: the launcher's side. */
    int64_t side;
    sim_time cut_until;  /* if side is not 0 */
    sim_time down_until; /* no process can run here */
    bool listed;         /* in the host file, ... */
    int64_t slots, left; /* ... with this many slots, of which `left` were given up since */
    sim_snapshot **snapshot;
    int64_t snapshots, room;
} sim_host;

sim_snapshot *sim_host_create(sim_host *h, int64_t generation, int64_t rank, int64_t begin,
                              int64_t end);
/* Returns NULL if there is none. */
sim_snapshot *sim_host_find(const sim_host *h, int64_t generation, int64_t rank);
/* Returns the slot that holds a step, or -1. */
int sim_snapshot_slot(const sim_snapshot *s, int64_t step);
/* Puts the state at `step` into the older slot. */
void sim_snapshot_write(sim_snapshot *s, int64_t step, uint64_t hash);
void sim_snapshot_drop(sim_snapshot *s);
/* Removes the snapshots of generations < before. */
void sim_host_forget(sim_host *h, int64_t before);

#endif
