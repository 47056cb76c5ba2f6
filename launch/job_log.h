/* What mpirun and the workers leave in their logs about the end of a job.
 *
 *     rt__blame b;
 *     char *text = rt__log_end(path);                    // NULL: cannot be read
 *     if (text && rt__log_blame(text, &b) && b.rank >= 0)
 *         printf("rank %ld failed: signal %ld, exit code %ld\n", b.rank, b.signal, b.exit_code);
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOB_LOG_H
#define RINGTORCH_LAUNCH_JOB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt__blame {
    int64_t rank;              /* that failed first; -1: not said */
    int64_t signal, exit_code; /* of that rank; signal 0: it left with exit_code */
    char host[256];            /* whose daemon was lost; "": not said */
    bool daemon;               /* a daemon could not be started or was lost, wherever it is */
} rt__blame;

/* Reads from mpirun's log why the job ended. False if it does not say. */
bool rt__log_blame(const char *log, rt__blame *out);
/* Returns the last bytes of a log as text (rt_mem_free), NULL without an error if there is none. */
char *rt__log_end(const char *path);
/* Copies the last few lines that say something: not empty, not a ruler of dashes. */
void rt__log_tail(const char *text, char *out, size_t size);

#endif
