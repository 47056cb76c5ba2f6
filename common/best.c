#include "common/best.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "common/error.h"

bool rt_best_is_kept(const rt_config *cfg)
{
    return cfg->checkpoint.best != RT_CFG_BEST_NONE || cfg->run.patience > 0;
}

const char *rt_best_metric(const rt_config *cfg)
{
    return cfg->checkpoint.best == RT_CFG_BEST_ACCURACY ? "accuracy" : "loss";
}

bool rt_best_beats(const rt_config *cfg, double loss, double accuracy, const rt_best *best)
{
    bool by_accuracy = cfg->checkpoint.best == RT_CFG_BEST_ACCURACY;
    double here = by_accuracy ? -accuracy : loss,
           there = by_accuracy ? -best->accuracy : best->loss;
    return isfinite(loss) && isfinite(here) && !(here >= there);
}

/* Counted by steps, so that it does not matter which evaluations were made again after a loss. */
bool rt_patience_is_over(const rt_config *cfg, int64_t evaluated, int64_t best_step)
{
    int64_t every = cfg->evaluate.every;
    return cfg->run.patience > 0 && every > 0 &&
           evaluated / every - best_step / every >= cfg->run.patience;
}

/* ---- as numbers of a message ---- */

static int64_t bits_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(int64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

void rt_evaluated_pack(const rt_evaluated *e, int64_t generation,
                       int64_t numbers[RT_EVALUATED_FIELDS])
{
    const int64_t all[RT_EVALUATED_FIELDS] = {generation,
                                              e->step,
                                              e->count,
                                              e->correct,
                                              e->best.step,
                                              bits_of(e->loss),
                                              bits_of(e->seconds),
                                              bits_of(e->best.loss),
                                              bits_of(e->best.accuracy)};
    memcpy(numbers, all, sizeof all);
}

bool rt_evaluated_is_possible(const rt_evaluated *e)
{
    return e->step > 0 && e->correct >= 0 && e->correct <= e->count && e->best.step >= 0 &&
           e->best.step <= e->step;
}

rt_status rt_evaluated_unpack(const int64_t n[RT_EVALUATED_FIELDS], int64_t *generation,
                              rt_evaluated *out)
{
    *generation = n[0];
    *out = (rt_evaluated){
        .step = n[1],
        .count = n[2],
        .correct = n[3],
        .loss = of_bits(n[5]),
        .seconds = of_bits(n[6]),
        .best = {.step = n[4], .loss = of_bits(n[7]), .accuracy = of_bits(n[8])},
    };
    if (n[0] < 0 || !rt_evaluated_is_possible(out))
        return RT_FAIL(PROTOCOL,
                       "an evaluation of generation %" PRId64 ", step %" PRId64 ", %" PRId64
                       " of %" PRId64 " right, best at step %" PRId64 ": cannot be",
                       n[0], n[1], n[3], n[2], n[4]);
    return RT_OK;
}
