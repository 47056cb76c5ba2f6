/* Launches kernels on rows. */
#include "kernels/gpu/launch.h"

static rows_args numbers(rt_rows r)
{
    return (rows_args){.rows = r.n, .n = r.len, .shared = r.len > LEAF};
}

/* ---- sums over rows ---- */

enum { MOST, EXP_SUM, SUM, STATS };

/* Allocates STATS numbers for each row. */
static float *stats_of(rt_exec *e, const rows_args *a)
{
    return a->rows > 0 && a->n > 0 ? rt__gpu_floats(e, STATS * a->rows) : NULL;
}

static void stats_free(rt_exec *e, const rows_args *a, float *stat)
{
    rt__gpu_floats_free(e, stat, STATS * a->rows);
}

/* y[row] = a reduction of each row: the leaves by `kernel`, then the tree. */
static void fold(rt_exec *e, const char *kernel, const char *tree, const rows_args *a,
                 const void *x, const void *other, const float *stat, float *y)
{
    int64_t n = (a->n + LEAF - 1) / LEAF, units = a->rows * n;
    float *leaf = n == 1 ? y : rt__gpu_floats(e, units);
    if (!leaf)
        return;
    rt__gpu_launch(e, RT_LAUNCH(rows, kernel, (units + 15) / 16, 1, *a, x, other, stat, leaf),
                   a->rows * a->n);
    if (n > 1)
        rt__gpu_join(e, tree, a->rows, n, leaf, y);
}

/* Computes the largest element of each row and the sum of exp(x - largest). */
static float *exp_stats(rt_exec *e, const rows_args *a, const void *x)
{
    float *stat = stats_of(e, a);
    if (!stat)
        return NULL;
    fold(e, "row_most", "most_tree", a, x, NULL, NULL, stat + MOST * a->rows);
    fold(e, "row_exp_sum", "sum_tree", a, x, NULL, stat, stat + EXP_SUM * a->rows);
    return stat;
}

#define LAUNCH_ROWS(e, name, a, ...) LAUNCH(e, rows, name, (a).rows *(a).n, a, __VA_ARGS__)

/* ---- softmax ---- */

static void run_softmax(rt_exec *e, const char *kernel, rt_rows r, const void *x, void *y)
{
    rows_args a = numbers(r);
    float *stat = exp_stats(e, &a, x);
    if (stat)
        LAUNCH_ROWS(e, kernel, a, x, stat, y);
    stats_free(e, &a, stat);
}

static void softmax_f32(rt_exec *e, rt_rows r, const void *x, void *y)
{
    run_softmax(e, "softmax_f32", r, x, y);
}

static void log_softmax_f32(rt_exec *e, rt_rows r, const void *x, void *y)
{
    run_softmax(e, "log_softmax_f32", r, x, y);
}

static void softmax_dx_f32(rt_exec *e, rt_rows r, const void *y, const void *dy, void *dx)
{
    rows_args a = numbers(r);
    float *stat = stats_of(e, &a);
    if (stat) {
        fold(e, "row_dot", "sum_tree", &a, y, dy, NULL, stat);
        LAUNCH_ROWS(e, "softmax_dx_f32", a, y, dy, stat, dx);
    }
    stats_free(e, &a, stat);
}

static void log_softmax_dx_f32(rt_exec *e, rt_rows r, const void *y, const void *dy, void *dx)
{
    rows_args a = numbers(r);
    float *stat = stats_of(e, &a);
    if (stat) {
        fold(e, "row_sum", "sum_tree", &a, dy, NULL, NULL, stat);
        LAUNCH_ROWS(e, "log_softmax_dx_f32", a, y, dy, stat, dx);
    }
    stats_free(e, &a, stat);
}

/* ---- cross-entropy ---- */

/* Launches the check of the labels, whose result rt_gpu_get reports. The kernels treat a label that is not a class as
 * ignored. */
static rows_args with_labels(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const int64_t *labels)
{
    rows_args a = numbers(r);
    a.ignored = c.ignore_index;
    a.smoothing = c.label_smoothing;
    rt__gpu_launch(e, RT_LAUNCH(rows, "check_labels", r.n > 0, 1, a, labels, rt__gpu_of(e)->fault),
                   r.n);
    return a;
}

static void cross_entropy_f32(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x,
                              const int64_t *labels, void *loss)
{
    rows_args a = with_labels(e, r, c, labels);
    float *stat = exp_stats(e, &a, x);
    if (stat && a.smoothing != 0)
        fold(e, "row_sum", "sum_tree", &a, x, NULL, NULL, stat + SUM * a.rows);
    if (stat)
        LAUNCH(e, rows, "cross_entropy_f32", a.rows, a, x, labels, stat, loss);
    stats_free(e, &a, stat);
}

static void cross_entropy_dx_f32(rt_exec *e, rt_rows r, rt_cross_entropy_shape c, const void *x,
                                 const int64_t *labels, const void *dloss, void *dx)
{
    rows_args a = with_labels(e, r, c, labels);
    float *stat = exp_stats(e, &a, x);
    if (stat)
        LAUNCH_ROWS(e, "cross_entropy_dx_f32", a, x, labels, dloss, stat, dx);
    stats_free(e, &a, stat);
}

static void run_label_share(rt_exec *e, const char *kernel, int64_t n, const int64_t *labels,
                            int64_t ignore_index, void *share)
{
    rows_args a = {.rows = n, .ignored = ignore_index};
    if (rt__gpu_of(e)->has_double)
        rt__gpu_launch(e, RT_LAUNCH(rows, kernel, 1, 1, a, labels, share), n);
    else
        e->missing = "label_share";
}

static void label_share_f32(rt_exec *e, int64_t n, const int64_t *labels, int64_t ignore_index,
                            void *share)
{
    run_label_share(e, "label_share_f32", n, labels, ignore_index, share);
}

static void label_share_f64(rt_exec *e, int64_t n, const int64_t *labels, int64_t ignore_index,
                            void *share)
{
    run_label_share(e, "label_share_f64", n, labels, ignore_index, share);
}

static void argmax_f32(rt_exec *e, rt_rows r, const void *x, int64_t *at)
{
    rows_args a = numbers(r);
    /* one group per long row, or per 16 short rows */
    int64_t groups = a.shared ? a.rows : (a.rows + 15) / 16;
    rt__gpu_launch(e, RT_LAUNCH(rows, "argmax_f32", groups, 1, a, x, at), a.rows * a.n);
}

void rt__gpu_install_rows(rt_kernels *k)
{
    k->softmax[RT_F32] = softmax_f32;
    k->softmax_dx[RT_F32] = softmax_dx_f32;
    k->log_softmax[RT_F32] = log_softmax_f32;
    k->log_softmax_dx[RT_F32] = log_softmax_dx_f32;
    k->cross_entropy[RT_F32] = cross_entropy_f32;
    k->cross_entropy_dx[RT_F32] = cross_entropy_dx_f32;
    k->label_share[RT_F32] = label_share_f32;
    k->label_share[RT_F64] = label_share_f64;
    k->argmax[RT_F32] = argmax_f32;
}
