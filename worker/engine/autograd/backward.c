/* The backward pass.
 *
 * First all tensors that the loss depends on are reached and their consumers counted; then each is
 * taken when the last of its consumers is done (Kahn's order), so every gradient is complete before
 * it is passed on. Both lists run through the nodes: no recursion, no memory. The order depends on
 * the graph alone, hence so does the order of additions. */
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/trace.h"

typedef struct pass {
    rt_tensor *ready;   /* gradient complete, backward not run yet */
    rt_tensor *reached; /* all tensors of the pass; each has an edge from here */
    bool retain;
    rt_tensor *const *wanted; /* rt_grad: [count], else NULL: gradients go to the leaves */
    rt_tensor **out;          /* [count] */
    int count;
} pass;

static void push_ready(pass *p, rt_tensor *x)
{
    rt__node_of(x)->ready = p->ready;
    p->ready = x;
}

static rt_tensor *pop_ready(pass *p)
{
    rt_tensor *x = p->ready;
    if (x)
        p->ready = rt__node_of(x)->ready;
    return x;
}

/* Counts one consumer of x; the first one puts it on both lists. */
static void reach(pass *p, rt_tensor *x)
{
    rt_node *n = rt__node_of(x);
    n->pending++;
    if (n->visited)
        return;
    n->visited = true;
    rt__edge_keep(x);
    n->reached = p->reached;
    p->reached = x;
    push_ready(p, x);
}

static rt_status reach_all(pass *p, rt_tensor *loss)
{
    rt_tensor *x;
    reach(p, loss);
    while ((x = pop_ready(p))) {
        const rt_node *n = rt__node_of(x);
        if (n->spent)
            return RT_FAIL(ARG,
                           "backward: %s was already differentiated: pass .retain_graph = true "
                           "the first time",
                           n->call.op->name);
        for (int i = 0; i < n->call.n_in; i++)
            if (rt_needs(&n->call, i))
                reach(p, n->call.in[i]);
    }
    return RT_OK;
}

/* Leaves everything as it was before the pass, however it ended. */
static void release_all(pass *p)
{
    rt_tensor *next;
    for (rt_tensor *x = p->reached; x; x = next) {
        rt_node *n = rt__node_of(x);
        next = n->reached;
        n->visited = false;
        n->pending = 0;
        rt_free(n->dy);
        n->dy = NULL;
        rt__edge_free(x);
    }
}

/* ---- gradients of leaves ---- */

/* Writes or adds dy into the place of the leaf's gradient. */
static void put_in_place(rt_node *leaf, rt_tensor *dy)
{
    rt_tensor *place = leaf->place;
    if (dy->data == place->data && dy->storage == place->storage) {
        leaf->placed = true; /* rt_aim: it was made there */
    } else if (!leaf->placed) {
        rt__copy(place, dy);
        leaf->placed = true;
    } else if ((dy = rt__tensor_contiguous(dy))) {
        rt_cpu()->axpy[RT_F32](dy->numel, 1, dy->data, place->data);
    }
    rt__tensor_touch(place);
}

static void add_to_leaf(rt_node *leaf, rt_tensor *dy)
{
    if (leaf->place && dy->node) {
        RT_FAIL(UNSUPPORTED,
                "backward: .create_graph with gradients in a fixed place: use rt_grad");
        return;
    }
    if (leaf->place) {
        put_in_place(leaf, dy);
        return;
    }
    rt_tensor *sum = dy;
    if (leaf->grad)
        sum = rt__accumulate(leaf->grad, dy);
    else if (!dy->node && (dy->object.refs > 1 || dy->storage->refs > 1 || !dy->contiguous))
        sum = rt_clone(dy); /* others have it too: the gradient must be the leaf's own */
    if (!sum)
        return;
    rt_free(leaf->grad);
    leaf->grad = rt_keep(sum);
}

/* ---- the pass ---- */

/* Adds dx to what x has already. */
static void add_gradient(rt_tensor *x, rt_tensor *dx)
{
    rt_node *n = rt__node_of(x);
    RT_ASSERT(rt__dims_equal(x->dims, dx->dims));
    rt_tensor *sum = n->dy ? rt__accumulate(n->dy, dx) : dx;
    if (!sum)
        return;
    rt_keep(sum);
    rt_free(n->dy);
    n->dy = sum;
}

/* Runs the backward of the operation that made x and hands out the gradients of its inputs. */
static void differentiate(rt_tensor *x)
{
    rt_node *n = rt__node_of(x);
    enum { FEW = 8 };
    rt_tensor *few[FEW] = {0};
    rt_tensor **dx = n->call.n_in <= FEW ? few : rt_calloc((size_t)n->call.n_in, sizeof *dx);
    rt__trace_op(&rt__thread, n->call.op->name);
    if (dx && rt__node_check_versions(n) == RT_OK)
        n->call.op->backward(&n->call, n->dy, dx);
    rt__thread.aim = NULL;
    for (int i = 0; i < n->call.n_in && !rt_failed(); i++)
        if (dx[i] && rt_needs(&n->call, i))
            add_gradient(n->call.in[i], dx[i]);
    if (dx != few)
        rt_mem_free(dx);
}

