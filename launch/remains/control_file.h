/* Reads RUN/control.json, through which commands find a run's coordinator. The coordinator writes it when it begins to
 * listen and removes it when the run is over; if it is killed, the file stays.
 *
 *     rt__control c;
 *     if (rt__control_read("runs/x", &c) == RT_OK)
 *         printf("run %s on %s, pid %lld\n", c.run, c.host, (long long)c.pid);
 */
#ifndef RINGTORCH_LAUNCH_REMAINS_CONTROL_FILE_H
#define RINGTORCH_LAUNCH_REMAINS_CONTROL_FILE_H

#include "common/control/wire.h"

/* What <run dir>/control.json says. */
typedef struct rt__control {
    char endpoint[256], run[64], host[256];
    int64_t pid, user;         /* user: the owner of the file */
    rt_wire_keys keys;         /* a client's */
    int64_t inode, written_ns; /* which version of the file this is */
} rt__control;

/* Reads the control file of a run directory. Fails with NOTFOUND if there is none, with ARG if we may not read it or
 * others may, with FORMAT if it is not a control file, with MISMATCH if a coordinator of another version wrote it. All
 * messages name the file. */
rt_status rt__control_read(const char *dir, rt__control *out);
/* The same for the path of a control file. */
rt_status rt__control_read_file(const char *path, rt__control *out);

#endif
