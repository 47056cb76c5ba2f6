#include "coordinator/resume.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/slices.h"
#include "common/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- same mathematics? ---- */

/* Whether `init` is what the run began with: itself, or the run directory of the checkpoint that was chosen then. */
static bool is_same_init(const char *init, const char *began_with)
{
    size_t len = strlen(init);
    while (len > 1 && init[len - 1] == '/')
        len--;
    return strncmp(init, began_with, len) == 0 &&
           (began_with[len] == '\0' || strncmp(began_with + len, "/checkpoints/", 13) == 0);
}

/* Weights are taken in at step 0 only: a run that goes on keeps its own. */
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

rt_status rt__resume_adopt(rt_config *cfg, const rt_config *base, const char *name)
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
    RT_TRY(rt_config_difference(base, cfg, &differences));
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

/* Versions that did not write schedule.steps down left the last samples out that were less than a batch. A run of theirs
 * ends where it would have ended. */
static void keep_old_length(rt_config *cfg, const rt_config *base, const char *yaml,
                            int64_t samples)
{
    int64_t steps = cfg->run.epochs * samples / cfg->data.batch;
    if (is_as_long(cfg, base) && cfg->run.steps == 0 && steps > 0 &&
        !rt_config_gives(yaml, strlen(yaml), "schedule.steps"))
        cfg->run.steps = steps;
}

/* A cosine keeps its length when the run is made longer or shorter, so that the rate does not jump. samples: of the
 * training set; 0: not known. *before: its length until now, if the configuration asks for another. */
static rt_status adopt_schedule(rt_config *cfg, const rt_config *base, int64_t samples,
                                const char *name, int64_t *before)
{
    int64_t length = base->schedule.steps;
    bool both_auto = length == RT_AUTO && cfg->schedule.steps == RT_AUTO;
    if (cfg->schedule.name != RT_CFG_SCHEDULE_COSINE || (both_auto && is_as_long(cfg, base)))
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
    else if (cfg->schedule.steps != length)
        *before = length;
    return RT_OK;
}

static rt_status adopt_text(rt_config *cfg, const char *yaml, int64_t samples, const char *name,
                            int64_t *cosine_before)
{
    rt_config base;
    RT_TRY(rt_config_parse(yaml, strlen(yaml), name, &base));
    rt_status status = rt__resume_adopt(cfg, &base, name);
    if (status == RT_OK) {
        keep_old_length(cfg, &base, yaml, samples);
        status = adopt_schedule(cfg, &base, samples, name, cosine_before);
    }
    rt_config_release(&base);
    return status;
}

/* ---- where to start ---- */

/* path is taken over. */
static void source_of(char *path, const rt_manifest *m, rt__source *out)
{
    *out = (rt__source){
        .step = m->step, .path = path, .parameters = m->parameters, .samples = m->samples};
    snprintf(out->layout_hash, sizeof out->layout_hash, "%s", m->layout_hash);
}

/* Looked at before anything is started; the plan looks again, with what the workers found. */
static rt_status check_not_past_the_end(const rt_config *cfg, int64_t samples,
                                        const rt__source *source)
{
    int64_t end_step;
    RT_TRY(rt_config_steps(cfg, samples, &end_step));
    return rt__plan_check_step(source, end_step);
}

/* Opens what --resume PATH names: a checkpoint, or a run directory, whose newest good one is meant.
 */
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
        status = rt__store_newest(root, INT64_MAX, &how->look, path, m);
    else
        status = rt__store_verify(how->mode, how->look.watch, m);
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

/* model.init of a run that begins: a run directory stands for the newest good checkpoint that it holds now. *path stays
 * NULL if what is named is to be taken as it is. */
static rt_status find_init(const rt__resume *how, char **path)
{
    const char *init = how->init;
    rt_manifest m = {0};
    if (!rt_path_exists(init))
        return RT_FAIL(
            NOTFOUND, "model.init: %s: no such file, checkpoint or run directory: correct the path",
            init);
    char *root = rt_path_join(init, "checkpoints"), *manifest = rt_path_join(init, "manifest.json");
    rt_status status = root && manifest ? RT_OK : rt_error_code();
    if (status == RT_OK && rt_path_exists(root) && !rt_path_exists(manifest)) {
        status = rt__store_newest(root, INT64_MAX, &how->look, path, &m);
        if (status == RT_OK && !*path)
            status =
                RT_FAIL(NOTFOUND, "model.init: %s: holds no checkpoints: train it first", init);
    }
    rt_manifest_release(&m);
    rt_mem_free(root);
    rt_mem_free(manifest);
    return status;
}

void rt__found_release(rt__found *f)
{
    rt_mem_free(f->path);
    rt_mem_free(f->init);
    rt_manifest_release(&f->manifest);
    *f = (rt__found){0};
}

rt_status rt__resume_find(const rt__resume *how, rt__found *out)
{
    *out = (rt__found){0};
    rt_status status = RT_OK;
    if (strcmp(how->mode, "auto") == 0)
        status = rt__store_newest(how->root, INT64_MAX, &how->look, &out->path, &out->manifest);
    else if (strcmp(how->mode, "never") != 0)
        status = find_at_path(how, &out->path, &out->manifest);
    if (status == RT_OK && !out->path && how->init && *how->init)
        status = find_init(how, &out->init);
    return status;
}

/* What a run that begins leaves open. */
static rt_status settle_new(rt__found *found, rt_config *cfg)
{
    RT_TRY(rt_config_settle_slices(cfg));
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
        status = adopt_text(cfg, found->manifest.config, found->manifest.samples, found->path,
                            &cosine_before);
    else if (how->prior_config)
        status = adopt_text(cfg, how->prior_config, 0, "the run in this directory", &cosine_before);
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

rt_status rt__resume_again(const rt__resume *how, const char *config_hash, int64_t most,
                           rt__source *out)
{
    char *path = NULL;
    rt_manifest m = {0};
    *out = (rt__source){0};
    rt_status status = rt__store_newest(how->root, most, &how->look, &path, &m);
    if (status == RT_OK && path && strcmp(m.config_hash, config_hash) != 0) { /* an earlier run's */
        rt_mem_free(path);
        rt_manifest_release(&m);
        path = NULL;
    }
    if (status == RT_E_CORRUPT) { /* none is good any more, and each was reported: start over */
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
