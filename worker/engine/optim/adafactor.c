/* Adafactor (Shazeer and Stern 2018), formulas of torch.optim.Adafactor. Of the mean squares of the gradient of a matrix it keeps those of
 * the rows and of the columns alone: where row i has mean square r[i] and column j c[j], an element is taken to have
 * r[i] c[j] / mean(r). Of a parameter with fewer axes each element is a row. */
#include <math.h>
#include "worker/engine/optim/rule.h"

enum { ROW_VAR, COL_VAR };
enum { ROWS, COLUMNS, PARAM_SQUARES }; /* of round 0 */
enum { STEP_SQUARES };                 /* of round 1 */

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* ---- round 0: squares of the gradient and of the parameter ---- */

static void add_squares(rt__part *u)
{
    const int64_t width = u->m.columns, first_row = rt__first_row(u);
    double *rows = u->sum[0][ROWS];
    for (int64_t i = 0; i < u->n;) {
        int64_t row = (u->at + i) / width, column = (u->at + i) % width;
        double *columns = u->sum[0][COLUMNS] + row / u->m.rows * width - rt__first_column(u),
               sum = 0;
        for (; i < u->n && column < width; i++, column++) {
            double g = u->grad_scale * (double)u->g[i];
            sum += g * g;
            if (u->m.has_columns)
                columns[column] += g * g;
        }
        rows[row - first_row] = sum;
    }
}

static float moved(float from, double to, double weight)
{
    return (float)((double)from + weight * (to - (double)from));
}

/* Moves the mean squares of a matrix. In the places of their sums it puts what the gradient of an element is multiplied by for its row and
 * its column; infinite where all gradients have been 0. */
static void settle_matrix(rt__part *u, int64_t matrix, double weight, double eps)
{
    const int64_t rows = u->m.rows, columns = u->m.columns;
    float *row_var = u->state[ROW_VAR] + matrix * rows;
    double *row = u->sum[0][ROWS] + matrix * rows, mean = 0;
    for (int64_t i = 0; i < rows; i++) {
        row_var[i] = moved(row_var[i], row[i] / (double)columns, weight);
        mean += (double)row_var[i] / (double)rows;
    }
    for (int64_t i = 0; i < rows; i++)
        row[i] = sqrt((u->m.has_columns ? larger(mean, eps) : 1) / (double)row_var[i]);
    if (!u->m.has_columns)
        return;
    float *col_var = u->state[COL_VAR] + matrix * columns;
    double *column = u->sum[0][COLUMNS] + matrix * columns;
    for (int64_t i = 0; i < columns; i++) {
        col_var[i] = moved(col_var[i], column[i] / (double)rows, weight);
        column[i] = 1 / sqrt((double)col_var[i]);
    }
}

/* By the kernel, whose bits are fixed; those of the C library's pow are not. */
static double power(rt_exec *e, double base, double exponent)
{
    const rt_grid one = {1, 1, {{1, 1}, {1, 1}}};
    double y;
    e->kernels->pow.f[RT_F64](e, (rt_numbers){{0}}, &one, &base, &exponent, &y);
    return y;
}

static void settle(rt__part *u, int round)
{
    const rt_optimizer_adafactor_values *v = u->values;
    double weight = round == 0 ? power(u->exec, (double)u->t, v->beta2_decay) : 0;
    for (int64_t matrix = 0; round == 0 && matrix < u->m.count; matrix++)
        settle_matrix(u, matrix, weight, v->eps);
}

/* ---- round 1: the length of the step ---- */

/* Writes the gradient over the root of its estimated mean square, which is eps at least. */
static void make_step(const rt__part *u, float *step)
{
    const rt_optimizer_adafactor_values *v = u->values;
    const int64_t width = u->m.columns;
    const double most = 1 / v->eps, scale = u->grad_scale;
    for (int64_t i = 0; i < u->n;) {
        int64_t row = (u->at + i) / width, column = (u->at + i) % width;
        double of_row = u->sum[0][ROWS][row];
        const double *of_column = u->sum[0][COLUMNS] + row / u->m.rows * width;
        for (; i < u->n && column < width; i++, column++) {
            double factor = u->m.has_columns ? of_row * of_column[column] : of_row;
            step[i] = (float)(scale * (double)u->g[i] * (factor < most ? factor : most));
        }
    }
}

static void measure(rt__part *u, int round)
{
    rt_exec *e = u->exec;
    if (round == 0) {
        add_squares(u);
        e->kernels->sum_squares[RT_F32](e, u->n, u->p, u->sum[0][PARAM_SQUARES]);
    } else {
        make_step(u, u->scratch);
        e->kernels->sum_squares[RT_F32](e, u->n, u->scratch, u->sum[1][STEP_SQUARES]);
    }
}

/* ---- the update ---- */

static void update(rt__part *u)
{
    const rt_optimizer_adafactor_values *v = u->values;
    rt_exec *e = u->exec;
    double param = sqrt(*u->sum[0][PARAM_SQUARES] / (double)u->numel);
    double step = sqrt(*u->sum[1][STEP_SQUARES] / (double)u->numel);
    double rate = fmin(u->lr, 1 / sqrt((double)u->t)) * larger(v->eps_scale, param);
    make_step(u, u->scratch);
    if (v->weight_decay > 0)
        e->kernels->scale[RT_F32](e, u->n, 1 - u->lr * v->weight_decay, u->p, u->p);
    e->kernels->axpy[RT_F32](e, u->n, -rate / larger(1, step / v->clip_threshold), u->scratch,
                             u->p);
}

const rt__rule rt__rule_adafactor = {
    .update = update,
    .rounds = 2,
    .measures = {{RT__PER_ROW, RT__PER_COLUMN, RT__PER_TENSOR}, {RT__PER_TENSOR}},
    .measure = measure,
    .settle = settle,
};
