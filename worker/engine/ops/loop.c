/* Broadcasting loops. */
#include <string.h>
#include "worker/engine/ops/ops.h"

/* Leaves out axes of size 1 and joins axes that run on in every operand. Returns how many are left.
 */
static int join_axes(rt_loop *l, rt_dims dims)
{
    int nd = 0;
    for (int i = 0; i < dims.n; i++) {
        if (dims.d[i] == 1)
            continue;
        bool runs_on = nd > 0;
        for (int k = 0; k < l->n; k++)
            runs_on &= nd > 0 && l->stride[k][nd - 1] == l->stride[k][i] * dims.d[i];
        int to = runs_on ? nd - 1 : nd;
        l->dim[to] = runs_on ? l->dim[to] * dims.d[i] : dims.d[i];
        for (int k = 0; k < l->n; k++)
            l->stride[k][to] = l->stride[k][i];
        nd = to + 1;
    }
    return nd;
}

/* Makes the two innermost axes the grid. False if an operand's columns are neither one value nor
 * neighbours. */
static bool make_grid(rt_loop *l, int nd)
{
    l->grid.cols = nd > 0 ? l->dim[nd - 1] : 1;
    l->grid.rows = nd > 1 ? l->dim[nd - 2] : 1;
    for (int k = 0; k < l->n; k++) {
        int64_t col = nd > 0 ? l->stride[k][nd - 1] : 0;
        if (col != 0 && col != 1)
            return false;
        l->grid.in[k].col = col;
        l->grid.in[k].row = nd > 1 ? l->stride[k][nd - 2] : 0;
    }
    l->nd = nd > 2 ? nd - 2 : 0;
    memset(l->index, 0, (size_t)l->nd * sizeof *l->index);
    return true;
}

/* Are all operands of that shape, without gaps? Then there is one grid of one row. */
static bool is_plain(rt_loop *l, const rt_dims *dims, rt_tensor *const *in, int n)
{
    for (int k = 0; k < n; k++) {
        if (!in[k]->contiguous || !rt__dims_same(&in[k]->dims, dims))
            return false;
        l->at[k] = in[k]->data;
        l->grid.in[k].row = 0;
        l->grid.in[k].col = 1;
    }
    l->grid.rows = 1;
    l->grid.cols = in[0]->numel;
    l->nd = 0;
    return true;
}

bool rt__loop_begin(rt_loop *l, rt_dims dims, rt_tensor *const *in, int n)
{
    l->n = n;
    l->done = 0;
    if (is_plain(l, &dims, in, n))
        return l->grid.cols > 0;
    for (int i = 0; i < dims.n; i++)
        if (dims.d[i] == 0)
            return false;
    for (bool copy = false;; copy = true) {
        for (int k = 0; k < n; k++) {
            const rt_tensor *x = copy ? rt__tensor_contiguous(in[k]) : in[k];
            if (!x)
                return false;
            l->at[k] = x->data;
            l->size[k] = rt_dtype_size(x->dtype);
            rt__broadcast_strides(x, dims, l->stride[k]);
        }
        if (make_grid(l, join_axes(l, dims)))
            return true;
    }
}

bool rt__loop_next(rt_loop *l)
{
    l->done += l->grid.rows * l->grid.cols;
    for (int i = l->nd - 1; i >= 0; i--) {
        bool carry = ++l->index[i] == l->dim[i];
        int64_t step = carry ? 1 - l->dim[i] : 1;
        for (int k = 0; k < l->n; k++)
            l->at[k] = (const char *)l->at[k] + step * l->stride[k][i] * (int64_t)l->size[k];
        if (!carry)
            return true;
        l->index[i] = 0;
    }
    return false;
}
