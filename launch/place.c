#include "launch/place.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/fields.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEVELS = 4, /* RUN/checkpoints/step-00000500/manifest.json */
    MANIFEST_MAX = 64 << 20,
};

static bool holds(const char *dir, const char *name)
{
    char *path = rt_path_join(dir, name);
    bool there = path && rt_path_exists(path);
    rt_mem_free(path);
    rt_error_clear();
    return there;
}

static bool is_run(const char *dir)
{
    static const char *const names[] = {"journal", "control.json", ".config.next.yaml", "lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (holds(dir, names[i]))
            return true;
    return holds(dir, "config.yaml") && holds(dir, "logs");
}

/* Cuts the last component off; false if nothing is left. "x" lies in ".". */
static bool go_up(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    char *slash = strrchr(path, '/');
    if (strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
        return false;
    if (!slash)
        memcpy(path, ".", 2);
    else
        slash[slash == path] = '\0';
    return true;
}

/* Names the runs directly below a directory, for those who gave it instead of one of them. */
static rt_status no_run(const char *path, bool is_directory)
{
    rt_names names = {0};
    char list[200] = "";
    if (is_directory && rt_dir_list(path, &names) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < names.count; i++) {
        char *below = rt_path_join(path, names.name[i]);
        size_t used = strlen(list);
        if (below && is_run(below) && used + strlen(below) + 4 < sizeof list)
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", below);
        rt_mem_free(below);
    }
    rt_names_release(&names);
    if (list[0])
        return RT_FAIL(NOTFOUND, "%s: is no run directory: give one of those in it: %s", path,
                       list);
    return RT_FAIL(NOTFOUND,
                   "%s: no run directory, and not in one: expected a directory that `ringtorch "
                   "train` has made, as runs/NAME",
                   path);
}

rt_status rt__place_find(const char *path, char **dir)
{
    struct stat st;
    *dir = NULL;
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? RT_FAIL(NOTFOUND, "%s: no such run: expected a run directory, as runs/NAME",
                             path)
                   : RT_FAIL(ARG, "%s: cannot be looked at: %s", path, strerror(errno));
    char *at = rt_strdup(path);
    if (!at)
        return rt_error_code();
    if (S_ISDIR(st.st_mode) && access(path, R_OK | X_OK) != 0) {
        rt_mem_free(at);
        return RT_FAIL(ARG, "%s: cannot be looked at: %s", path, strerror(errno));
    }
    bool more = S_ISDIR(st.st_mode) || go_up(at);
    for (int i = 0; i < LEVELS && more && !is_run(at); i++)
        more = go_up(at);
    if (is_run(at)) {
        for (size_t len = strlen(at); len > 1 && at[len - 1] == '/'; len--)
            at[len - 1] = '\0';
        *dir = at;
        return RT_OK;
    }
    rt_mem_free(at);
    return no_run(path, S_ISDIR(st.st_mode));
}

/* ---- checkpoints ---- */

/* Returns whether the pieces are there with the right lengths. What is in them is looked at when the
 * run is gone on with; here that could take minutes. */
static bool looks_whole(const char *checkpoint)
{
    json_t *manifest = NULL;
    char *manifest_path = rt_path_join(checkpoint, "manifest.json");
    if (!manifest_path || rt_json_load(manifest_path, MANIFEST_MAX, &manifest) != RT_OK)
        rt_error_clear();
    rt_mem_free(manifest_path);
    const json_t *pieces = rt__field_list(manifest, "pieces");
    bool whole = json_array_size(pieces) > 0;
    for (size_t i = 0; whole && i < json_array_size(pieces); i++) {
        const json_t *piece = json_array_get(pieces, i);
        char *path = rt_path_join(checkpoint, rt__field_text(piece, "file"));
        struct stat st;
        whole = path && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                st.st_size == rt__field_int(piece, "bytes", -1);
        rt_mem_free(path);
    }
    json_decref(manifest);
    return whole;
}

static int64_t step_of_name(const char *name)
{
    int64_t step;
    int end = 0;
    return sscanf(name, "step-%" SCNd64 "%n", &step, &end) == 1 && name[end] == '\0' ? step : -1;
}

char *rt__place_checkpoint(const char *dir, int64_t most, int64_t *step)
{
    rt_names names = {0};
    char *root = rt_path_join(dir, "checkpoints"), *newest = NULL;
    *step = -1;
    if (!root || rt_dir_list(root, &names) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < names.count; i++) {
        int64_t this = step_of_name(names.name[i]);
        char *path = this > *step && this <= most ? rt_path_join(root, names.name[i]) : NULL;
        if (path && looks_whole(path)) {
            rt_mem_free(newest);
            newest = path;
            *step = this;
        } else {
            rt_mem_free(path);
        }
    }
    rt_names_release(&names);
    rt_mem_free(root);
    return newest;
}

/* ---- the lock ---- */

static int open_lock(const char *dir)
{
    char *path = rt_path_join(dir, "lock");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    rt_mem_free(path);
    return fd;
}

bool rt__place_is_held(const char *dir)
{
    int fd = open_lock(dir);
    if (fd < 0)
        return false;
    /* Shared, so that two tools do not see each other. */
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

bool rt__place_lock(const char *dir, int *fd)
{
    *fd = open_lock(dir);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(*fd);
    *fd = -1;
    return false;
}
