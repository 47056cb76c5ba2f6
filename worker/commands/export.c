/* ringtorch export RUN|CHECKPOINT: the parameters as one file for other programs. Needs neither the
 * data set nor the configuration: the manifest's layout says all. */
#include "worker/commands/command.h"

#include <stdio.h>
#include <string.h>
#include <ringtorch/formats.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/restore.h"

static const char usage[] = "export RUN|CHECKPOINT [--best] --format safetensors --out FILE";

typedef struct parameters {
    rt_flat_entry *entry; /* [count] */
    rt_dims *shape;       /* [count] */
    int32_t count;
    float *data;
} parameters;

static void release(parameters *p)
{
    rt_mem_free(p->entry);
    rt_mem_free(p->shape);
    rt_mem_free(p->data);
}

static rt_status read_layout(const rt_saved *s, parameters *p)
{
    size_t count = json_array_size(s->manifest.layout);
    p->entry = rt_calloc(count, sizeof *p->entry);
    p->shape = rt_calloc(count, sizeof *p->shape);
    if (!p->entry || !p->shape)
        return RT_E_NOMEM;
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        rt_layout_tensor t = rt_manifest_tensor(&s->manifest, i);
        p->entry[i].name = t.name;
        p->entry[i].begin = at;
        p->entry[i].end = at += t.elements;
        p->shape[i] = t.shape;
    }
    p->count = (int32_t)count;
    p->data = rt_calloc((size_t)at, sizeof *p->data);
    return p->data ? RT_OK : RT_E_NOMEM;
}

static rt_status load(const rt_saved *s, parameters *p)
{
    RT_TRY(read_layout(s, p));
    rt__destination to = {
        .tensor = p->entry,
        .tensors = p->count,
        .count = p->count > 0 ? p->entry[p->count - 1].end : 0,
        .kinds = 1,
        .kind[0] = {"param", p->data},
        .other_kinds_too = true,
    };
    return rt__restore(s, &to);
}

static rt_status write_file(const parameters *p, const char *path)
{
    rt_st_writer *w;
    RT_TRY(rt_st_create(path, &w));
    rt_status status = rt_st_metadata(w, "format", "pt");
    for (int32_t i = 0; i < p->count && status == RT_OK; i++)
        status = rt_st_add(w, p->entry[i].name, RT_F32, p->shape[i], p->data + p->entry[i].begin);
    if (status == RT_OK)
        return rt_st_finish(w, NULL, NULL);
    rt_st_abandon(w);
    return status;
}

static rt_status export(const char *path, bool best, const char *out)
{
    rt_saved saved;
    parameters p = {0};
    RT_TRY(rt__find_saved(path, best, &saved));
    rt_status status = load(&saved, &p);
    if (status == RT_OK)
        status = write_file(&p, out);
    if (status == RT_OK)
        printf("%s: %d tensors of %s\n", out, (int)p.count, saved.dir);
    release(&p);
    rt_saved_close(&saved);
    return status;
}

rt_status rt__command_export(int argc, char **argv)
{
    const char *path, *format = NULL, *out = NULL;
    bool best = false;
    const rt__option table[] = {{"--format", &format, NULL},
                                {"--out", &out, NULL},
                                {"--best", NULL, &best},
                                {NULL, NULL, NULL}};
    RT_TRY(rt__arguments(argc, argv, table, usage, &path));
    if (!format || !out)
        return RT_FAIL(ARG, "%s: missing: ringtorch %s", format ? "--out" : "--format", usage);
    if (strcmp(format, "pytorch") == 0 || strcmp(format, "onnx") == 0)
        return RT_FAIL(UNSUPPORTED, "--format %s: not in this release: use safetensors", format);
    if (strcmp(format, "safetensors") != 0)
        return RT_FAIL(ARG, "--format %s: expected safetensors", format);
    return export(path, best, out);
}
