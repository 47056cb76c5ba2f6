/* Learning rates over the steps: a formula for each row of ringtorch/schedules.def, and how it is reached from a configuration and from a
 * C program. */
#include "worker/engine/optim/schedule.h"

#include <math.h>
#include <string.h>
#include <ringtorch/optim.h>

/* A place behind the warm-up. */
typedef struct course {
    double lr; /* the peak */
    int64_t done,
        whole; /* steps since the warm-up ended, and until the schedule does; whole may be negative */
} course;

/* ---- the formulas: <id>(course, numbers of the row) ---- */

static double constant(const course *c, const rt_schedule_constant_values *v)
{
    (void)v;
    return c->lr;
}

static double step(const course *c, const rt_schedule_step_values *v)
{
    return v->step_size > 0 ? c->lr * pow(v->gamma, (double)(c->done / v->step_size)) : c->lr;
}

/* Loshchilov and Hutter 2017 (SGDR), without restarts: half a cosine from lr down to min_lr. */
static double cosine(const course *c, const rt_schedule_cosine_values *v)
{
    if (c->done >= c->whole)
        return v->min_lr;
    double angle = M_PI * (double)c->done / (double)c->whole;
    return v->min_lr + (c->lr - v->min_lr) * 0.5 * (1 + cos(angle));
}

/* ---- who asks ---- */

/* Linear from lr / warmup at t = 0 to lr at t = warmup - 1. */
static double rate_of_warmup(double lr, int64_t warmup, int64_t t)
{
    return lr * (double)(t + 1) / (double)warmup;
}

double rt__schedule_lr(const rt_config *cfg, int64_t steps, int64_t t)
{
    double lr = cfg->optimizer.lr;
    int64_t warmup = cfg->schedule.warmup;
    course c = {lr, t - warmup, rt_config_cosine_steps(cfg, steps) - warmup};
    if (t < warmup)
        return rate_of_warmup(lr, warmup, t);
    switch (cfg->schedule.name) {
#define ROW(section, number, id, text, FIELDS, help)                                               \
    case number:                                                                                   \
        return id(&c, &cfg->schedule.id);
        RT_SCHEDULES(ROW)
#undef ROW
    }
    return lr;
}

/* How the arguments of every function for C programs begin; the numbers of the schedule follow. */
typedef struct head {
    int64_t t;
    double lr;
    int64_t warmup, steps;
} head;

#define FUNCTION(section, number, id, text, FIELDS, help)                                          \
    double rt_lr_##id##_(rt_lr_##id##_args a)                                                      \
    {                                                                                              \
        rt_schedule_##id##_values v;                                                               \
        _Static_assert(sizeof(head) + sizeof v == sizeof a, "the numbers follow the head");        \
        memcpy(&v, (const char *)&a + sizeof(head), sizeof v);                                     \
        course c = {a.lr, a.t - a.warmup, a.steps - a.warmup};                                     \
        return a.t < a.warmup ? rate_of_warmup(a.lr, a.warmup, a.t) : id(&c, &v);                  \
    }
RT_SCHEDULES(FUNCTION)
