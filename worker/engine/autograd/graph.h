/* The graph: one node per recorded operation and one per leaf that wants a gradient.
 *
 *     rt_node *n = rt__node_of(x);        // NULL: no gradient is wanted for x
 *     if (n && !n->call.op) ...           // a leaf
 *
 * A node is owned by its results and by the nodes of the operations that took them. What it took is noted twice: `from` says whose
 * gradients backward makes, in terms of nodes, and call.in holds the tensors, those that backward reads by value, the others as
 * edges, so that their memory is free for reuse. Of its own results it keeps twins, tensors without history, since owning the
 * results themselves would be a circle. What is in flight during a backward pass lives in the nodes too, which is why a pass
 * allocates nothing of its own. */
#ifndef RINGTORCH_ENGINE_GRAPH_H
#define RINGTORCH_ENGINE_GRAPH_H

#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"

typedef struct rt_node rt_node;

/* A result of a node. */
typedef struct rt_edge {
    rt_node *node; /* kept; NULL: no gradient is wanted */
    int out;
} rt_edge;

/* Somebody who is told when backward is about to read what an operation saved, and when it has: see rt_nn_on_need. */
typedef struct rt_need {
    rt_object object;
    void (*tell)(struct rt_need *self, bool needed);
} rt_need;

struct rt_node {
    rt_object object;
    rt_call call;      /* call.op == NULL: a leaf */
    rt_edge *from;     /* [n_in] */
    uint32_t *version; /* [n_in + n_saved + n_out]: of what is kept, at that time */
    rt_need *need;     /* kept; of the time of the call, or NULL */
    bool spent;        /* backward has been here and dropped what was saved */

    /* during a backward pass */
    bool visited;
    int32_t pending;  /* consumers whose backward has not run yet */
    rt_tensor **dy;   /* [n_out]: gradients so far, kept; NULL: none */
    rt_node *ready;   /* next in the list of nodes whose gradients are complete */
    rt_node *reached; /* next in the list of all nodes of the pass */

    /* leaves */
    rt_tensor *leaf_dy; /* dy[0] */
    rt_tensor *grad;    /* kept; NULL: none yet */
    rt_tensor *place;   /* kept; where the gradient must lie, or NULL */
    bool placed;        /* the place holds a gradient */
};

static inline rt_node *rt__node_of(const rt_tensor *x)
{
    return x ? (rt_node *)x->node : NULL;
}

/* The leaf that a parameter is, whether or not it wants a gradient at present; NULL: it is none. */
static inline rt_node *rt__leaf_of(const rt_tensor *x)
{
    rt_node *n = (rt_node *)(x->leaf ? x->leaf : x->node);
    return n && !n->call.op ? n : NULL;
}

/* The node that a call belongs to in backward. */
static inline rt_node *rt__node_of_call(const rt_call *c)
{
    return (rt_node *)((char *)c - offsetof(rt_node, call));
}

/* Makes the node of a leaf. Owned by the caller; NULL on failure. */
rt_node *rt__node_leaf(void);
/* Records a call that has run: its results get their history. */
rt_status rt__node_record(const rt_call *c);
/* Finds the type that a call's inputs are converted to where their rows allow that: fails if there is none. */
rt_status rt__common_type(const rt_call *c, rt_dtype *type);
/* Returns the call's argument struct with such inputs converted, recorded; for rt_mem_free, NULL on failure. */
void *rt__args_as(const rt_call *c, rt_dtype type);
/* Returns a + b, two gradients of one tensor; differentiable. */
rt_tensor *rt__accumulate(rt_tensor *a, rt_tensor *b);

/* ---- views and writes in place ---- */
/* Fails if a write in place into dst would leave a history untrue; `what` opens the message. recorded: the history of dst will say
 * what was written. */
rt_status rt__may_write(const char *what, const rt_tensor *dst, bool recorded);
/* Makes x no view of its base any more. */
void rt__view_leave(rt_tensor *x);
/* Gives x, a view, its history anew. */
rt_status rt__view_renew(rt_tensor *x);
/* The same if its base was written in place since. */
static inline rt_status rt__view_freshen(rt_tensor *x)
{
    return x->base && x->base->epoch != x->epoch ? rt__view_renew(x) : RT_OK;
}
/* Records that x, a window of `whole`, was replaced by part, whose value is there already. */
rt_status rt__record_put(rt_tensor *whole, const rt_tensor *x, rt_tensor *part);
/* Returns a tensor with the history of x, a window of base. */
rt_tensor *rt__record_window(rt_tensor *base, const rt_tensor *x);

/* ---- nodes ---- */
/* Drops what the node keeps: inputs, saved tensors, results. */
void rt__node_spend(rt_node *n);
/* Fails if anything that was saved has been changed in place since. */
rt_status rt__node_check_versions(const rt_node *n);

#endif
