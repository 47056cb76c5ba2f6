/* ringtorch-coordinator [--resume HOW] -- RUN_DIR: there is one per run. The launcher starts it and passes
 * RINGTORCH_KEYS, RINGTORCH_STARTED (a time of rt_clock, which both processes share) and RINGTORCH_LOCK_FD (the
 * locked file RUN_DIR/lock) in the environment. When it is started by hand, it locks the directory itself. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/options.h"
#include "common/base/os/os.h"
#include "common/base/output.h"
#include "common/base/startup.h"
#include "common/base/stop_signals.h"
#include "common/state/run_lock.h"
#include "coordinator/books/journal_show.h"
#include "coordinator/shell/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Is `fd` the locked file at `path`, as the launcher says? Locking it again does not change the lock's owner. */
static bool is_the_lock(int fd, const char *path)
{
    struct stat there, given;
    return fstat(fd, &given) == 0 && stat(path, &there) == 0 && given.st_dev == there.st_dev &&
           given.st_ino == there.st_ino && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Makes sure that only one coordinator owns the run. The lock is held until the process ends. */
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

/* The form that the launcher starts: `ringtorch-coordinator --resume HOW -- RUN_DIR`. */
static rt_status coordinate(int argc, char **argv, int *exit_code)
{
    const char *resume = "never", *started = getenv("RINGTORCH_STARTED");
    bool version = false;
    const rt_option options[] = {
        {"resume", 0, "HOW", "never, auto or a path, as for ringtorch train", .text = &resume,
         .words = "never auto"},
        {"version", 0, NULL, "the version", .flag = &version, .alone = true},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch-coordinator",
        {"RUN_DIR"},
        1,
        "Coordinates the run in RUN_DIR. It is started by ringtorch train; `ringtorch-coordinator "
        "journal show RUN` is ringtorch journal show.",
        options,
        "Environment, set by ringtorch train: RINGTORCH_KEYS, RINGTORCH_STARTED, "
        "RINGTORCH_LOCK_FD."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    if (version)
        rt_print_version("ringtorch-coordinator");
    *exit_code = 0;
    if (args.help || version)
        return RT_OK;
    RT_TRY(lock_run(args.operand[0]));
    /* The launcher handles signals for us, and the kernel kills us when it dies. */
    if (getenv("RINGTORCH_LOCK_FD") && !rt_os_die_with_parent(SIGKILL, getppid(), true))
        return RT_FAIL(CLOSED, "ringtorch train has ended");
    rt_stop_signals_ignore();
    signal(SIGPIPE, SIG_IGN);
    *exit_code = rt__coordinate(&(rt__shell_options){
        .dir = args.operand[0],
        .resume = resume,
        .started = started ? strtod(started, NULL) : rt_clock(),
    });
    return RT_OK;
}

static int run(int argc, char **argv)
{
    int exit_code;
    if (argc > 1 && strcmp(argv[1], "journal") == 0) /* the launcher puts "--" before RUN_DIR */
        return rt__journal_command(argc - 1, argv + 1);
    rt_status status = coordinate(argc, argv, &exit_code);
    if (status == RT_OK)
        return exit_code;
    rt__coordinator_refuse();
    return rt_status_exit_code(status);
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(run(argc, argv));
}
