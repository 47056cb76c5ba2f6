/* Update rules, and what an optimiser is inside: flat buffers, a rule, and the rule's states.
 *
 *     static void sgd_update(rt__part *u)
 *     {
 *         const rt_optimizer_sgd_values *v = u->values;
 *         ... u->p[0..n) from u->g[0..n) and u->state[0] ...
 *     }
 *     const rt__rule rt__rule_sgd = {.update = sgd_update};
 *
 * The names of a rule, its numbers and its states are in ringtorch/optimizers.def. A rule that treats every element by itself has no
 * more than this, and gets ranges as long as can be. One that needs sums over whole parameters says what it measures in which round, and
 * gets parts of one parameter each: see rt_optim_rounds in ringtorch/optim.h. */
#ifndef RINGTORCH_ENGINE_OPTIM_RULE_H
#define RINGTORCH_ENGINE_OPTIM_RULE_H

#include "common/optimizer_states.h"
#include "common/schema.h"
#include "common/slices.h"
#include "kernels/kernels.h"
#include "worker/engine/base/object.h"
#include "worker/engine/optim/flat.h"
#include "worker/engine/tensor/tensor.h"

enum { RT__ROUNDS_MAX = 2, RT__MEASURES_MAX = 4 };

/* One sum that a rule measures: a number for each parameter, or for each row or column of the matrices that its last two axes are. Of
 * parameters with fewer axes every element is a row, and there are no columns. */
typedef enum rt__measure { RT__PER_TENSOR = 1, RT__PER_ROW, RT__PER_COLUMN } rt__measure;

/* The matrices of a parameter. */
typedef struct rt__matrices {
    int64_t count, rows, columns; /* columns 1: every element is a row */
    bool has_columns;
} rt__matrices;

/* What is updated, or measured: n elements. */
typedef struct rt__part {
    rt_exec *exec;
    const void *values; /* rt_optimizer_<id>_values */
    int64_t t;          /* number of the update: 1, 2, ... */
    double lr, grad_scale;
    int64_t n;
    float *p;
    const float *g;
    /* By rows of RT_STATES_<id>; NULL: not kept. Like the parameter: the first of the n; smaller ones: all that the parameter has. */
    float *state[RT_OPTIMIZER_STATES_MAX];

    /* Of rules that measure: the n are elements [at, at + n) of one parameter. */
    int64_t at, numel;
    rt__matrices m;
    float *scratch; /* [RT_BLOCK] */
    /* measure: where this part's share of each sum goes, set to 0: of PER_TENSOR one number; of rows and of columns those that the
     * part touches, rt__first_row and rt__first_column being the first.
     * settle and update: the sums of the whole parameter, of earlier rounds too. */
    double *sum[RT__ROUNDS_MAX][RT__MEASURES_MAX];
} rt__part;

static inline int64_t rt__first_row(const rt__part *u)
{
    return u->at / u->m.columns;
}
/* The first one of the first matrix that the part touches. */
static inline int64_t rt__first_column(const rt__part *u)
{
    return u->at / (u->m.rows * u->m.columns) * u->m.columns;
}

typedef struct rt__rule {
    void (*update)(rt__part *u);
    /* What the values must satisfy together; may be NULL. */
    rt_status (*check)(const char *name, const void *values);
    int rounds;
    uint8_t measures[RT__ROUNDS_MAX][RT__MEASURES_MAX]; /* rt__measure; 0 behind the last */
    void (*measure)(rt__part *u, int round);
    /* After a round, once for each parameter: its smaller states. Everybody does this, also those who own nothing of it, so there is no p,
     * g, n, nor any state like the parameter. The sums may become what later rounds and the update make of them. May be NULL. */
    void (*settle)(rt__part *u, int round);
} rt__rule;

/* A rule with what its row says. */
typedef struct rt__rule_row {
    const rt__rule *rule;
    rt_cfg_optimizer_name name;
    rt__schema schema; /* of its values; the owner is the rule's name */
} rt__rule_row;
/* The row of a rule. */
const rt__rule_row *rt__rule_row_of(rt_cfg_optimizer_name name);

