/* Activation checkpointing: a node that keeps the inputs of a function and calls it again in backward. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include <string.h>

/* The node's arguments: the function, and the random streams before it was called. Entries of the table of streams are in saved[0]. */
#define CHECKPOINT_FIELDS(F) F(INPUTS, in, RT_NEEDED, RT_ANY_TYPE, "of the function")
typedef struct RT_DESIGNATED checkpoint_args {
    RT_STRUCT(CHECKPOINT_FIELDS)
    rt_function function;
    void *context;
    rt_rng rng;
    uint64_t path;
    rt_streams streams;
} checkpoint_args;

static void checkpoint_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

static const rt_op checkpoint_op = {
    .name = "checkpoint",
    RT_INTERNAL_ARGS(checkpoint_args, CHECKPOINT_FIELDS),
    .n_out = RT_MANY,
    .backward = checkpoint_backward,
    .saves_in = ~0u,
    .n_saved = 1,
};

/* ---- calling the function ---- */

/* Fails unless the function has made all its results. */
static rt_status check_results(rt_tensor *const *out, int n_out)
{
    for (int k = 0; k < n_out && !rt_failed(); k++)
        rt__object_is(out[k], &rt__tensor_type, "checkpoint: result", k + 1);
    return rt_error_code();
}

/* Calls the function in a scope of its own. Its results belong to the caller's. */
static rt_status call(rt_function function, void *context, rt_tensor *const *in, rt_tensor **out,
                      int n_out)
{
    for (int k = 0; k < n_out; k++)
        out[k] = NULL;
    rt_scope s = rt_scope_begin();
    function(in, out, context);
    bool fine = check_results(out, n_out) == RT_OK;
    for (int k = 0; k < n_out && fine; k++)
        rt_keep(out[k]);
    rt_scope_end(s);
    for (int k = 0; k < n_out && fine; k++)
        rt__scope_own(out[k]);
    return rt_error_code();
}

/* ---- random streams ---- */

/* Notes where the thread's random streams stand. Returns the entries of their table. */
static rt_tensor *note_streams(checkpoint_args *a)
{
    const rt_thread *t = &rt__thread;
    a->rng = t->rng;
    a->path = t->path;
    a->streams = t->streams;
    size_t bytes = t->streams.capacity * sizeof *t->streams.entry;
    rt_tensor *entries = rt__tensor_new(rt_shape((int64_t)bytes), RT_U8);
    if (entries && bytes)
        memcpy(entries->data, t->streams.entry, bytes);
    return entries;
}

/* Puts the streams back where they were noted. Returns them as they are now, for streams_end. */
static rt_status streams_begin(const checkpoint_args *a, const rt_tensor *entries,
                               checkpoint_args *now)
{
    rt_thread *t = &rt__thread;
    *now = (checkpoint_args){.rng = t->rng, .path = t->path, .streams = t->streams};
    rt_streams noted = a->streams;
    noted.entry = rt_calloc(noted.capacity ? noted.capacity : 1, sizeof *noted.entry);
    if (!noted.entry)
        return rt_error_code();
    memcpy(noted.entry, entries->data, (size_t)entries->numel);
    t->rng = a->rng;
    t->path = a->path;
    t->streams = noted;
    return RT_OK;
}

static void streams_end(const checkpoint_args *now)
{
    rt_thread *t = &rt__thread;
    rt_mem_free(t->streams.entry);
    t->rng = now->rng;
    t->path = now->path;
    t->streams = now->streams;
}

/* ---- backward ---- */

/* Makes leaves that show the inputs: the gradients of the second call end there. Inputs that want none are passed as they are. */
static rt_status make_leaves(const rt_call *c, rt_tensor **leaf)
{
    for (int i = 0; i < c->n_in; i++) {
        leaf[i] = c->in[i];
        if (!rt_needs(c, i))
            continue;
        leaf[i] = rt__scope_own(rt__tensor_twin(c->in[i]));
        rt_node *n = leaf[i] ? rt__node_leaf() : NULL;
        if (!n)
            return rt_error_code();
        leaf[i]->node = &n->object;
    }
    return RT_OK;
}

