/* ringtorch-coordinator RUN_DIR [--resume never|auto|PATH]: one per run, started by the launcher,
 * which passes RINGTORCH_KEYS, RINGTORCH_STARTED (by rt_clock, which both share) and RINGTORCH_LOCK_FD (the
 * locked file RUN_DIR/lock) in the environment. Started by hand it locks the directory itself. */
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/startup.h"
#include "common/stop_signals.h"
#include "coordinator/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Is `fd` the locked file at `path`, as the launcher says? Locking it again is no change for who holds the lock. */
static bool is_the_lock(int fd, const char *path)
{
    struct stat there, given;
    return fstat(fd, &given) == 0 && stat(path, &there) == 0 && given.st_dev == there.st_dev &&
           given.st_ino == there.st_ino && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static rt_status lock_at(const char *dir, const char *path)
{
    const char *given = getenv("RINGTORCH_LOCK_FD");
    if (given && is_the_lock((int)strtol(given, NULL, 10), path))
        return RT_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return RT_FAIL(IO, "%s: %s", path, strerror(errno));
    return flock(fd, LOCK_EX | LOCK_NB) == 0
               ? RT_OK
               : RT_FAIL(EXISTS, "%s: another ringtorch is running in this directory", dir);
}

/* Two coordinators must not own one run. The lock lasts as long as the process. */
static rt_status lock_run(const char *dir)
{
    char *path = rt_path_join(dir, "lock");
    rt_status status = path ? lock_at(dir, path) : rt_error_code();
    rt_mem_free(path);
    return status;
}

int main(int argc, char **argv)
{
    rt_startup();
    const char *started = getenv("RINGTORCH_STARTED");
    bool resume = argc == 4 && strcmp(argv[2], "--resume") == 0;
    if (argc != 2 && !resume) {
        fprintf(stderr,
                "usage: ringtorch-coordinator RUN_DIR [--resume never|auto|PATH]; ringtorch train "
                "starts it\n");
        return 2;
    }
    rt_stop_signals_leave(); /* the launcher decides what they mean, and we end when it dies */
    signal(SIGPIPE, SIG_IGN);
    if (lock_run(argv[1]) != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        return 2;
    }
    return rt__coordinate(&(rt__loop_options){
        .dir = argv[1],
        .resume = resume ? argv[3] : "never",
        .started = started ? strtod(started, NULL) : rt_clock(),
    });
}
