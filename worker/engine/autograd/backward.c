/* The backward pass.
 *
 * First we reach all nodes that the loss depends on and count their consumers; then we process each node once its last consumer is
 * done (Kahn's algorithm), so every gradient is complete before it is passed on. Both lists are linked through the nodes, so a
 * pass needs no recursion and no memory. The order depends only on the graph, and therefore so does the order of additions. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/checked.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/trace.h"

typedef struct pass {
    rt_node *ready;   /* gradients complete, backward not run yet */
    rt_node *reached; /* all nodes of the pass, kept */
    bool retain;
    rt_need *need;            /* kept; the listener last told that its operations follow, or NULL */
    rt_tensor *const *wanted; /* rt_grad: [count], else NULL: gradients go to the leaves */
    rt_tensor **out;          /* [count] */
    int count;
    /* the name of the operation if a leaf that is not among the wanted must not be reached, or NULL */
    const char *only_wanted;
} pass;

static void push_ready(pass *p, rt_node *n)
{
    n->ready = p->ready;
    p->ready = n;
}

static rt_node *pop_ready(pass *p)
{
    rt_node *n = p->ready;
    if (n)
        p->ready = n->ready;
    return n;
}

/* A pass keeps its state in the nodes, so they cannot take part in another one within it. */
static rt_status refuse(const pass *p, const rt_node *n)
{
    const char *name = n->call.op ? n->call.op->name : "a parameter";
    if (p->only_wanted)
        return RT_FAIL(ARG,
                       "%s: its function uses a result of %s that is not among its inputs: pass it",
                       p->only_wanted, name);
    return RT_FAIL(
        ARG,
        "backward: %s takes part in the backward pass that calls this one: call it after that pass",
        name);
}

/* Counts one more consumer of n; the first puts n on both lists. */
static rt_status reach(pass *p, rt_node *n)
{
    if (n->pass && n->pass != p)
        return refuse(p, n);
    n->pending++;
    if (n->pass)
        return RT_OK;
    n->pass = p;
    rt_object_keep(&n->object);
    n->reached = p->reached;
    p->reached = n;
    push_ready(p, n);
    return RT_OK;
}

/* Reaches what the nodes on the list depend on, and empties it. */
static rt_status reach_all(pass *p)
{
    rt_node *n;
    while ((n = pop_ready(p))) {
        if (n->spent)
            return RT_FAIL(ARG,
                           "backward: %s was already differentiated: pass .retain_graph = true "
                           "the first time",
                           n->call.op->name);
        for (int i = 0; i < n->call.n_in; i++)
            if (n->from[i].node)
                RT_TRY(reach(p, n->from[i].node));
    }
    return RT_OK;
}

static void drop_gradients(rt_node *n)
{
    for (int k = 0; k < n->call.n_out; k++) {
        rt_free(n->dy[k]);
        n->dy[k] = NULL;
    }
}

/* Restores the nodes to their state before the pass, however the pass ended. */
static void release_all(pass *p)
{
    rt_node *next;
    for (rt_node *n = p->reached; n; n = next) {
        next = n->reached;
        n->pass = NULL;
        n->pending = 0;
        drop_gradients(n);
        rt_free(n);
    }
}

/* ---- functions for an operation's backward ---- */

/* Returns whether c is the call of a backward, which lies in a node. Calls of infer and run do not, and have room for infer's
 * results (c->spec). */
static bool in_backward(const rt_call *c, int i)
{
    return c && !c->spec && i >= 0 && i < c->n_in;
}

bool rt_needs(const rt_call *c, int i)
{
    return in_backward(c, i) && rt__node_of_call(c)->from[i].node;
}

void rt_aim(const rt_call *c, int i)
{
    const rt_node *leaf = in_backward(c, i) ? rt__node_of_call(c)->from[i].node : NULL;
    bool only_one = leaf && leaf->pending == 1 && !leaf->dy[0] && !leaf->placed;
    rt__thread.aim = only_one && rt__thread.may_aim ? leaf->place : NULL;
}

/* ---- gradients of leaves ---- */

