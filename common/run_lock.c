#include "common/run_lock.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"

/* A pipe or a device could be locked, too, but could not say who owns it. */
static rt_status check_file(int fd, const char *path)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
               ? RT_OK
               : RT_FAIL(ARG, "%s: is no regular file: remove it", path);
}

rt_status rt_run_lock_open(const char *dir, int *fd)
{
    char *path = rt_path_join(dir, "lock");
    if (!path)
        return rt_error_code();
    /* Others may look whether the run is alive: there is no secret in it. */
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    rt_status status =
        *fd >= 0 ? check_file(*fd, path) : RT_FAIL(IO, "%s: %s", path, strerror(errno));
    if (status != RT_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    rt_mem_free(path);
    return status;
}

bool rt_run_lock_take(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    char host[256] = "", text[RT_RUN_OWNER_TEXT];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "%d %s\n", (int)getpid(), host);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return true; /* the disk may be full; the lock holds all the same */
    return true;
}

rt_run_owner rt_run_lock_owner(int fd)
{
    rt_run_owner owner = {0};
    char text[RT_RUN_OWNER_TEXT];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (sscanf(text, "%" SCNd64 " %255s", &owner.pid, owner.host) != 2 || owner.pid < 1)
        return (rt_run_owner){0};
    return owner;
}

const char *rt_run_owner_text(const rt_run_owner *owner, char out[RT_RUN_OWNER_TEXT])
{
    if (owner->pid > 0)
        snprintf(out, RT_RUN_OWNER_TEXT, "pid %" PRId64 " on host %s", owner->pid, owner->host);
    else
        snprintf(out, RT_RUN_OWNER_TEXT, "its owner is not known");
    return out;
}
