#include "coordinator/shell/resume.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "common/base/text.h"
#include "common/config/config_check.h"
#include "common/config/config_difference.h"
#include "common/config/config_length.h"
#include "common/config/config_slices.h"
#include "common/state/preprocessing.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- same mathematics? ---- */

/* Is `init` what the run began with, or the run directory of the checkpoint that was chosen then? */
static bool is_same_init(const char *init, const char *began_with)
{
    size_t len = strlen(init);
    while (len > 1 && init[len - 1] == '/')
        len--;
    return strncmp(init, began_with, len) == 0 &&
           (began_with[len] == '\0' || strncmp(began_with + len, "/checkpoints/", 13) == 0);
}

/* Initial weights are loaded at step 0 only: a run that is resumed keeps its own. */
static rt_status adopt_init(rt_config *cfg, const rt_config *base, const char *name)
{
    if (cfg->model.init[0] && !is_same_init(cfg->model.init, base->model.init))
        return RT_FAIL(MISMATCH,
                       "%s: did not begin with model.init %s: to train from those weights begin a "
                       "new run in another --run-dir",
                       name, cfg->model.init);
    char *copy = rt_strdup(base->model.init);
    if (!copy)
        return rt_error_code();
    rt_mem_free(cfg->model.init);
    cfg->model.init = copy;
    cfg->model.init_partial = base->model.init_partial;
    return RT_OK;
}

/* Is the task that one of the two names the one that the other found for `auto`? */
static bool is_same_task(const rt_config *cfg, const rt_config *base, const char *task)
{
    if (cfg->task.name == RT_CFG_TASK_AUTO)
        return true; /* stands for the task the run was trained for */
    return base->task.name == RT_CFG_TASK_AUTO && task &&
           strcmp(task, rt_config_choice(cfg, "task.name")) == 0;
}

/* Writes the keys that make cfg a different training from base. If both have the same task, cfg takes over base's name for it, so that
 * the run keeps its identity, and the task's options are compared. */
static rt_status find_differences(rt_config *cfg, const rt_config *base, const char *task,
                                  char **out)
{
    if (cfg->task.name == base->task.name || !is_same_task(cfg, base, task))
        return rt_config_difference(base, cfg, out);
    rt_config named;
    RT_TRY(rt_config_copy(base, &named));
    if (cfg->task.name == RT_CFG_TASK_AUTO)
        cfg->task.name = base->task.name;
    named.task.name = cfg->task.name;
    rt_status status = rt_config_difference(&named, cfg, out);
    cfg->task.name = base->task.name;
    rt_config_release(&named);
    return status;
}

rt_status rt__resume_adopt(rt_config *cfg, const rt_config *base, const char *task,
                           const char *name)
{
    rt_config standard;
    RT_TRY(rt_config_default(&standard));
    if (cfg->parallel.slices == RT_AUTO)
        cfg->parallel.slices = base->parallel.slices;
    if (cfg->run.seed == standard.run.seed)
        cfg->run.seed = base->run.seed;
    rt_config_release(&standard);
    if (cfg->parallel.workers > cfg->parallel.slices)
        return RT_FAIL(CONFIG,
                       "%s: was made with %" PRId64
                       " slice%s, which is the most workers it can go on with: use -n %" PRId64
                       " or fewer, or begin a new run from its weights (model.init) in another "
                       "--run-dir",
                       name, cfg->parallel.slices, rt_plural(cfg->parallel.slices),
                       cfg->parallel.slices);
    RT_TRY(adopt_init(cfg, base, name));
    char *differences;
    RT_TRY(find_differences(cfg, base, task, &differences));
    rt_status status = RT_OK;
    if (differences[0])
        status = RT_FAIL(MISMATCH,
                         "%s: is of another model or training: %s: resume with the configuration "
                         "it was made with, or begin a new run from its weights: another --run-dir "
                         "and --set model.init=%s",
                         name, differences, strchr(name, '/') ? name : "RUN");
    rt_mem_free(differences);
    return status;
}

/* ---- the same learning rate? ---- */

static bool is_as_long(const rt_config *a, const rt_config *b)
{
    return a->run.steps == b->run.steps && (a->run.steps > 0 || a->run.epochs == b->run.epochs);
}

/* Versions that did not record schedule.steps dropped a last batch that was not full. A run that they began still ends at
 * the step where it would have ended then. */
static void keep_old_length(rt_config *cfg, const rt_config *base, const char *yaml,
                            int64_t samples)
{
    int64_t steps = cfg->run.epochs * samples / cfg->data.batch;
    if (is_as_long(cfg, base) && cfg->run.steps == 0 && steps > 0 &&
        !rt_config_gives(yaml, strlen(yaml), "schedule.steps"))
        cfg->run.steps = steps;
}

