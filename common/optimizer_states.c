#include "common/optimizer_states.h"

#include <string.h>
#include "common/error.h"

int rt_optimizer_states(rt_cfg_optimizer_name rule, const void *values,
                        rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX])
{
    int n = 0, row = 0;
    switch (rule) {
#define STATE(state_name, of, kept)                                                                \
    if (kept)                                                                                      \
        state[n++] = (rt_optimizer_state){#state_name, RT_STATE_##of, row};                        \
    row++;
#define RULE(section, constant, id, text, FIELDS, help)                                            \
    case constant: {                                                                               \
        const rt_optimizer_##id##_values *v = values;                                              \
        (void)v;                                                                                   \
        RT_STATES_##id(STATE, v)                                                                   \
    } break;
        RT_OPTIMIZERS(RULE)
    }
    RT_ASSERT(n <= RT_OPTIMIZER_STATES_MAX);
    return n;
}

int rt_config_optimizer_states(const rt_config *cfg,
                               rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX])
{
    const void *values[] = {
#define VALUES(section, constant, id, text, FIELDS, help) [constant] = &cfg->section.id,
        RT_OPTIMIZERS(VALUES)};
    return rt_optimizer_states(cfg->optimizer.name, values[cfg->optimizer.name], state);
}

/* Leaves axis `axis` out. */
static rt_dims without(rt_dims d, int axis)
{
    memmove(d.d + axis, d.d + axis + 1, (size_t)(d.n - axis - 1) * sizeof *d.d);
    d.n--;
    return d;
}

bool rt_state_shape(rt_state_layout layout, rt_dims param, int64_t i, rt_dims *shape)
{
    bool matrix = param.n >= 2;
    *shape = param;
    switch (layout) {
    case RT_STATE_LIKE_PARAM:
        return true;
    case RT_STATE_PER_ROW:
        if (matrix)
            *shape = without(param, param.n - 1);
        return true;
    case RT_STATE_PER_COLUMN:
        if (matrix)
            *shape = without(param, param.n - 2);
        return matrix;
    case RT_STATE_PER_TENSOR:
    case RT_STATE_SCALAR:
        *shape = (rt_dims){.n = 0};
        return layout == RT_STATE_PER_TENSOR || i == 0;
    }
    return false;
}
