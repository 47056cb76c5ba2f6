/* Learning rates as functions of the step, so that there is no state to save. */
#include <math.h>
#include <ringtorch/optim.h>
#include "common/error.h"

/* Loshchilov and Hutter 2017 (SGDR), without restarts: half a cosine from lr down to min_lr. */
static double cosine(const rt_schedule *s, int64_t done)
{
    int64_t whole = s->steps - s->warmup;
    if (done >= whole)
        return s->min_lr;
    return s->min_lr + (s->lr - s->min_lr) * 0.5 * (1 + cos(M_PI * (double)done / (double)whole));
}

double rt_schedule_lr(const rt_schedule *s, int64_t t)
{
    if (!rt__given(s, "schedule_lr", "schedule"))
        return NAN;
    if (t < s->warmup)
        return s->lr * (double)(t + 1) / (double)s->warmup;
    int64_t done = t - s->warmup; /* steps since the peak */
    switch (s->kind) {
    case RT_SCHEDULE_STEP:
        return s->step_size > 0 ? s->lr * pow(s->gamma, (double)(done / s->step_size)) : s->lr;
    case RT_SCHEDULE_COSINE:
        return cosine(s, done);
    case RT_SCHEDULE_CONSTANT:
        break;
    }
    return s->lr;
}
