/* Decides which evaluation of a run is the best so far, and when the run has waited long enough for a better one. Every
 * worker and the coordinator decide this for themselves, with these functions and from the same figures.
 *
 *     if (rt_best_beats(cfg, &metrics, &best))
 *         best = (rt_best){step, metrics};
 *     else if (rt_patience_ran_out(cfg, step, best.step))
 *         ... that was the last step ... ...
 */
#ifndef RINGTORCH_COMMON_CONFIG_BEST_H
#define RINGTORCH_COMMON_CONFIG_BEST_H

#include "common/base/metrics.h"
#include "common/config/config_struct.h"
#include <ringtorch/status.h>

typedef struct rt_best {
    int64_t step;       /* of the best evaluation, or where waiting for the first one began */
    rt_metrics metrics; /* empty if there is none */
} rt_best;

static inline bool rt_best_is_known(const rt_best *b)
{
    return b->metrics.count > 0;
}

/* An evaluation over the whole test set, and the best one so far, itself included. Snapshots hold the last ones and
 * HELLO sends them again, so that none is lost if workers and the coordinator die together. */
typedef struct rt_evaluated {
    int64_t step, count; /* of samples */
    double seconds;
    rt_metrics metrics;
    rt_best best;
} rt_evaluated;

/* Converts to and from an object with the members "step" and the metrics by name. Numbers read back with the same bits;
 * numbers that are not finite are written as null, which reads back as NaN. */
json_t *rt_best_json(const rt_best *b);
rt_best rt_best_of_json(const json_t *j);
/* The same as text, for PLAN (rt_mem_free; NULL on failure). Parsing fails with PROTOCOL if the text is invalid. */
char *rt_best_text(const rt_best *b);
rt_status rt_best_parse(const char *text, rt_best *out);

/* Converts an evaluation and the generation that made it to text, for EVALUATED and HELLO (rt_mem_free; NULL on
 * failure): {"generation":2,"step":40,"count":10000,"seconds":1.5,"loss":0.25,...,"best":{"step":20,"loss":0.24,...}}.
 * Parsing fails with PROTOCOL, quoting the text, if it cannot be an evaluation. */
char *rt_evaluated_text(const rt_evaluated *e, int64_t generation);
rt_status rt_evaluated_parse(const char *text, int64_t *generation, rt_evaluated *out);
/* Returns whether the values are within the range of real evaluations. */
bool rt_evaluated_is_possible(const rt_evaluated *e);

/* Returns whether this run compares its evaluations (checkpoint.best, run.patience). */
bool rt_best_is_tracked(const rt_config *cfg);
/* Returns whether it keeps the checkpoint of the best one (checkpoint.best). */
bool rt_best_is_saved(const rt_config *cfg);
/* Returns the metric that it compares by: checkpoint.best, else "loss". */
const char *rt_best_metric(const rt_config *cfg);
/* Returns whether an evaluation is better than the best. An equal one is not, and one that is not finite never is. */
bool rt_best_beats(const rt_config *cfg, const rt_metrics *metrics, const rt_best *best);
/* Returns whether run.patience evaluations, the last one at step `evaluated`, have been made since the best. */
bool rt_patience_ran_out(const rt_config *cfg, int64_t evaluated, int64_t best_step);

#endif
