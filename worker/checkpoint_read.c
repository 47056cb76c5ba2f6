#include "worker/checkpoint_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/manifest.h"
#include "common/mem.h"

static rt_status read_manifest(rt__saved *s)
{
    RT_TRY(rt_manifest_verify(s->dir, &s->manifest));
    RT_TRY(rt_json_int(s->manifest, "step", s->dir, &s->step));
    RT_TRY(rt_json_int(s->manifest, "slices", s->dir, &s->slices));
    if (s->step < 0 || s->slices < 1)
        return RT_FAIL(CORRUPT, "%s: step %" PRId64 " and %" PRId64 " slices cannot be", s->dir,
                       s->step, s->slices);
    return RT_OK;
}

/* Opens one verified piece. */
static rt_status open_piece(rt__saved *s, const json_t *entry)
{
    const char *file;
    RT_TRY(rt_json_string(entry, "file", s->dir, &file));
    char *path = rt_path_join(s->dir, file);
    if (!path)
        return RT_E_NOMEM;
    rt_status status = rt_st_open(path, &s->piece[s->pieces]);
    if (status == RT_OK)
        s->pieces++;
    rt_mem_free(path);
    return status;
}

static rt_status open_pieces(rt__saved *s)
{
    const json_t *list = json_object_get(s->manifest, "pieces");
    size_t count = json_array_size(list);
    s->piece = rt_calloc(count, sizeof *s->piece);
    if (!s->piece)
        return RT_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        RT_TRY(open_piece(s, json_array_get(list, i)));
    return RT_OK;
}

rt_status rt__saved_open(const char *dir, rt__saved *out)
{
    *out = (rt__saved){.dir = rt_strdup(dir)};
    rt_status status = out->dir ? read_manifest(out) : RT_E_NOMEM;
    if (status == RT_OK)
        status = open_pieces(out);
    if (status != RT_OK)
        rt__saved_close(out);
    return status;
}

void rt__saved_close(rt__saved *s)
{
    for (int i = 0; i < s->pieces; i++)
        rt_st_close(s->piece[i]);
    rt_mem_free(s->piece);
    json_decref(s->manifest);
    rt_mem_free(s->dir);
    *s = (rt__saved){0};
}

/* ---- entries ---- */

rt_status rt__saved_entry_at(const rt__saved *s, int piece, int64_t i, rt__saved_entry *out)
{
    const rt_st_entry *e = rt_st_at(s->piece[piece], i);
    int end = 0;
    /* Kinds have no '/', tensors no '@'. */
    int fields = sscanf(e->name, "%63[^/]/%447[^@]@%" SCNd64 "%n", out->kind, out->tensor,
                        &out->start, &end);
    if (fields != 3 || e->name[end] != '\0' || out->start < 0)
        return RT_FAIL(FORMAT, "%s: piece %d: entry \"%s\" is not <kind>/<tensor>@<start>", s->dir,
                       piece, e->name);
    if (e->dtype != RT_F32 || e->shape.n != 1)
        return RT_FAIL(FORMAT,
                       "%s: piece %d: entry \"%s\" is %s%s, expected one-dimensional float32",
                       s->dir, piece, e->name, rt_dtype_name(e->dtype), rt_dims_text(e->shape));
    out->count = e->shape.d[0];
    out->data = e->data;
    return RT_OK;
}

/* ---- finding one ---- */

/* Opens the newest of <run>/checkpoints/step-*; names sort by age. */
static rt_status open_newest(const char *run, const char *checkpoints, rt__saved *out)
{
    rt_names names;
    RT_TRY(rt_dir_list(checkpoints, &names));
    bool found = false;
    for (size_t i = names.count; i-- > 0 && !found;) {
        if (strncmp(names.name[i], "step-", 5) != 0)
            continue;
        char *dir = rt_path_join(checkpoints, names.name[i]);
        found = dir && rt__saved_open(dir, out) == RT_OK;
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

rt_status rt__saved_find(const char *path, rt__saved *out)
{
    char *manifest = rt_path_join(path, "manifest.json");
    char *checkpoints = rt_path_join(path, "checkpoints");
    rt_status status = RT_E_NOMEM;
    if (manifest && checkpoints) {
        if (rt_path_exists(manifest))
            status = rt__saved_open(path, out);
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
