#include "common/config/best.h"

#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

bool rt_best_is_saved(const rt_config *cfg)
{
    return strcmp(cfg->checkpoint.best, "none") != 0;
}

bool rt_best_is_tracked(const rt_config *cfg)
{
    return rt_best_is_saved(cfg) || cfg->run.patience > 0;
}

const char *rt_best_metric(const rt_config *cfg)
{
    return rt_best_is_saved(cfg) ? cfg->checkpoint.best : "loss";
}

bool rt_best_beats(const rt_config *cfg, const rt_metrics *metrics, const rt_best *best)
{
    const char *by = rt_best_metric(cfg);
    const rt_metric_row *row = rt_metric_find(by);
    double here = rt_metrics_get(metrics, by), there = rt_metrics_get(&best->metrics, by);
    bool no_less =
        row && row->more_is_better ? here <= there : here >= there; /* false if there is no row */
    return isfinite(rt_metrics_get(metrics, "loss")) && isfinite(here) && !no_less;
}

/* Counts by steps, so that evaluations that were repeated after a recovery do not count twice. */
bool rt_patience_ran_out(const rt_config *cfg, int64_t evaluated, int64_t best_step)
{
    int64_t every = cfg->evaluate.every;
    return cfg->run.patience > 0 && every > 0 &&
           evaluated / every - best_step / every >= cfg->run.patience;
}

/* ---- text for messages ---- */

static char *take_text(json_t *j)
{
    char *text = j ? rt_json_text(j) : NULL;
    json_decref(j);
    return text || rt_failed() ? text : RT_FAIL_NULL(NOMEM, "an evaluation: out of memory");
}

json_t *rt_best_json(const rt_best *b)
{
    json_t *j = json_pack("{s:I}", "step", (json_int_t)b->step);
    if (j)
        rt_metrics_put(&b->metrics, "", j);
    return j;
}

rt_best rt_best_of_json(const json_t *j)
{
    return (rt_best){rt__field_int(j, "step", 0), rt_metrics_from(j, "")};
}

char *rt_best_text(const rt_best *b)
{
    return take_text(rt_best_json(b));
}

rt_status rt_best_parse(const char *text, rt_best *out)
{
    json_t *j;
    RT_TRY(rt_json_parse(text, strlen(text), "PLAN.best", &j));
    *out = rt_best_of_json(j);
    bool good = json_is_integer(json_object_get(j, "step")) && out->step >= 0;
    json_decref(j);
    return good ? RT_OK : RT_FAIL(PROTOCOL, "PLAN.best: not valid: %.200s", text);
}

char *rt_evaluated_text(const rt_evaluated *e, int64_t generation)
{
    json_t *j = json_pack("{s:I, s:I, s:I, s:o}", "generation", (json_int_t)generation, "step",
                          (json_int_t)e->step, "count", (json_int_t)e->count, "seconds",
                          rt_json_number(e->seconds));
    if (j) {
        rt_metrics_put(&e->metrics, "", j);
        json_object_set_new(j, "best", rt_best_json(&e->best));
    }
    return take_text(j);
}

bool rt_evaluated_is_possible(const rt_evaluated *e)
{
    return e->step >= 0 && e->count >= 0 && e->metrics.count > 0 &&
           e->metrics.count <= RT_METRICS_MAX && e->best.step >= 0 && e->best.step <= e->step &&
           e->best.metrics.count >= 0 && e->best.metrics.count <= RT_METRICS_MAX;
}

rt_status rt_evaluated_parse(const char *text, int64_t *generation, rt_evaluated *out)
{
    json_t *j;
    RT_TRY(rt_json_parse(text, strlen(text), "an evaluation", &j));
    *generation = rt__field_int(j, "generation", -1);
    *out = (rt_evaluated){
        .step = rt__field_int(j, "step", -1),
        .count = rt__field_int(j, "count", -1),
        .seconds = rt__field_number(j, "seconds"),
        .metrics = rt_metrics_from(j, ""),
        .best = rt_best_of_json(json_object_get(j, "best")),
    };
    bool good = *generation >= 0 && rt_evaluated_is_possible(out);
    json_decref(j);
    return good ? RT_OK : RT_FAIL(PROTOCOL, "not a valid evaluation: %.300s", text);
}
