/* Adafactor (Shazeer and Stern 2018), with the formulas of torch.optim.Adafactor. For a matrix it keeps the mean squares of the gradient
 * only per row and per column: where row i has mean square r[i] and column j has c[j], an element's mean square is estimated as r[i] c[j]
 * / mean(r). For a parameter with fewer axes each element counts as a row. */
#include "worker/engine/optim/rule.h"
#include <math.h>

enum { ROW_VAR, COL_VAR };
enum { ROWS, COLUMNS, PARAM_SQUARES }; /* measured in round 0 */
enum { STEP_SQUARES };                 /* measured in round 1 */

/* Returns the larger one, or b if either is NaN. */
static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Describes which elements of which matrices a part covers. */
static rt_factored_shape shape_of(const rt_optimizer_part *u)
{
    return (rt_factored_shape){u->n, u->at, u->m.rows, u->m.columns};
}

static double *columns_of(const rt_optimizer_part *u)
{
    return u->m.has_columns ? u->sum[0][COLUMNS] : NULL;
}

/* ---- measurements: squares of the gradient and of the parameter, then the length of the step ---- */

/* Computes the step: the gradient divided by the root of its estimated mean square, which is at least eps. */
static void make_step(const rt_optimizer_part *u)
{
    const rt_optimizer_adafactor_values *v = u->values;
    u->exec->kernels->factored_step[RT_F32](u->exec, shape_of(u), u->grad_scale, 1 / v->eps, u->g,
                                            u->sum[0][ROWS], columns_of(u), u->scratch);
}

static void measure(rt_optimizer_part *u, int round)
{
    rt_exec *e = u->exec;
    if (round == 0) {
        e->kernels->factored_squares[RT_F32](e, shape_of(u), u->grad_scale, u->g, u->sum[0][ROWS],
                                             columns_of(u));
        e->kernels->sum_squares[RT_F32](e, u->n, u->p, u->sum[0][PARAM_SQUARES]);
    } else {
        make_step(u);
        e->kernels->sum_squares[RT_F32](e, u->n, u->scratch, u->sum[1][STEP_SQUARES]);
    }
}

/* Uses the kernel, whose bits are fixed, while those of the C library's pow are not. */
static double power(rt_exec *e, double base, double exponent)
{
    rt_grid one;
    double y;
    rt_grid_row(&one, 1, 0, 0);
    e->kernels->pow.f[RT_F64](e, (rt_numbers){{0}}, &one, &base, &exponent, &y);
    return y;
}

/* Updates the mean squares. The sums are replaced by the factors of rows and columns. */
static void settle(rt_optimizer_part *u, int round)
{
    const rt_optimizer_adafactor_values *v = u->values;
    const int64_t rows = u->m.rows, columns = u->m.has_columns ? u->m.columns : 0;
    rt_exec *e = u->exec;
    double *row = u->sum[0][ROWS], *column = columns_of(u);
    float *row_var = u->state[ROW_VAR], *col_var = u->state[COL_VAR];
    if (round != 0)
        return;
    double weight = power(e, (double)u->t, v->beta2_decay);
    for (int64_t i = 0; i < u->m.count; i++)
        e->kernels->factored_means[RT_F32](e, shape_of(u), weight, v->eps, row + i * rows,
                                           column ? column + i * columns : NULL, row_var + i * rows,
                                           column ? col_var + i * columns : NULL);
}

/* ---- the update ---- */

static void update(rt_optimizer_part *u)
{
    const rt_optimizer_adafactor_values *v = u->values;
    rt_exec *e = u->exec;
    double param = sqrt(*u->sum[0][PARAM_SQUARES] / (double)u->numel);
    double step = sqrt(*u->sum[1][STEP_SQUARES] / (double)u->numel);
    double rate = fmin(u->lr, 1 / sqrt((double)u->t)) * larger(v->eps_scale, param);
    make_step(u);
    if (v->weight_decay > 0)
        e->kernels->scale[RT_F32](e, u->n, 1 - u->lr * v->weight_decay, u->p, u->p);
    e->kernels->axpy[RT_F32](e, u->n, -rate / larger(1, step / v->clip_threshold), u->scratch,
                             u->p);
}

const rt_optimizer_row rt__rule_adafactor = {
    .update = update,
    .rounds = 2,
    .measures = {{RT_MEASURE_PER_ROW, RT_MEASURE_PER_COLUMN, RT_MEASURE_PER_TENSOR},
                 {RT_MEASURE_PER_TENSOR}},
    .measure = measure,
    .settle = settle,
};
