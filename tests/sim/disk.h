/* The file system that all hosts share: checkpoints, and the coordinator's journal.
 *
 *     sim_disk_write_piece(&d, &(sim_piece){.step = 50, .generation = 2, .rank = 0, ...});
 *     rt_status s = sim_disk_commit(&d, 50, 2, world, &why);   // the rename
 *     const sim_checkpoint *c = sim_disk_newest(&d, most);
 *
 * As in coordinator/shell/store.c, the pieces of a step and generation lie in a directory of their own until it is renamed; a rank that
 * writes a piece makes the directory if it does not exist. */
#ifndef RINGTORCH_TESTS_SIM_DISK_H
#define RINGTORCH_TESTS_SIM_DISK_H

#include "common/base/json.h"
#include "tests/sim/dice.h"

typedef struct sim_piece {
    int64_t step, generation, rank;
    int64_t begin, end; /* elements */
    uint64_t hash;      /* the state that they are part of */
} sim_piece;

typedef struct sim_checkpoint {
    int64_t step, world;
    uint64_t hash;
    bool rotten;   /* its bytes were altered, so no checksum matches */
    char path[48]; /* "checkpoints/step-00000050" */
} sim_checkpoint;

typedef struct sim_disk {
    sim_piece *piece; /* in temporary directories */
    int64_t pieces, pieces_room;
    sim_checkpoint *checkpoint; /* committed, ascending by step */
    int64_t checkpoints, checkpoints_room;
    json_t **journal; /* records */
    int64_t records, records_room;
    sim_time slow_until, full_until;
} sim_disk;

void sim_disk_release(sim_disk *d);
void sim_disk_write_piece(sim_disk *d, const sim_piece *p);
/* Makes a checkpoint of the `world` pieces of a step and generation. Fails with the reason if one is missing. *mixed: whether the pieces
 * are of different states, or leave a gap in [0, count). */
bool sim_disk_commit(sim_disk *d, int64_t step, int64_t generation, int64_t world, int64_t count,
                     const char **why, bool *mixed);
/* Removes the pieces of a step, of all generations if `generation` is < 0. */
void sim_disk_discard(sim_disk *d, int64_t step, int64_t generation);
/* Removes everything that is not committed. */
void sim_disk_tidy(sim_disk *d);
/* Returns the newest checkpoint up to step `most` that is not rotten, or NULL if there is none. */
const sim_checkpoint *sim_disk_newest(const sim_disk *d, int64_t most);
const sim_checkpoint *sim_disk_at(const sim_disk *d, const char *path);
/* Is there a checkpoint of a step, rotten or not? */
bool sim_disk_has(const sim_disk *d, int64_t step);
/* Removes the oldest beyond `keep`. */
void sim_disk_prune(sim_disk *d, int64_t keep);
/* Appends a record to the journal. */
void sim_disk_log(sim_disk *d, const json_t *record);
/* Replaces the journal by one record. */
void sim_disk_shorten_log(sim_disk *d, const json_t *record);

#endif
