/* How long a run is, and how long its learning rate falls. */
#include <inttypes.h>
#include "common/config.h"
#include "common/error.h"
#include "common/text.h"

rt_status rt_config_steps(const rt_config *c, int64_t samples, int64_t *steps)
{
    int64_t shown;
    *steps = c->run.steps;
    if (c->run.steps > 0)
        return RT_OK;
    if (__builtin_mul_overflow(c->run.epochs, samples, &shown) || shown > INT64_MAX - c->data.batch)
        return RT_FAIL(CONFIG,
                       "run.epochs: %" PRId64 " epoch%s of %" PRId64 " samples are too many",
                       c->run.epochs, rt_plural(c->run.epochs), samples);
    *steps =
        (shown + c->data.batch - 1) / c->data.batch; /* the last samples are a step's worth, too */
    return RT_OK;
}

int64_t rt_config_cosine_steps(const rt_config *c, int64_t steps)
{
    return c->schedule.steps == RT_AUTO ? steps : c->schedule.steps;
}
