/* A bound for a log that another program writes: whoever can make that program say something, as any user of the machine
 * can by connecting to mpirun's port, must not be able to fill the disk by it.
 *
 *     RT_TRY(rt__log_shorten(job->log));      // once a second
 *
 * The writer must append (O_APPEND): it goes on at the new end. */
#ifndef RINGTORCH_LAUNCH_LOG_LIMIT_H
#define RINGTORCH_LAUNCH_LOG_LIMIT_H

#include <ringtorch/status.h>

enum {
    RT__LOG_MOST = 1 << 19, /* bytes beyond which a log is made shorter */
    RT__LOG_KEPT = 1 << 17, /* bytes of its first lines, and of its last ones, that stay */
};

/* Leaves out the lines in the middle of a log that is longer than RT__LOG_MOST. What is written in that moment may get lost. */
rt_status rt__log_shorten(const char *path);

#endif
