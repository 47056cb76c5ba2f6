/* y = softmax(q k^T * scale + mask) v by kernels that go through keys block by block and keep no weights [..., t, s]: of each row only
 * the logarithm of its sum of exponentials, from which the gradient's kernel computes the weights again (Dao et al. 2022).
 *
 * With the weights P, their dropout mask M and ' for the transpose: dP = M * (dy v'), dS = P * (dP - rows_sum(dP * P)), and
 * dq = scale * dS k, dk = scale * dS' q, dv = (M * P)' dy. The gradient of the mask, which is dS, and those of gradients are computed by
 * operations that hold all weights. */
#include "worker/engine/ops/attention/attention.h"

#include "common/base/error.h"
#include <math.h>

#define ATTENTION_FIELDS(F)                                                                        \
    F(INPUT, q, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., t, d]")                                     \
    F(INPUT, k, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, d]")                                     \
    F(INPUT, v, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., s, e]")                                     \
    F(INPUT, mask, RT_OPTIONAL, RT_FLOATS | RT_TYPE(BOOL), "broadcasts to [..., t, s]")
typedef struct RT_DESIGNATED attention_args {
    RT_STRUCT(ATTENTION_FIELDS)
    rt_attention_options options;
} attention_args;

/* The results are the gradients of q, k and v, all with the axes before the last two that dy has. y and lse count as constants: they
 * depend on q, k and v only, and the gradients with respect to those already include that. */
#define GRAD_FIELDS(F)                                                                             \
    ATTENTION_FIELDS(F)                                                                            \
    F(INPUT, dy, RT_NEEDED, RT_SAME | RT_FLOATS, "[..., t, e]")                                    \
    F(INPUT, y, RT_NEEDED, RT_SAME | RT_FLOATS, "the same")                                        \
    F(INPUT, lse, RT_NEEDED, RT_FLOATS, "[..., t]")
typedef struct RT_DESIGNATED grad_args {
    RT_STRUCT(GRAD_FIELDS)
    rt_attention_options options;
} grad_args;

static const rt_op attention_op, attention_grad_op;

static int64_t size_of(const rt_tensor *x, int axis)
{
    return x->dims.d[x->dims.n + axis];
}

/* Returns a shape with the axes of x before its last two, and two others. */
static rt_dims with_matrix(rt_dims x, int64_t rows, int64_t columns)
{
    x.d[x.n - 2] = rows;
    x.d[x.n - 1] = columns;
    return x;
}

/* ---- for kernels ---- */

typedef struct operands {
    rt_attention_shape shape;
    rt_grid heads, masks;
    rt_tensor *q, *k, *v, *mask;
} operands;

/* Returns x with contiguous rows, and the number of elements from one to the next; NULL on failure. */
static rt_tensor *by_rows(rt_tensor *x, int64_t *ld)
{
    if (size_of(x, -1) > 1 && x->stride[x->dims.n - 1] != 1)
        x = rt__tensor_contiguous(x);
    *ld = x ? x->stride[x->dims.n - 2] : 0;
    return x;
}

/* Describes the inputs of a call to its kernel; y is its shape [..., t, e]. Returns false on failure, or if there are no heads. */
static bool arrange(operands *o, rt_tensor *const in[4], rt_dims y,
                    const rt_attention_options *options)
{
    *o = (operands){.shape = {.t = size_of(in[0], -2),
                              .s = size_of(in[1], -2),
                              .d = size_of(in[0], -1),
                              .e = size_of(in[2], -1),
                              .causal = options->causal,
                              .scale = options->scale,
                              .dropout = options->dropout,
                              .rng = options->rng}};
    rt_attention_shape *shape = &o->shape;
    o->q = by_rows(in[0], &shape->ldq);
    o->k = by_rows(in[1], &shape->ldk);
    o->v = by_rows(in[2], &shape->ldv);
    o->mask = in[3];
    if (!o->q || !o->k || !o->v)
        return false;
    const rt_dims heads = with_matrix(y, 1, 1);
    for (int i = 0; i < heads.n; i++)
        if (heads.d[i] == 0)
            return false;
    rt__grid_over(&o->heads, &heads, (rt_tensor *[]){o->q, o->k, o->v}, 3);
    shape->heads = &o->heads;
    if (o->mask) {
        int64_t stride[RT_MAX_DIMS];
        rt__broadcast_strides(o->mask, with_matrix(y, shape->t, shape->s), stride);
        shape->mask_stride[0] = stride[y.n - 2];
        shape->mask_stride[1] = stride[y.n - 1];
        shape->mask_is_bool = o->mask->dtype == RT_BOOL;
        rt__grid_over(&o->masks, &heads, &o->mask, 1);
        shape->masks = &o->masks;
    }
    return true;
}

