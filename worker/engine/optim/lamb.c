/* LAMB (You et al. 2020, algorithm 2): Adam's step with decoupled weight decay, as long for each parameter as the parameter itself. */
#include <math.h>
#include "worker/engine/optim/rule.h"

enum { EXP_AVG, EXP_AVG_SQ };
enum { PARAM_SQUARES, STEP_SQUARES }; /* measured */

/* step: as the kernel's. */
static void adam(const rt__part *u, double lr, float *step)
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

static void measure(rt__part *u, int round)
{
    rt_exec *e = u->exec;
    adam(u, 0, u->scratch);
    e->kernels->sum_squares[RT_F32](e, u->n, u->p, u->sum[round][PARAM_SQUARES]);
    e->kernels->sum_squares[RT_F32](e, u->n, u->scratch, u->sum[round][STEP_SQUARES]);
}

/* A parameter of zeros has no length to go by, and a step of zeros goes nowhere. */
static void update(rt__part *u)
{
    double param = sqrt(*u->sum[0][PARAM_SQUARES]), step = sqrt(*u->sum[0][STEP_SQUARES]);
    adam(u, param > 0 && step > 0 ? u->lr * param / step : u->lr, NULL);
}

const rt__rule rt__rule_lamb = {
    .update = update,
    .rounds = 1,
    .measures = {{RT__PER_TENSOR, RT__PER_TENSOR}},
    .measure = measure,
};
