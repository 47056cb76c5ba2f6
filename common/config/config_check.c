/* Checks the rules between the keys of a configuration. Needs no data. */
#include "common/config/config_check.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include "common/base/slices.h"
#include "common/base/text.h"
#include "common/config/best.h"
#include "common/config/config_family.h"
#include "common/config/config_slices.h"
#include "common/config/layers.h"
#include <inttypes.h>
#include <string.h>

static rt_status check_run(const rt_config *c)
{
    const char *name = c->run.name;
    if (*name == 0 || *name == '.' || strchr(name, '/'))
        return RT_FAIL(
            CONFIG,
            "run.name '%s' must be usable as the name of a directory: not empty, no '/', no "
            "leading '.'",
            name);
    for (const char *s = name; *s; s++)
        if ((unsigned char)*s < 0x20)
            return RT_FAIL(CONFIG, "run.name holds a control character at byte %td", s - name);
    if (c->run.steps == 0 && c->run.epochs == 0)
        return RT_FAIL(CONFIG, "run.steps and run.epochs are both 0: set one of them");
    return RT_OK;
}

static rt_status check_freeze(const rt_config *c)
{
    size_t i;
    json_t *pattern;
    json_array_foreach(c->model.freeze, i, pattern)
    {
        if (!json_string_value(pattern) || !*json_string_value(pattern))
            return RT_FAIL(CONFIG,
                           "model.freeze[%zu]: expected the name of a parameter or a pattern of "
                           "names, such as '0.*'",
                           i);
    }
    return RT_OK;
}

static rt_status check_model(const rt_config *c)
{
    bool preset = c->model.preset != RT_CFG_PRESET_NONE,
         layers = json_array_size(c->model.layers) > 0;
    if (preset && layers)
        return RT_FAIL(CONFIG, "model.preset and model.layers are both given: keep one of them");
    if (!preset && !layers)
        return RT_FAIL(CONFIG, "no model: set model.preset (mlp, cnn) or list model.layers");
    if (layers)
        RT_TRY(rt_layers_check(c->model.layers, "model.layers"));
    RT_TRY(check_freeze(c));
    if (c->model.init_partial && !c->model.init[0])
        return RT_FAIL(CONFIG, "model.init_partial needs model.init: the weights to take over");
    if (json_array_size(c->data.augment) > 0)
        return RT_FAIL(CONFIG, "data.augment: there are no augmentations in this release: use []");
    return RT_OK;
}

/* Checks one group. Its numbers are checked by rt__config_check_row, since their names are in the rule's row. */
static rt_status check_group(const rt_config *c, size_t i, const json_t *group)
{
    const json_t *match = json_object_get(group, "match"), *scale;
    if (!json_is_string(match) || !*json_string_value(match))
        return RT_FAIL(CONFIG,
                       "optimizer.groups[%zu]: expected a mapping with match: the names of its "
                       "parameters, such as '*.bias'",
                       i);
    scale = json_object_get(group, "lr_scale");
    if (scale && !(json_is_number(scale) && json_number_value(scale) >= 0))
        return RT_FAIL(CONFIG,
                       "optimizer.groups[%zu]: lr_scale: expected a number that is not below 0", i);
    return rt__config_check_row(c, "optimizer", group,
                                (const char *const[]){"match", "lr_scale", NULL}, i);
}

static rt_status check_groups(const rt_config *c)
{
    size_t i;
    json_t *group;
    json_array_foreach(c->optimizer.groups, i, group) RT_TRY(check_group(c, i, group));
    return RT_OK;
}

static rt_status check_optimizer(const rt_config *c)
{
    if (c->optimizer.name == RT_CFG_OPTIMIZER_SGD && c->optimizer.sgd.nesterov &&
        c->optimizer.sgd.momentum == 0)
        return RT_FAIL(CONFIG, "optimizer.nesterov needs optimizer.momentum > 0");
    if (c->optimizer.name == RT_CFG_OPTIMIZER_SGD && c->optimizer.sgd.nesterov &&
        c->optimizer.sgd.dampening != 0)
        return RT_FAIL(CONFIG, "optimizer.nesterov needs optimizer.dampening 0");
    if (c->schedule.name == RT_CFG_SCHEDULE_COSINE && c->schedule.cosine.min_lr > c->optimizer.lr)
        return RT_FAIL(CONFIG, "schedule.min_lr %g is above optimizer.lr %g",
                       c->schedule.cosine.min_lr, c->optimizer.lr);
    return check_groups(c);
}

