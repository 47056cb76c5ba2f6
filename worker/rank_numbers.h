/* A rank's place in its job, as what started it says in environment variables (common/base/rank_variables.h).
 *
 *     rt__rank_numbers n;
 *     RT_TRY(rt__rank_numbers_read(&n));                     // before MPI starts: for the names of files and folders
 *     ... MPI_Init ...
 *     RT_TRY(rt__rank_numbers_check(&n, rank, world));       // MPI's own
 */
#ifndef RINGTORCH_WORKER_RANK_NUMBERS_H
#define RINGTORCH_WORKER_RANK_NUMBERS_H

#include <ringtorch/status.h>

typedef struct rt__rank_numbers {
    int rank, world;
    int local_rank,
        local_world; /* among the ranks of this host; local_world is `world` if nothing tells it */
    const char *rank_from, *world_from; /* the variables */
} rt__rank_numbers;

/* Fails with ARG, naming the variable, if one is not set, is no number or does not fit the others, or if there are not as
 * many ranks as the launcher ordered. */
rt_status rt__rank_numbers_read(rt__rank_numbers *out);

/* Fails with MISMATCH if MPI says otherwise: then each process was started as a job of its own. */
rt_status rt__rank_numbers_check(const rt__rank_numbers *n, int rank, int world);

#endif