/* Lets go of what only x's backward needed. */
static void spend(rt_tensor *x)
{
    rt__node_spend(rt__node_of(x));
    x->pinned = false;
    rt__edge_keep(x); /* dropping an edge of our own makes x hollow if it may be */
    rt__edge_free(x);
}

static void capture(pass *p, rt_tensor *x)
{
    for (int i = 0; i < p->count; i++)
        if (p->wanted[i] == x)
            p->out[i] = rt_keep(rt__node_of(x)->dy);
}

/* Takes one tensor whose gradient is complete. */
static void visit(pass *p, rt_tensor *x)
{
    rt_node *n = rt__node_of(x);
    if (n->dy && p->wanted)
        capture(p, x);
    if (n->dy && n->call.op)
        differentiate(x);
    else if (n->dy && !p->wanted)
        add_to_leaf(n, n->dy);
    rt_free(n->dy);
    n->dy = NULL;
    for (int i = 0; i < n->call.n_in; i++)
        if (rt_needs(&n->call, i) && --rt__node_of(n->call.in[i])->pending == 0)
            push_ready(p, n->call.in[i]);
    if (!p->retain && n->call.op)
        spend(x);
}

static rt_tensor *first_gradient(rt_tensor *loss, rt_tensor *grad)
{
    if (!rt__node_of(loss))
        return RT_FAIL_NULL(ARG, "backward: %s depends on nothing that wants a gradient",
                            rt_describe(loss));
    if (!grad && loss->numel != 1)
        return RT_FAIL_NULL(SHAPE, "backward: %s is not one number, pass .grad", rt_describe(loss));
    if (grad && (!rt__dims_equal(grad->dims, loss->dims) || grad->dtype != loss->dtype))
        return RT_FAIL_NULL(SHAPE, "backward: .grad is %s, expected %s", rt_describe(grad),
                            rt_describe(loss));
    return grad ? grad : rt_ones_like(loss);
}

static rt_status run(pass *p, rt_tensor *loss, rt_tensor *grad, bool create_graph)
{
    if (!rt__takes("backward", loss) ||
        (grad && !rt__object_is(grad, &rt__tensor_type, "backward: .grad", 1)))
        return rt_error_code();
    bool no_grad = rt__thread.no_grad;
    rt__thread.no_grad = !create_graph;
    rt__thread.may_aim = !create_graph && !p->wanted;
    p->retain |= create_graph;
    rt_scope all = rt_scope_begin();
    grad = first_gradient(loss, grad);
    if (grad && reach_all(p, loss) == RT_OK) {
        rt__node_of(loss)->dy = rt_keep(grad);
        push_ready(p, loss);
    }
    rt_tensor *x;
    while (!rt_failed() && (x = pop_ready(p))) {
        rt_scope s = rt_scope_begin();
        visit(p, x);
        rt_scope_end(s);
    }
    release_all(p);
    rt_scope_end(all);
    rt__thread.no_grad = no_grad;
    rt__thread.may_aim = false;
    return rt_error_code();
}

rt_status rt_backward_(rt_backward_args a)
{
    pass p = {.retain = a.retain_graph};
    return run(&p, a.loss, a.grad, a.create_graph);
}

rt_status rt_grad_(rt_grad_args a)
{
    if (a.count < 0 || (a.count > 0 && (!a.inputs || !a.out)))
        return RT_FAIL(ARG, "grad: .count is %d, but %s: expected two arrays of that length",
                       a.count,
                       a.count < 0 ? "no length"
                       : a.inputs  ? ".out is NULL"
                                   : ".inputs is NULL");
    for (int i = 0; i < a.count; i++) {
        a.out[i] = NULL;
        if (!rt_failed() && rt__object_is(a.inputs[i], &rt__tensor_type, "grad: .inputs", i + 1) &&
            !rt__node_of(a.inputs[i]))
            RT_FAIL(ARG, "grad: input %d, %s, wants no gradient: make it with rt_param", i,
                    rt_describe(a.inputs[i]));
    }
    pass p = {.wanted = a.inputs, .out = a.out, .count = a.count};
    rt_status status =
        rt__takes("grad", a.loss) ? run(&p, a.loss, a.grad, a.create_graph) : rt_error_code();
    for (int i = 0; i < a.count; i++) {
        rt_tensor *dx = rt__scope_own(a.out[i]);
        if (!dx && status == RT_OK)
            dx = rt_zeros_like(a.inputs[i]);
        a.out[i] = dx;
    }
    for (int i = 0; i < a.count && rt_failed(); i++)
        a.out[i] = NULL;
    return rt_error_code();
}
