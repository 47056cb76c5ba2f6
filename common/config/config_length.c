/* Computes the length of a run and of its learning rate schedule. */
#include "common/config/config_length.h"

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/config/config_table.h"
#include <inttypes.h>

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
    *steps = (shown + c->data.batch - 1) / c->data.batch; /* a partial last batch is a step, too */
    return RT_OK;
}

bool rt_config_schedule_ends(const rt_config *c)
{
    const rt__family_row *row = rt__family_chosen(rt__family_of("schedule"), c);
    return c->schedule.name == RT_CFG_SCHEDULE_COSINE ||
           json_is_true(json_object_get(row->added.description, "ends"));
}

int64_t rt_config_cosine_steps(const rt_config *c, int64_t steps)
{
    return c->schedule.steps == RT_AUTO ? steps : c->schedule.steps;
}
