/* The grids of broadcast operations. */
#include "worker/engine/ops/ops.h"

/* Drops axes of size 1 and merges axes that are contiguous in every operand. */
static void join_axes(rt_grid *g, const rt_dims *dims, int n)
{
    int last = -1;
    for (int i = 0; i < dims->n; i++) {
        if (dims->d[i] == 1)
            continue;
        bool runs_on = last >= 0;
        for (int k = 0; k < n && runs_on; k++)
            runs_on = g->stride[k][last] == g->stride[k][i] * dims->d[i];
        int64_t rows = runs_on ? g->dim[last] : 1;
        last += !runs_on;
        g->dim[last] = rows * dims->d[i];
        for (int k = 0; k < n; k++)
            g->stride[k][last] = g->stride[k][i];
    }
    g->nd = last + 1;
}

void rt__grid_over(rt_grid *g, const rt_dims *dims, rt_tensor *const *in, int n)
{
    for (int k = 0; k < n; k++)
        rt__broadcast_strides(in[k], *dims, g->stride[k]);
    join_axes(g, dims, n);
    if (g->nd == 0)
        rt_grid_row(g, 1, 0, 0);
}

/* Returns whether all operands are contiguous tensors of that shape or single values: then the grid
 * has one axis. */
static bool is_plain(rt_grid *g, const rt_dims *dims, rt_tensor *const *in, int n)
{
    for (int k = 0; k < n; k++) {
        bool whole = in[k]->contiguous && rt__dims_same(&in[k]->dims, dims);
        if (!whole && in[k]->numel != 1)
            return false;
        g->stride[k][0] = whole;
    }
    return true;
}

bool rt__grid(rt_grid *g, const rt_tensor *y, rt_tensor *const *in, int n)
{
    if (is_plain(g, &y->dims, in, n)) {
        g->nd = 1;
        g->dim[0] = y->numel;
    } else if (y->numel > 0) {
        rt__grid_over(g, &y->dims, in, n);
    }
    return y->numel > 0;
}
