/* Bounds the size of a log that another program writes. Any user of the machine can make mpirun write to its log, by
 * connecting to its port, and must not be able to fill the disk that way.
 *
 *     RT_TRY(rt__log_shorten(job->log));      // once a second
 *
 * The writer must append (O_APPEND), so that it continues at the new end. */
#ifndef RINGTORCH_LAUNCH_JOBS_LOG_LIMIT_H
#define RINGTORCH_LAUNCH_JOBS_LOG_LIMIT_H

#include <ringtorch/status.h>

enum {
    RT__LOG_MOST = 1 << 19, /* bytes beyond which a log is made shorter */
    RT__LOG_KEPT = 1 << 17, /* bytes that we keep of its first lines, and as many of its last */
};

/* Removes lines from the middle of a log that is longer than RT__LOG_MOST. Lines written at that moment may get lost. */
rt_status rt__log_shorten(const char *path);

#endif
