/* Launches reductions: the leaves, then the tree level by level until one value is left of each. */
#include "common/base/slices.h"
#include "kernels/gpu/launch.h"

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Launches a kernel of reduce.gpu from x to y. */
static void launch_pass(rt_exec *e, const char *kernel, int64_t groups, fold_args a, const void *x,
                        void *y)
{
    rt__gpu_launch(e, RT_LAUNCH(reduce, kernel, groups, 1, a, x, y), a.outer * a.n * a.inner);
}

/* A pass's memory is needed until the next pass has read it, but it can be freed immediately: any reuse comes later in the
 * device's order. */
void rt__gpu_join(rt_exec *e, const char *tree, int64_t rows, int64_t n, float *partial, void *y)
{
    for (int64_t left; partial && n > 0; n = left) {
        left = ceil_div(n, JOINED);
        float *to = left == 1 ? y : rt__gpu_floats(e, rows * left);
        if (to)
            launch_pass(e, tree, rows * left, (fold_args){rows, n, 1, JOINED}, partial, to);
        rt__gpu_floats_free(e, partial, rows * n);
        if (left == 1)
            return;
        partial = to;
    }
}

static void fold_rows(rt_exec *e, const char *leaves, const char *tree, rt_fold f, const void *x,
                      void *y)
{
    int64_t n = f.red > LEAF ? ceil_div(f.red, LEAF) : 1;
    float *to = n == 1 ? y : rt__gpu_floats(e, f.outer * n);
    if (to)
        launch_pass(e, leaves, ceil_div(f.outer * n, 16), (fold_args){f.outer, f.red, 1, LEAF}, x,
                    to);
    if (n > 1)
        rt__gpu_join(e, tree, f.outer, n, to, y);
}

/* Reduces leaves of COLUMN_LEAF rows, then pairs of results, until one is left of each column. */
static void fold_columns(rt_exec *e, const char *kernel, rt_fold f, const void *x, void *y)
{
    const void *from = x;
    for (int64_t n = f.red, leaf = COLUMN_LEAF, left; from; n = left, leaf = 2) {
        left = n > leaf ? ceil_div(n, leaf) : 1;
        int64_t results = f.outer * left * f.inner;
        float *to = left == 1 ? y : rt__gpu_floats(e, results);
        if (to)
            launch_pass(e, kernel, rt__gpu_groups(results), (fold_args){f.outer, n, f.inner, leaf},
                        from, to);
        if (from != x)
            rt__gpu_floats_free(e, (float *)from, f.outer * n * f.inner);
        from = left == 1 ? NULL : to;
    }
}

#define FOLD(name, text)                                                                           \
    static void name##_f32(rt_exec *e, rt_fold f, const void *x, void *y)                          \
    {                                                                                              \
        if (f.inner == 1)                                                                          \
            fold_rows(e, #text "_leaves", #text "_tree", f, x, y);                                 \
        else                                                                                       \
            fold_columns(e, #text "_columns", f, x, y);                                            \
    }
FOLD(sum, sum)
FOLD(max, most) /* max and min are macros of some drivers */
FOLD(min, least)

static void sum_i64(rt_exec *e, rt_fold f, const void *x, void *y)
{
    fold_args a = {f.outer, f.red, f.inner, 0};
    rt__gpu_launch(e, RT_LAUNCH(reduce, "sum_i64", rt__gpu_groups(f.outer * f.inner), 1, a, x, y),
                   f.outer * f.red * f.inner);
}

static void sum_squares_f32(rt_exec *e, int64_t n, const void *x, double *partial)
{
    if (!rt__gpu_of(e)->has_double) {
        e->missing = "sum_squares";
        return;
    }
    fold_args a = {1, n, 1, RT_BLOCK};
    int64_t blocks = ceil_div(n, RT_BLOCK);
    rt__gpu_launch(e, RT_LAUNCH(reduce, "sum_squares", ceil_div(blocks, 16), 1, a, x, partial), n);
}

void rt__gpu_install_reduce(rt_kernels *k)
{
    k->sum[RT_F32] = sum_f32;
    k->sum[RT_I64] = sum_i64;
    k->max[RT_F32] = max_f32;
    k->min[RT_F32] = min_f32;
    k->sum_squares[RT_F32] = sum_squares_f32;
}
