/* Which ranks of somebody's mpirun or srun have come as far as MPI_Init. It returns only when all have called it, and does not say who is
 * missing. So each rank that waits long leaves a note in the run directory, and the one that gives up reads them. If the hosts do not share
 * that directory, there are no notes of the others.
 *
 *     rt__arrivals a = rt__arrivals_of_job();
 *     rt__arrivals_note(&a);                                  // after some seconds, and again while it waits
 *     rt__arrivals_describe(&a, text, sizeof text);           // "rank 2; these have: 0, 1 on node0, 3 on node1"
 *     rt__arrivals_forget(&a);
 *
 * Where mpirun kills the ranks, the notes stay until rank 0's launcher removes them (launch/jobs/outer.h), before its next job there. */
#ifndef RINGTORCH_WORKER_ARRIVALS_H
#define RINGTORCH_WORKER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__arrivals {
    const char *dir; /* the run directory; NULL: unknown */
    uint64_t job;    /* tells this job from others that had the same directory */
    int rank, world;
    bool noted;
} rt__arrivals;

/* Reads from the environment which rank of which job this process is, and where the run directory is. */
rt__arrivals rt__arrivals_of_job(void);
/* Notes that this rank has come, unless its note is there. A failure is no error: the run directory may not exist yet. */
void rt__arrivals_note(rt__arrivals *a);
/* Writes which ranks have not come, and which have, with their hosts. Returns how many have not, or -1 if that is unknown because no other
 * rank has left a note. */
int rt__arrivals_describe(const rt__arrivals *a, char *text, size_t size);
/* Removes this rank's note; rank 0 removes those of all ranks. */
void rt__arrivals_forget(const rt__arrivals *a);

#endif
