/* Finds out from a worker's log why it ended, in our own entries or in MPI's messages.
 *
 *     char *text = rt__log_read(path), reason[RT__REASON];     // NULL: cannot be read
 *     rt__log_worker_reason(text ? text : "", reason);
 *     puts(reason);                        // "data loader: cannot start a thread: Resource temporarily unavailable"
 *     rt_mem_free(text);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_JOB_LOG_H
#define RINGTORCH_LAUNCH_JOBS_JOB_LOG_H

#include "launch/jobs/log_text.h"

/* The beginning of each of our reasons that report that MPI cannot start. */
extern const char rt__mpi_cannot_start[];
/* MPI's messages about failures with our words for them, and parts of lines that explain nothing. */
extern const rt__why rt__mpi_whys[];
extern const char *const rt__mpi_noise[];

/* Copies what the first of our programs printed that failed before it had a log of its own. Returns false if none did. */
bool rt__log_own_message(const char *log, char reason[RT__REASON]);
/* Copies the reason from a worker's log: its first error, else its last message; "" if it has none. */
void rt__log_worker_reason(const char *log, char reason[RT__REASON]);

#endif