/* Calls the function again, recorded. Batch statistics are collected the first time alone. */
static rt_status call_again(const rt_call *c, rt_tensor **leaf, rt_tensor **out)
{
    const checkpoint_args *a = c->args;
    checkpoint_args now;
    RT_TRY(streams_begin(a, c->saved[0], &now));
    const void *observer = rt__thread.observer;
    rt__thread.observer = NULL;
    rt__thread.no_grad = false;
    rt_status status = call(a->function, a->context, leaf, out, c->n_out);
    rt__thread.no_grad = true;
    rt__thread.observer = observer;
    streams_end(&now);
    return status;
}

/* Differentiates the results of the second call. The lists have room for all inputs and results. */
static void differentiate(const rt_call *c, rt_tensor *const *dy, rt_tensor **leaf, rt_tensor **out,
                          rt_tensor **dx)
{
    int wanted = 0, roots = 0;
    for (int k = 0; k < c->n_out; k++)
        if (out[k]->node) {
            out[roots] = out[k];
            out[c->n_out + roots++] = dy[k];
        }
    for (int i = 0; i < c->n_in; i++)
        if (rt_needs(c, i))
            leaf[wanted++] = leaf[i];
    rt_tensor **grad = leaf + c->n_in;
    if (roots)
        rt__grad_within("checkpoint", (rt_roots){out, out + c->n_out, roots}, leaf, wanted, grad);
    for (int i = 0; i < c->n_in; i++)
        if (rt_needs(c, i))
            dx[i] = rt__scope_own(*grad++);
}

static void checkpoint_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    if (!rt__thread.no_grad) {
        RT_FAIL(UNSUPPORTED, "checkpoint: its results can be differentiated once");
        return;
    }
    rt_tensor **leaf = rt_calloc(2 * ((size_t)c->n_in + (size_t)c->n_out), sizeof *leaf);
    if (!leaf)
        return;
    rt_tensor **out = leaf + 2 * c->n_in;
    if (make_leaves(c, leaf) == RT_OK && call_again(c, leaf, out) == RT_OK)
        differentiate(c, dy, leaf, out, dx);
    rt_mem_free(leaf);
}

/* ---- forward ---- */

static rt_status check_args(const rt_checkpoint_args *a)
{
    if (!rt__given((const void *)a->function, "checkpoint", "function"))
        return rt_error_code();
    if (a->n_in < 1 || a->n_out < 1 || !a->in || !a->out)
        return RT_FAIL(ARG, "checkpoint: %d inputs and %d results: expected one or more of each",
                       a->in ? a->n_in : 0, a->out ? a->n_out : 0);
    for (int i = 0; i < a->n_in; i++)
        if (!rt__object_is(a->in[i], &rt__tensor_type, "checkpoint: input", i + 1) ||
            rt__view_refresh(a->in[i]) != RT_OK)
            return rt_error_code();
    return rt_error_code();
}

static bool is_recorded(const rt_checkpoint_args *a)
{
    bool wanted = false;
    for (int i = 0; i < a->n_in; i++)
        wanted |= a->in[i]->node != NULL;
    return wanted && !rt__thread.no_grad;
}

static rt_status run(const rt_checkpoint_args *a)
{
    RT_TRY(check_args(a));
    bool recorded = is_recorded(a);
    checkpoint_args args = {
        .in = a->in, .in_count = a->n_in, .function = a->function, .context = a->context};
    rt_tensor *entries = recorded ? note_streams(&args) : NULL;
    bool no_grad = rt_no_grad_begin();
    if (!rt_failed())
        call(a->function, a->context, a->in, a->out, a->n_out);
    rt_no_grad_end(no_grad);
    /* A result may be an input, which has a history of its own. */
    for (int k = 0; k < a->n_out && recorded && !rt_failed(); k++)
        a->out[k] = rt__scope_own(rt__tensor_twin(a->out[k]));
    if (recorded && !rt_failed())
        rt__node_record(&(rt_call){.op = &checkpoint_op,
                                   .args = &args,
                                   .in = a->in,
                                   .n_in = a->n_in,
                                   .out = a->out,
                                   .n_out = a->n_out,
                                   .saved = &entries});
    return rt_error_code();
}

rt_status rt_checkpoint_(rt_checkpoint_args a)
{
    rt_status status = rt_failed() ? rt_error_code() : run(&a);
    for (int k = 0; k < a.n_out && a.out && status != RT_OK; k++)
        a.out[k] = NULL;
    return status;
}
