/* Finds out from mpirun's log how a job ended.
 *
 *     rt__blame b;
 *     char *text = rt__log_read(path);                   // NULL: cannot be read
 *     rt__mpirun_log_blame(&rt__openmpi4, text ? text : "", &b);
 *     if (b.rank >= 0)
 *         printf("rank %ld was the first, by %s\n", b.rank, b.by_signal ? "a signal" : "its exit code");
 *     if (b.why.reason[0])
 *         printf("%s\n", b.why.reason);                  // "/opt/worker cannot be executed on h1: ..."
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_MPIRUN_LOG_H
#define RINGTORCH_LAUNCH_JOBS_MPIRUN_LOG_H

#include "launch/jobs/openmpi.h"
#include <stdint.h>

typedef struct rt__blame {
    /* The rank that failed first according to mpirun's log of states; -1: the log does not tell. */
    int64_t rank;
    bool by_signal; /* a signal ended that rank */
    /* A daemon could not be started or was lost, on why.host; "": the log does not name the host. */
    bool daemon;
    bool explained; /* why.reason explains the failure; false: it is only the last message */
    rt__why_found why;
} rt__blame;

/* Reads from the log which rank or host failed first, and why. */
void rt__mpirun_log_blame(const rt__openmpi *mpi, const char *log, rt__blame *out);
/* Returns whether mpirun started at least one rank. */
bool rt__mpirun_log_started(const char *log);
/* Copies the line of the log that names this host, if there is one: it is what the remote shell said. */
void rt__mpirun_log_name_host(const rt__openmpi *mpi, const char *log, const char *host,
                              char reason[RT__REASON]);

#endif