/* ---- forward ---- */

static rt_dims batch_of(const rt_tensor *x)
{
    rt_dims batch = x->dims;
    batch.n -= 2;
    return batch;
}

static bool broadcasts_to(const rt_dims *from, const rt_dims *to)
{
    bool fits = from->n <= to->n;
    for (int i = 1; fits && i <= from->n; i++)
        fits = from->d[from->n - i] == 1 || from->d[from->n - i] == to->d[to->n - i];
    return fits;
}

static rt_status attention_infer(rt_call *c)
{
    static const char name[] = "scaled_dot_product_attention";
    const attention_args *a = c->args;
    rt_dims y, scores;
    RT_TRY(rt__broadcast(name, batch_of(a->q), batch_of(a->k), &y));
    RT_TRY(rt__broadcast(name, y, batch_of(a->v), &y));
    y.n += 2;
    scores = with_matrix(y, size_of(a->q, -2), size_of(a->k, -2));
    if (a->mask && !broadcasts_to(&a->mask->dims, &scores))
        return RT_FAIL(SHAPE, "%s: mask %s does not broadcast to the weights, %s", name,
                       rt_dims_text(a->mask->dims), rt_dims_text(scores));
    return rt_result(c, 0, with_matrix(y, size_of(a->q, -2), size_of(a->v, -1)), a->q->dtype);
}

static rt_status attention_run(rt_call *c)
{
    const attention_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_dims rows = y->dims;
    rows.n--;
    rt_tensor *lse = c->saved[0] = rt__tensor_new(rows, y->dtype);
    operands o;
    if (!lse || !arrange(&o, c->in, y->dims, &a->options))
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->attention[y->dtype](e, &o.shape, o.q->data, o.k->data, o.v->data,
                                    o.mask ? o.mask->data : NULL, y->data, lse->data);
    return rt_error_code();
}

/* ---- gradients by operations that hold all weights, and their gradients ---- */

typedef struct pieces {
    rt_tensor *q, *k, *v, *dy;
    rt_tensor *weights, *factor; /* P; M, or NULL without dropout */
    rt_tensor *dweights;         /* dP */
    rt_tensor *dscores;          /* dS */
} pieces;

/* Returns bool [t, s]: whether position j of s is not later than position i of t. */
static rt_tensor *not_later(int64_t t, int64_t s)
{
    return rt_ge(rt_unsqueeze(rt_arange(0, (double)t, 1, RT_I64), 1),
                 rt_arange(0, (double)s, 1, RT_I64));
}

/* A bool mask selects the positions that are seen; any other mask is added to the scores. */
static rt_tensor *masked(rt_tensor *scores, rt_tensor *mask)
{
    if (mask->dtype != RT_BOOL)
        return rt_add(scores, mask);
    return rt_where(mask, scores, rt_full(rt_shape(), -INFINITY, scores->dtype));
}

/* Softmax of each row, or 0 where a row has no number but -infinity. */
static rt_tensor *weights_of(rt_tensor *scores)
{
    if (!scores || scores->numel == 0)
        return rt_softmax(scores, -1);
    rt_tensor *zero = rt_full(rt_shape(), 0, scores->dtype);
    rt_tensor *none = rt_eq(rt_amax(scores, rt_shape(-1), .keep_dim = true),
                            rt_full(rt_shape(), -INFINITY, scores->dtype));
    return rt_where(none, zero, rt_softmax(rt_where(none, zero, scores), -1));
}

