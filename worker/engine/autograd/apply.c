/* The dispatcher, and the nodes it records. */
#include <string.h>
#include "common/error.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/trace.h"

/* ---- nodes ---- */

static void node_destroy(void *object)
{
    rt_node *n = object;
    rt__node_spend(n);
    rt_free(n->dy);
    rt_free(n->grad);
    rt_free(n->place);
}

static const rt_object_type node_type = {"node", node_destroy, NULL};

rt_node *rt__node_leaf(void)
{
    return rt__object_make(&node_type, sizeof(rt_node));
}

static bool saves(const rt_op *op, int i)
{
    return i < 31 && op->saves & RT_SAVES_IN(i);
}

/* The node, its inputs, the versions and the arguments are one block. */
rt_node *rt__node_of_call(const rt_call *c, size_t args_size, rt_tensor *out)
{
    size_t in_size = (size_t)c->n_in * sizeof *c->in;
    size_t args_at = sizeof(rt_node) + in_size;
    size_t version_at = args_at + (args_size + 7) / 8 * 8;
    size_t versions = (size_t)c->n_in + RT_SAVED + 1;
    rt_node *n = rt__object_make(&node_type, version_at + versions * sizeof *n->version);
    if (!n)
        return NULL;
    rt_tensor **in = (rt_tensor **)(n + 1);
    n->call = *c;
    n->call.out = out;
    n->call.aim = NULL;
    n->call.in = in;
    n->call.args = memcpy((char *)n + args_at, c->args, args_size);
    n->version = (uint32_t *)((char *)n + version_at);
    for (int i = 0; i < c->n_in; i++) {
        in[i] = saves(c->op, i) ? rt_keep(c->in[i]) : rt__edge_keep(c->in[i]);
        n->version[i] = rt__tensor_version(in[i]);
    }
    for (int i = 0; i < RT_SAVED; i++)
        n->version[c->n_in + i] = rt__tensor_version(rt_keep(n->call.saved[i]));
    n->version[c->n_in + RT_SAVED] = rt__tensor_version(out);
    out->pinned = c->op->saves & RT_SAVES_OUT;
    return n;
}

void rt__node_spend(rt_node *n)
{
    rt_call *c = &n->call;
    if (!c->op || n->spent)
        return;
    n->spent = true;
    for (int i = 0; i < c->n_in; i++) {
        if (saves(c->op, i))
            rt_free(c->in[i]);
        else
            rt__edge_free(c->in[i]);
    }
    for (int i = 0; i < RT_SAVED; i++)
        rt_free(c->saved[i]);
}

static rt_status check_version(const rt_node *n, const rt_tensor *x, uint32_t version,
                               const char *what)
{
    if (!x || rt__tensor_version(x) == version)
        return RT_OK;
    return RT_FAIL(ARG,
                   "backward: %s of %s, %s, was changed in place after it was used: clone it first",
                   what, n->call.op->name, rt_describe(x));
}

rt_status rt__node_check_versions(const rt_node *n)
{
    const rt_call *c = &n->call;
    for (int i = 0; i < c->n_in; i++)
        if (saves(c->op, i))
            RT_TRY(check_version(n, c->in[i], n->version[i], "an input"));
    for (int i = 0; i < RT_SAVED; i++)
        RT_TRY(check_version(n, c->saved[i], n->version[c->n_in + i], "a saved tensor"));
    if (c->op->saves & RT_SAVES_OUT)
        RT_TRY(check_version(n, c->out, n->version[c->n_in + RT_SAVED], "the result"));
    return RT_OK;
}

/* ---- the dispatcher ---- */

static bool inputs_are_fine(const rt_op *op, rt_tensor *const *in, int n_in)
{
    for (int i = 0; i < n_in; i++) {
        if (!in[i] && i < 31 && op->optional & (1u << i))
            continue;
        if (!rt__object_is(in[i], &rt__tensor_type, op->name, i + 1))
            return false;
        if (op->dtypes && !(op->dtypes & (1u << in[i]->dtype)))
            return RT_FAIL(DTYPE,
                           "%s: argument %d is %s, which it does not take: convert it with rt_to",
                           op->name, i + 1, rt_describe(in[i])),
                   false;
    }
    return true;
}

/* Views lie in the storage of an input. */
static bool is_view_of_any(const rt_tensor *y, rt_tensor *const *in, int n_in)
{
    for (int i = 0; i < n_in; i++)
        if (in[i] && in[i]->storage == y->storage)
            return true;
    return false;
}

static bool any_wants_gradient(rt_tensor *const *in, int n_in)
{
    for (int i = 0; i < n_in; i++)
        if (in[i] && in[i]->node)
            return true;
    return false;
}

rt_tensor *rt_apply_many(const rt_op *op, const void *args, size_t args_size, rt_tensor *const *in,
                         int n_in)
{
    rt_thread *t = &rt__thread;
    rt_call c = {.op = op, .args = args, .in = in, .n_in = n_in, .aim = t->aim};
    t->aim = NULL;
    if (rt_failed() || !inputs_are_fine(op, in, n_in) || !rt_kernels_cpu())
        return NULL;
    rt__trace_op(t, op->name);
    c.recorded = op->backward && !t->no_grad && any_wants_gradient(in, n_in);
    bool no_grad = t->no_grad;
    t->no_grad |= op->backward != NULL;
    rt_scope s = rt_scope_begin();
    rt_tensor *y = op->forward(&c);
    t->no_grad = no_grad;
    if (rt_failed())
        y = NULL;
    if (y && c.recorded) {
        rt_node *n = rt__node_of_call(&c, args_size, y);
        y->node = n ? &n->object : NULL;
        if (n && !is_view_of_any(y, in, n_in))
            rt__tensor_mark_result(y);
    }
    return rt_scope_return(s, rt_failed() ? NULL : y);
}

rt_tensor *rt_apply(const rt_op *op, const void *args, size_t args_size)
{
    return rt_apply_many(op, args, args_size, args, op->n_in);
}

const rt_kernels *rt_cpu(void)
{
    return rt_kernels_cpu();
}

rt_tensor *rt_out(rt_call *c, rt_dims dims, rt_dtype dtype)
{
    rt_tensor *place = c->aim;
    if (place && place->dtype == dtype && rt__dims_equal(place->dims, dims))
        return rt__tensor_view(place, dims, place->stride, 0);
    return rt__tensor_new(dims, dtype);
}

bool rt_needs(const rt_call *c, int i)
{
    return c->in[i] && c->in[i]->node;
}

void rt_aim(const rt_call *c, int i)
{
    rt_node *leaf = rt__node_of(c->in[i]);
    bool only_one = leaf && leaf->pending == 1 && !leaf->dy && !leaf->placed;
    rt__thread.aim = only_one && rt__thread.may_aim ? leaf->place : NULL;
}

/* ---- recording on and off ---- */

bool rt_no_grad_begin(void)
{
    bool former = rt__thread.no_grad;
    rt__thread.no_grad = true;
    return former;
}

void rt_no_grad_end(bool former)
{
    rt__thread.no_grad = former;
}
