#include "worker/commands/command.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/output.h"
#include "common/config/plugins.h"
#include "common/state/preprocessing.h"
#include "worker/engine/formats/weights.h"
#include "worker/engine/plugin/plugin.h"
#include "worker/restore.h"
#include "worker/start_weights.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

rt_status rt__command_create(const char *path, const char *const *inputs, rt_st_writer **out)
{
    RT_TRY(rt_output_check(path, inputs));
    return rt_st_create(path, out);
}

static rt_status read_config(const rt_saved *saved, const char *path, rt_config *out)
{
    const char *text = saved->manifest.config;
    if (!path) {
        RT_TRY(rt_config_parse(text, strlen(text), saved->dir, out));
        return rt__plugins_match(out);
    }
    rt_config_set_plugin_describer(rt__command_load_plugin);
    RT_TRY(rt_config_load(path, NULL, 0, out));
    return rt__plugins_load(out);
}

/* Refuses changes of the model: a changed dropout or activation would go unnoticed, because the tensors stay the same. */
static rt_status check_set(const char *set)
{
    if (strncmp(set, "model.", 6) != 0 && strncmp(set, "precision=", 10) != 0)
        return RT_OK;
    return RT_FAIL(ARG, "--set %s: would change the model that was trained", set);
}

/* Refuses keys that do not affect an evaluation, since the user would believe that they did. */
static rt_status check_effect(const char *set)
{
    static const char *const used[] = {"data.path",        "data.dataset", "data.eval_batch",
                                       "parallel.threads", "parallel.isa", "parallel.blas"};
    size_t len = strcspn(set, "=");
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        if (strlen(used[i]) == len && strncmp(set, used[i], len) == 0)
            return RT_OK;
    if (strncmp(set, "data.", 5) == 0)
        return RT_FAIL(ARG,
                       "--set %.200s: would be other samples than those held out of training: only "
                       "data.path, data.dataset and data.eval_batch can be set here",
                       set);
    return RT_FAIL(ARG, "--set %.200s: has no effect here: leave it out", set);
}

static rt_status load_config(const rt_saved *saved, const char *path, const rt_option_list *sets,
                             rt_config *out)
{
    RT_TRY(read_config(saved, path, out));
    for (size_t i = 0; i < sets->count; i++) {
        RT_TRY(check_set(sets->item[i]));
        RT_TRY(rt_config_set(out, sets->item[i]));
        RT_TRY(check_effect(sets->item[i]));
    }
    return RT_OK;
}

static rt_status accept_layout(void *ctx, const char *layout)
{
    return rt__restore_check_layout(ctx, layout);
}

static rt_status load_model(rt__model *m, const char *config, const rt_option_list *sets)
{
    rt__destination to;
    RT_TRY(load_config(&m->saved, config, sets, &m->config));
    RT_TRY(rt_run_start_engine(&m->config));
    bool weights_only = m->saved.manifest.step < 0;
    rt_run_parts parts = {.ctx = &m->saved,
                          .accept = weights_only ? NULL : accept_layout,
                          .preprocessing = m->preprocessing,
                          .preprocessing_from = m->preprocessing_from};
    RT_TRY(rt_run_open_with(&m->config, m->saved.manifest.slices, &parts, &m->run));
    if (weights_only) {
        RT_TRY(rt__weights_load(m->run, m->saved.dir, false));
        return rt__weights_check_values(rt_run_net(m->run), m->saved.dir);
    }
    rt_status status = rt__destination_of_run(&to, m->run, RT__PARAMETERS_ONLY);
    if (status == RT_OK)
        status = rt__restore(&m->saved, &to);
    rt__destination_release(&to);
    return status == RT_OK ? rt_run_send(m->run) : status;
}

/* Opens a file that holds only weights: the user must name the configuration. If ringtorch export wrote the file, it
 * also holds the preprocessing of the data. */
static rt_status find_weights(const char *path, const char *config, rt__model *out)
{
    if (!config)
        return RT_FAIL(ARG,
                       "%s: a file of weights does not say which model they are of: add --config "
                       "CONFIG",
                       path);
    out->saved = (rt_saved){.dir = rt_strdup(path), .manifest = {.step = -1, .slices = 1}};
    out->preprocessing_from = rt_strdup(path);
    return out->saved.dir && out->preprocessing_from
               ? rt_preprocessing_of_weights(path, &out->preprocessing)
               : rt_error_code();
}

rt_status rt__saved_preprocessing(const rt_saved *saved, char **out)
{
    const json_t *j = saved->manifest.preprocessing;
    *out = j ? rt_json_text(j) : NULL;
    return j && !*out ? rt_error_code() : RT_OK;
}

static rt_status find_trained(const char *path, bool best, rt__model *out)
{
    RT_TRY(rt__find_saved(path, best, &out->saved));
    out->preprocessing_from = rt_path_join(out->saved.dir, "manifest.json");
    return out->preprocessing_from ? rt__saved_preprocessing(&out->saved, &out->preprocessing)
                                   : rt_error_code();
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static rt_status find_best(const char *path, const char *link, rt_saved *out)
{
    bool there;
    char to[PATH_MAX];
    RT_TRY(rt__saved_check_path(path));
    RT_TRY(rt_path_look(link, &there));
    ssize_t len = readlink(link, to, sizeof to - 1);
    if (there)
        return rt__saved_find(link, out);
    if (len > 0)
        return RT_FAIL(NOTFOUND,
                       "%s: points to %.*s, which no longer exists: choose another checkpoint "
                       "of those that ringtorch checkpoint ls shows",
                       link, (int)len, to);
    return RT_FAIL(NOTFOUND,
                   "%s: has no best checkpoint: a run keeps it if checkpoint.best names a metric",
                   path);
}

rt_status rt__find_saved(const char *path, bool best, rt_saved *out)
{
    if (!best)
        return rt__saved_find(path, out);
    char *link = rt_path_join(path, "checkpoints/best");
    if (!link)
        return rt_error_code();
    rt_status status = find_best(path, link, out);
    rt_mem_free(link);
    return status;
}

rt_status rt__model_open(const char *path, bool best, const char *config,
                         const rt_option_list *sets, rt__model *out)
{
    *out = (rt__model){0};
    rt_status status =
        is_file(path) ? find_weights(path, config, out) : find_trained(path, best, out);
    if (status == RT_OK)
        status = load_model(out, config, sets);
    if (status != RT_OK)
        rt__model_close(out);
    return status;
}

rt_status rt__model_check(const rt_saved *saved)
{
    rt_config config;
    char *layout = NULL, *preprocessing;
    RT_TRY(rt__saved_preprocessing(saved, &preprocessing));
    rt_status read = read_config(saved, NULL, &config);
    if (read == RT_OK && rt_run_start_engine(&config) == RT_OK)
        rt_run_find_layout(&config, preprocessing, &layout);
    rt_mem_free(preprocessing);
    RT_TRY(read);
    rt_config_release(&config);
    if (!layout) { /* the data set cannot be read, perhaps because it was moved; the checkpoint may still be sound */
        rt_error_clear();
        return RT_OK;
    }
    rt_status status = rt__restore_check_layout(saved, layout);
    rt_mem_free(layout);
    return status;
}

void rt__model_close(rt__model *m)
{
    if (m->run)
        rt_run_close(m->run);
    rt_config_release(&m->config);
    rt_mem_free(m->preprocessing);
    rt_mem_free(m->preprocessing_from);
    rt_saved_close(&m->saved);
}
