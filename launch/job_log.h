/* What mpirun and the workers leave in their logs about the end of a job. All that we know of the
 * words of Open MPI is in job_log.c.
 *
 *     rt__blame b;
 *     char *text = rt__log_read(path);                   // NULL: cannot be read
 *     rt__log_blame(text ? text : "", &b);
 *     if (b.rank >= 0)
 *         printf("rank %ld failed: signal %ld, exit code %ld\n", b.rank, b.signal, b.exit_code);
 *     if (b.reason[0])
 *         printf("%s\n", b.reason);                      // "/opt/worker cannot be executed on h1: ..."
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOB_LOG_H
#define RINGTORCH_LAUNCH_JOB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RT__REASON = 512 }; /* bytes of a reason, with the zero */

/* How the reasons begin that MPI gives for not starting. */
extern const char rt__mpi_cannot_start[];

typedef struct rt__blame {
    int64_t rank; /* that failed first; -1: not said */
    int64_t signal,
        exit_code;           /* of that rank; signal 0: it left with exit_code. Both 0: not said */
    bool by_signal;          /* that rank was ended by one, also if it is not said by which */
    char host[256];          /* whose daemon was lost or could start no worker; "": not said */
    bool daemon;             /* a daemon could not be started or was lost, wherever it is */
    bool final;              /* a further try would end in the same way */
    char reason[RT__REASON]; /* one line; "": the log says nothing */
    bool explained;          /* it is why, and not merely the last that was said */
} rt__blame;

/* Reads from mpirun's log why the job ended. */
void rt__log_blame(const char *log, rt__blame *out);
/* Reads from the log of a worker why it ended: its first error, else its last words; "": it is
 * silent. */
void rt__log_worker(const char *log, char reason[RT__REASON]);
/* Makes the reason of a failed remote shell the line that names this host, if there is one. */
void rt__log_name_host(const char *log, const char *host, char reason[RT__REASON]);
/* Returns a log as text (rt_mem_free), of a very long one the last part; NULL without an error if
 * there is none. */
char *rt__log_read(const char *path);

#endif
