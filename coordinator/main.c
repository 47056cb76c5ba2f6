/* ringtorch-coordinator RUN_DIR [--resume never|auto|PATH]: one per run, started by the launcher,
 * which passes RINGTORCH_KEYS, RINGTORCH_STARTED (by rt_clock, which both share) and RINGTORCH_LOCK_FD (the
 * locked file RUN_DIR/lock) in the environment. Started by hand it locks the directory itself. */
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/run_lock.h"
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

/* Two coordinators must not own one run. The lock lasts as long as the process. */
static rt_status lock_run(const char *dir)
{
    const char *given = getenv("RINGTORCH_LOCK_FD");
    char *path = rt_path_join(dir, "lock"), who[RT_RUN_OWNER_TEXT];
    bool handed_on = path && given && is_the_lock((int)strtol(given, NULL, 10), path);
    rt_mem_free(path);
    if (!path || handed_on)
        return path ? RT_OK : rt_error_code();
    int fd;
    RT_TRY(rt_run_lock_open(dir, &fd));
    if (rt_run_lock_take(fd))
        return RT_OK;
    rt_run_owner owner = rt_run_lock_owner(fd);
    return RT_FAIL(EXISTS, "%s: another ringtorch is running in this directory (%s)", dir,
                   rt_run_owner_text(&owner, who));
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
