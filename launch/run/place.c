#include "launch/run/place.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/state/manifest.h"
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

/* Cuts off the last component; the parent of "x" is ".". Returns false if there is no parent. */
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

/* Fails with NOTFOUND. If runs lie directly below `path`, names them: the user may have meant one of those. */
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
        return RT_FAIL(NOTFOUND, "%s: not a run directory: give one of those in it: %s", path,
                       list);
    return RT_FAIL(NOTFOUND,
                   "%s: not a run directory, nor in one: expected a directory that `ringtorch "
                   "train` made, such as runs/NAME",
                   path);
}

rt_status rt__place_find(const char *path, char **dir)
{
    struct stat st;
    *dir = NULL;
    if (stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? RT_FAIL(NOTFOUND,
                             "%s: no such run: expected a run directory, such as runs/NAME", path)
                   : RT_FAIL(ARG, "%s: cannot be read: %s", path, strerror(errno));
    char *at = rt_strdup(path);
    if (!at)
        return rt_error_code();
    if (S_ISDIR(st.st_mode) && access(path, R_OK | X_OK) != 0) {
        rt_mem_free(at);
        return RT_FAIL(ARG, "%s: cannot be read: %s", path, strerror(errno));
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

/* Returns whether all pieces exist with the right lengths. */
static bool has_pieces(const char *checkpoint, const json_t *manifest)
{
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
    return whole;
}

/* Fails if this program cannot read the checkpoint. Verifying its contents could take minutes; resuming the run does
 * that. */
static rt_status check_checkpoint(const char *checkpoint)
{
    json_t *manifest = NULL;
    char *path = rt_path_join(checkpoint, "manifest.json");
    rt_status status = path ? rt_json_load(path, MANIFEST_MAX, &manifest) : rt_error_code();
    if (status == RT_OK)
        status = rt_json_check_version(manifest, path, "checkpoint", RT_MANIFEST_VERSION,
                                       "use the version of ringtorch that made it");
    if (status == RT_OK && !has_pieces(checkpoint, manifest))
        status = RT_FAIL(CORRUPT, "%s: some of its pieces are missing or cut off", checkpoint);
    rt_mem_free(path);
    json_decref(manifest);
    return status;
}

static int64_t step_of_name(const char *name)
{
    int64_t step;
    int end = 0;
    return sscanf(name, "step-%" SCNd64 "%n", &step, &end) == 1 && name[end] == '\0' ? step : -1;
}

/* The newest checkpoint that can be read, and the newest of those that cannot. */
typedef struct newest {
    char *path; /* owned; NULL: none */
    int64_t step, unreadable_step;
    rt_saved_error why; /* the latter cannot be read */
} newest;

static void look_at(char *path, int64_t step, newest *n)
{
    rt_status status = check_checkpoint(path);
    if (status != RT_OK && step > n->unreadable_step) {
        n->unreadable_step = step;
        rt_error_save(&n->why);
    }
    rt_error_clear();
    if (status == RT_OK && step > n->step) {
        rt_mem_free(n->path);
        n->path = rt_strdup(path);
        n->step = step;
    }
}

static newest find_newest(const char *dir, int64_t most)
{
    rt_names names = {0};
    newest n = {.step = -1, .unreadable_step = -1};
    char *root = rt_path_join(dir, "checkpoints");
    if (!root || rt_dir_list(root, &names) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < names.count; i++) {
        int64_t step = step_of_name(names.name[i]);
        char *path = step > n.step && step <= most ? rt_path_join(root, names.name[i]) : NULL;
        if (path)
            look_at(path, step, &n);
        rt_mem_free(path);
    }
    rt_names_release(&names);
    rt_mem_free(root);
    return n;
}

char *rt__place_checkpoint(const char *dir, int64_t most, int64_t *step)
{
    newest n = find_newest(dir, most);
    *step = n.path ? n.step : -1;
    return n.path;
}

rt_status rt__place_check_checkpoints(const char *dir)
{
    newest n = find_newest(dir, INT64_MAX);
    bool refused = !n.path && n.why.code != RT_OK;
    rt_mem_free(n.path);
    return refused ? rt_error_restore(&n.why) : RT_OK;
}