/* A schedule that ends keeps its length when the run is made longer or shorter, so that the rate does not jump. `samples`: of
 * the training set; 0: not known. *before: the schedule's previous length, if the configuration asks for another. */
static rt_status adopt_schedule(rt_config *cfg, const rt_config *base, int64_t samples,
                                const char *name, int64_t *before)
{
    int64_t length = base->schedule.steps;
    bool both_auto = length == RT_AUTO && cfg->schedule.steps == RT_AUTO;
    if (!rt_config_schedule_ends(cfg) || (both_auto && is_as_long(cfg, base)))
        return RT_OK;
    if (length == RT_AUTO && (base->run.steps > 0 || samples > 0))
        RT_TRY(rt_config_steps(base, samples, &length));
    if (cfg->schedule.steps == RT_AUTO && length == RT_AUTO)
        return RT_FAIL(CONFIG,
                       "%s: its learning rate falls over run.epochs %" PRId64
                       ", and how many steps these are is not known without a checkpoint: set "
                       "schedule.steps to that number, or resume with this run.epochs",
                       name, base->run.epochs);
    if (cfg->schedule.steps == RT_AUTO)
        cfg->schedule.steps = length;
    else if (length != RT_AUTO && cfg->schedule.steps != length)
        *before = length;
    return RT_OK;
}

static rt_status adopt_text(rt_config *cfg, const char *yaml, int64_t samples, const char *task,
                            const char *name, int64_t *cosine_before)
{
    rt_config base;
    RT_TRY(rt_config_parse(yaml, strlen(yaml), name, &base));
    rt_status status = rt__resume_adopt(cfg, &base, task, name);
    if (status == RT_OK) {
        keep_old_length(cfg, &base, yaml, samples);
        status = adopt_schedule(cfg, &base, samples, name, cosine_before);
    }
    rt_config_release(&base);
    return status;
}

/* ---- where to start ---- */

/* Takes over `path`. */
static void source_of(char *path, const rt_manifest *m, rt__source *out)
{
    *out = (rt__source){.step = m->step,
                        .path = path,
                        .parameters = m->parameters,
                        .samples = m->samples,
                        .data = json_incref(m->data)};
    snprintf(out->layout_hash, sizeof out->layout_hash, "%s", m->layout_hash);
}

/* Checked before anything is started; the plan checks it again with what the workers found out. */
static rt_status check_not_past_the_end(const rt_config *cfg, int64_t samples,
                                        const rt__source *source)
{
    int64_t end_step;
    RT_TRY(rt_config_steps(cfg, samples, &end_step));
    return rt__plan_check_step(source, end_step);
}

/* Finds what --resume PATH names: a checkpoint, or a run directory, which stands for its newest good checkpoint. */
static rt_status find_at_path(const rt__resume *how, char **path, rt_manifest *m)
{
    char *manifest = rt_path_join(how->mode, "manifest.json"),
         *root = rt_path_join(how->mode, "checkpoints");
    rt_status status = RT_OK;
    *path = NULL;
    if (!manifest || !root)
        status = rt_error_code();
    else if (!rt_path_exists(how->mode))
        status = RT_FAIL(
            NOTFOUND,
            "%s: no such checkpoint: give a directory checkpoints/step-… or a run directory",
            how->mode);
    else if (rt_path_exists(root) && !rt_path_exists(manifest))
        status = rt__store_newest(root, INT64_MAX, &how->verifier, path, m);
    else
        status = rt__store_verify(how->mode, how->verifier.watch, m);
    if (status == RT_OK && !*path && m->json) {
        *path = rt_strdup(how->mode);
        status = *path ? RT_OK : rt_error_code();
    }
    if (status == RT_OK && !*path)
        status = RT_FAIL(NOTFOUND, "%s: holds no checkpoints: start without --resume", how->mode);
    rt_mem_free(manifest);
    rt_mem_free(root);
    return status;
}

