#include "launch/run/rundir.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/run_files.h"
#include "common/base/text.h"
#include "common/state/run_lock.h"
#include "launch/jobs/child.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rt_status cannot_use(const char *path, const char *why)
{
    return RT_FAIL(CONFIG, "%s: cannot be used as run directory: %s: choose another --run-dir",
                   path, why);
}

/* Refuses the root, which is no directory of a run's own, and one among the files of another run, which removes its old
 * checkpoints with all that is in them. What does not exist yet is judged by the folder that it would be made in. */
static rt_status check_place(const char *path)
{
    char real[PATH_MAX], *owner = NULL;
    if (realpath(path, real) && strcmp(real, "/") == 0)
        return cannot_use(path,
                          "it is the root of all files, and a run has a directory of its own");
    char *at = rt_strdup(realpath(path, real) ? real : path);
    if (!at)
        return rt_error_code();
    bool owned = rt_run_owns(at, &owner);
    for (char *slash; !owned && (slash = strrchr(at, '/')) && slash != at;) {
        *slash = '\0';
        owned = rt_run_owns(at, &owner);
    }
    rt_status status = RT_OK;
    if (owned)
        status = RT_FAIL(CONFIG,
                         "%s: lies among the files of the run in %s, which removes old checkpoints "
                         "with all that is in them: choose a --run-dir outside of it; to begin "
                         "from one of its checkpoints, add --resume CHECKPOINT",
                         path, owner ? owner : "the folder above");
    rt_mem_free(owner);
    rt_mem_free(at);
    return status;
}

/* Returns how many bytes of the path lead to the last folder above it that exists; 0: none, or the root. */
static size_t length_there(const char *path)
{
    char *at = rt_strdup(path), *slash = NULL;
    while (at && (slash = strrchr(at, '/'))) {
        *slash = '\0';
        if (*at && rt_path_exists(at))
            break;
    }
    size_t length = !at ? strlen(path) : slash ? strlen(at) : 0;
    rt_mem_free(at);
    rt_error_clear();
    return length;
}

/* Removes the directory and the folders above it that we have created. Those in which others have put something stay. */
static void remove_created(const rt__rundir *d)
{
    char *at = rmdir(d->path) == 0 ? rt_strdup(d->path) : NULL, *slash;
    while (at && (slash = strrchr(at, '/')) && (size_t)(slash - at) > d->there) {
        *slash = '\0';
        if (rmdir(at) != 0)
            break;
    }
    rt_mem_free(at);
}

/* Makes the folder that the directory is to lie in. */
static rt_status make_parent(const char *path)
{
    char *parent = rt_strdup(path), *slash = parent ? strrchr(parent, '/') : NULL;
    rt_status status = parent ? RT_OK : rt_error_code();
    if (slash && slash != parent) {
        *slash = '\0';
        status = rt_dir_make(parent, 0755);
    }
    rt_mem_free(parent);
    return status;
}

/* Creates the directory, or checks that the existing one can be used. */
static rt_status make_or_check(rt__rundir *d)
{
    enum { TRIES = 3 }; /* another start that is refused may remove the parent meanwhile */
    struct stat st;
    if (stat(d->path, &st) == 0) {
        if (!S_ISDIR(st.st_mode))
            return RT_FAIL(EXISTS, "%s: is a file, not a directory: choose another --run-dir",
                           d->path);
        return access(d->path, R_OK | W_OK | X_OK) == 0 ? RT_OK
                                                        : cannot_use(d->path, strerror(errno));
    }
    if (errno != ENOENT)
        return cannot_use(d->path, strerror(errno));
    d->there = length_there(d->path);
    for (int i = 0; i < TRIES && !d->created; i++) {
        if (make_parent(d->path) != RT_OK) {
            rt_error_clear();
            return cannot_use(d->path, "its parent directory cannot be created");
        }
        d->created = mkdir(d->path, 0755) == 0;
        if (!d->created && errno != ENOENT)
            break;
    }
    return d->created ? RT_OK : cannot_use(d->path, strerror(errno));
}

/* ---- where it is ---- */

static rt_status open_directory(rt__rundir *d)
{
    d->dir_fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->dir_fd >= 0 ? RT_OK : cannot_use(d->path, strerror(errno));
}

