#include "worker/shm_dir.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The variables of Open MPI 4 and 5; each version ignores the other's. */
static const char *const VARIABLES[] = {"OMPI_MCA_btl_vader_backing_directory",
                                        "OMPI_MCA_btl_sm_backing_directory"};

static rt_status check_room(const char *dir, int64_t ranks)
{
    struct statvfs f;
    if (statvfs(dir, &f) != 0)
        return RT_FAIL(IO, "%s: cannot find out how much room it has: %m", dir);
    double room = (double)f.f_bavail * (double)f.f_frsize;
    double needed = (double)ranks * RT__SHM_BYTES_PER_RANK;
    if (room < needed)
        return RT_FAIL(NOSPACE, "%s: %.1f MB are free, Open MPI may need %.1f MB", dir, room / 1e6,
                       needed / 1e6);
    return RT_OK;
}

/* Opens the directory if only we can write there: another user who could write to it could make us share our memory
 * with them. */
static rt_status open_ours(rt__shm_dir *d)
{
    struct stat st;
    if (mkdir(d->path, 0700) != 0 && errno != EEXIST)
        return RT_FAIL(IO, "%s: cannot create the directory: %m", d->path);
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &st) != 0)
        return RT_FAIL(IO, "%s: cannot be opened: %m", d->path);
    if (st.st_uid != geteuid() || (st.st_mode & 077))
        return RT_FAIL(ARG, "%s: is open to others, expected a directory of user %u with mode 700",
                       d->path, (unsigned)geteuid());
    if (flock(d->fd, LOCK_SH) != 0)
        return RT_FAIL(IO, "%s: cannot be locked: %m", d->path);
    return RT_OK;
}

static void release(rt__shm_dir *d)
{
    if (d->path && d->fd >= 0)
        close(d->fd);
    rt_mem_free(d->path);
    *d = (rt__shm_dir){0};
}

static rt_status use_in(rt__shm_dir *d, const char *dir, const rt_snapshot_name *name,
                        int64_t ranks)
{
    RT_TRY(check_room(dir, ranks));
    *d = (rt__shm_dir){.path = rt_snapshot_path(dir, name), .fd = -1};
    if (!d->path)
        return RT_E_NOMEM;
    rt_status status = open_ours(d);
    for (size_t i = 0; i < 2 && status == RT_OK; i++)
        if (setenv(VARIABLES[i], d->path, 1) != 0)
            status = RT_FAIL(NOMEM, "%s: no memory for the environment", VARIABLES[i]);
    if (status != RT_OK)
        release(d);
    return status;
}

rt_status rt__shm_dir_use(rt__shm_dir *d, const char *dir, const char *run_id, int64_t generation,
                          int64_t ranks)
{
    rt_snapshot_name name = {.what = RT_SNAPSHOT_MPI, .generation = generation, .rank = -1};
    const char *tag = getenv("RINGTORCH_TAG");
    snprintf(name.run, sizeof name.run, "%s", run_id);
    if (tag && rt_snapshot_tag_is(tag))
        memcpy(name.tag, tag, sizeof name.tag);
    *d = (rt__shm_dir){0};
    rt_status status = use_in(d, dir, &name, ranks);
    if (status == RT_OK || strcmp(dir, "/tmp") == 0)
        return status;
    rt_error_clear();
    return use_in(d, "/tmp", &name, ranks);
}

/* MPI may still be starting on another thread, and put a file into the directory while we empty it. */
void rt__shm_dir_discard(rt__shm_dir *d)
{
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES && d->path && rt_remove_tree(d->path) != RT_OK; i++)
        rt_error_clear();
    release(d);
}

/* MPI has removed each rank's files by now, so the last rank finds the directory empty. */
void rt__shm_dir_leave(rt__shm_dir *d)
{
    if (d->path)
        rmdir(d->path);
    release(d);
}
