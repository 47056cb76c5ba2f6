/* ringtorch export RUN|CHECKPOINT: writes the parameters as one file for other programs. Needs no data set, because the
 * manifest's layout suffices; if the data set can be read, the layout is compared with the model. */
#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/output.h"
#include "common/base/text.h"
#include "common/state/preprocessing.h"
#include "worker/state.h"
#include <ringtorch/formats.h>
#include <stdio.h>
#include <string.h>

/* Writes all names of all tensors, like a state_dict: a tied tensor is written under each of its names. */
static rt_status fill(const rt_manifest *m, const rt__state *s, const char *preprocessing,
                      rt_st_writer *w)
{
    size_t k;
    json_t *other;
    RT_TRY(rt_st_metadata(w, "format", "pt"));
    if (preprocessing)
        RT_TRY(rt_st_metadata(w, RT_PREPROCESSING_KEY, preprocessing));
    for (int64_t i = 0; i < s->count; i++) {
        const rt_saved_part *p = &s->parts.part[i];
        const json_t *also = rt_manifest_tensor(m, (size_t)i).also;
        RT_TRY(rt_st_add(w, p->tensor, RT_F32, p->shape, s->data + p->at));
        json_array_foreach((json_t *)also, k, other)
            RT_TRY(rt_st_add(w, json_string_value(other), RT_F32, p->shape, s->data + p->at));
    }
    return RT_OK;
}

static rt_status write_file(const rt_manifest *m, const rt__state *s, const char *preprocessing,
                            const char *path)
{
    rt_st_writer *w;
    RT_TRY(rt__command_create(path, (const char *const[]){NULL}, &w));
    rt_status status = fill(m, s, preprocessing, w);
    if (status == RT_OK)
        return rt_st_finish(w, NULL, NULL);
    rt_st_abandon(w);
    return status;
}

static rt_status export(const char *path, bool best, const char *out)
{
    rt_saved saved;
    rt__state s = {0};
    char *preprocessing = NULL;
    RT_TRY(rt__find_saved(path, best, &saved));
    rt_status status = rt__model_check(&saved);
    if (status == RT_OK)
        status = rt__state_load(&saved, false, &s);
    if (status == RT_OK)
        status = rt__saved_preprocessing(&saved, &preprocessing);
    if (status == RT_OK)
        status = write_file(&saved.manifest, &s, preprocessing, out);
    if (status == RT_OK)
        rt_text_print(rt_output_remarks(out), "%s: %d tensors of %s%s\n", out, (int)s.count,
                      saved.dir, preprocessing ? ", and the preprocessing of its data" : "");
    rt_mem_free(preprocessing);
    rt__state_release(&s);
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

static rt_status refuse_no_out(const char *operand)
{
    rt_text word = {0};
    rt_text_add_word(&word, operand);
    RT_FAIL(ARG, "no --out FILE: write ringtorch export %s --out FILE.safetensors",
            word.data ? word.data : "RUN");
    rt_mem_free(word.data);
    return rt_error_code();
}

static rt_status run(int argc, char **argv)
{
    const char *format = "safetensors", *out = NULL;
    bool best = false;
    const rt_option options[] = {
        {"out", 0, "FILE", "where to write; - is standard output; needed", .text = &out},
        {"best", 0, NULL, "of a run the checkpoint with the best evaluation, not the newest",
         .flag = &best},
        {"format", 0, "FORMAT", "safetensors (the default)", .text = &format,
         .words = "safetensors"},
        {NULL},
    };
    const rt_usage usage = {
        "ringtorch export",
        {"RUN|CHECKPOINT"},
        1,
        "Writes the parameters and buffers of a trained model as one file for other programs, with "
        "the preprocessing of its data (vocabulary, means and deviations) in the metadata. Of a "
        "run the newest checkpoint that verifies is taken. A file that is there is replaced when "
        "all is written.",
        options,
        "Exit codes: 0 done, 1 failed, 2 wrong usage or checkpoint."};
    rt_arguments args;
    RT_TRY(rt_options_parse(&usage, argc, argv, &args));
    if (args.help)
        return RT_OK;
    RT_TRY(check_format(format));
    if (!out)
        return refuse_no_out(args.operand[0]);
    return export(args.operand[0], best, out);
}

int rt__command_export(int argc, char **argv)
{
    return rt_status_exit_code(run(argc, argv));
}
