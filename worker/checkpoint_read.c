#include "worker/checkpoint_read.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/progress.h"
#include <string.h>

static bool note_move(void *ctx, uint64_t bytes)
{
    (void)ctx, (void)bytes;
    rt__progress_move("reading a checkpoint");
    return true;
}

const rt_watch rt__saved_moves = {.on_bytes = note_move};

static const char how_to_get_one[] =
    "ringtorch checkpoint now makes one while it runs; else train with checkpoint.every > 0 or "
    "checkpoint.final: true";

static bool holds(const char *dir, const char *name)
{
    char *path = rt_path_join(dir, name);
    bool there = path && rt_path_exists(path);
    rt_mem_free(path);
    return there;
}

/* Opens the newest of <run>/checkpoints/step-*; names sort by age. */
static rt_status open_newest(const char *run, const char *checkpoints, rt_saved *out)
{
    rt_names names;
    RT_TRY(rt_dir_list(checkpoints, &names));
    bool found = false;
    for (size_t i = names.count; i-- > 0 && !found;) {
        if (strncmp(names.name[i], "step-", 5) != 0)
            continue;
        char *dir = rt_path_join(checkpoints, names.name[i]);
        found = dir && rt_saved_open(dir, &rt__saved_moves, out) == RT_OK;
        if (!found) {
            rt_log_warn("skipped a checkpoint: %s", rt_error());
            rt_error_clear();
        }
        rt_mem_free(dir);
    }
    rt_names_release(&names);
    if (!found)
        return RT_FAIL(NOTFOUND, "%s: no checkpoint in it that verifies: %s", run, how_to_get_one);
    return RT_OK;
}

rt_status rt__saved_check_path(const char *path)
{
    bool there;
    RT_TRY(rt_path_look(path, &there));
    return there ? RT_OK
                 : RT_FAIL(NOTFOUND,
                           "%s: does not exist: expected a run directory, such as runs/NAME, or a "
                           "checkpoint in one",
                           path);
}

rt_status rt__saved_find(const char *path, rt_saved *out)
{
    RT_TRY(rt__saved_check_path(path));
    char *manifest = rt_path_join(path, "manifest.json");
    char *checkpoints = rt_path_join(path, "checkpoints");
    bool is_checkpoint = false, is_run = false;
    rt_status status =
        manifest && checkpoints ? rt_path_look(manifest, &is_checkpoint) : RT_E_NOMEM;
    if (status == RT_OK)
        status = rt_path_look(checkpoints, &is_run);
    if (status == RT_OK && is_checkpoint)
        status = rt_saved_open(path, &rt__saved_moves, out);
    else if (status == RT_OK && is_run)
        status = open_newest(path, checkpoints, out);
    else if (status == RT_OK && holds(path, "journal"))
        status = RT_FAIL(NOTFOUND, "%s: this run has no checkpoint: %s", path, how_to_get_one);
    else if (status == RT_OK)
        status = RT_FAIL(NOTFOUND,
                         "%s: neither a run directory nor a checkpoint: expected checkpoints/ or "
                         "manifest.json in it",
                         path);
    rt_mem_free(manifest);
    rt_mem_free(checkpoints);
    return status;
}