/* Parameters with numbers of their own; group 0 is all others. */
typedef struct rt__group {
    void *values;
    double lr_scale;
} rt__group;

/* A piece of one parameter within one block of RT_BLOCK elements of the flat buffer: it has one owner, however these are shared out. */
typedef struct rt__stretch {
    int32_t entry;
    int64_t begin, end;            /* in the flat buffer */
    int64_t first[RT__ROUNDS_MAX]; /* of its numbers among those of the round */
} rt__stretch;

/* What is measured; empty for rules that do not. */
typedef struct rt__measured {
    rt__stretch *stretch; /* [stretches + 1] in order; the last is a sentinel */
    int64_t stretches;
    double *share[RT__ROUNDS_MAX]; /* of all stretches, [count] */
    int64_t count[RT__ROUNDS_MAX];
    double *sum[RT__ROUNDS_MAX];     /* of all parameters */
    int64_t *sum_at[RT__ROUNDS_MAX]; /* [entries] where those of a parameter begin */
    float *scratch;
    /* By rows of RT_STATES_<id>, [entries]: where a small state of a parameter begins in the flat buffer; -1: nowhere. */
    int64_t *small_at[RT_OPTIMIZER_STATES_MAX];
} rt__measured;

struct rt_optim {
    rt_object object;
    const rt__rule_row *row;
    double lr;
    int64_t updates;   /* steps made */
    int64_t *made;     /* [entries]: updates of each parameter, fewer where it had no gradient */
    bool *skipped;     /* [entries] */
    bool by_gradient;  /* for the moment, those without a gradient are skipped as well */
    uint8_t *group_of; /* [entries] */
    rt__group *group;  /* [groups] */
    int32_t groups;
    rt_module *net; /* owned */
    rt__flat flat;
    int states;                                /* like the parameters */
    rt_tensor *state[RT_OPTIMIZER_STATES_MAX]; /* [flat.length] each */
    const char *state_name[RT_OPTIMIZER_STATES_MAX];
    int state_row[RT_OPTIMIZER_STATES_MAX];
    rt__measured measured;
};

/* values: rt_optimizer_<id>_values, copied. Owned by the scope. */
rt_optim *rt__optim_new(rt_module *net, rt_cfg_optimizer_name rule, const void *values, double lr);
/* As rt_optim_group, with the object; `where` begins the messages. */
rt_status rt__optim_group(rt_optim *o, const char *pattern, const json_t *values,
                          const char *where);

/* Is parameter i left as it is? */
bool rt__optim_skips(const rt_optim *o, int32_t i);
/* Fills in what parts of parameter i have in common; of several parameters that are updated as one, what the first has. */
void rt__part_init(const rt_optim *o, int32_t i, int64_t t, double lr, double grad_scale,
                   rt__part *u);
/* Lets u be elements [begin,end) of the flat buffers. */
void rt__part_set(const rt_optim *o, int64_t begin, int64_t end, rt__part *u);
/* Returns the first parameter that ends behind `at`. */
int32_t rt__optim_entry_at(const rt_optim *o, int64_t at);

/* sums[i]: the sum of squares of block i of n floats on a device, NULL being the CPU. Waits for it. */
rt_status rt__square_sums(rt_gpu *gpu, int64_t n, const float *x, double *sums);

rt__matrices rt__matrices_of(rt_dims d);
bool rt__is_optim(const char *what, const rt_optim *o);
rt_status rt__optim_check_range(const char *what, const rt_optim *o, int64_t begin, int64_t end,
                                int64_t t);

rt_status rt__measured_init(rt_optim *o);
void rt__measured_release(rt__measured *m);
/* Points u->sum at the sums of parameter i. */
void rt__measured_sums(const rt_optim *o, int32_t i, rt__part *u);
/* As the public functions; t 0: of each parameter the update that follows those it has had. */
rt_status rt__optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t,
                            double lr, double grad_scale);
rt_status rt__optim_settle(rt_optim *o, int round, int64_t t);

#endif
