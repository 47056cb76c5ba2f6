/* The states that update rules keep beside the parameters, from the rows of ringtorch/optimizers.def. The engine
 * creates them; programs without the engine need the list to know what a checkpoint must hold.
 *
 *     rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX];
 *     int states = rt_config_optimizer_states(cfg, state);
 *     for (int i = 0; i < states; i++) printf("%s\n", state[i].name);
 */
#ifndef RINGTORCH_COMMON_CONFIG_OPTIMIZER_STATES_H
#define RINGTORCH_COMMON_CONFIG_OPTIMIZER_STATES_H

#include "common/base/schema.h"
#include "common/config/config_struct.h"

typedef struct rt_optimizer_state {
    const char *name;
    rt_state_layout layout;
    int row; /* index among the STATES of its rule, not all of which are always kept */
} rt_optimizer_state;

/* Lists, in order, the states that a rule keeps with these values (rt_optimizer_<id>_values); returns how many. The
 * names are never freed. `rule` is an rt_cfg_optimizer_name or, beyond those, a row added by a plugin. */
int rt_optimizer_states(int rule, const void *values,
                        rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX]);
/* Does the same for a configuration. A checkpoint holds "param", the buffers of modules, and each of these states. */
int rt_config_optimizer_states(const rt_config *cfg,
                               rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX]);
/* Returns whether a state has elements for parameter i of that shape, and sets *shape to theirs. */
bool rt_state_shape(rt_state_layout layout, rt_dims param, int64_t i, rt_dims *shape);

/* A plugin describes a state of its rule as {"name", "layout": "like_param", "when": "momentum"}: it is kept if that
 * value is not 0, or always if there is no "when". Returns whether the description is valid for a rule with this
 * schema. */
bool rt__state_is_sound(const json_t *state, const rt__schema *schema);
/* Returns "like_param", ..., or NULL if it is not a layout. */
const char *rt_state_layout_name(rt_state_layout layout);

#endif
