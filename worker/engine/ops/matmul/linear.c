/* y = x w^T + bias, in one gemm that adds the bias. dx = dy conj(w), dw = dy^T conj(x), dbias = column sums of dy. */
#include "common/base/error.h"
#include "worker/engine/ops/matmul/matrix.h"

rt_tensor *rt__as_rows(const char *what, rt_tensor *x)
{
    if (!x || x->dims.n == 2)
        return x;
    rt_dims lead = x->dims;
    lead.n--;
    int64_t rows = rt__dims_numel(lead, what);
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

static rt_status linear_infer(rt_call *c)
{
    const rt_linear_args *a = c->args;
    RT_TRY(check(a));
    rt_dims dims = a->x->dims;
    dims.d[dims.n - 1] = a->w->dims.d[0];
    return rt_result(c, 0, dims, a->x->dtype);
}

static rt_status linear_run(rt_call *c)
{
    rt_matrix x, w;
    if (!rt__matrix(rt__as_rows("linear", c->in[0]), &x) || !rt__matrix(c->in[1], &w))
        return rt_error_code();
    rt_tensor *bias = rt__tensor_contiguous(c->in[2]), *y = c->out[0];
    if (rt_failed())
        return rt_error_code();
    rt_gemm_shape shape = {x.rows,    w.rows,     x.cols, x.ld, w.ld, w.rows > 0 ? w.rows : 1,
                           x.swapped, !w.swapped, 1,      0};
    rt_exec *e = rt_exec_of(c);
    e->kernels->gemm[y->dtype](e, shape, x.x->data, w.x->data, bias ? bias->data : NULL, y->data);
    return RT_OK;
}

static void linear_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *x = c->in[0], *w = c->in[1];
    rt_tensor *rows = rt__as_rows("linear", dy[0]);
    if (rt_needs(c, 0))
        dx[0] = rt_reshape(rt_matmul(rows, rt_conj(w)), x->dims);
    if (rt_needs(c, 1)) {
        rt_tensor *x_rows = rt_conj(rt__as_rows("linear", x));
        rt_aim(c, 1);
        dx[1] = rt_matmul(rows, x_rows, .transpose_a = true);
    }
    if (rt_needs(c, 2)) {
        rt_aim(c, 2);
        dx[2] = rt_sum(rows, rt_shape(0));
    }
}

const rt_op rt__op_linear = {
    .name = "linear",
    .help = "y = x w^T + bias",
    RT_ARGS(rt_linear_args, RT_LINEAR_FIELDS),
    .infer = linear_infer,
    .run = linear_run,
    .backward = linear_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0, 0},
    .strided = true,
};

rt_tensor *rt_linear_(rt_linear_args a)
{
    return rt_apply(&rt__op_linear, &a);
}
