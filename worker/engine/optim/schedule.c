/* Learning rates over the steps: a formula for each row of ringtorch/schedules.def, and its use from configurations and from C programs. */
#include "worker/engine/optim/schedule.h"

#include "common/base/error.h"
#include "common/config/added.h"
#include "common/config/config_length.h"
#include "common/config/config_table.h"
#include "worker/engine/base/callback.h"
#include "worker/engine/optim/exact.h"
#include <math.h>
#include <ringtorch/optim.h>
#include <ringtorch/rule.h>
#include <stdio.h>
#include <string.h>

/* ---- the formulas: <id>(course, values of the row) ---- */

static double constant(const rt_course *c, const rt_schedule_constant_values *v)
{
    (void)v;
    return c->lr;
}

static double step(const rt_course *c, const rt_schedule_step_values *v)
{
    return v->step_size > 0 ? c->lr * rt__power(v->gamma, c->done / v->step_size) : c->lr;
}

/* Loshchilov and Hutter 2017 (SGDR), without restarts: half a cosine from lr down to min_lr. */
static double cosine(const rt_course *c, const rt_schedule_cosine_values *v)
{
    if (c->done >= c->whole)
        return v->min_lr;
    double angle = M_PI * (double)c->done / (double)c->whole;
    return v->min_lr + (c->lr - v->min_lr) * 0.5 * (1 + rt__cosine(angle));
}

/* ---- use from configurations and from C ---- */

/* Linear from lr / warmup at t = 0 to lr at t = warmup - 1. */
static double rate_of_warmup(double lr, int64_t warmup, int64_t t)
{
    return lr * (double)(t + 1) / (double)warmup;
}

double rt__schedule_lr(const rt_config *cfg, int64_t steps, int64_t t)
{
    double lr = cfg->optimizer.lr;
    int64_t warmup = cfg->schedule.warmup;
    rt_course c = {lr, t - warmup, rt_config_cosine_steps(cfg, steps) - warmup};
    if (t < warmup)
        return rate_of_warmup(lr, warmup, t);
    switch ((int)cfg->schedule.name) {
#define ROW(section, number, id, text, FIELDS, help)                                               \
    case number:                                                                                   \
        return id(&c, &cfg->schedule.id);
        RT_SCHEDULES(ROW)
#undef ROW
    default: {
        const rt_schedule_row *added =
            rt__family_of("schedule")->row[cfg->schedule.name].added.code;
        return added->rate(&c, rt_config_values(cfg, "schedule"));
    }
    }
}

rt_status rt__schedule_check(const rt_config *cfg)
{
    char what[64];
    const rt__family_row *row = rt__family_chosen(rt__family_of("schedule"), cfg);
    snprintf(what, sizeof what, "schedule %s", row->name);
    return rt__added_check(&row->added, what);
}

rt_status rt__schedule_check_rate(const rt_config *cfg, int64_t t, double rate)
{
    char name[RT__ADDED_NAME];
    const rt__family_row *row = rt__family_chosen(rt__family_of("schedule"), cfg);
    if (rt_failed())
        return rt__callback_named(&row->added, "schedule", row->name, ".rate");
    if (isfinite(rate) && rate >= 0)
        return RT_OK;
    rt__added_name(&row->added, "schedule", row->name, name);
    return RT_FAIL(CONFIG, "%s: the rate of step %lld is %g, expected a number that is not below 0",
                   name, (long long)t + 1, rate);
}

/* The beginning of the arguments of every function for C programs; the schedule's values follow. */
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
        rt_course c = {a.lr, a.t - a.warmup, a.steps - a.warmup};                                  \
        return a.t < a.warmup ? rate_of_warmup(a.lr, a.warmup, a.t) : id(&c, &v);                  \
    }
RT_SCHEDULES(FUNCTION)
