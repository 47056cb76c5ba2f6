/* The environment that mpirun is started with, for runs and for whoever measures what runs will get.
 *
 *     rt__environment e = {0};
 *     rt__environment_add(&e, "OMP_NUM_THREADS=%d", 1);
 *     rt__environment_add_mpi(&e, &hosts, 4);          // hosts.count 0: this host only
 *     rt__environment_add_listening(&e, "127.0.0.1");
 *     if (!e.failed)
 *         start(argv, (const char *const *)e.item);
 *     rt__environment_release(&e);
 */
#ifndef RINGTORCH_LAUNCH_MPI_ENVIRONMENT_H
#define RINGTORCH_LAUNCH_MPI_ENVIRONMENT_H

#include "launch/hosts.h"

enum { RT__ENVIRONMENT_MAX = 32 };

typedef struct rt__environment {
    char *item[RT__ENVIRONMENT_MAX + 1]; /* "NAME=value", NULL-terminated; owned */
    int count;
    bool failed; /* memory ran out, or something was too long or too much */
} rt__environment;

__attribute__((format(printf, 2, 3))) void rt__environment_add(rt__environment *e, const char *fmt,
                                                               ...);
/* Adds a parameter of Open MPI, unless the user has set it himself. */
void rt__environment_add_mca(rt__environment *e, const char *name, const char *value);
/* Adds how ranks on these hosts are to be started and to talk. busiest: threads on the host that has
 * the most. docs/decisions/0004 has the reasons. */
void rt__environment_add_mpi(rt__environment *e, const rt__host_list *hosts, int64_t busiest);
/* Has mpirun listen on this address of IPv4 only, and on loopback in place of all of IPv6. */
void rt__environment_add_listening(rt__environment *e, const char *address);
void rt__environment_release(rt__environment *e);

/* Returns "h0:2,h1:1" for mpirun's --host (rt_mem_free; NULL when memory is out). */
char *rt__mpi_host_list(const rt__host_list *h);

#endif
