/* ringtorch export RUN|CHECKPOINT: the parameters as one file for other programs. Needs neither the
 * data set nor the configuration: the manifest's layout says all. */
#include "worker/commands/command.h"

#include <stdio.h>
#include <string.h>
#include <ringtorch/formats.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/output.h"
#include "worker/restore.h"

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

static rt_status fill(const parameters *p, rt_st_writer *w)
{
    RT_TRY(rt_st_metadata(w, "format", "pt"));
    for (int32_t i = 0; i < p->count; i++)
        RT_TRY(rt_st_add(w, p->entry[i].name, RT_F32, p->shape[i], p->data + p->entry[i].begin));
    return RT_OK;
}

static rt_status write_file(const parameters *p, const char *path)
{
    rt_st_writer *w;
    RT_TRY(rt_st_create(path, &w));
    rt_status status = fill(p, w);
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
        fprintf(rt_output_remarks(out), "%s: %d tensors of %s\n", out, (int)p.count, saved.dir);
    release(&p);
    rt_saved_close(&saved);
    return status;
}

static rt_status check_format(const char *format)
{
    if (strcmp(format, "safetensors") == 0)
        return RT_OK;
    if (strcmp(format, "pytorch") == 0 || strcmp(format, "onnx") == 0)
        return RT_FAIL(UNSUPPORTED, "--format %s: not in this release: use safetensors", format);
    return RT_FAIL(ARG, "--format %s: expected safetensors", format);
}

rt_status rt__command_export(int argc, char **argv)
{
    const char *format = "safetensors", *out = NULL;
    bool best = false;
    const rt_option options[] = {
        {"out", 0, "FILE", "where to write; - is standard output; needed", .text = &out},
        {"best", 0, NULL, "of a run the checkpoint with the best evaluation, not the newest",
         .flag = &best},
        {"format", 0, "FORMAT", "safetensors (the default)", .text = &format},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch export",
        {"RUN|CHECKPOINT"},
        1,
        "Writes the parameters of a trained model as one file for other programs. Of a run the "
        "newest "
        "checkpoint that verifies is taken. A file that is there is replaced when all is written.",
        options,
        "Exit codes: 0 done, 1 failed, 2 wrong usage or checkpoint."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    if (args.help)
        return RT_OK;
    RT_TRY(check_format(format));
    if (!out)
        return RT_FAIL(ARG, "no --out FILE: write ringtorch export %s --out FILE.safetensors",
                       args.operand[0]);
    return export(args.operand[0], best, out);
}
