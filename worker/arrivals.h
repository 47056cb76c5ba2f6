/* Which ranks of somebody's mpirun or srun have come as far as MPI_Init. It returns only when all have called it, and does not say who is
 * missing. So each rank that waits long leaves a file in the run directory, which all of them share, and the one that gives up reads them.
 *
 *     rt__arrivals a = {.dir = "/home/me/runs/a", .job = getenv("PMIX_NAMESPACE"), .rank = 0, .world = 3};
 *     rt__arrivals_note(&a);                                  // after some seconds
 *     rt__arrivals_describe(&a, text, sizeof text);           // "rank 2 (0 and 1 on node1 have)"
 *     rt__arrivals_forget(&a);
 */
#ifndef RINGTORCH_WORKER_ARRIVALS_H
#define RINGTORCH_WORKER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rt__arrivals {
    const char *dir; /* the run directory; NULL: unknown */
    const char *job; /* tells this job from others that had the same directory; NULL: unknown */
    int rank, world;
    bool noted;
} rt__arrivals;

/* Notes that this rank has come, unless that is done. A failure is no error: the run directory may not exist yet. */
void rt__arrivals_note(rt__arrivals *a);
/* Writes which ranks have not come, and which have, with their hosts. Returns how many have not. */
int rt__arrivals_describe(const rt__arrivals *a, char *text, size_t size);
/* Removes this rank's note; rank 0 removes those of all ranks. */
void rt__arrivals_forget(const rt__arrivals *a);

#endif
