/* ringtorch-coordinator [--resume HOW] -- RUN_DIR: one per run, started by the launcher,
 * which passes RINGTORCH_KEYS, RINGTORCH_STARTED (by rt_clock, which both share) and RINGTORCH_LOCK_FD (the
 * locked file RUN_DIR/lock) in the environment. Started by hand it locks the directory itself. */
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/options.h"
#include "common/output.h"
#include "common/run_lock.h"
#include "common/startup.h"
#include "common/stop_signals.h"
#include "coordinator/journal_show.h"
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

/* What the launcher starts: `ringtorch-coordinator --resume HOW -- RUN_DIR`. */
static rt_status coordinate(int argc, char **argv, int *exit_code)
{
    const char *resume = "never", *started = getenv("RINGTORCH_STARTED");
    bool version = false;
    const rt_option options[] = {
        {"resume", 0, "HOW", "never, auto or a path, as for ringtorch train", .text = &resume},
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
    rt_stop_signals_leave(); /* the launcher decides what they mean, and we end when it dies */
    signal(SIGPIPE, SIG_IGN);
    *exit_code = rt__coordinate(&(rt__loop_options){
        .dir = args.operand[0],
        .resume = resume,
        .started = started ? strtod(started, NULL) : rt_clock(),
    });
    return RT_OK;
}

static int run(int argc, char **argv)
{
    int exit_code = 2;
    if (argc > 1 && strcmp(argv[1], "journal") == 0) /* the launcher puts "--" before RUN_DIR */
        return rt__journal_command(argc - 1, argv + 1);
    if (coordinate(argc, argv, &exit_code) == RT_OK)
        return exit_code;
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return 2;
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(run(argc, argv));
}