static rt_tensor *dropped(const pieces *p, rt_tensor *x)
{
    return p->factor ? rt_mul(x, p->factor) : x;
}

/* 16-bit types are computed in float32. Returns false on failure. */
static bool compute_pieces(pieces *p, rt_tensor *const in[4], rt_tensor *dy,
                           const rt_attention_options *o)
{
    rt_dims q = with_matrix(dy->dims, size_of(in[0], -2), size_of(in[0], -1));
    *p = (pieces){.q = rt__widened(rt_expand(in[0], q)),
                  .k = rt__widened(in[1]),
                  .v = rt__widened(in[2]),
                  .dy = rt__widened(dy)};
    rt_tensor *scores = rt_matmul(rt_mul_scalar(p->q, o->scale), p->k, .transpose_b = true);
    if (in[3] && scores)
        scores = masked(scores, rt__widened(in[3]));
    if (o->causal && scores)
        scores = masked(scores, not_later(size_of(in[0], -2), size_of(in[1], -2)));
    p->weights = weights_of(scores);
    p->factor = o->dropout > 0 ? rt__dropout_mask(p->weights, o->dropout, o->rng) : NULL;
    p->dweights = dropped(p, rt_matmul(p->dy, p->v, .transpose_b = true));
    p->dscores = rt__softmax_grad(p->weights, p->dweights);
    return !rt_failed();
}

/* Returns x, a gradient of an input, in that input's shape and type. */
static rt_tensor *as_gradient(rt_tensor *x, const rt_tensor *of)
{
    return rt_to(rt__sum_to(x, of->dims), of->dtype);
}

static rt_tensor *product(rt_tensor *a, rt_tensor *b)
{
    return rt_matmul(a, b);
}

static rt_tensor *product_ta(rt_tensor *a, rt_tensor *b)
{
    return rt_matmul(a, b, .transpose_a = true);
}

static rt_tensor *product_tb(rt_tensor *a, rt_tensor *b)
{
    return rt_matmul(a, b, .transpose_b = true);
}

static rt_tensor *rows_sum(rt_tensor *a, rt_tensor *b)
{
    return rt_sum(rt_mul(a, b), rt_shape(-1), .keep_dim = true);
}

/* The gradients of the gradients: gs are those of dq, dk and dv. With U = scale * (gq k' + q gk'), the gradient of dS:
 * that of dy v' is R = M * softmax_grad(P, U), and that of P is M * (dy gv') + U * (dP - rows_sum(dP * P)) - dP * rows_sum(U * P). */
static void attention_grad_backward(rt_call *c, rt_tensor *const *gs, rt_tensor **dx)
{
    const grad_args *a = c->args;
    pieces p;
    if (!compute_pieces(&p, c->in, c->in[4], &a->options))
        return;
    double scale = a->options.scale;
    rt_tensor *gq = rt__widened(gs[0]), *gk = rt__widened(gs[1]), *gv = rt__widened(gs[2]);
    rt_tensor *u = rt_mul_scalar(rt_add(product_tb(gq, p.k), product_tb(p.q, gk)), scale);
    rt_tensor *r = dropped(&p, rt__softmax_grad(p.weights, u));
    if (rt_needs(c, 4))
        dx[4] = as_gradient(rt_add(product(dropped(&p, p.weights), gv), product(r, p.v)), c->in[4]);
    if (rt_needs(c, 2))
        dx[2] = as_gradient(product_ta(r, p.dy), c->in[2]);
    if (!rt_needs(c, 0) && !rt_needs(c, 1) && !rt_needs(c, 3))
        return;
    rt_tensor *of_weights =
        rt_add(dropped(&p, product_tb(p.dy, gv)),
               rt_sub(rt_mul(u, rt_sub(p.dweights, rows_sum(p.dweights, p.weights))),
                      rt_mul(p.dweights, rows_sum(u, p.weights))));
    rt_tensor *of_scores = rt__softmax_grad(p.weights, of_weights);
    if (rt_needs(c, 0))
        dx[0] = as_gradient(
            rt_mul_scalar(rt_add(product(of_scores, p.k), product(p.dscores, gk)), scale),
            c->in[0]);
    if (rt_needs(c, 1))
        dx[1] = as_gradient(
            rt_mul_scalar(rt_add(product_ta(of_scores, p.q), product_ta(p.dscores, gq)), scale),
            c->in[1]);
    if (rt_needs(c, 3))
        dx[3] = as_gradient(of_scores, c->in[3]);
}

