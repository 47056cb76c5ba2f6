#include "worker/start_weights.h"

#include <string.h>
#include <sys/stat.h>
#include <ringtorch/formats.h>
#include "common/error.h"
#include "worker/restore.h"

static rt_status load_checkpoint(rt_run *run, const char *path)
{
    rt_saved saved;
    rt__destination to;
    RT_TRY(rt__saved_find(path, &saved));
    rt_status status = rt__restore_check_fit(&saved, rt_run_net(run));
    rt__destination_of_run(&to, run, RT__PARAMETERS_ONLY);
    if (status == RT_OK)
        status = rt__restore(&saved, &to);
    rt_saved_close(&saved);
    return status;
}

rt_status rt__weights_load(rt_run *run, const char *path)
{
    struct stat st;
    bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return is_directory ? load_checkpoint(run, path) : rt_nn_load(rt_run_net(run), path);
}

static rt_status broadcast_job(rt_comm *c, void *arg)
{
    const rt_flat *flat = arg;
    return rt_comm_broadcast(c, flat->param, flat->count * (int64_t)sizeof *flat->param, 0);
}

rt_status rt__start_weights(rt_run *run, rt__commthread *comm, int rank, int world,
                            const char *path, const char *expected, char sha256[65])
{
    if (rank == 0 && rt__weights_load(run, path) != RT_OK)
        return rt_error_prefix("model.init");
    if (world > 1)
        RT_TRY(rt__commthread_run(comm, broadcast_job, (void *)rt_run_flat(run)));
    RT_TRY(rt_run_weights_sha256(run, sha256));
    if (*expected && strcmp(expected, sha256) != 0)
        return RT_FAIL(MISMATCH,
                       "model.init: %s: has changed since this run began (weights_sha256 %.16s... "
                       "then, %.16s... now): put it back, or begin a new run in another --run-dir",
                       path, expected, sha256);
    return RT_OK;
}
