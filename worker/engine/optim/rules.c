/* The rows of ringtorch/optimizers.def as a table, and the constructor of each. */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "common/error.h"
#include "worker/engine/optim/rule.h"

#define DECLARE(section, constant, id, text, FIELDS, help) extern const rt__rule rt__rule_##id;
RT_OPTIMIZERS(DECLARE)

#define ROW(section, constant, id, text, FIELDS, help)                                             \
    [constant] = {.rule = &rt__rule_##id,                                                          \
                  .name = constant,                                                                \
                  .schema = {RT__SCHEMA(text, "number", rt_optimizer_##id##_values, FIELDS)}},

static const rt__rule_row rows[] = {RT_OPTIMIZERS(ROW)};

const rt__rule_row *rt__rule_row_of(rt_cfg_optimizer_name name)
{
    return &rows[name];
}

/* How the arguments of every constructor begin; the numbers of the rule follow. */
typedef struct head {
    rt_module *net;
    double lr;
    double values[];
} head;

#define CONSTRUCTOR(section, constant, id, text, FIELDS, help)                                     \
    rt_optim *rt_optim_##id##_(rt_##id##_args a)                                                   \
    {                                                                                              \
        rt_optimizer_##id##_values v;                                                              \
        _Static_assert(sizeof(head) + sizeof v == sizeof a, "the numbers follow the head");        \
        memcpy(&v, (const char *)&a + offsetof(head, values), sizeof v);                           \
        if (isnan(a.lr) && isnan(RT_LR_##id))                                                      \
            return RT_FAIL_NULL(ARG, text ": .lr is missing or no number: there is no default");   \
        return rt__optim_new(a.net, constant, &v, a.lr);                                           \
    }
RT_OPTIMIZERS(CONSTRUCTOR)
