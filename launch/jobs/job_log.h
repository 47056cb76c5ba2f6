/* Finds out from a worker's log why it ended, in our own entries or in MPI's messages.
 *
 *     char *text = rt__log_read_worker(run_dir, 3, 1);     // NULL: cannot be read
 *     rt__why_found why;
 *     rt__log_worker_reason(text ? text : "", &why);
 *     puts(why.reason);                    // "data loader: cannot start a thread: Resource temporarily unavailable"
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_JOB_LOG_H
#define RINGTORCH_LAUNCH_JOBS_JOB_LOG_H

#include "launch/jobs/log_text.h"
#include "launch/jobs/why_killed.h"
#include <stdint.h>

/* The beginning of each of our reasons that report that MPI cannot start. */
extern const char rt__mpi_cannot_start[];
/* MPI's messages about failures with our words for them, and parts of lines that explain nothing. */
extern const rt__why rt__mpi_whys[];
extern const char *const rt__mpi_noise[];

/* Copies what the first of our programs printed that failed before it had a log of its own. Returns false if none did. */
bool rt__log_own_message(const char *log, char reason[RT__REASON]);
/* Returns the text of a rank's own log in a generation (rt_mem_free); NULL without an error if it has none. */
char *rt__log_read_worker(const char *run_dir, int64_t rank, int64_t generation);
/* Finds the reason in a worker's log: its first error, else its last message; "" if it has none. */
void rt__log_worker_reason(const char *log, rt__why_found *out);
/* Names a rank's log as the place that may explain its end if the rank has logged no reason: for a crash, and for an exit
 * code, which a plugin or a library gives with _exit(). Other ends leave `reason` as it is. */
void rt__log_name_worker(int64_t rank, int64_t generation, int signal, int exit_code,
                         char reason[RT__REASON]);
/* Finds what the log of whatever started the ranks says: our own program's message, MPI's, or the last one. */
void rt__log_job_reason(const char *path, rt__why_found *out);

/* A rank that has ended in a job whose back end sees its wait status. */
typedef struct rt__ended_rank {
    const char *run_dir;
    int64_t rank, generation;
    int signal, exit_code;
    rt__why_killed *why_killed; /* may be NULL */
} rt__ended_rank;
/* Explains its end by its log and by what the kernel counts; "" if nothing does. Sets out->final if another would end so, too. Returns false
 * if it exited by itself before it had a log: then what started it may know why. */
bool rt__log_explain_rank(const rt__ended_rank *e, rt__why_found *out);

#endif
