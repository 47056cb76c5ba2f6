/* Which evaluation of a run is the best so far, and when it has waited long enough for a better one: decided by every
 * worker for itself and by the coordinator, from the same figures and by these functions.
 *
 *     if (rt_best_beats(cfg, loss, accuracy, &best))
 *         best = (rt_best){step, loss, accuracy};
 *     else if (rt_patience_is_over(cfg, step, best.step))
 *         ... this was the last step ...
 */
#ifndef RINGTORCH_COMMON_BEST_H
#define RINGTORCH_COMMON_BEST_H

#include <math.h>
#include <ringtorch/status.h>
#include "common/config.h"

typedef struct rt_best {
    int64_t step; /* of the best evaluation; if there was none: where waiting for one began */
    double loss, accuracy; /* NaN if there was none */
} rt_best;

static inline bool rt_best_is_known(const rt_best *b)
{
    return !isnan(b->loss) || !isnan(b->accuracy);
}

/* An evaluation over the whole test set, and the best there was once it had been judged. Snapshots carry the last ones
 * and HELLO brings them: who dies together with the coordinator takes none along. */
typedef struct rt_evaluated {
    int64_t step, count, correct;
    double loss, seconds;
    rt_best best;
} rt_evaluated;
enum { RT_EVALUATED_FIELDS = 9 }; /* numbers of one in HELLO, with the generation that made it */

static inline double rt_accuracy(int64_t correct, int64_t count)
{
    return count > 0 ? (double)correct / (double)count : NAN;
}

/* Writes one as whole numbers: generation, step, count, correct, best step, and the bits of loss, seconds, best loss and
 * best accuracy; reads it back. PROTOCOL, naming the number, if these cannot be an evaluation's. */
void rt_evaluated_pack(const rt_evaluated *e, int64_t generation,
                       int64_t numbers[RT_EVALUATED_FIELDS]);
rt_status rt_evaluated_unpack(const int64_t numbers[RT_EVALUATED_FIELDS], int64_t *generation,
                              rt_evaluated *out);
/* Could such an evaluation have been made? */
bool rt_evaluated_is_possible(const rt_evaluated *e);

/* Does this run compare its evaluations (checkpoint.best, run.patience)? */
bool rt_best_is_kept(const rt_config *cfg);
/* By which figure: "loss" or "accuracy". */
const char *rt_best_metric(const rt_config *cfg);
/* Is an evaluation better than the best? Equal is not, and a figure that is not finite is never. */
bool rt_best_beats(const rt_config *cfg, double loss, double accuracy, const rt_best *best);
/* Have run.patience evaluations been made since the best, the last of them at step `evaluated`? */
bool rt_patience_is_over(const rt_config *cfg, int64_t evaluated, int64_t best_step);

#endif
