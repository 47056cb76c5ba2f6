#include "small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool mount_small(const char *folder, const char *size)
{
    char options[64];
    snprintf(options, sizeof options, "size=%s,mode=1777", size);
    return mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}

void unmount(const char *folder)
{
    umount2(folder, MNT_DETACH);
}

static int64_t free_bytes(const char *folder)
{
    struct statvfs v;
    return statvfs(folder, &v) == 0 ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : 0;
}

/* In the child: never returns. */
static void fill(const char *path, const char *folder, int64_t leave)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (int64_t size = 0;; rt_clock_sleep(0.0005)) {
        int64_t more = free_bytes(folder) - leave;
        if (more > 0 && posix_fallocate(fd, size, more) == 0)
            size += more;
    }
}

void fill_start(filler *f, const char *folder, int64_t leave)
{
    snprintf(f->path, sizeof f->path, "%s/filler", folder);
    fflush(NULL);
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fill(f->path, folder, leave);
    }
    for (double end = rt_clock() + 10; free_bytes(folder) > leave && rt_clock() < end;)
        rt_clock_sleep(0.001);
}

void fill_stop(filler *f)
{
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    unlink(f->path);
}