/* Checks that the metric exists. Whether this run's task reports it is known only once the data set is open. */
static rt_status check_metric(const char *best)
{
    const char *names[1 + RT_METRIC_ROWS + RT_METRICS_ADDED_MAX] = {"none"};
    rt_text list = {0};
    if (strcmp(best, "none") == 0 || rt_metric_find(best))
        return RT_OK;
    for (int i = 0; i < rt_metric_kinds(); i++) {
        names[i + 1] = rt_metric_rows[i].name;
        rt_text_add(&list, ", %s", names[i + 1]);
    }
    const char *near = rt_nearest(best, names, (size_t)rt_metric_kinds() + 1);
    char *metrics = rt_text_take(&list);
    if (metrics)
        RT_FAIL(CONFIG, "checkpoint.best: '%.64s' is not a metric%s%s%s (allowed: none%s)", best,
                near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", metrics);
    rt_mem_free(metrics);
    return rt_error_code();
}

/* Both checkpoint.best and run.patience compare evaluations, so they need some. */
static rt_status check_best(const rt_config *c)
{
    RT_TRY(check_metric(c->checkpoint.best));
    const char *key = rt_best_is_saved(c)   ? "checkpoint.best"
                      : c->run.patience > 0 ? "run.patience"
                                            : NULL;
    if (key && c->evaluate.every == 0)
        return RT_FAIL(CONFIG,
                       "%s needs evaluations during the run: set evaluate.every to the steps from "
                       "one to the next",
                       key);
    return RT_OK;
}

/* Halving needs powers of two of both workers and slices: only then does each group of ranks have exactly one node of
 * the tree. */
static rt_status check_algorithm(const rt_config *c, int64_t slices)
{
    int64_t workers = c->parallel.workers;
    if (c->parallel.algorithm != RT_CFG_ALGORITHM_HALVING || workers == 1)
        return RT_OK;
    if (!rt_is_power_of_two(workers))
        return RT_FAIL(CONFIG,
                       "parallel.algorithm halving needs 1, 2, 4, 8, ... workers, not %" PRId64
                       ": use auto or direct",
                       workers);
    if (!rt_is_power_of_two(slices))
        return RT_FAIL(CONFIG,
                       "parallel.algorithm halving needs 2, 4, 8, ... slices, not %" PRId64
                       ": use auto or direct, or change parallel.slices",
                       slices);
    return RT_OK;
}

static rt_status check_device(const rt_config *c)
{
    bool here = strcmp(c->device, "auto") == 0 || strcmp(c->device, "cpu") == 0;
    if (here || c->parallel.workers == 1)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "device: %s is for one worker, and parallel.workers is %" PRId64
                   ": use -n 1, or device: cpu",
                   c->device, c->parallel.workers);
}

/* An audit computes a slice again on its own, which is impossible if a layer exchanges values between slices. */
static rt_status check_audit(const rt_config *c)
{
    bool exchanges = c->model.preset == RT_CFG_PRESET_NONE &&
                     rt_layers_have(c->model.layers, RT_LAYER_EXCHANGES);
    if (c->run.audit == 0 || !exchanges || rt_config_slices(c) == 1)
        return RT_OK;
    return RT_FAIL(CONFIG, "run.audit: a layer exchanges values between the slices of a step "
                           "(sync_batch_norm), so that none of them can be computed again alone: "
                           "leave run.audit at 0");
}

static rt_status check_parallel(const rt_config *c)
{
    int64_t workers = c->parallel.workers, slices = c->parallel.slices;
    bool automatic = slices == RT_AUTO;
    if (automatic)
        slices = rt_config_slices(c);
    if (slices < workers)
        return RT_FAIL(
            CONFIG,
            "parallel.slices %" PRId64 " is less than parallel.workers %" PRId64
            ": each worker needs at least one slice: use -n %" PRId64
            " or fewer, or raise parallel.slices (in a new run: model.init takes over the "
            "weights of one that is there)",
            slices, workers, slices);
    if (c->data.batch < slices)
        return RT_FAIL(CONFIG,
                       "data.batch %" PRId64 " is less than the %" PRId64
                       " slice%s of a step%s: each slice needs at least one sample",
                       c->data.batch, slices, rt_plural(slices),
                       automatic ? " (parallel.slices: auto)" : "");
    return check_algorithm(c, slices);
}

rt_status rt_config_check(const rt_config *c)
{
    RT_TRY(check_run(c));
    RT_TRY(check_model(c));
    RT_TRY(check_optimizer(c));
    RT_TRY(check_best(c));
    RT_TRY(check_device(c));
    RT_TRY(check_audit(c));
    return check_parallel(c);
}
