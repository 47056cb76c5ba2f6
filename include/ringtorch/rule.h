/* Update rules and schedules of your own, for configurations with `optimizer: {name: signs, decay: 0.9}`
 * or `schedule: {name: halving}`.
 *
 *     #define SIGNS_FIELDS(F) F(NUMBER, decay, 0, RT_WITHIN(0, 0.999), "decay of the mean gradient")
 *     typedef struct signs_values { RT_STRUCT(SIGNS_FIELDS) } signs_values;
 *
 *     static void signs_update(rt_optimizer_part *u)   // u->n elements: u->p from u->g and the states
 *     {
 *         const signs_values *v = u->values;
 *         float *mean = u->state[0];                   // NULL if the state is not kept
 *         for (int64_t i = 0; i < u->n; i++) {
 *             double g = u->grad_scale * (double)u->g[i];
 *             if (mean)
 *                 g = mean[i] = (float)(v->decay * (double)mean[i] + (1 - v->decay) * g);
 *             u->p[i] -= (float)(g > 0 ? u->lr : g < 0 ? -u->lr : 0);
 *         }
 *     }
 *     static const rt_optimizer_state_row signs_states[] = {
 *         {"mean", RT_STATE_LIKE_PARAM, .when = "decay"}, {NULL}};
 *     static const rt_optimizer_row signs = {
 *         .name = "signs", .help = "steps of one length", RT_OPTIONS(signs_values, SIGNS_FIELDS),
 *         .states = signs_states, .update = signs_update};
 *
 *     static double halving_rate(const rt_course *c, const void *values)
 *     {
 *         (void)values;
 *         return c->done < c->whole / 2 ? c->lr : c->lr / 2;
 *     }
 *     static const rt_schedule_row halving = {
 *         .name = "halving", .help = "half the rate in the second half", .ends = true,
 *         .rate = halving_rate};
 *
 *     RT_PLUGIN(.name = "mine", .optimizers = RT_PLUGIN_LIST(rt_optimizer_row, &signs),
 *               .schedules = RT_PLUGIN_LIST(rt_schedule_row, &halving))
 *
 * A rule that treats each element separately needs nothing more, and is called with ranges as long as
 * possible. A rule that needs sums over whole parameters states what it measures in which round; it is
 * then called with parts of one parameter at a time (see rt_optim_rounds in optim.h). Parameters,
 * gradients and states are float32 and on the CPU. Sharding, snapshots, checkpoints and resuming work
 * without further code. You must make sure of one thing: the result must not depend on how the elements
 * are cut into ranges.
 *
 * Lifetime: a row lives as long as the program. The pointers in an rt_optimizer_part are valid for the
 * call. A plugin makes rows known to configurations (plugin.h). */
#ifndef RINGTORCH_RULE_H
#define RINGTORCH_RULE_H

#include <ringtorch/optimizers.def>
#include <ringtorch/options.h>
#include <ringtorch/status.h>

RT_BEGIN_DECLS

enum { RT_ROUNDS_MAX = 2, RT_MEASURES_MAX = 4 };

/* What the numbers of a measurement belong to: the whole parameter, or each row or column of the
 * matrices that its last two axes form. A parameter with fewer than two axes has every element as
 * a row, and no columns. */
typedef enum rt_measure {
    RT_MEASURE_PER_TENSOR = 1, /* one number for the parameter */
    RT_MEASURE_PER_ROW,        /* a number for each row */
    RT_MEASURE_PER_COLUMN      /* a number for each column */
} rt_measure;

/* The matrices of a parameter. */
typedef struct rt_matrices {
    int64_t count, rows, columns; /* columns 1: every element is a row */
    bool has_columns;             /* the parameter has at least two axes */
} rt_matrices;

/* The n elements that a rule is to update or measure. */
typedef struct rt_optimizer_part {
    struct rt_exec *exec;  /* for the library's own rules */
    const void *values;    /* the rule's numbers; those of the group if the parameter is in one */
    int64_t t;             /* number of the update: 1, 2, ... */
    double lr, grad_scale; /* multiply each gradient by grad_scale */
    int64_t n;             /* number of elements */
    float *p;              /* the parameter's elements */
    const float *g;        /* their gradients */
    /* In the order of the rule's states; NULL: not kept. A state like the parameter begins at the first
     * of the n elements; a smaller one is the whole state of the parameter. */
    float *state[RT_OPTIMIZER_STATES_MAX];

    /* For rules that measure: the n are the elements [at, at + n) of one parameter of `numel`. */
    int64_t at, numel;
    rt_matrices m;  /* the matrices of that parameter */
    float *scratch; /* [65536], the maximum of n */
    /* In measure: where this part adds its share of each sum, set to 0 before: one number PER_TENSOR;
     * PER_ROW for the rows that the part touches; PER_COLUMN for all columns of each matrix that it
     * touches. In settle and update: the sums of the whole parameter, those of earlier rounds
     * included. */
    double *sum[RT_ROUNDS_MAX][RT_MEASURES_MAX];
} rt_optimizer_part;

/* A state that a rule keeps for the parameters. */
typedef struct rt_optimizer_state_row {
    const char *name; /* in checkpoints: lower-case letters, digits and _; NULL ends the list */
    rt_state_layout layout; /* the elements of the state */
    /* The name of the number of the rule that must not be 0 for the state to be kept; NULL: it is
     * always kept. */
    const char *when;
} rt_optimizer_state_row;

/* An update rule that configurations can name. */
typedef struct rt_optimizer_row {
    const char *name;                     /* lower-case letters, digits, _ and - */
    const char *help;                     /* one line: what it is, and the paper */
    rt_options options;                   /* the rule's numbers */
    const rt_optimizer_state_row *states; /* at most RT_OPTIMIZER_STATES_MAX; NULL: none */
    void (*update)(rt_optimizer_part *u); /* updates the elements */
    /* Checks conditions on several values together; may be NULL. */
    rt_status (*check)(const char *name, const void *values);
    int rounds;                                       /* of measuring; 0: none */
    uint8_t measures[RT_ROUNDS_MAX][RT_MEASURES_MAX]; /* rt_measure; 0 after the last */
    void (*measure)(rt_optimizer_part *u, int round); /* adds the part's share of each sum */
    /* Updates the smaller states of each parameter after a round. Every worker does this, even one that
     * owns no element of the parameter, so p, g, n and states like the parameter are not set. It may
     * replace the sums by what later rounds and the update need. May be NULL. */
    void (*settle)(rt_optimizer_part *u, int round);
} rt_optimizer_row;

/* ---- schedules ---- */

/* The position in a run, after the warm-up. */
typedef struct rt_course {
    double lr;    /* the peak: optimizer.lr */
    int64_t done; /* steps since the warm-up ended */
    /* steps from the end of the warm-up to the end of the schedule: schedule.steps or the steps of the
     * run; 0 or less if the warm-up is longer */
    int64_t whole;
} rt_course;

/* A schedule that configurations can name. */
typedef struct rt_schedule_row {
    const char *name;   /* lower-case letters, digits, _ and - */
    const char *help;   /* one line */
    rt_options options; /* the schedule's numbers */
    /* The rate depends on c->whole, so schedule.steps matters, and a run that is extended keeps its
     * own. */
    bool ends;
    /* Returns the rate: a function of the step only, with the same bits on every host. (exp, pow and
     * cos of the C library differ between its versions.) */
    double (*rate)(const rt_course *c, const void *values);
} rt_schedule_row;

RT_END_DECLS

#endif
