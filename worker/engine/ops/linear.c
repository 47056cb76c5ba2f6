/* y = x w^T + bias: one gemm that adds the bias. dx = dy w, dw = dy^T x, dbias = column sums of dy.
 */
#include "common/error.h"
#include "worker/engine/ops/matrix.h"

/* x as one matrix, whatever axes come before the last. Rows are counted by those axes: the last one
 * may have size 0. */
static rt_tensor *rows_of(rt_tensor *x)
{
    if (!x || x->dims.n == 2)
        return x;
    rt_dims lead = x->dims;
    lead.n--;
    int64_t rows = rt__dims_numel(lead, "linear");
    return rows < 0 ? NULL : rt_reshape(x, rt_shape(rows, x->dims.d[lead.n]));
}

static rt_status check(const rt_linear_args *a)
{
    if (a->x->dims.n < 1 || a->w->dims.n != 2 || a->x->dims.d[a->x->dims.n - 1] != a->w->dims.d[1])
        return RT_FAIL(SHAPE, "linear: x %s and w %s: expected [..., in] and [out, in]",
                       rt_dims_text(a->x->dims), rt_dims_text(a->w->dims));
    if (a->bias && (a->bias->dims.n != 1 || a->bias->dims.d[0] != a->w->dims.d[0]))
        return RT_FAIL(SHAPE, "linear: bias %s, expected [%lld]", rt_dims_text(a->bias->dims),
                       (long long)a->w->dims.d[0]);
    return RT_OK;
}

static rt_tensor *linear_forward(rt_call *c)
{
    const rt_linear_args *a = c->args;
    rt_matrix x, w;
    if (check(a) != RT_OK || !rt__matrix(rows_of(a->x), &x) || !rt__matrix(a->w, &w))
        return NULL;
    rt_tensor *bias = rt__tensor_contiguous(a->bias);
    rt_dims dims = a->x->dims;
    dims.d[dims.n - 1] = w.rows;
    rt_tensor *y = rt_out(c, dims, RT_F32);
    if (!y || rt_failed())
        return NULL;
    rt_gemm_shape shape = {x.rows,    w.rows,     x.cols, x.ld, w.ld, w.rows > 0 ? w.rows : 1,
                           x.swapped, !w.swapped, 1,      0};
    rt_cpu()->gemm[RT_F32](shape, x.x->data, w.x->data, bias ? bias->data : NULL, y->data);
    return y;
}

static void linear_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *w = c->in[1];
    rt_tensor *rows = rows_of(dy);
    if (rt_needs(c, 0))
        dx[0] = rt_reshape(rt_matmul(rows, w), x->dims);
    if (rt_needs(c, 1)) {
        rt_tensor *x_rows = rows_of(x);
        rt_aim(c, 1);
        dx[1] = rt_matmul(rows, x_rows, .transpose_a = true);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = rt_sum(rows, rt_shape(0));
    }
}

static const rt_op linear_op = {"linear",
                                3,
                                linear_forward,
                                linear_backward,
                                .dtypes = RT_FLOATS,
                                .optional = 1u << 2,
                                .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

rt_tensor *rt_linear_(rt_linear_args a)
{
    return rt_apply(&linear_op, &a, sizeof a);
}
