/* Products of many matrices in the order that needs the fewest multiplications: the best split of the matrices i to j is found from the
 * best ones of all shorter ranges (Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, 15.2). It depends on the shapes alone;
 * of splits that cost the same the first is taken. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/ops.h"

#define CHAIN_FIELDS(F)                                                                            \
    F(INPUTS, xs, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES,                                            \
      "matrices, each with as many rows as the "                                                   \
      "one before it has columns")
typedef struct RT_DESIGNATED chain_args {
    RT_STRUCT(CHAIN_FIELDS)
} chain_args;

/* The matrices, and of each range i to j the cost of its best split and the last matrix of its left part, at cell(i, j). */
typedef struct chain {
    int n;
    rt_tensor **x;
    double *cost;
    int *split;
} chain;

static size_t cell(const chain *c, int i, int j)
{
    return (size_t)i * (size_t)c->n + (size_t)j;
}

/* Returns the multiplications of the product of the ranges i to k and k + 1 to j, their own included. */
static double cost_of(const chain *c, int i, int k, int j)
{
    double last =
        (double)c->x[i]->dims.d[0] * (double)c->x[k]->dims.d[1] * (double)c->x[j]->dims.d[1];
    return c->cost[cell(c, i, k)] + c->cost[cell(c, k + 1, j)] + last;
}

static void find_splits(chain *c)
{
    for (int length = 1; length < c->n; length++)
        for (int i = 0; i + length < c->n; i++) {
            int j = i + length, best = i;
            for (int k = i + 1; k < j; k++)
                if (cost_of(c, i, k, j) < cost_of(c, i, best, j))
                    best = k;
            c->cost[cell(c, i, j)] = cost_of(c, i, best, j);
            c->split[cell(c, i, j)] = best;
        }
}

static rt_tensor *product_of(const chain *c, int i, int j)
{
    if (i == j)
        return c->x[i];
    int k = c->split[cell(c, i, j)];
    return rt_matmul(product_of(c, i, k), product_of(c, k + 1, j));
}

/* The first and the last may be vectors if `ends` says so. */
static rt_status check(const char *what, const rt_call *c, bool ends)
{
    for (int i = 0; i < c->n_in; i++) {
        const rt_tensor *x = c->in[i], *before = i > 0 ? c->in[i - 1] : NULL;
        bool vector = ends && x->dims.n == 1 && (i == 0 || i == c->n_in - 1);
        if (x->dims.n != 2 && !vector)
            return RT_FAIL(SHAPE, "%s: xs[%d] is %s, expected a matrix", what, i,
                           rt_dims_text(x->dims));
        if (before && before->dims.d[before->dims.n - 1] != x->dims.d[0])
            return RT_FAIL(SHAPE, "%s: xs[%d] and xs[%d], %s and %s: the inner sizes differ", what,
                           i - 1, i, rt_dims_text(before->dims), rt_dims_text(x->dims));
    }
    return RT_OK;
}

static rt_tensor *multiply(const rt_call *call)
{
    int n = call->n_in;
    chain c = {.n = n};
    size_t cells = (size_t)n * (size_t)n;
    c.x = rt_calloc((size_t)n, sizeof *c.x);
    c.cost = rt_calloc(cells, sizeof *c.cost);
    c.split = rt_calloc(cells, sizeof *c.split);
    rt_tensor *y = NULL;
    if (c.x && c.cost && c.split) {
        for (int i = 0; i < n; i++)
            c.x[i] =
                call->in[i]->dims.n == 2 ? call->in[i] : rt_unsqueeze(call->in[i], i == 0 ? 0 : 1);
        if (!rt_failed()) {
            find_splits(&c);
            y = product_of(&c, 0, n - 1);
        }
    }
    rt_mem_free(c.x);
    rt_mem_free(c.cost);
    rt_mem_free(c.split);
    return y;
}

RT_COMPOSITE(multi_dot, chain_args, CHAIN_FIELDS,
             "y = the product of all xs, of which the first and the last may be vectors")
{
    if (c->n_in < 2)
        return RT_FAIL_NULL(ARG, "multi_dot: expected 2 matrices or more, not %d", c->n_in);
    if (check("multi_dot", c, true) != RT_OK)
        return NULL;
    rt_tensor *y = multiply(c);
    if (c->in[c->n_in - 1]->dims.n == 1)
        y = rt_squeeze(y, 1);
    return c->in[0]->dims.n == 1 ? rt_squeeze(y, 0) : y;
}

rt_tensor *rt_multi_dot(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_multi_dot, &(chain_args){.xs = xs, .xs_count = count});
}

RT_COMPOSITE(chain_matmul, chain_args, CHAIN_FIELDS, "y = the product of all xs, matrices")
{
    return check("chain_matmul", c, false) == RT_OK ? multiply(c) : NULL;
}

rt_tensor *rt_chain_matmul(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_chain_matmul, &(chain_args){.xs = xs, .xs_count = count});
}
