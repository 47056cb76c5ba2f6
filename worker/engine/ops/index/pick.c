/* Elements picked by several indices at once: y[i] = x[a[i], b[i], ...], with any axes of x among those that have an index. Each element
 * of the broadcast indices has one offset in x, the sum of index times stride, and so these are a gather and a scatter with one index. */
#include "worker/engine/ops/index/index.h"

#include <string.h>

#define INDEX_FIELDS(F)                                                                            \
    F(INPUT, i0, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i1, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i2, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i3, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i4, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i5, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i6, RT_OPTIONAL, RT_INTEGERS, "")                                                     \
    F(INPUT, i7, RT_OPTIONAL, RT_INTEGERS, "")
#define PICK_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "")                                                        \
    INDEX_FIELDS(F)
#define PUT_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "")                                              \
    F(INPUT, values, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "")                                         \
    INDEX_FIELDS(F)

/* The inputs, in the order of the rows. */
typedef struct pick_args {
    rt_tensor *x, *index[RT_MAX_DIMS];
} pick_args;
typedef struct put_args {
    rt_tensor *x, *values, *index[RT_MAX_DIMS];
} put_args;

/* Bits of the indices among the inputs. */
enum { PICK_INDEX = 0xff << 1, PUT_INDEX = 0xff << 2 };

typedef struct pick_plan {
    rt_dims result, joined; /* of all, and of the indices broadcast to each other */
    int front;              /* the first axis of `joined` in the result */
} pick_plan;

static rt_tensor *const *indices_of(const rt_call *c)
{
    return c->in + c->n_in - RT_MAX_DIMS;
}

/* ---- shapes ---- */

/* Broadcasts the indices, and finds the first axis that has one; 0 if between two of them there is one without. */
static rt_status join(const rt_call *c, pick_plan *p)
{
    rt_tensor *const *index = indices_of(c);
    int n = c->in[0]->dims.n, last = -1;
    bool apart = false;
    p->joined = rt_shape();
    for (int i = 0; i < n; i++) {
        if (!index[i])
            continue;
        RT_TRY(rt__broadcast(c->op->name, p->joined, index[i]->dims, &p->joined));
        apart |= last >= 0 && last != i - 1;
        p->front = last < 0 ? i : p->front;
        last = i;
    }
    p->front = apart ? 0 : p->front;
    return RT_OK;
}

static rt_status make_plan(rt_call *c)
{
    pick_plan *p = c->plan;
    rt_tensor *const *index = indices_of(c);
    const rt_dims x = c->in[0]->dims;
    RT_TRY(join(c, p));
    int n = p->joined.n;
    for (int i = 0; i < x.n; i++)
        n += !index[i];
    if (n > RT_MAX_DIMS)
        return RT_FAIL(SHAPE, "%s: indices %s into %s give %d axes, more than %d", c->op->name,
                       rt_dims_text(p->joined), rt_describe(c->in[0]), n, RT_MAX_DIMS);
    rt_dims *y = &p->result;
    for (int i = 0, k = 0; k <= x.n; k++) {
        if (i == p->front && y->n == i)
            for (int j = 0; j < p->joined.n; j++)
                y->d[y->n++] = p->joined.d[j];
        if (k < x.n && !index[k]) {
            y->d[y->n++] = x.d[k];
            i++;
        }
    }
    return RT_OK;
}

/* ---- kernels ---- */

/* Returns the offset in x, in elements, of each element of the indices; NULL on failure. */
static rt_tensor *offsets_in(const rt_call *c, const rt_tensor *x)
{
    const pick_plan *p = c->plan;
    rt_tensor *const *index = indices_of(c), *at = rt__tensor_new(p->joined, RT_I64);
    rt_exec *e = rt_exec_of(c);
    bool add = false;
    for (int i = 0; i < x->dims.n && at; i++) {
        if (!index[i])
            continue;
        rt_tensor *k = rt_expand(index[i], p->joined);
        k = k && k->dtype == RT_I64 ? rt__tensor_contiguous(k) : rt__convert(k, RT_I64);
        if (!k)
            return NULL;
        e->kernels->index_offsets(e, k->numel, x->dims.d[i], x->stride[i], add, k->data, at->data);
        if (rt_failed())
            return rt_error_prefix("%s: in the index of axis %d", c->op->name, i), NULL;
        add = true;
    }
    return at;
}

/* Describes the grid of the result: which elements of x, of any strides, correspond to it. */
static rt_pick grid_of(const rt_call *c, const rt_tensor *x)
{
    const pick_plan *p = c->plan;
    rt_tensor *const *index = indices_of(c);
    rt_pick k = {.bytes = rt_dtype_size(x->dtype),
                 .size = INT64_MAX,
                 .step = 1,
                 .nd = p->result.n > 0 ? p->result.n : 1,
                 .dim = {1}};
    int from = 0;
    int64_t at[RT_MAX_DIMS];
    rt__dims_strides(p->joined, at);
    for (int i = 0; i < p->result.n; i++) {
        k.dim[i] = p->result.d[i];
        bool joined = i >= p->front && i < p->front + p->joined.n;
        while (!joined && index[from])
            from++;
        k.at[i] = joined ? at[i - p->front] : 0;
        k.stride[i] = joined ? 0 : x->stride[from++];
    }
    rt__pick_merge(&k);
    return k;
}

