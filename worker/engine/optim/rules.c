/* The rows of ringtorch/optimizers.def as a table, and the constructor of each. */
#include "common/base/error.h"
#include "common/config/added.h"
#include "common/config/config_table.h"
#include "worker/engine/optim/rule.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DECLARE(section, constant, id, text, FIELDS, help)                                         \
    extern const rt_optimizer_row rt__rule_##id;
RT_OPTIMIZERS(DECLARE)

#define ROW(section, constant, id, text, FIELDS, help)                                             \
    [constant] = {.rule = &rt__rule_##id,                                                          \
                  .name = constant,                                                                \
                  .schema = {RT__SCHEMA(text, "number", rt_optimizer_##id##_values, FIELDS)}},

static const rt__rule_row rows[] = {RT_OPTIMIZERS(ROW)};

enum { OWN = sizeof rows / sizeof *rows };

rt_status rt__rule_row_of(int name, rt__rule_row *out)
{
    char what[64];
    if (name < OWN) {
        *out = rows[name];
        return RT_OK;
    }
    const rt__family_row *added = &rt__family_of("optimizer")->row[name];
    *out = (rt__rule_row){
        .rule = added->added.code, .name = name, .schema = added->schema, .added = &added->added};
    out->schema.thing = "number";
    snprintf(what, sizeof what, "optimiser %s", added->name);
    return rt__added_check(&added->added, what);
}

/* The beginning of every constructor's arguments; the rule's values follow. */
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
            return RT_FAIL_NULL(ARG, text ": .lr is missing or not a number: it has no default");  \
        return rt__optim_new(a.net, constant, &v, a.lr);                                           \
    }
RT_OPTIMIZERS(CONSTRUCTOR)
