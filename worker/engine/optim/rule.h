/* Update rules (ringtorch/rule.h is the manual), and the inside of an optimiser: flat buffers, a rule, and the rule's states.
 *
 *     static void sgd_update(rt_optimizer_part *u)
 *     {
 *         const rt_optimizer_sgd_values *v = u->values;
 *         ... u->p[0..n) from u->g[0..n) and u->state[0] ...
 *     }
 *     const rt_optimizer_row rt__rule_sgd = {.update = sgd_update};
 *
 * The name, values and states of a built-in rule are in ringtorch/optimizers.def. Parameters, gradients and states are float32, whatever
 * type the net computes in (docs/decisions/0031). */
#ifndef RINGTORCH_WORKER_ENGINE_OPTIM_RULE_H
#define RINGTORCH_WORKER_ENGINE_OPTIM_RULE_H

#include "common/base/schema.h"
#include "common/base/slices.h"
#include "common/config/added.h"
#include "common/config/optimizer_states.h"
#include "kernels/kernels.h"
#include "worker/engine/base/object.h"
#include "worker/engine/optim/flat.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/rule.h>

/* A rule and the contents of its row. */
typedef struct rt__rule_row {
    const rt_optimizer_row *rule; /* NULL: its plugin is not loaded */
    /* an rt_cfg_optimizer_name, or a higher number for a row that a plugin added */
    int name;
    rt__schema schema;      /* of its values; the schema's owner is the rule's name */
    const rt__added *added; /* NULL: built in */
} rt__rule_row;
/* Finds the row of a rule; NOTFOUND if its plugin is not loaded. */
rt_status rt__rule_row_of(int name, rt__rule_row *out);

/* Parameters with values of their own; group 0 holds all others. */
typedef struct rt__group {
    void *values;
    double lr_scale;
} rt__group;

/* A piece of one parameter within one block of RT_BLOCK elements of the flat buffer: it has exactly one owner, however blocks are
 * distributed. */
typedef struct rt__stretch {
    int32_t entry;
    int64_t begin, end;           /* in the flat buffer */
    int64_t first[RT_ROUNDS_MAX]; /* index of its first number among those of the round */
} rt__stretch;

/* Measurements; empty for rules that measure nothing. */
typedef struct rt__measured {
    rt__stretch *stretch; /* [stretches + 1] in order; the last is a sentinel */
    int64_t stretches;
    double *share[RT_ROUNDS_MAX]; /* of all stretches, [count] */
    int64_t count[RT_ROUNDS_MAX];
    double *sum[RT_ROUNDS_MAX];     /* of all parameters */
    int64_t *sum_at[RT_ROUNDS_MAX]; /* [entries]: where a parameter's sums begin */
    float *scratch;
    /* Per row of RT_STATES_<id>, [entries]: where a parameter's small state begins in the flat buffer; -1: nowhere. */
    int64_t *small_at[RT_OPTIMIZER_STATES_MAX];
} rt__measured;

struct rt_optim {
    rt_object object;
    rt__rule_row row;
    double lr;
    int64_t updates; /* steps made */
    /* [entries]: updates of each parameter, fewer if it sometimes had no gradient */
    int64_t *made;
    bool *skipped;     /* [entries] */
    bool by_gradient;  /* currently, parameters without a gradient are skipped too */
    uint8_t *group_of; /* [entries] */
    rt__group *group;  /* [groups] */
    int32_t groups;
    rt_module *net; /* owned */
    rt__flat flat;
    int states;                                /* states with the parameters' layout */
    rt_tensor *state[RT_OPTIMIZER_STATES_MAX]; /* [flat.length] each */
    const char *state_name[RT_OPTIMIZER_STATES_MAX];
    int state_row[RT_OPTIMIZER_STATES_MAX];
    rt__measured measured;
};

/* values: an rt_optimizer_<id>_values, copied. Owned by the scope. */
rt_optim *rt__optim_new(rt_module *net, int rule, const void *values, double lr);
/* As rt_optim_group, with the values as JSON; `where` begins the messages. */
rt_status rt__optim_group(rt_optim *o, const char *pattern, const json_t *values,
                          const char *where);

/* Returns whether parameter i is left unchanged. */
bool rt__optim_skips(const rt_optim *o, int32_t i);
/* Fills in what all parts of parameter i have in common; if several parameters are updated as one, with what the first one has. */
void rt__part_init(const rt_optim *o, int32_t i, int64_t t, double lr, double grad_scale,
                   rt_optimizer_part *u);
/* Points u at elements [begin,end) of the flat buffers. */
void rt__part_set(const rt_optim *o, int64_t begin, int64_t end, rt_optimizer_part *u);
/* Returns the first parameter that ends after `at`. */
int32_t rt__optim_entry_at(const rt_optim *o, int64_t at);

/* Sets sums[i] to the sum of squares of block i of n floats on a device (NULL: the CPU), waiting for the device. */
rt_status rt__square_sums(rt_gpu *gpu, int64_t n, const float *x, double *sums);

rt_matrices rt__matrices_of(rt_dims d);
bool rt__is_optim(const char *what, const rt_optim *o);
rt_status rt__optim_check_range(const char *what, const rt_optim *o, int64_t begin, int64_t end,
                                int64_t t);

rt_status rt__measured_init(rt_optim *o);
void rt__measured_release(rt__measured *m);
/* Points u->sum at the sums of parameter i. */
void rt__measured_sums(const rt_optim *o, int32_t i, rt_optimizer_part *u);
/* As the public functions. If t is 0, each parameter takes its own next update number. */
rt_status rt__optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t,
                            double lr, double grad_scale);
rt_status rt__optim_settle(rt_optim *o, int round, int64_t t);

#endif
