/* Bounds the size of a log that another program writes. Any user of the machine can make mpirun write to its log, by
 * connecting to its port, and must not be able to fill the disk that way.
 *
 *     RT_TRY(rt__log_create(job->log, &fd));  // its output
 *     rt__log_tend(job->log, &next_look);     // in each turn of a loop
 */
#ifndef RINGTORCH_LAUNCH_JOBS_LOG_LIMIT_H
#define RINGTORCH_LAUNCH_JOBS_LOG_LIMIT_H

#include <ringtorch/status.h>

enum {
    RT__LOG_MOST = 1 << 19, /* bytes beyond which a log is made shorter */
    RT__LOG_KEPT = 1 << 17, /* bytes that we keep of its first lines, and as many of its last */
};

/* Creates a log, and the folder that it lies in, in one that exists. What is written to *fd is appended, so that the writer continues at the
 * new end of a log that was made shorter. */
rt_status rt__log_create(const char *path, int *fd);
/* Removes lines from the middle of a log that is longer than RT__LOG_MOST. Lines written at that moment may get lost. */
rt_status rt__log_shorten(const char *path);
/* Does so once a second; *next_look, 0 at first, is when it will look again. Warns in our log if it cannot. */
void rt__log_tend(const char *path, double *next_look);

#endif
