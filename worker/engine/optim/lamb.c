/* LAMB (You et al. 2020, algorithm 2): Adam's step with decoupled weight decay, scaled for each parameter to the parameter's own norm. */
#include "worker/engine/optim/rule.h"
#include <math.h>

enum { EXP_AVG, EXP_AVG_SQ };
enum { PARAM_SQUARES, STEP_SQUARES }; /* measurements */

/* step: as in the kernel; NULL applies the step. */
static void adam(const rt_optimizer_part *u, double lr, float *step)
{
    const rt_optimizer_lamb_values *v = u->values;
    rt_adam_shape s = {.lr = lr,
                       .beta1 = v->beta1,
                       .beta2 = v->beta2,
                       .eps = v->eps,
                       .decay = v->weight_decay,
                       .grad_scale = u->grad_scale,
                       .step = u->t};
    u->exec->kernels->adam[RT_F32](u->exec, u->n, s, u->p, u->g, u->state[EXP_AVG],
                                   u->state[EXP_AVG_SQ], NULL, step);
}

static void measure(rt_optimizer_part *u, int round)
{
    rt_exec *e = u->exec;
    adam(u, 0, u->scratch);
    e->kernels->sum_squares[RT_F32](e, u->n, u->p, u->sum[round][PARAM_SQUARES]);
    e->kernels->sum_squares[RT_F32](e, u->n, u->scratch, u->sum[round][STEP_SQUARES]);
}

/* The scaling is skipped if the parameter or the step is all zeros. */
static void update(rt_optimizer_part *u)
{
    double param = sqrt(*u->sum[0][PARAM_SQUARES]), step = sqrt(*u->sum[0][STEP_SQUARES]);
    adam(u, param > 0 && step > 0 ? u->lr * param / step : u->lr, NULL);
}

const rt_optimizer_row rt__rule_lamb = {
    .update = update,
    .rounds = 1,
    .measures = {{RT_MEASURE_PER_TENSOR, RT_MEASURE_PER_TENSOR}},
    .measure = measure,
};