static bool is_ours(const rt__rundir *d, const char *path)
{
    struct stat ours, there;
    return fstat(d->dir_fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

/* Returns whether somebody is removing the directory: its files go first, and we may create new records meanwhile, so
 * look only for files that exist from the start. */
static bool is_emptied(const rt__rundir *d)
{
    return faccessat(d->dir_fd, "lock", F_OK, 0) != 0 && errno == ENOENT &&
           faccessat(d->dir_fd, "config.yaml", F_OK, 0) != 0 && errno == ENOENT;
}

bool rt__rundir_is_there(const rt__rundir *d, char **moved)
{
    char own[RT_OS_DESCRIPTOR_PATH], path[PATH_MAX];
    struct stat st;
    *moved = NULL;
    bool there = is_ours(d, d->path) && !is_emptied(d);
    bool unknown = stat(d->path, &st) != 0 && errno != ENOENT && errno != ENOTDIR;
    if (there || unknown) /* a file server that does not answer has not lost the directory */
        return true;
    const char *link = rt_os_descriptor_path(d->dir_fd, own);
    ssize_t n = link ? readlink(link, path, sizeof path - 1) : 0;
    path[n > 0 ? n : 0] = '\0';
    if (n > 0 && is_ours(d, path) && !is_emptied(d))
        *moved = rt_strdup(path);
    return false;
}

/* ---- the lock ---- */

/* The coordinator of a killed launcher needs a moment to end, and a process that was just killed may still look alive. */
static const double DYING_SECONDS = 5, LOOKS_ALIVE_SECONDS = 1, SILENT_SECONDS = 1;

static bool is_alive_here(const rt_run_owner *owner)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    rt_os_process process;
    return owner->pid > 0 && strcmp(owner->host, host) == 0 &&
           rt_os_process_look((pid_t)owner->pid, &process) && !process.ended;
}

/* Takes the lock. If a process that is ending still holds it, waits for that process. */
static bool take_lock(const rt__rundir *d)
{
    double began = rt_clock(), dead_since = began;
    for (bool told = false; !rt_run_lock_take(d->lock_fd); rt_clock_sleep(0.02)) {
        rt_run_owner owner = rt_run_lock_owner(d->lock_fd);
        char who[RT_RUN_OWNER_TEXT];
        double now = rt_clock();
        bool alive = is_alive_here(&owner);
        if (alive)
            dead_since = now;
        if (alive ? now - began > LOOKS_ALIVE_SECONDS : now - dead_since > DYING_SECONDS)
            return false;
        if (!told && !alive && now - began > SILENT_SECONDS) {
            rt_text_print(stderr, "ringtorch: %s: waiting for the previous ringtorch to end (%s)\n",
                          d->path, rt_run_owner_text(&owner, who));
            told = true;
        }
    }
    return true;
}

static rt_status lock(rt__rundir *d)
{
    if (rt_run_lock_open(d->path, &d->lock_fd) != RT_OK) {
        char why[256];
        snprintf(why, sizeof why, "%s", rt_error());
        rt_error_clear();
        return cannot_use(d->path, why);
    }
    if (take_lock(d))
        return RT_OK;
    rt_run_owner owner = rt_run_lock_owner(d->lock_fd);
    char who[RT_RUN_OWNER_TEXT];
    return RT_FAIL(
        EXISTS,
        "%s: another ringtorch is running in this directory (%s): wait for it, or choose "
        "another --run-dir",
        d->path, rt_run_owner_text(&owner, who));
}

/* ---- what was there before ---- */

static bool holds(const rt__rundir *d, const char *name)
{
    char *path = rt_path_join(d->path, name);
    bool there = path && rt_path_exists(path);
    rt_mem_free(path);
    rt_error_clear();
    return there;
}

static bool holds_checkpoints(const rt__rundir *d)
{
    rt_names names = {0};
    bool found = false;
    char *path = rt_path_join(d->path, "checkpoints");
    if (path && rt_dir_list(path, &names) == RT_OK)
        for (size_t i = 0; i < names.count; i++)
            found |= strncmp(names.name[i], "step-", 5) == 0;
    rt_names_release(&names);
    rt_mem_free(path);
    rt_error_clear();
    return found;
}

/* Notes what was there, so that a start that is undone removes no more than it has made. The lock is our own by now. */
static void note_contents(rt__rundir *d)
{
    d->held_run = holds(d, "journal");
    for (int i = 0; rt_run_files[i]; i++)
        if (strcmp(rt_run_files[i], "lock") != 0)
            d->before |= (uint32_t)holds(d, rt_run_files[i]) << i;
}

/* A new run must not mix its checkpoints and rows with those of another, not even if the journal of that one is gone. */
static rt_status check_earlier_run(const rt__rundir *d, const char *resume)
{
    if (strcmp(resume, "never") != 0)
        return RT_OK;
    if (d->held_run)
        return RT_FAIL(
            EXISTS,
            "%s: already holds a run: resume it with --resume auto, or choose another --run-dir",
            d->path);
    const char *left = holds_checkpoints(d)        ? "checkpoints"
                       : holds(d, "metrics.jsonl") ? "metrics.jsonl"
                                                   : NULL;
    if (!left)
        return RT_OK;
    return RT_FAIL(EXISTS,
                   "%s: holds %s of a run whose journal is gone: go on from what is left with "
                   "--resume auto, or choose another --run-dir",
                   d->path, left);
}

rt_status rt__rundir_open(const char *path, const char *resume, rt__rundir *out)
{
    *out = (rt__rundir){.path = rt_path_simplify(path), .lock_fd = -1, .dir_fd = -1};
    rt_status status = out->path ? check_place(out->path) : rt_error_code();
    if (status == RT_OK)
        status = make_or_check(out);
    if (status == RT_OK)
        status = open_directory(out);
    if (status == RT_OK)
        status = lock(out);
    bool ours = status == RT_OK; /* we hold the lock, so nobody else uses what is in there */
    if (status == RT_OK) {
        note_contents(out);
        status = check_earlier_run(out, resume);
    }
    if (status != RT_OK)
        rt__rundir_close(out, ours);
    return status;
}

/* Removes only the files that a run writes and that were not there before: the directory may hold others, or what is left of a run. */
static void remove_contents(const rt__rundir *d)
{
    for (int i = 0; rt_run_files[i]; i++) {
        if (d->before >> i & 1)
            continue;
        char *path = rt_path_join(d->path, rt_run_files[i]);
        if (path && rt_remove_tree(path) != RT_OK)
            rt_log_warn("%s", rt_error());
        rt_error_clear();
        rt_mem_free(path);
    }
}

void rt__rundir_close(rt__rundir *d, bool undo)
{
    rt_saved_error why = {0}; /* keep the failure that led here in the slot */
    if (rt_failed())
        rt_error_save(&why);
    if (undo && !d->held_run) {
        remove_contents(d);
        if (d->created)
            remove_created(d);
    }
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->dir_fd >= 0)
        close(d->dir_fd);
    rt_mem_free(d->path);
    *d = (rt__rundir){.lock_fd = -1, .dir_fd = -1};
    rt_error_restore(&why);
}
