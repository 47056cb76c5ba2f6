/* Nodes: what the graph keeps of a call. */
#include "common/base/error.h"
#include "worker/engine/autograd/graph.h"
#include <string.h>

static void node_destroy(void *object)
{
    rt_node *n = object;
    rt__node_release_saved(n);
    rt__hooks_free(n);
    for (int k = 0; k < n->call.n_out; k++)
        rt__object_drop(n->dy[k]);
    rt__object_drop(n->grad);
    rt__object_drop(n->place);
    rt__object_drop(n->need);
}

static const rt_object_type node_type = {"node", node_destroy, NULL};

void rt__leaf_clear_home(rt_leaf *leaf)
{
    if (leaf->home && !leaf->twin)
        leaf->home->is_home = false; /* now an ordinary tensor for its other owners */
    rt__object_drop(leaf->home);
    leaf->home = NULL;
}

static void leaf_destroy(void *object)
{
    rt__leaf_clear_home(object);
    node_destroy(object);
}

static const rt_object_type leaf_type = {"node", leaf_destroy, NULL};

rt_node *rt__node_leaf(void)
{
    rt_node *n = rt__object_make(&leaf_type, sizeof(rt_leaf));
    if (!n)
        return NULL;
    n->call.n_out = 1;
    n->dy = &n->leaf_dy;
    return n;
}

static bool saves_out(const rt_op *op, int k)
{
    return k < 32 && op->saves_out >> k & 1;
}

/* ---- making ---- */

static size_t to_eight(size_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

/* Makes a node and everything that belongs to the call in one block. */
static rt_node *node_make(const rt_call *c)
{
    const rt_op *op = c->op;
    size_t in = (size_t)c->n_in, out = (size_t)c->n_out, saved = (size_t)op->n_saved;
    size_t pointers = (in + saved + 2 * out) * sizeof(void *) + in * sizeof(rt_edge);
    size_t args = to_eight(op->args_size), plan = to_eight(op->plan_size);
    size_t versions = (in + saved + out) * sizeof(uint32_t);
    rt_node *n = rt__object_make(&node_type, sizeof *n + pointers + args + plan + versions);
    if (!n)
        return NULL;
    n->call = *c;
    n->call.spec = NULL;
    n->from = (rt_edge *)(n + 1);
    n->call.in = (rt_tensor **)(n->from + in);
    n->call.saved = (rt_tensor **)n->call.in + in;
    n->call.out = n->call.saved + saved;
    n->dy = n->call.out + out;
    n->call.args = memcpy(n->dy + out, c->args, op->args_size);
    n->call.plan = (char *)n->call.args + args;
    if (plan)
        memcpy(n->call.plan, c->plan, op->plan_size);
    n->version = (uint32_t *)((char *)n->call.plan + plan);
    return n;
}

static void keep_inputs(rt_node *n, const rt_call *c)
{
    rt_tensor **in = (rt_tensor **)n->call.in;
    uint32_t reads = rt__reads_in(c->op, c->in, c->n_in);
    for (int i = 0; i < c->n_in; i++) {
        rt_tensor *x = in[i] = c->in[i];
        if (!x)
            continue;
        if (x->node) {
            n->from[i].node = rt__object_keep(x->node);
            n->from[i].out = x->result;
        }
        if (rt__reads(reads, i)) {
            n->from[i].read = true;
            rt__saved_keep(x);
            n->version[i] = rt__tensor_version(x);
        } else
            rt__edge_keep(x);
    }
}

/* Keeps twins of the results that backward reads; if there are several results, of all, because fill_gradients needs the shapes
 * of those that nothing depends on. */
static rt_status keep_results(rt_node *n, const rt_call *c)
{
    uint32_t *version = n->version + c->n_in + c->op->n_saved;
    for (int k = 0; k < c->n_out; k++) {
        const rt_tensor *y = c->out[k];
        bool saved = saves_out(c->op, k);
        if (!saved && c->n_out == 1)
            continue;
        version[k] = rt__tensor_version(y);
        rt_tensor *twin = n->call.out[k] = rt__tensor_twin(y);
        if (!twin)
            return rt_error_code();
        if (!saved) { /* only its shape is needed: an edge is its only owner */
            rt__edge_keep(twin);
            rt__object_drop(twin);
        }
    }
    return RT_OK;
}

/* Keeps what run saved. A saved result is kept as a twin: owning the result itself would be a reference cycle. */
static rt_status keep_saved(rt_node *n, const rt_call *c)
{
    for (int i = 0; i < c->op->n_saved; i++) {
        const rt_tensor *result = NULL;
        for (int k = 0; k < c->n_out && !result; k++)
            result = c->saved[i] == c->out[k] ? c->out[k] : NULL;
        n->call.saved[i] = rt__saved_keep(result ? rt__tensor_twin(result) : c->saved[i]);
        if (result)
            rt__object_drop(n->call.saved[i]);
        n->version[c->n_in + i] = rt__tensor_version(n->call.saved[i]);
    }
    return rt_error_code();
}

rt_status rt__node_record(const rt_call *c)
{
    rt_node *n = node_make(c);
    if (!n)
        return rt_error_code();
    n->need = rt__object_keep((rt_object *)rt__thread.need);
    keep_inputs(n, c);
    rt_status status = c->op->n_saved ? keep_saved(n, c) : RT_OK;
    if (status == RT_OK && (c->op->saves_out || c->n_out > 1))
        status = keep_results(n, c);
    for (int k = 0; k < c->n_out && status == RT_OK; k++) {
        rt_tensor *y = c->out[k];
        if (!rt__dtype_has_gradient(y->dtype))
            continue;
        y->node = rt__object_keep(&n->object);
        y->result = k;
        if (c->op->run)
            rt__tensor_mark_result(y);
    }
    rt__object_drop(n);
    return status;
}

/* ---- dropping ---- */

void rt__node_release_saved(rt_node *n)
{
    rt_call *c = &n->call;
    if (!c->op || n->spent)
        return;
    n->spent = true;
    for (int i = 0; i < c->n_in; i++) {
        if (n->from[i].read)
            rt__saved_free(c->in[i]);
        else
            rt__edge_free(c->in[i]);
        rt__object_drop(n->from[i].node);
    }
    for (int i = 0; i < c->op->n_saved; i++)
        rt__saved_free(c->saved[i]);
    uint32_t saves = c->op->saves_out;
    for (int k = 0; k < c->n_out; k++, saves >>= 1) {
        if (saves & 1)
            rt__object_drop(c->out[k]);
        else
            rt__edge_free(c->out[k]);
    }
}

/* ---- versions ---- */

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
    const uint32_t *version = n->version;
    for (int i = 0; i < c->n_in; i++, version++)
        if (n->from[i].read)
            RT_TRY(check_version(n, c->in[i], *version, "an input"));
    for (int i = 0; i < c->op->n_saved; i++, version++)
        RT_TRY(check_version(n, c->saved[i], *version, "a saved tensor"));
    for (int k = 0; k < c->n_out; k++, version++)
        if (saves_out(c->op, k))
            RT_TRY(check_version(n, c->out[k], *version, "the result"));
    return RT_OK;
}
