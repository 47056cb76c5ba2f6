#include "worker/start_weights.h"

#include <string.h>
#include <sys/stat.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/formats/weights.h"
#include "worker/restore.h"

/* The parameters of a checkpoint, put together from its pieces. */
typedef struct tensors {
    int64_t count;
    rt_flat_entry *place; /* [count] in data */
    rt_st_entry *tensor;  /* [count] */
    float *data;
} tensors;

static rt_status assemble(const rt_saved *s, tensors *t)
{
    t->count = (int64_t)json_array_size(s->manifest.layout);
    t->place = rt_calloc((size_t)t->count, sizeof *t->place);
    t->tensor = rt_calloc((size_t)t->count, sizeof *t->tensor);
    t->data = rt_calloc((size_t)s->manifest.parameters, sizeof *t->data);
    if (!t->place || !t->tensor || !t->data)
        return rt_error_code();
    int64_t at = 0;
    for (int64_t i = 0; i < t->count; i++) {
        rt_layout_tensor x = rt_manifest_tensor(&s->manifest, (size_t)i);
        t->place[i] = (rt_flat_entry){.name = x.name, .begin = at, .end = at + x.elements};
        t->tensor[i] = (rt_st_entry){.name = x.name, .shape = x.shape, .data = t->data + at};
        at += x.elements;
    }
    rt__destination to = {
        .tensor = t->place,
        .tensors = (int32_t)t->count,
        .count = at,
        .kinds = 1,
        .kind[0] = {"param", t->data},
        .other_kinds_too = true,
    };
    return rt__restore(s, &to);
}

static rt_status load_checkpoint(rt_module *net, const char *path, bool partial)
{
    rt_saved saved;
    tensors t = {0};
    RT_TRY(rt__saved_find(path, &saved));
    rt_status status = assemble(&saved, &t);
    if (status == RT_OK)
        status = rt__weights_take(net, t.tensor, t.count, saved.dir, partial);
    rt_mem_free(t.place);
    rt_mem_free(t.tensor);
    rt_mem_free(t.data);
    rt_saved_close(&saved);
    return status;
}

rt_status rt__weights_load(rt_run *run, const char *path, bool partial)
{
    struct stat st;
    bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return (is_directory ? load_checkpoint : rt__weights_take_file)(rt_run_net(run), path, partial);
}

static rt_status broadcast_job(rt_comm *c, void *arg)
{
    const rt_flat *flat = arg;
    return rt_comm_broadcast(c, flat->param, flat->count * (int64_t)sizeof *flat->param, 0);
}

rt_status rt__start_weights(rt_run *run, rt__commthread *comm, int rank, int world,
                            const rt_config *cfg, const char *expected, char sha256[65])
{
    const char *path = cfg->model.init;
    if (rank == 0 && rt__weights_load(run, path, cfg->model.init_partial) != RT_OK)
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
