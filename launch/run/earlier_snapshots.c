#include "launch/run/earlier_snapshots.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "launch/remains/remains.h"
#include "launch/run/place.h"
#include "launch/tui/advice.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Returns the newest step that `--resume auto` would find; -1 if it would begin again. */
static int64_t newest_found(const char *dir, const rt_config *cfg)
{
    int64_t checkpoint = -1, snapshot = rt__remains_newest(cfg->snapshot.dir, dir);
    char *path = rt__place_checkpoint(dir, INT64_MAX, &checkpoint);
    if (!path)
        checkpoint = -1;
    rt_error_clear();
    rt_mem_free(path);
    return checkpoint > snapshot ? checkpoint : snapshot;
}

static rt_status compare(const char *dir, const char *before, const rt_config *cfg)
{
    char instead[64] = "begin again at step 0", setting[RT__ADVICE];
    if (strcmp(before, cfg->snapshot.dir) == 0)
        return RT_OK;
    const int64_t left = rt__remains_newest(before, dir), found = newest_found(dir, cfg);
    if (left <= found)
        return RT_OK;
    if (found >= 0)
        snprintf(instead, sizeof instead, "go back to step %" PRId64, found);
    return RT_FAIL(CONFIG,
                   "snapshot.dir %s: the newest state of the run in %s, that of step %" PRId64
                   ", is in %s, and without it the run would %s: resume with %s, "
                   "or move the files %s/ringtorch-* of this run to %s first",
                   cfg->snapshot.dir, dir, left, before, instead,
                   rt__advice_setting("snapshot.dir", before, setting), before, cfg->snapshot.dir);
}

rt_status rt__earlier_snapshots_check(const char *dir, const char *resume, const rt_config *cfg)
{
    rt_config before;
    if (strcmp(resume, "auto") != 0)
        return RT_OK;
    char *path = rt_path_join(dir, "config.yaml");
    bool known = path && rt_config_load_run(path, &before) == RT_OK;
    rt_mem_free(path);
    rt_error_clear(); /* the coordinator tells what is wrong with the run's files */
    if (!known)
        return RT_OK;
    rt_status status = compare(dir, before.snapshot.dir, cfg);
    rt_config_release(&before);
    return status;
}
