#include "small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/child.h"

enum { MOUNTS_MAX = 8 };

static char mounted[MOUNTS_MAX][512]; /* folders; "": a free place */
static struct {
    pid_t pid; /* 0: none is under way */
    char path[512];
} filler;

/* Replaces the entry `from` by `to`. */
static bool note_mount(const char *from, const char *to)
{
    for (int i = 0; i < MOUNTS_MAX; i++)
        if (strcmp(mounted[i], from) == 0) {
            snprintf(mounted[i], sizeof mounted[i], "%s", to);
            return true;
        }
    return false;
}

bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool mount_tmpfs(const char *folder, unsigned long flags, const char *size)
{
    char options[64];
    snprintf(options, sizeof options, "size=%s,mode=1777", size);
    return mount("tmpfs", folder, "tmpfs", flags, options) == 0 && note_mount("", folder);
}

bool mount_small(const char *folder, const char *size)
{
    return mount_tmpfs(folder, 0, size);
}

bool mount_read_only(const char *folder)
{
    return mount_tmpfs(folder, MS_RDONLY, "1m");
}

void unmount(const char *folder)
{
    umount2(folder, MNT_DETACH);
    note_mount(folder, "");
}

void small_disk_end(void)
{
    fill_stop();
    for (int i = 0; i < MOUNTS_MAX; i++)
        if (mounted[i][0])
            unmount(mounted[i]);
}

static int64_t free_bytes(const char *folder)
{
    struct statvfs v;
    return statvfs(folder, &v) == 0 ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : 0;
}

typedef struct filling {
    const char *folder;
    int64_t leave;
} filling;

/* Returns only when the disk can no longer be written to. */
static int fill(void *argument)
{
    const filling *f = argument;
    int fd = open(filler.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return 1;
    for (int64_t size = 0, more; true; rt_clock_sleep(0.0005)) {
        more = free_bytes(f->folder) - f->leave;
        if (more > 0 && posix_fallocate(fd, size, more) == 0)
            size += more;
    }
}

void fill_start(const char *folder, int64_t leave)
{
    snprintf(filler.path, sizeof filler.path, "%s/filler", folder);
    filler.pid = child_function(fill, &(filling){folder, leave});
    for (double end = rt_clock() + 10; free_bytes(folder) > leave && rt_clock() < end;)
        rt_clock_sleep(0.001);
}

void fill_stop(void)
{
    if (filler.pid <= 0)
        return;
    kill(filler.pid, SIGKILL);
    waitpid(filler.pid, NULL, 0);
    unlink(filler.path);
    filler.pid = 0;
}
