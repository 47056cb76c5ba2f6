/* The graph: one node per recorded operation and one per leaf that wants a gradient.
 *
 *     rt_node *n = rt__node_of(x);        // NULL: no gradient is wanted for x
 *     if (n && !n->call.op) ...           // a leaf
 *
 * A node belongs to its output tensor and keeps its inputs: those that backward reads by value, the
 * others as edges, so that their memory is free for reuse. What is in flight during a backward pass
 * lives in the nodes too, which is why a pass allocates nothing of its own. */
#ifndef RINGTORCH_ENGINE_GRAPH_H
#define RINGTORCH_ENGINE_GRAPH_H

#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"

typedef struct rt_node {
    rt_object object;
    rt_call call;      /* call.op == NULL: a leaf. call.out is not kept: the output owns the node */
    uint32_t *version; /* [n_in + RT_SAVED + 1]: of the storages of what is kept, at that time */
    bool spent;        /* backward has been here and dropped what was saved */

    /* during a backward pass */
    bool visited;
    int32_t pending;    /* consumers whose backward has not run yet */
    rt_tensor *dy;      /* gradient so far, kept; NULL: none */
    rt_tensor *ready;   /* next in the list of tensors whose gradient is complete */
    rt_tensor *reached; /* next in the list of all tensors of the pass */

    /* leaves */
    rt_tensor *grad;  /* kept; NULL: none yet */
    rt_tensor *place; /* kept; where the gradient must lie, or NULL */
    bool placed;      /* the place holds a gradient */
} rt_node;

static inline rt_node *rt__node_of(const rt_tensor *x)
{
    return x ? (rt_node *)x->node : NULL;
}

/* Makes the node of a leaf / of a recorded call, whose arguments are copied. Owned by the caller;
 * NULL on failure. */
rt_node *rt__node_leaf(void);
rt_node *rt__node_of_call(const rt_call *c, size_t args_size, rt_tensor *out);
/* Returns a + b, two gradients of one tensor; differentiable. */
rt_tensor *rt__accumulate(rt_tensor *a, rt_tensor *b);
/* Fails if a write in place into dst would leave a recorded history untrue; `what` opens the message. */
rt_status rt__may_write(const char *what, const rt_tensor *dst);
/* Drops what the node keeps: inputs, saved tensors. */
void rt__node_spend(rt_node *n);
/* Fails if anything that was saved has been changed in place since. */
rt_status rt__node_check_versions(const rt_node *n);

#endif