/* Writes or adds dy into the place of the leaf's gradient. */
static void put_in_place(rt_node *leaf, rt_tensor *dy)
{
    rt_tensor *place = leaf->place;
    if (rt__tensor_own(place) != RT_OK)
        return;
    if (dy->data == place->data && dy->storage == place->storage) {
        leaf->placed = true; /* rt_aim: backward wrote it there directly */
    } else if (!leaf->placed) {
        rt__copy(place, dy);
        leaf->placed = true;
    } else if (place->dtype != RT_F32) {
        rt_tensor *sum = rt__accumulate(place, dy);
        if (sum)
            rt__copy(place, sum);
    } else if ((dy = rt__tensor_contiguous(dy))) {
        rt_exec *e = rt__exec_on(place->storage->gpu);
        e->kernels->axpy[RT_F32](e, dy->numel, 1, dy->data, place->data);
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
        sum = rt_clone(dy); /* it is shared: the leaf needs a gradient of its own */
    if (!sum)
        return;
    rt_free(leaf->grad);
    leaf->grad = rt_keep(sum);
}

/* ---- the pass ---- */

/* Fails unless dx is a valid gradient of input i: of its shape, type and device. */
static rt_status check_gradient(const rt_call *c, int i, const rt_tensor *dx)
{
    const rt_tensor *x = c->in[i];
    if (dx->object.type == &rt__tensor_type && !dx->storage)
        return RT_FAIL(INTERNAL,
                       "backward of %s: the gradient of input %d is a tensor without value",
                       c->op->name, i + 1);
    if (rt__dims_same(&x->dims, &dx->dims) && x->dtype == dx->dtype && rt__same_device(x, dx))
        return RT_OK;
    return RT_FAIL(INTERNAL, "backward of %s: the gradient of input %d is %s, expected %s",
                   c->op->name, i + 1, rt_describe(dx), rt_describe(x));
}

/* Adds dx to the gradient that an edge leads to. */
static void add_gradient(rt_edge to, rt_tensor *dx)
{
    rt_tensor **dy = &to.node->dy[to.out];
    rt_tensor *sum = *dy ? rt__accumulate(*dy, dx) : dx;
    if (!sum)
        return;
    rt_keep(sum);
    rt_free(*dy);
    *dy = sum;
}

/* If there are several results, makes zeros for the gradients of those that nothing depends on. */
static rt_status fill_gradients(rt_node *n)
{
    for (int k = 0; k < n->call.n_out && n->call.n_out > 1; k++)
        if (!n->dy[k])
            n->dy[k] = rt_keep(rt_zeros_like(n->call.out[k]));
    return rt_error_code();
}

/* Gives backward the saved results, NULL for the others. If the backward is itself recorded, the results get their history back;
 * those are owned by the scope. */
static rt_status show_results(rt_node *n, rt_tensor **out)
{
    for (int k = 0; k < n->call.n_out; k++) {
        rt_tensor *twin = n->call.out[k];
        out[k] = twin && twin->storage ? twin : NULL;
        if (!out[k] || rt__thread.no_grad)
            continue;
        out[k] = rt__scope_own(rt__tensor_twin(twin));
        if (!out[k])
            break;
        out[k]->node = rt_object_keep(&n->object);
        out[k]->result = k;
    }
    return rt_error_code();
}

/* If the backward is itself recorded, gives it the inputs with the history they had at the time of the call. Their current history
 * may differ: they were written in place since, or only the graph still owns them. */
static rt_status show_inputs(rt_node *n, rt_tensor **in)
{
    for (int i = 0; i < n->call.n_in; i++) {
        const rt_edge from = n->from[i];
        in[i] = n->call.in[i];
        if (!in[i] || rt__thread.no_grad)
            continue;
        if (!in[i]->base && rt__node_of(in[i]) == from.node && in[i]->result == from.out)
            continue;
        in[i] = rt__scope_own(rt__tensor_twin(in[i]));
        if (!in[i])
            break;
        in[i]->node = rt__object_keep(from.node ? &from.node->object : NULL);
        in[i]->result = from.out;
    }
    return rt_error_code();
}

static void call_backward(rt_node *n, rt_tensor **dx)
{
    enum { FEW = 8 };
    rt_call *c = &n->call;
    rt_tensor *const *kept_in = c->in, **kept_out = c->out, *few[FEW];
    size_t count = (size_t)c->n_in + (size_t)c->n_out;
    rt_tensor **in = count <= FEW ? few : rt_calloc(count, sizeof *in);
    if (in && show_inputs(n, in) == RT_OK && show_results(n, in + c->n_in) == RT_OK) {
        c->in = in;
        c->out = in + c->n_in;
        c->op->backward(c, n->dy, dx);
        c->in = kept_in;
        c->out = kept_out;
    }
    if (in != few)
        rt_mem_free(in);
}

/* Returns the device of a node's results, where its backward makes new tensors. */
static rt_gpu *device_of(const rt_node *n)
{
    for (int k = 0; k < n->call.n_out; k++)
        if (n->dy[k])
            return rt__gpu_of(n->dy[k]);
    return NULL;
}

/* Runs the backward of a node and passes on the gradients of its inputs. */
static void differentiate(rt_node *n)
{
    enum { FEW = 8 };
    const rt_call *c = &n->call;
    rt_tensor *few[FEW] = {0};
    rt_tensor **dx = c->n_in <= FEW ? few : rt_calloc((size_t)c->n_in, sizeof *dx);
    rt__trace_op(&rt__thread, c->op->name);
    rt_gpu *outer = rt__thread.gpu;
    rt__thread.gpu = device_of(n);
    if (dx && rt__node_check_versions(n) == RT_OK && fill_gradients(n) == RT_OK)
        call_backward(n, dx);
    rt__thread.aim = NULL;
    rt__thread.gpu = outer;
    for (int i = 0; i < c->n_in && !rt_failed(); i++)
        if (dx[i] && n->from[i].node && check_gradient(c, i, dx[i]) == RT_OK &&
            rt__check_gradient_values(c, i, dx[i]) == RT_OK)
            add_gradient(n->from[i], dx[i]);
    if (dx != few)
        rt_mem_free(dx);
}

static void capture(pass *p, const rt_node *n)
{
    bool any = false;
    for (int i = 0; i < p->count; i++)
        if (rt__node_of(p->wanted[i]) == n) {
            p->out[i] = rt_keep(n->dy[p->wanted[i]->result]);
            any = true;
        }
    if (!any && !n->call.op && p->only_wanted)
        RT_FAIL(ARG, "%s: its function uses a parameter, %s, that is not among its inputs: pass it",
                p->only_wanted, rt_describe(n->dy[0]));
}

static bool has_gradient(const rt_node *n)
{
    for (int k = 0; k < n->call.n_out; k++)
        if (n->dy[k])
            return true;
    return false;
}

/* Tells the previous listener that it is no longer needed, then the next one that it is. */
static void switch_need(pass *p, rt_need *next)
{
    if (p->need == next)
        return;
    if (p->need)
        p->need->notify(p->need, false);
    rt__object_drop(p->need);
    p->need = next ? rt__object_keep(&next->object) : NULL;
    if (next)
        next->notify(next, true);
}

/* Processes one node whose gradients are complete. */
static void visit(pass *p, rt_node *n)
{
    bool any = has_gradient(n);
    if (any && n->hooks && rt__hooks_call(n) != RT_OK)
        any = false;
    if (any && p->wanted)
        capture(p, n);
    if (any && n->call.op) {
        switch_need(p, n->need);
        differentiate(n);
    } else if (any && !p->wanted)
        add_to_leaf(n, n->dy[0]);
    drop_gradients(n);
    for (int i = 0; i < n->call.n_in; i++)
        if (n->from[i].node && --n->from[i].node->pending == 0)
            push_ready(p, n->from[i].node);
    if (!p->retain && n->call.op)
        rt__node_release_saved(n);
}

static bool has_history(const rt_tensor *loss)
{
    if (!rt__node_of(loss))
        RT_FAIL(ARG, "backward: %s depends on nothing that wants a gradient", rt_describe(loss));
    return rt__node_of(loss);
}

static rt_tensor *first_gradient(const rt_tensor *loss, rt_tensor *grad)
{
    if (!grad && loss->numel != 1)
        return RT_FAIL_NULL(SHAPE, "backward: %s is not one number, pass .grad", rt_describe(loss));
    if (!grad && rt__dtype_is_complex(loss->dtype))
        return RT_FAIL_NULL(DTYPE,
                            "backward: %s is complex, but a loss is a real number: pass .grad",
                            rt_describe(loss));
    if (grad && (!rt__dims_equal(grad->dims, loss->dims) || grad->dtype != loss->dtype ||
                 !rt__same_device(grad, loss)))
        return RT_FAIL_NULL(SHAPE, "backward: .grad is %s, expected %s", rt_describe(grad),
                            rt_describe(loss));
    return grad ? grad : rt_ones_like(loss);
}

/* Puts the roots on the list of the pass and finds everything that they depend on. */
static rt_status reach_roots(pass *p, rt_roots roots)
{
    for (int i = 0; i < roots.count; i++)
        RT_TRY(reach(p, rt__node_of(roots.y[i])));
    return reach_all(p);
}

/* Gives the roots their gradients. Those that no other root depends on are ready. */
static rt_status start(pass *p, rt_roots roots)
{
    for (int i = 0; i < roots.count; i++) {
        rt_tensor *y = roots.y[i];
        rt_node *n = rt__node_of(y);
        rt_tensor *dy = first_gradient(y, roots.dy[i]);
        if (!dy)
            return rt_error_code();
        add_gradient((rt_edge){.node = n, .out = y->result}, dy);
        if (--n->pending == 0)
            push_ready(p, n);
    }
    return rt_error_code();
}

static rt_status check_roots(rt_roots roots)
{
    if (rt__thread.inference)
        return RT_FAIL(ARG, "backward: no gradients are computed in RT_GRAD_INFERENCE");
    for (int i = 0; i < roots.count; i++) {
        rt_tensor *dy = roots.dy[i];
        if (!rt__takes("backward", roots.y[i]) ||
            (dy && !rt__object_is(dy, &rt__tensor_type, "backward: .grad", 1)) ||
            rt__view_refresh(roots.y[i]) != RT_OK || !has_history(roots.y[i]))
            return rt_error_code();
    }
    return RT_OK;
}

static rt_status run(pass *p, rt_roots roots, bool create_graph)
{
    RT_TRY(check_roots(roots));
    bool no_grad = rt__thread.no_grad, may_aim = rt__thread.may_aim;
    rt__thread.no_grad = !create_graph;
    rt__thread.may_aim = !create_graph && !p->wanted;
    p->retain |= create_graph;
    rt_scope all = rt_scope_begin();
    if (reach_roots(p, roots) == RT_OK)
        start(p, roots);
    rt_node *n;
    while (!rt_failed() && (n = pop_ready(p))) {
        rt_scope s = rt_scope_begin();
        visit(p, n);
        rt_scope_end(s);
    }
    switch_need(p, NULL);
    release_all(p);
    rt_scope_end(all);
    rt__thread.no_grad = no_grad;
    rt__thread.may_aim = may_aim;
    return rt_error_code();
}

rt_status rt_backward_(rt_backward_args a)
{
    pass p = {.retain = a.retain_graph};
    return run(&p, (rt_roots){&a.loss, &a.grad, 1}, a.create_graph);
}

rt_status rt__grad_within(const char *what, rt_roots roots, rt_tensor *const *inputs, int count,
                          rt_tensor **out)
{
    pass p = {.wanted = inputs, .out = out, .count = count, .only_wanted = what};
    return run(&p, roots, false);
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
            rt__view_refresh(a.inputs[i]) == RT_OK && !rt__node_of(a.inputs[i]))
            RT_FAIL(ARG, "grad: input %d, %s, wants no gradient: make it with rt_param", i,
                    rt_describe(a.inputs[i]));
    }
    pass p = {.wanted = a.inputs, .out = a.out, .count = a.count};
    rt_status status = rt__takes("grad", a.loss)
                           ? run(&p, (rt_roots){&a.loss, &a.grad, 1}, a.create_graph)
                           : rt_error_code();
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
