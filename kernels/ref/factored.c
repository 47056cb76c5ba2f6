/* Mean squares of matrices kept only per row and per column (Shazeer and Stern 2018). Sums are in double. There is no fast text, so what
 * this text does binds every level (docs/NUMERICS.md, section 8).
 *
 * A buffer holds elements [at, at + n) of consecutive matrices [rows, columns]. Without columns (`column` is NULL, s.columns 1) each
 * element is a row. */
#include "kernels/ref/wide.h"
#include <math.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* single-threaded loops need no rt_exec */

/* Returns the end of the row that contains element i of the buffer, within the buffer. */
static int64_t end_of_row(rt_factored_shape s, int64_t i)
{
    int64_t end = i + s.columns - (s.at + i) % s.columns;
    return end < s.n ? end : s.n;
}

/* Writes to row[..] the sums of (scale * g)^2 over the buffer's part of each row that it touches, and adds to column[..] those over the
 * columns of each matrix that it touches. */
KERNEL(factored_squares, FLOATS, (rt_exec *e, rt_factored_shape s, double scale, const void *g,
                                  double *row, double *column))
{
    const T *x = g;
    for (int64_t i = 0, end; i < s.n; i = end, row++) {
        const int64_t matrix = (s.at + i) / (s.rows * s.columns) - s.at / (s.rows * s.columns);
        double *of_columns = column ? column + matrix * s.columns + (s.at + i) % s.columns : NULL;
        double sum = 0;
        end = end_of_row(s, i);
        for (int64_t k = 0; k < end - i; k++) {
            double gk = scale * (double)x[i + k];
            sum += gk * gk;
            if (of_columns)
                of_columns[k] += gk * gk;
        }
        *row = sum;
    }
}

static T moved(T from, double to, double weight)
{
    return (T)((double)from + weight * (to - (double)from));
}

/* For one whole matrix: moves the mean squares of its rows and columns by `weight` towards those of the sums, and replaces the sums by
 * the factors that an element's gradient is multiplied by for its row and its column; these are infinite where all gradients have been
 * 0. The mean of the rows' mean squares is at least eps. */
KERNEL(factored_means, FLOATS, (rt_exec *e, rt_factored_shape s, double weight, double eps,
                                double *row, double *column, void *row_mean, void *column_mean))
{
    T *of_row = row_mean, *of_column = column_mean;
    double mean = 0;
    for (int64_t i = 0; i < s.rows; i++) {
        of_row[i] = moved(of_row[i], row[i] / (double)s.columns, weight);
        mean += (double)of_row[i] / (double)s.rows;
    }
    double above = !column ? 1 : mean > eps ? mean : eps;
    for (int64_t i = 0; i < s.rows; i++)
        row[i] = sqrt(above / (double)of_row[i]);
    for (int64_t j = 0; column && j < s.columns; j++) {
        of_column[j] = moved(of_column[j], column[j] / (double)s.rows, weight);
        column[j] = 1 / sqrt((double)of_column[j]);
    }
}

/* step = scale * g * (factor of its row times factor of its column, at most `most`). row, column: those of all matrices. */
KERNEL(factored_step, FLOATS, (rt_exec *e, rt_factored_shape s, double scale, double most,
                               const void *g, const double *row, const double *column, void *step))
{
    const T *x = g;
    T *y = step;
    for (int64_t i = 0, end; i < s.n; i = end) {
        const int64_t at = (s.at + i) / s.columns, first = (s.at + i) % s.columns;
        const double *of_columns = column ? column + at / s.rows * s.columns + first : NULL;
        end = end_of_row(s, i);
        for (int64_t k = 0; k < end - i; k++) {
            double factor = of_columns ? row[at] * of_columns[k] : row[at];
            y[i + k] = (T)(scale * (double)x[i + k] * (factor < most ? factor : most));
        }
    }
}
