/* Matrix products: y = op(a) op(b) over the last two axes; axes before them broadcast.
 * d op(a) = dy op(b)^T,  d op(b) = op(a)^T dy. */
#include "worker/engine/ops/matrix.h"

#include "common/error.h"

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool rt__matrix(rt_tensor *x, rt_matrix *m)
{
    if (!x)
        return false;
    int n = x->dims.n;
    int64_t rows = x->dims.d[n - 2], cols = x->dims.d[n - 1];
    if (x->numel == 0) { /* nothing is read, and strides of a view of nothing may be any */
        *m = (rt_matrix){x, rows, cols, at_least(cols, 1), false};
        return true;
    }
    int64_t down = x->stride[n - 2], right = x->stride[n - 1];
    bool by_rows = (right == 1 || cols <= 1) && (down >= cols || rows <= 1);
    bool by_cols = (down == 1 || rows <= 1) && (right >= rows || cols <= 1);
    if (!by_rows && !by_cols)
        return rt__matrix(rt__tensor_contiguous(x), m);
    int64_t ld = by_rows ? (rows > 1 ? down : cols) : (cols > 1 ? right : rows);
    *m = (rt_matrix){x, rows, cols, at_least(ld, 1), !by_rows};
    return true;
}

/* ---- the product of tensors with two or more axes ---- */

static rt_dims batch_of(const rt_tensor *x)
{
    rt_dims d = x->dims;
    d.n -= 2;
    return d;
}

/* Elements between x and the matrix number `index` of the broadcast batch. */
static int64_t batch_offset(const rt_tensor *x, rt_dims batch, int64_t index)
{
    int lead = batch.n - (x->dims.n - 2);
    int64_t offset = 0;
    for (int i = batch.n - 1; i >= 0; i--) {
        int64_t at = index % batch.d[i];
        index /= batch.d[i];
        if (i >= lead && x->dims.d[i - lead] != 1)
            offset += at * x->stride[i - lead];
    }
    return offset;
}

static rt_tensor *matmul_forward(rt_call *c)
{
    const rt_matmul_args *g = c->args;
    rt_matrix a, b;
    if (!rt__matrix(g->a, &a) || !rt__matrix(g->b, &b))
        return NULL;
    int64_t m = g->transpose_a ? a.cols : a.rows, k = g->transpose_a ? a.rows : a.cols;
    int64_t n = g->transpose_b ? b.rows : b.cols, kb = g->transpose_b ? b.cols : b.rows;
    if (k != kb)
        return RT_FAIL_NULL(SHAPE, "matmul: %s%s and %s%s: inner sizes %lld and %lld differ",
                            rt_dims_text(g->a->dims), g->transpose_a ? "^T" : "",
                            rt_dims_text(g->b->dims), g->transpose_b ? "^T" : "", (long long)k,
                            (long long)kb);
    rt_dims batch;
    if (rt__broadcast("matmul", batch_of(g->a), batch_of(g->b), &batch) != RT_OK)
        return NULL;
    rt_dims dims = batch;
    dims.d[dims.n++] = m;
    dims.d[dims.n++] = n;
    int64_t count = rt__dims_numel(batch, "matmul");
    rt_tensor *y = rt_out(c, dims, RT_F32);
    rt_gemm_shape shape = {m,
                           n,
                           k,
                           a.ld,
                           b.ld,
                           at_least(n, 1),
                           a.swapped != g->transpose_a,
                           b.swapped != g->transpose_b,
                           1,
                           0};
    for (int64_t i = 0; i < count && y; i++)
        rt_cpu()->gemm[RT_F32](shape, (const float *)a.x->data + batch_offset(a.x, batch, i),
                               (const float *)b.x->data + batch_offset(b.x, batch, i), NULL,
                               (float *)y->data + i * m * n);
    return y;
}

static void matmul_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
{
    const rt_matmul_args *g = c->args;
    rt_tensor *a = c->in[0], *b = c->in[1];
    bool ta = g->transpose_a, tb = g->transpose_b;
    if (rt_needs(c, 0)) {
        rt_aim(c, 0);
        dx[0] = rt__sum_to(ta ? rt_matmul(b, dy, .transpose_a = tb, .transpose_b = true)
                              : rt_matmul(dy, b, .transpose_b = !tb),
                           a->dims);
    }
    if (rt_needs(c, 1)) {
        rt_aim(c, 1);
        dx[1] = rt__sum_to(tb ? rt_matmul(dy, a, .transpose_a = true, .transpose_b = ta)
                              : rt_matmul(a, dy, .transpose_a = !ta),
                           b->dims);
    }
}

static const rt_op matmul_op = {"matmul",
                                2,
                                matmul_forward,
                                matmul_backward,
                                .dtypes = RT_FLOATS,
                                .saves = RT_SAVES_IN(0) | RT_SAVES_IN(1)};

static rt_tensor *product(rt_matmul_args a)
{
    return rt_apply(&matmul_op, &a, sizeof a);
}

/* Many matrices times one: the rows of all of them are the rows of one tall matrix. */
static rt_tensor *tall_product(rt_matmul_args a)
{
    rt_dims dims = a.a->dims;
    int last = dims.n - 1;
    int64_t k = dims.d[last];
    if (k == 0)
        return product(a);
    a.a = rt_reshape(a.a, rt_shape(a.a->numel / k, k));
    dims.d[last] = a.b->dims.d[a.transpose_b ? 0 : 1];
    return rt_reshape(product(a), dims);
}

rt_tensor *rt_matmul_(rt_matmul_args a)
{
    if (!rt__takes("matmul", a.a) || !rt__object_is(a.b, &rt__tensor_type, "matmul", 2))
        return NULL;
    int na = a.a->dims.n, nb = a.b->dims.n;
    if (na == 0 || nb == 0 || (na == 1 && a.transpose_a) || (nb == 1 && a.transpose_b))
        return RT_FAIL_NULL(SHAPE, "matmul: %s and %s: %s", rt_describe(a.a), rt_describe(a.b),
                            na == 0 || nb == 0 ? "a scalar is no matrix, use rt_mul"
                                               : "a vector has no transpose");
    if (na == 1)
        a.a = rt_unsqueeze(a.a, 0);
    if (nb == 1)
        a.b = rt_unsqueeze(a.b, 1);
    bool tall = na > 2 && nb <= 2 && !a.transpose_a;
    rt_tensor *y = tall ? tall_product(a) : product(a);
    if (nb == 1)
        y = rt_squeeze(y, -1);
    if (na == 1)
        y = rt_squeeze(y, nb == 1 ? -1 : -2);
    return y;
}
