#include "common/best.h"

#include <math.h>

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
    return isfinite(here) && !(here >= there);
}

/* Counted by steps, so that it does not matter which evaluations were made again after a loss. */
bool rt_patience_is_over(const rt_config *cfg, int64_t evaluated, int64_t best_step)
{
    int64_t every = cfg->evaluate.every;
    return cfg->run.patience > 0 && every > 0 &&
           evaluated / every - best_step / every >= cfg->run.patience;
}
