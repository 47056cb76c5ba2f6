/* What update rules keep beside the parameters, from the rows of ringtorch/optimizers.def: for the engine, which makes the states, and for
 * those without an engine, who must know what a checkpoint holds.
 *
 *     rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX];
 *     int states = rt_config_optimizer_states(cfg, state);
 *     for (int i = 0; i < states; i++) printf("%s\n", state[i].name);
 */
#ifndef RINGTORCH_COMMON_OPTIMIZER_STATES_H
#define RINGTORCH_COMMON_OPTIMIZER_STATES_H

#include "common/config.h"

enum { RT_OPTIMIZER_STATES_MAX = 4 };

/* The elements of a state, for a parameter of each shape. Rows and columns are those of the matrices that its last two axes are; of a
 * parameter with fewer axes every element is a row. */
typedef enum rt_state_layout {
    RT_STATE_LIKE_PARAM,
    RT_STATE_PER_ROW,
    RT_STATE_PER_COLUMN, /* none for parameters with fewer than two axes */
    RT_STATE_PER_TENSOR,
    RT_STATE_SCALAR, /* one for all parameters, kept with the first */
} rt_state_layout;

typedef struct rt_optimizer_state {
    const char *name;
    rt_state_layout layout;
    int row; /* among the STATES of its rule, of which some may not be kept */
} rt_optimizer_state;

/* Lists the states that a rule with these numbers (rt_optimizer_<id>_values) keeps, in order; returns how many. Names are static. */
int rt_optimizer_states(rt_cfg_optimizer_name rule, const void *values,
                        rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX]);
/* Those of a configuration. A checkpoint holds "param", the buffers of modules, and each of these. */
int rt_config_optimizer_states(const rt_config *cfg,
                               rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX]);
/* Returns whether a state has elements for a parameter of that shape, which is the i-th, and writes their shape. */
bool rt_state_shape(rt_state_layout layout, rt_dims param, int64_t i, rt_dims *shape);

#endif