static rt_status pick_infer(rt_call *c)
{
    RT_TRY(make_plan(c));
    return rt_result(c, 0, ((const pick_plan *)c->plan)->result, c->in[0]->dtype);
}

static rt_status pick_run(rt_call *c)
{
    const rt_tensor *x = c->in[0], *at = offsets_in(c, x);
    if (!at)
        return rt_error_code();
    rt_pick grid = grid_of(c, x);
    rt_exec *e = rt_exec_of(c);
    e->kernels->gather(e, &grid, x->data, at->data, c->out[0]->data);
    return RT_OK;
}

static rt_status put_infer(rt_call *c)
{
    RT_TRY(make_plan(c));
    rt_dims result = ((const pick_plan *)c->plan)->result;
    if (!rt__dims_equal(c->in[1]->dims, result))
        return RT_FAIL(SHAPE, "%s: the values are %s, expected %s", c->op->name,
                       rt_describe(c->in[1]), rt_dims_text(result));
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status put(rt_call *c, rt_join how)
{
    rt_tensor *at = offsets_in(c, c->out[0]);
    rt_pick grid = grid_of(c, c->out[0]);
    return rt__scatter_run(c, how, &grid, at, c->in[1]);
}

static rt_status write_run(rt_call *c)
{
    return put(c, RT_JOIN_WRITE);
}

static rt_status add_run(rt_call *c)
{
    return put(c, RT_JOIN_ADD);
}

/* ---- gradients ---- */

static void pick_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt__put(rt_full(c->in[0]->dims, 0, dy[0]->dtype), indices_of(c), dy[0], true);
}

static void add_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    if (rt_needs(c, 0))
        dx[0] = dy[0];
    if (rt_needs(c, 1))
        dx[1] = rt__pick(dy[0], indices_of(c));
}

/* As in PyTorch, every value has the gradient of its place, also if another one has overwritten it. */
static void write_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    add_backward(c, dy, dx);
    if (!rt_needs(c, 0))
        return;
    put_args a = {.x = dy[0]};
    a.values = rt_expand(rt_full(rt_shape(), 0, dy[0]->dtype), c->in[1]->dims);
    memcpy(a.index, indices_of(c), sizeof a.index);
    dx[0] = rt_apply(c->op, &a);
}

static const rt_op pick_op = {
    .name = "index",
    RT_INTERNAL_ARGS(pick_args, PICK_FIELDS),
    .infer = pick_infer,
    .run = pick_run,
    .backward = pick_backward,
    .saves_in = PICK_INDEX,
    .plan_size = sizeof(pick_plan),
    .strided = true,
};

#define PUT(how)                                                                                   \
    static const rt_op how##_op = {                                                                \
        .name = "index_put",                                                                       \
        RT_INTERNAL_ARGS(put_args, PUT_FIELDS),                                                    \
        .infer = put_infer,                                                                        \
        .run = how##_run,                                                                          \
        .backward = how##_backward,                                                                \
        .saves_in = PUT_INDEX,                                                                     \
        .plan_size = sizeof(pick_plan),                                                            \
        .strided = true,                                                                           \
        .in_place = true,                                                                          \
    };
PUT(write)
PUT(add)

rt_tensor *rt__pick(rt_tensor *x, rt_tensor *const index[RT_MAX_DIMS])
{
    pick_args a = {.x = x};
    memcpy(a.index, index, sizeof a.index);
    return rt_apply(&pick_op, &a);
}

/* Returns the values in the shape that rt__pick would return. */
static rt_tensor *spread(const rt_tensor *x, rt_tensor *const *index, rt_tensor *values)
{
    put_args a = {.x = (rt_tensor *)x, .values = values};
    memcpy(a.index, index, sizeof a.index);
    pick_plan plan = {.front = 0};
    rt_call c = {.op = &write_op, .in = &a.x, .n_in = write_op.n_in, .plan = &plan};
    if (!values || make_plan(&c) != RT_OK)
        return NULL;
    rt_dims y = plan.result, v = values->dims;
    bool fits = v.n <= y.n;
    for (int i = 1; i <= v.n && fits; i++)
        fits = v.d[v.n - i] == 1 || v.d[v.n - i] == y.d[y.n - i];
    if (fits)
        return rt_expand(values, y);
    return RT_FAIL_NULL(SHAPE, "index_put: the values are %s, expected one that broadcasts to %s",
                        rt_describe(values), rt_dims_text(y));
}

rt_tensor *rt__put(rt_tensor *x, rt_tensor *const index[RT_MAX_DIMS], rt_tensor *values,
                   bool accumulate)
{
    if (rt_failed())
        return NULL;
    put_args a = {.x = x, .values = spread(x, index, values)};
    memcpy(a.index, index, sizeof a.index);
    return rt_apply_in_place(accumulate ? &add_op : &write_op, &a);
}