/* ---- the gradient's kernel ---- */

static rt_status attention_grad_infer(rt_call *c)
{
    const grad_args *a = c->args;
    int64_t t = size_of(a->q, -2), s = size_of(a->k, -2), d = size_of(a->q, -1);
    RT_TRY(rt_result(c, 0, with_matrix(a->dy->dims, t, d), a->q->dtype));
    RT_TRY(rt_result(c, 1, with_matrix(a->dy->dims, s, d), a->q->dtype));
    return rt_result(c, 2, with_matrix(a->dy->dims, s, size_of(a->v, -1)), a->q->dtype);
}

static rt_status attention_grad_run(rt_call *c)
{
    const grad_args *a = c->args;
    rt_tensor *dy = rt__tensor_contiguous(c->in[4]), *y = c->in[5], *lse = c->in[6];
    operands o;
    if (!dy || !arrange(&o, c->in, dy->dims, &a->options))
        return rt_error_code();
    rt_exec *e = rt_exec_of(c);
    e->kernels->attention_dx[dy->dtype](e, &o.shape, o.q->data, o.k->data, o.v->data,
                                        o.mask ? o.mask->data : NULL, y->data, lse->data, dy->data,
                                        c->out[0]->data, c->out[1]->data, c->out[2]->data);
    return rt_error_code();
}

static const rt_op attention_grad_op = {
    .name = "scaled_dot_product_attention_grad",
    RT_INTERNAL_ARGS(grad_args, GRAD_FIELDS),
    .n_out = 3,
    .infer = attention_grad_infer,
    .run = attention_grad_run,
    .backward = attention_grad_backward,
    .saves_in = 0x1f,
    .strided = true,
};

static void attention_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const attention_args *a = c->args;
    rt_tensor *d[3];
    pieces p;
    rt_apply_all(&attention_grad_op,
                 &(grad_args){.q = c->in[0],
                              .k = c->in[1],
                              .v = c->in[2],
                              .mask = c->in[3],
                              .dy = dy[0],
                              .y = rt_detach(c->out[0]),
                              .lse = c->saved[0],
                              .options = a->options},
                 d, 3);
    for (int i = 0; i < 3 && !rt_failed(); i++)
        if (rt_needs(c, i))
            dx[i] = rt__sum_to(d[i], c->in[i]->dims);
    if (rt_needs(c, 3) && compute_pieces(&p, c->in, dy[0], &a->options))
        dx[3] = as_gradient(p.dscores, c->in[3]);
}

/* Has the public name, because messages and traces show it. */
static const rt_op attention_op = {
    .name = "scaled_dot_product_attention",
    RT_INTERNAL_ARGS(attention_args, ATTENTION_FIELDS),
    .infer = attention_infer,
    .run = attention_run,
    .backward = attention_backward,
    .saves_in = 0xf,
    .saves_out = 1,
    .n_saved = 1,
    .strided = true,
};

rt_tensor *rt__attention(rt_tensor *q, rt_tensor *k, rt_tensor *v, rt_tensor *mask,
                         rt_attention_options options)
{
    return rt_apply(&attention_op,
                    &(attention_args){.q = q, .k = k, .v = v, .mask = mask, .options = options});
}
