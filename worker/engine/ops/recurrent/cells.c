/* Steps of recurrent nets: two linear maps, and gates of their sum. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"
#include <ringtorch/ops/recurrent.h>

/* What a cell has in common with the others; 16-bit types are float32 in `a` and `b`. */
typedef struct cell {
    int64_t hidden;
    rt_tensor *a, *b; /* w_ih x + b_ih, w_hh h + b_hh: [..., gates * hidden] */
} cell;

/* Checks a cell's inputs, the first of which are x and h, and the last four weights and biases. */
static rt_status check(const rt_call *c, int gates)
{
    const rt_dims *x = &c->in[0]->dims, *h = &c->in[1]->dims;
    const rt_dims *w = &c->in[c->n_in - 4]->dims, *u = &c->in[c->n_in - 3]->dims;
    if (x->n < 1 || x->n > 2 || x->n != h->n || (x->n == 2 && x->d[0] != h->d[0]))
        return RT_FAIL(SHAPE,
                       "%s: x %s and h %s: expected [n, in] and [n, hidden], or [in] and [hidden]",
                       c->op->name, rt_dims_text(*x), rt_dims_text(*h));
    int64_t hidden = h->d[h->n - 1], rows;
    if (__builtin_mul_overflow(hidden, gates,
                               &rows)) /* h may be empty, however long this axis is */
        rows = INT64_MAX;
    rt_dims ih = rt_shape(rows, x->d[x->n - 1]), hh = rt_shape(rows, hidden);
    if (!rt__dims_same(w, &ih) || !rt__dims_same(u, &hh))
        return RT_FAIL(SHAPE, "%s: w_ih %s and w_hh %s: expected %s and %s", c->op->name,
                       rt_dims_text(*w), rt_dims_text(*u), rt_dims_text(ih), rt_dims_text(hh));
    for (int i = c->n_in - 2; i < c->n_in; i++) {
        const rt_tensor *bias = c->in[i];
        if (bias && (bias->dims.n != 1 || bias->dims.d[0] != rows))
            return RT_FAIL(SHAPE, "%s: %s %s, expected [%lld]", c->op->name, c->op->fields[i].name,
                           rt_dims_text(bias->dims), (long long)rows);
    }
    return RT_OK;
}

/* Computes both linear maps. Returns false on failure. */
static bool begin(const rt_call *c, int gates, cell *t)
{
    rt_tensor *const *last = c->in + c->n_in - 4;
    if (check(c, gates) != RT_OK)
        return false;
    t->hidden = rt_size(c->in[1], -1);
    t->a = rt_linear(rt__widened(c->in[0]), rt__widened(last[0]), rt__widened(last[2]));
    t->b = rt_linear(rt__widened(c->in[1]), rt__widened(last[1]), rt__widened(last[3]));
    return !rt_failed();
}

/* Returns `count` gates from number i on, as a view. */
static rt_tensor *gates_of(const cell *t, rt_tensor *x, int64_t i, int64_t count)
{
    return rt_narrow(x, -1, i * t->hidden, count * t->hidden);
}

RT_COMPOSITE(rnn_cell, rt_rnn_cell_args, RT_RNN_CELL_FIELDS,
             "h' = tanh(w_ih x + b_ih + w_hh h + b_hh)", .derivatives = 2)
{
    cell t;
    if (!begin(c, 1, &t))
        return NULL;
    rt_tensor *sum = rt_add(t.a, t.b);
    return rt_to(a->relu ? rt_relu(sum) : rt_tanh(sum), a->h->dtype);
}

RT_COMPOSITE_OF(lstm_cell, 2, rt_lstm_cell_args, RT_LSTM_CELL_FIELDS,
                "h' = o * tanh(c') and c' = f * c + i * g, for gates i, f, g, o", .derivatives = 2)
{
    cell t;
    if (!begin(c, 4, &t))
        return;
    if (!rt__dims_same(&a->c->dims, &a->h->dims)) {
        RT_FAIL(SHAPE, "lstm_cell: c %s, expected %s, as h", rt_dims_text(a->c->dims),
                rt_dims_text(a->h->dims));
        return;
    }
    rt_tensor *sum = rt_add(t.a, t.b), *open = rt_sigmoid(sum);
    rt_tensor *kept = rt_mul(gates_of(&t, open, 1, 1), rt__widened(a->c));
    rt_tensor *state =
        rt_add(kept, rt_mul(gates_of(&t, open, 0, 1), rt_tanh(gates_of(&t, sum, 2, 1))));
    c->out[0] = rt_to(rt_mul(gates_of(&t, open, 3, 1), rt_tanh(state)), a->h->dtype);
    c->out[1] = rt_to(state, a->h->dtype);
}

RT_COMPOSITE(gru_cell, rt_gru_cell_args, RT_GRU_CELL_FIELDS,
             "h' = (1 - z) * n + z * h, n = tanh(a + r * b), for gates r, z, n", .derivatives = 2)
{
    cell t;
    if (!begin(c, 3, &t))
        return NULL;
    rt_tensor *open = rt_sigmoid(rt_add(gates_of(&t, t.a, 0, 2), gates_of(&t, t.b, 0, 2)));
    rt_tensor *r = gates_of(&t, open, 0, 1), *z = gates_of(&t, open, 1, 1);
    rt_tensor *n = rt_tanh(rt_addcmul(gates_of(&t, t.a, 2, 1), r, gates_of(&t, t.b, 2, 1)));
    return rt_to(rt_addcmul(n, z, rt_sub(rt__widened(a->h), n)), a->h->dtype);
}

rt_tensor *rt_rnn_cell_(rt_rnn_cell_args a)
{
    return rt_apply(&rt__op_rnn_cell, &a);
}

rt_lstm_cell_results rt_lstm_cell_(rt_lstm_cell_args a)
{
    rt_tensor *out[2];
    rt_apply_all(&rt__op_lstm_cell, &a, out, 2);
    return (rt_lstm_cell_results){out[0], out[1]};
}

rt_tensor *rt_gru_cell_(rt_gru_cell_args a)
{
    return rt_apply(&rt__op_gru_cell, &a);
}
