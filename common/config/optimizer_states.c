#include "common/config/optimizer_states.h"

#include "common/base/error.h"
#include "common/config/config_table.h"
#include <string.h>

/* ---- rows added by plugins ---- */

static const char *const layouts[] = {[RT_STATE_LIKE_PARAM] = "like_param",
                                      [RT_STATE_PER_ROW] = "per_row",
                                      [RT_STATE_PER_COLUMN] = "per_column",
                                      [RT_STATE_PER_TENSOR] = "per_tensor",
                                      [RT_STATE_SCALAR] = "scalar"};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const char *rt_state_layout_name(rt_state_layout layout)
{
    return (unsigned)layout < LAYOUTS ? layouts[layout] : NULL;
}

static int layout_of(const json_t *state)
{
    const char *name = json_string_value(json_object_get(state, "layout"));
    for (int i = 0; name && i < LAYOUTS; i++)
        if (strcmp(name, layouts[i]) == 0)
            return i;
    return -1;
}

static bool can_decide(const rt_field *row)
{
    return row && (row->kind == RT_FIELD_INT || row->kind == RT_FIELD_AUTO ||
                   row->kind == RT_FIELD_NUMBER || row->kind == RT_FIELD_FLAG ||
                   row->kind == RT_FIELD_CHOICE);
}

bool rt__state_is_sound(const json_t *state, const rt__schema *schema)
{
    const char *name = json_string_value(json_object_get(state, "name"));
    const json_t *when = json_object_get(state, "when");
    size_t len = name ? strlen(name) : 0;
    const rt_field *row = NULL;
    for (int i = 0; i < schema->n_fields && json_is_string(when); i++)
        if (strcmp(schema->fields[i].name, json_string_value(when)) == 0)
            row = &schema->fields[i];
    return len > 0 && len <= 40 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len &&
           layout_of(state) >= 0 && (!when || can_decide(row));
}

/* Returns whether the state is kept: whether its "when" value is not 0. */
static bool is_kept(const json_t *state, const rt__schema *schema, const void *values)
{
    const char *when = json_string_value(json_object_get(state, "when"));
    if (!when)
        return true;
    rt__struct_member m = rt__member_find(schema, (void *)values, when);
    switch ((rt_field_kind)m.row->kind) {
    case RT_FIELD_NUMBER:
        return *(const double *)m.at != 0;
    case RT_FIELD_FLAG:
        return *(const bool *)m.at;
    case RT_FIELD_CHOICE:
        return *(const int *)m.at != 0;
    default:
        return *(const int64_t *)m.at != 0;
    }
}

static int added_states(const rt__family_row *rule, const void *values,
                        rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX])
{
    const json_t *states = json_object_get(rule->added.description, "states");
    int n = 0;
    for (size_t i = 0; i < json_array_size(states); i++) {
        const json_t *s = json_array_get(states, i);
        if (is_kept(s, &rule->schema, values))
            state[n++] = (rt_optimizer_state){json_string_value(json_object_get(s, "name")),
                                              (rt_state_layout)layout_of(s), (int)i};
    }
    return n;
}

/* ---- states of a rule ---- */

int rt_optimizer_states(int rule, const void *values,
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
    default:
        n = added_states(&rt__family_of("optimizer")->row[rule], values, state);
    }
    RT_ASSERT(n <= RT_OPTIMIZER_STATES_MAX);
    return n;
}

int rt_config_optimizer_states(const rt_config *cfg,
                               rt_optimizer_state state[RT_OPTIMIZER_STATES_MAX])
{
    return rt_optimizer_states(
        (int)cfg->optimizer.name,
        rt__row_values(rt__family_chosen(rt__family_of("optimizer"), cfg), cfg), state);
}

/* Returns d without axis `axis`. */
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
