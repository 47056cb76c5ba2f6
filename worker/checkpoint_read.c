#include "worker/checkpoint_read.h"

#include <string.h>
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/progress.h"

static bool note_move(void *ctx, uint64_t bytes)
{
    (void)ctx, (void)bytes;
    rt__progress_move("reading a checkpoint");
    return true;
}

const rt_watch rt__saved_moves = {.on_bytes = note_move};

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
            rt_log_warn("passed over: %s", rt_error());
            rt_error_clear();
        }
        rt_mem_free(dir);
    }
    rt_names_release(&names);
    if (!found)
        return RT_FAIL(NOTFOUND,
                       "%s: no checkpoint in it that verifies: train with checkpoint.every > 0 or "
                       "checkpoint.final: true",
                       run);
    return RT_OK;
}

rt_status rt__saved_check_path(const char *path)
{
    return rt_path_exists(path)
               ? RT_OK
               : RT_FAIL(NOTFOUND,
                         "%s: does not exist: expected a run directory, as runs/NAME, or a "
                         "checkpoint in one",
                         path);
}

rt_status rt__saved_find(const char *path, rt_saved *out)
{
    RT_TRY(rt__saved_check_path(path));
    char *manifest = rt_path_join(path, "manifest.json");
    char *checkpoints = rt_path_join(path, "checkpoints");
    rt_status status = RT_E_NOMEM;
    if (manifest && checkpoints) {
        if (rt_path_exists(manifest))
            status = rt_saved_open(path, &rt__saved_moves, out);
        else if (rt_path_exists(checkpoints))
            status = open_newest(path, checkpoints, out);
        else
            status =
                RT_FAIL(NOTFOUND,
                        "%s: neither a run directory nor a checkpoint: expected checkpoints/ or "
                        "manifest.json in it",
                        path);
    }
    rt_mem_free(manifest);
    rt_mem_free(checkpoints);
    return status;
}
