#include "worker/start_weights.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/formats/weights.h"
#include "worker/state.h"
#include <string.h>
#include <sys/stat.h>

/* Copies the parameters and buffers assembled from the pieces into the net. */
static rt_status copy_into(rt_module *net, const rt_saved *saved, const rt__state *s, bool partial)
{
    rt_st_entry *tensor = rt_calloc((size_t)s->count, sizeof *tensor);
    if (!tensor)
        return rt_error_code();
    for (int64_t i = 0; i < s->count; i++) {
        const rt_saved_part *p = &s->parts.part[i];
        tensor[i] = (rt_st_entry){.name = p->tensor,
                                  .shape = p->shape,
                                  .data = s->data + p->at,
                                  .bytes = (size_t)p->elements * sizeof(float)};
    }
    rt_status status = rt__weights_assign(net, tensor, s->count, saved->dir, partial);
    rt_mem_free(tensor);
    return status;
}

static rt_status load_checkpoint(rt_module *net, const char *path, bool partial)
{
    rt_saved saved;
    rt__state s;
    RT_TRY(rt__saved_find(path, &saved));
    rt_status status = rt__state_load(&saved, false, &s);
    if (status == RT_OK)
        status = copy_into(net, &saved, &s, partial);
    rt__state_release(&s);
    rt_saved_close(&saved);
    return status;
}

rt_status rt__weights_load(rt_run *run, const char *path, bool partial)
{
    struct stat st;
    bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    rt_run_changed(run);
    return (is_directory ? load_checkpoint : rt__weights_assign_file)(rt_run_net(run), path,
                                                                      partial);
}

static rt_status broadcast_job(rt_comm *c, void *arg)
{
    const rt_flat *flat = arg;
    return rt_comm_broadcast(c, (rt_buf){.data = flat->param, .count = flat->tail}, 0);
}

rt_status rt__start_weights(rt_run *run, rt__commthread *comm, int rank, int world,
                            const rt_config *cfg, const char *expected, char sha256[65])
{
    const char *path = cfg->model.init;
    if (rank == 0 && (rt__weights_load(run, path, cfg->model.init_partial) != RT_OK ||
                      rt__weights_check_values(rt_run_net(run), path) != RT_OK))
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
