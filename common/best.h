/* Which evaluation of a run is the best so far, and when it has waited long enough for a better one: decided by every
 * worker for itself and by the coordinator, from the same figures and by these functions.
 *
 *     if (rt_best_beats(cfg, &metrics, &best))
 *         best = (rt_best){step, metrics};
 *     else if (rt_patience_is_over(cfg, step, best.step))
 *         ... this was the last step ...
 */
#ifndef RINGTORCH_COMMON_BEST_H
#define RINGTORCH_COMMON_BEST_H

#include <ringtorch/status.h>
#include "common/config.h"
#include "common/metrics.h"

typedef struct rt_best {
    int64_t step;       /* of the best evaluation; if there was none: where waiting for one began */
    rt_metrics metrics; /* none if there was none */
} rt_best;

static inline bool rt_best_is_known(const rt_best *b)
{
    return b->metrics.count > 0;
}

/* An evaluation over the whole test set, and the best there was once it had been judged. Snapshots carry the last ones
 * and HELLO brings them: who dies together with the coordinator takes none along. */
typedef struct rt_evaluated {
    int64_t step, count; /* of samples */
    double seconds;
    rt_metrics metrics;
    rt_best best;
} rt_evaluated;

/* As members of an object: step, the metrics by their names. Numbers read back as the same bits; what is not finite is
 * null, which reads back as NaN. */
json_t *rt_best_json(const rt_best *b);
rt_best rt_best_of_json(const json_t *j);
/* The same as text, for PLAN (rt_mem_free; NULL on failure). PROTOCOL for text that is none. */
char *rt_best_text(const rt_best *b);
rt_status rt_best_parse(const char *text, rt_best *out);

/* Writes one as text, for EVALUATED and HELLO, with the generation that made it (rt_mem_free; NULL on failure):
 * {"generation":2,"step":40,"count":10000,"seconds":1.5,"loss":0.25,...,"best":{"step":20,"loss":0.24,...}}; reads it
 * back. PROTOCOL, with the text, if this cannot be an evaluation. */
char *rt_evaluated_text(const rt_evaluated *e, int64_t generation);
rt_status rt_evaluated_parse(const char *text, int64_t *generation, rt_evaluated *out);
/* Could such an evaluation have been made? */
bool rt_evaluated_is_possible(const rt_evaluated *e);

/* Does this run compare its evaluations (checkpoint.best, run.patience)? */
bool rt_best_is_kept(const rt_config *cfg);
/* Does it keep the checkpoint of the best (checkpoint.best)? */
bool rt_best_is_saved(const rt_config *cfg);
/* By which metric: "loss" or what checkpoint.best says. */
const char *rt_best_metric(const rt_config *cfg);
/* Is an evaluation better than the best? Equal is not, and a figure that is not finite is never. */
bool rt_best_beats(const rt_config *cfg, const rt_metrics *metrics, const rt_best *best);
/* Have run.patience evaluations been made since the best, the last of them at step `evaluated`? */
bool rt_patience_is_over(const rt_config *cfg, int64_t evaluated, int64_t best_step);

#endif