/* A manifest that was not read has no preprocessing. */
static rt_status take_preprocessing(const rt_manifest *m, rt__found *out)
{
    if (!m->preprocessing)
        return RT_OK;
    out->preprocessing = rt_json_text(m->preprocessing);
    return out->preprocessing ? RT_OK : rt_error_code();
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Resolves model.init of a new run: a run directory stands for the newest good checkpoint it holds now. out->init stays NULL
 * if model.init needs no resolving. */
static rt_status find_init(const rt__resume *how, rt__found *out)
{
    const char *init = how->init;
    rt_manifest m = {0};
    if (!rt_path_exists(init))
        return RT_FAIL(
            NOTFOUND, "model.init: %s: no such file, checkpoint or run directory: correct the path",
            init);
    char *root = rt_path_join(init, "checkpoints"), *manifest = rt_path_join(init, "manifest.json");
    rt_status status = root && manifest ? RT_OK : rt_error_code();
    if (status == RT_OK && is_file(init)) {
        status = rt_preprocessing_of_weights(init, &out->preprocessing);
    } else if (status == RT_OK && rt_path_exists(manifest)) {
        status = rt_manifest_read(init, &m);
    } else if (status == RT_OK && rt_path_exists(root)) {
        status = rt__store_newest(root, INT64_MAX, &how->verifier, &out->init, &m);
        if (status == RT_OK && !out->init)
            status = RT_FAIL(NOTFOUND, "%s: holds no checkpoints: train it first", init);
    }
    if (status == RT_OK)
        status = take_preprocessing(&m, out);
    if (status != RT_OK && status != RT_E_INTERRUPTED)
        rt_error_prefix("model.init");
    rt_manifest_release(&m);
    rt_mem_free(root);
    rt_mem_free(manifest);
    return status;
}

void rt__found_release(rt__found *f)
{
    rt_mem_free(f->path);
    rt_mem_free(f->init);
    rt_mem_free(f->preprocessing);
    rt_manifest_release(&f->manifest);
    *f = (rt__found){0};
}

rt_status rt__resume_find(const rt__resume *how, rt__found *out)
{
    *out = (rt__found){0};
    rt_status status = RT_OK;
    if (strcmp(how->mode, "auto") == 0)
        status = rt__store_newest(how->root, INT64_MAX, &how->verifier, &out->path, &out->manifest);
    else if (strcmp(how->mode, "never") != 0)
        status = find_at_path(how, &out->path, &out->manifest);
    if (status == RT_OK && out->path)
        status = take_preprocessing(&out->manifest, out);
    else if (status == RT_OK && how->init && *how->init)
        status = find_init(how, out);
    return status;
}

/* Settles what the configuration of a new run leaves open. */
static rt_status settle_new(rt__found *found, rt_config *cfg)
{
    RT_TRY(rt_config_resolve_slices(cfg));
    if (!found->init)
        return RT_OK;
    rt_mem_free(cfg->model.init);
    cfg->model.init = found->init;
    found->init = NULL;
    return RT_OK;
}

rt_status rt__resume_settle(const rt__resume *how, rt__found *found, rt_config *cfg,
                            rt__source *out)
{
    int64_t cosine_before = 0;
    rt_status status = RT_OK;
    *out = (rt__source){0};
    if (found->path)
        status = adopt_text(cfg, found->manifest.config, found->manifest.samples,
                            found->manifest.task, found->path, &cosine_before);
    else if (how->prior_config)
        status = adopt_text(cfg, how->prior_config, 0, NULL, "the run in this directory",
                            &cosine_before);
    else
        status = settle_new(found, cfg);
    if (status == RT_OK)
        status = rt_config_check(cfg);
    if (status == RT_OK && found->path) {
        source_of(found->path, &found->manifest, out);
        out->exact = strcmp(how->mode, "auto") != 0;
        found->path = NULL;
        status = check_not_past_the_end(cfg, found->manifest.samples, out);
    }
    out->cosine_before = cosine_before;
    if (status != RT_OK)
        rt__source_release(out);
    rt__found_release(found);
    return status;
}

rt_status rt__resume_after_loss(const rt__resume *how, const char *config_hash, int64_t most,
                                rt__source *out)
{
    char *path = NULL;
    rt_manifest m = {0};
    *out = (rt__source){0};
    rt_status status = rt__store_newest(how->root, most, &how->verifier, &path, &m);
    if (status == RT_OK && path && strcmp(m.config_hash, config_hash) != 0) { /* an earlier run's */
        rt_mem_free(path);
        rt_manifest_release(&m);
        path = NULL;
    }
    if (status == RT_E_CORRUPT) { /* no checkpoint is good, and each was reported: start over */
        rt_error_clear();
        status = RT_OK;
    }
    bool from_path = strcmp(how->mode, "auto") != 0 && strcmp(how->mode, "never") != 0;
    if (status == RT_OK && !path && from_path)
        status = find_at_path(how, &path, &m);
    if (status == RT_OK && path)
        source_of(path, &m, out);
    rt_manifest_release(&m);
    return status;
}
