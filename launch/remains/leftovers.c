#include "launch/remains/leftovers.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char tmp[] = "/tmp";

/* Never uses an existing directory: other users see the names of earlier generations, and might create the next one. */
rt_status rt__leftovers_make_mpirun(const char *run_id, int64_t generation, char *out, size_t size)
{
    rt_snapshot_name name = {.what = RT_SNAPSHOT_MPIRUN, .generation = generation, .rank = -1};
    snprintf(name.run, sizeof name.run, "%s", run_id);
    RT_TRY(rt_snapshot_tag_make(name.tag));
    char *path = rt_snapshot_path(tmp, &name);
    if (!path)
        return rt_error_code();
    snprintf(out, size, "%s", path);
    rt_mem_free(path);
    return mkdir(out, 0700) == 0 ? RT_OK : RT_FAIL(IO, "%s: cannot be made: %m", out);
}

/* Returns whether a name belongs to the run and must be removed: every name if newest < 0, else Open MPI's of generations
 * up to `newest`. */
static bool must_be_removed(const char *name, const char *run_id, int64_t newest)
{
    rt_snapshot_name n;
    if (!rt_snapshot_name_parse(name, &n) || strcmp(n.run, run_id) != 0)
        return false;
    return newest < 0 || (n.what >= RT_SNAPSHOT_MPI && n.generation <= newest);
}

static void remove_one(const char *dir, const char *name, const char *run_dir)
{
    char *path = rt_path_join(dir, name);
    if (!path || (rt_snapshot_may_remove(path, run_dir) && rt_remove_tree(path) != RT_OK))
        rt_log_warn("%s/%s is left behind: %s", dir, name, rt_error());
    rt_error_clear();
    rt_mem_free(path);
}

/* Removes the run's files from a directory: all of them if newest < 0, else Open MPI's up to generation `newest`. */
static void sweep(const char *dir, const rt__left_run *run, int64_t newest)
{
    rt_names names;
    if (rt_dir_list(dir, &names) != RT_OK) {
        rt_error_clear(); /* an unreadable directory contains nothing of ours */
        return;
    }
    for (size_t i = 0; i < names.count; i++)
        if (must_be_removed(names.name[i], run->id, newest))
            remove_one(dir, names.name[i], run->dir);
    rt_names_release(&names);
}

static void sweep_both(const rt__left_run *run, int64_t newest)
{
    sweep(run->snapshot_dir, run, newest);
    if (strcmp(run->snapshot_dir, tmp) != 0)
        sweep(tmp, run, newest);
}

void rt__leftovers_end_generation(const rt__left_run *run, int64_t generation)
{
    sweep_both(run, generation);
}

void rt__leftovers_end_run(const rt__left_run *run)
{
    sweep_both(run, -1);
}
