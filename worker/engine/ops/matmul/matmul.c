/* Matrix products: y = op(a) op(b) over the last two axes; axes before them broadcast.
 * d op(a) = dy op(b)^H,  d op(b) = op(a)^H dy, where ^H is the conjugate of the transpose.
 *
 * The public operation also takes vectors; it is composed of an internal one, the product of operands with two or more
 * axes. */
#include "worker/engine/ops/matmul/matrix.h"

#include "common/base/error.h"

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
    if (x->numel == 0) { /* nothing is read, and the strides of an empty view may be anything */
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

/* Sizes of op(x): the last two axes, swapped if it is transposed. */
static int64_t rows_of(const rt_tensor *x, bool transposed)
{
    return x->dims.d[x->dims.n - (transposed ? 1 : 2)];
}

static int64_t cols_of(const rt_tensor *x, bool transposed)
{
    return rows_of(x, !transposed);
}

static rt_status product_infer(rt_call *c)
{
    const rt_matmul_args *g = c->args;
    int64_t k = cols_of(g->a, g->transpose_a), kb = rows_of(g->b, g->transpose_b);
    if (k != kb)
        return RT_FAIL(SHAPE, "matmul: %s%s and %s%s: inner sizes %lld and %lld differ",
                       rt_dims_text(g->a->dims), g->transpose_a ? "^T" : "",
                       rt_dims_text(g->b->dims), g->transpose_b ? "^T" : "", (long long)k,
                       (long long)kb);
    rt_dims dims;
    RT_TRY(rt__broadcast("matmul", batch_of(g->a), batch_of(g->b), &dims));
    dims.d[dims.n++] = rows_of(g->a, g->transpose_a);
    dims.d[dims.n++] = cols_of(g->b, g->transpose_b);
    return rt_result(c, 0, dims, g->a->dtype);
}

/* Describes where each product of y finds its matrices. */
static void batch_grid(rt_grid *g, rt_dims y, rt_tensor *const *operands)
{
    y.d[y.n - 2] = y.d[y.n - 1] = 1;
    rt__grid_over(g, &y, operands, 2);
}

static rt_status product_run(rt_call *c)
{
    const rt_matmul_args *g = c->args;
    rt_matrix a, b;
    if (!rt__matrix(c->in[0], &a) || !rt__matrix(c->in[1], &b))
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    rt_tensor *y = c->out[0], *const operands[] = {a.x, b.x};
    if (y->numel == 0)
        return RT_OK;
    rt_grid batch;
    bool many = y->dims.n > 2;
    if (many)
        batch_grid(&batch, y->dims, operands);
    rt_gemm_shape shape = {.m = rows_of(y, false),
                           .n = cols_of(y, false),
                           .k = cols_of(c->in[0], g->transpose_a),
                           .lda = a.ld,
                           .ldb = b.ld,
                           .ldc = cols_of(y, false),
                           .ta = a.swapped != g->transpose_a,
                           .tb = b.swapped != g->transpose_b,
                           .alpha = 1,
                           .batch = many ? &batch : NULL};
    e->kernels->gemm[y->dtype](e, shape, a.x->data, b.x->data, NULL, y->data);
    return rt_error_code();
}

static void product_backward(rt_call *c, rt_tensor *const *dys, rt_tensor **dx)
{
    const rt_matmul_args *g = c->args;
    rt_tensor *a = c->in[0], *b = c->in[1], *dy = dys[0];
    bool ta = g->transpose_a, tb = g->transpose_b;
    if (rt_needs(c, 0)) {
        b = rt_conj(b);
        rt_aim(c, 0);
        dx[0] = rt__sum_to(ta ? rt_matmul(b, dy, .transpose_a = tb, .transpose_b = true)
                              : rt_matmul(dy, b, .transpose_b = !tb),
                           c->in[0]->dims);
    }
    if (rt_needs(c, 1)) {
        a = rt_conj(a);
        rt_aim(c, 1);
        dx[1] = rt__sum_to(tb ? rt_matmul(dy, a, .transpose_a = true, .transpose_b = ta)
                              : rt_matmul(a, dy, .transpose_a = !ta),
                           c->in[1]->dims);
    }
}

/* Has the public name, because messages and traces show it. */
static const rt_op product_op = {
    .name = "matmul",
    RT_ARGS(rt_matmul_args, RT_MATMUL_FIELDS),
    .infer = product_infer,
    .run = product_run,
    .backward = product_backward,
    .saves_in_for = (const uint32_t[]){1 << 1, 1 << 0},
    .strided = true,
};

static rt_tensor *product(rt_matmul_args a)
{
    return rt_apply(&product_op, &a);
}

/* ---- vectors and tall products ---- */

/* Many matrices times one matrix: computed as one tall matrix with the rows of all of them. */
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

static void matmul_compose(rt_call *c)
{
    c->out[0] = rt_matmul_(*(const rt_matmul_args *)c->args);
}

const rt_op rt__op_matmul = {
    .name = "matmul",
    .help = "y = a b over the last two axes; axes before them broadcast",
    RT_ARGS(rt_matmul_args, RT_MATMUL_FIELDS),
    .compose = matmul_compose,
};
