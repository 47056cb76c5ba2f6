#include "launch/leftovers.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char tmp[] = "/tmp";

void rt__leftovers_mpirun(const char *run_id, int64_t generation, char *out, size_t size)
{
    snprintf(out, size, "%s/ringtorch-%s-g%" PRId64 "-orte", tmp, run_id, generation);
}

/* Returns whether the rest of a name ("g3-mpi") is Open MPI's, of a generation up to `newest`. */
static bool is_mpi(const char *rest, int64_t newest)
{
    char *end;
    long long generation = rest[0] == 'g' ? strtoll(rest + 1, &end, 10) : -1;
    return generation >= 0 && generation <= newest &&
           (strcmp(end, "-mpi") == 0 || strcmp(end, "-orte") == 0);
}

static void remove_one(const char *dir, const char *name)
{
    struct stat st;
    char *path = rt_path_join(dir, name);
    if (!path || (lstat(path, &st) == 0 && st.st_uid == geteuid() && rt_remove_tree(path) != RT_OK))
        rt_log_warn("%s/%s is left behind: %s", dir, name, rt_error());
    rt_error_clear();
    rt_mem_free(path);
}

/* newest < 0: everything of the run. */
static void sweep(const char *dir, const char *run_id, int64_t newest)
{
    char prefix[96];
    rt_names names;
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "ringtorch-%s-", run_id);
    if (rt_dir_list(dir, &names) != RT_OK) {
        rt_error_clear(); /* then there is nothing of ours in it either */
        return;
    }
    for (size_t i = 0; i < names.count; i++)
        if (strncmp(names.name[i], prefix, n) == 0 &&
            (newest < 0 || is_mpi(names.name[i] + n, newest)))
            remove_one(dir, names.name[i]);
    rt_names_release(&names);
}

static void sweep_both(const char *snapshot_dir, const char *run_id, int64_t newest)
{
    sweep(snapshot_dir, run_id, newest);
    if (strcmp(snapshot_dir, tmp) != 0)
        sweep(tmp, run_id, newest);
}

void rt__leftovers_end_generation(const char *snapshot_dir, const char *run_id, int64_t generation)
{
    sweep_both(snapshot_dir, run_id, generation);
}

void rt__leftovers_end_run(const char *snapshot_dir, const char *run_id)
{
    sweep_both(snapshot_dir, run_id, -1);
}
