#include "common/state/run_lock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Refuses pipes and devices: they could be locked, too, but could not hold the owner's name. */
static rt_status check_file(int fd, const char *path)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
               ? RT_OK
               : RT_FAIL(ARG, "%s: is not a regular file: remove it", path);
}

rt_status rt_run_lock_open(const char *dir, int *fd)
{
    char *path = rt_path_join(dir, "lock");
    if (!path)
        return rt_error_code();
    /* Other users may check whether the run is alive; the file holds no secret. */
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
        return true; /* the disk may be full; the lock is held anyway */
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

/* ---- locks of other processes ---- */

static int open_existing(const char *dir)
{
    char *path = rt_path_join(dir, "lock");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    rt_mem_free(path);
    return fd;
}

bool rt_run_lock_is_held(const char *dir)
{
    int fd = open_existing(dir);
    if (fd < 0)
        return false;
    /* A shared lock, so that two tools that check do not block each other. */
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

bool rt_run_lock_try(const char *dir, int *fd)
{
    *fd = open_existing(dir);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(*fd);
    *fd = -1;
    return false;
}
