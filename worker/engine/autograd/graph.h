/* The graph: one node per recorded operation, and one per leaf that wants a gradient.
 *
 *     rt_node *n = rt__node_of(x);        // NULL: x wants no gradient
 *     if (n && !n->call.op) ...           // a leaf
 *
 * A node is owned by its results and by the nodes of the operations that took those results. It records its inputs twice: `from` says
 * which nodes backward sends gradients to, and call.in holds the tensors. Tensors whose value backward reads are kept whole; the others
 * are kept as edges, so that their memory can be reused. Of its own results a node keeps twins, tensors without history, because owning
 * the results would be a reference cycle. The state of a backward pass lives in the nodes too, so a pass allocates nothing for itself. */
#ifndef RINGTORCH_WORKER_ENGINE_AUTOGRAD_GRAPH_H
#define RINGTORCH_WORKER_ENGINE_AUTOGRAD_GRAPH_H

#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"

typedef struct rt_node rt_node;

/* An input of a node: a result of another node. */
typedef struct rt_edge {
    rt_node *node; /* kept; NULL: the input wants no gradient */
    int out;
    bool read; /* backward reads the value */
} rt_edge;

/* A listener, notified when backward is about to read what an operation saved, and when it is done: see rt_nn_on_need. */
typedef struct rt_need {
    rt_object object;
    void (*notify)(struct rt_need *self, bool needed);
} rt_need;

/* A function that is called with the gradient of a result of a node. */
typedef struct rt_hook {
    struct rt_hook *next;  /* in the order in which they were added */
    rt_grad_hook function; /* NULL: removed while hooks are called, which frees it */
    void *context;
    int64_t number;
    int out; /* which result */
} rt_hook;

struct rt_node {
    rt_object object;
    rt_call call;  /* call.op == NULL: a leaf */
    rt_edge *from; /* [n_in] */
    /* [n_in + n_saved + n_out]: versions of the kept tensors when the call was recorded */
    uint32_t *version;
    rt_need *need;  /* kept; the listener when the call was recorded, or NULL */
    rt_hook *hooks; /* owned */
    bool in_hooks;  /* they are being called */
    bool spent;     /* backward has run here and dropped what was saved */

    /* during a backward pass */
    const void *pass; /* the one that has reached it, or NULL */
    int32_t pending;  /* consumers whose backward has not run yet */
    rt_tensor **dy;   /* [n_out]: gradients so far, kept; NULL: none */
    rt_node *ready;   /* next in the list of nodes whose gradients are complete */
    rt_node *reached; /* next in the list of all nodes of the pass */

    /* leaves */
    rt_tensor *leaf_dy; /* dy[0] */
    rt_tensor *grad;    /* kept; NULL: none yet */
    rt_tensor *place;   /* kept; where backward must write the gradient, or NULL */
    bool placed;        /* the place holds a gradient */
};

/* The node of a leaf. */
typedef struct rt_leaf {
    rt_node node;
    /* kept; the home of a parameter's value, see rt_param_home; or NULL */
    rt_tensor *home;
    bool blank; /* the home holds no value yet */
    bool twin;  /* shares the home of another leaf, see rt__leaf_twin */
} rt_leaf;

static inline rt_node *rt__node_of(const rt_tensor *x)
{
    return x ? (rt_node *)x->node : NULL;
}

/* Returns the leaf node of a parameter, whether or not it currently wants a gradient; NULL if x is not a leaf. */
static inline rt_node *rt__leaf_of(const rt_tensor *x)
{
    rt_node *n = (rt_node *)(x->leaf ? x->leaf : x->node);
    return n && !n->call.op ? n : NULL;
}

/* Declares that the place of a parameter's gradient (rt_grad_place) holds one, which somebody else has written there. Does nothing if the
 * parameter wants none. */
void rt__grad_filled(rt_tensor *leaf);

/* Returns the home of a parameter, even if its value has not been moved there yet; NULL: none. */
static inline rt_tensor *rt__home_of(const rt_tensor *x)
{
    const rt_node *leaf = rt__leaf_of(x);
    return leaf ? ((const rt_leaf *)leaf)->home : NULL;
}

/* Returns the node whose call this is; for use in backward. */
static inline rt_node *rt__node_of_call(const rt_call *c)
{
    return (rt_node *)((char *)c - offsetof(rt_node, call));
}

/* Makes the node of a leaf. Owned by the caller; NULL on failure. */
rt_node *rt__node_leaf(void);
/* Makes *twin, unless it exists already, a second leaf of the parameter with the same home and no gradient. Backward passes that take
 * turns (base/fiber.h) use twins, because two passes must not use the same node. Owned by the caller. */
rt_status rt__leaf_twin(const rt_tensor *param, rt_node **twin);
/* Swaps the parameter's leaf and *twin. Does nothing if the parameter currently wants no gradient. */
void rt__leaf_swap(rt_tensor *param, rt_node **twin);
/* Returns a bit mask of the inputs whose values backward reads, given which of them want a gradient. */
static inline uint32_t rt__reads_in(const rt_op *op, rt_tensor *const *in, int n_in)
{
    uint32_t reads = op->saves_in;
    for (int i = 0; op->saves_in_for && i < n_in; i++)
        if (in[i] && in[i]->node)
            reads |= op->saves_in_for[i];
    return reads;
}
/* Returns whether backward reads the value of input i, given rt__reads_in. */
static inline bool rt__reads(uint32_t reads, int i)
{
    return reads >> (i < 31 ? i : 31) & 1;
}
/* Calls the hooks of the node's results with their gradients, which are complete, and puts what they return in their place. */
rt_status rt__hooks_call(rt_node *n);
void rt__hooks_free(rt_node *n);
/* Results and the gradients that a backward pass starts from. */
typedef struct rt_roots {
    rt_tensor *const *y;  /* [count] */
    rt_tensor *const *dy; /* [count]; NULL: ones, for a result of one element */
    int count;
} rt_roots;
/* As rt_grad for several results at once, for the operation `what`, inside of a backward pass: nothing is recorded. out: [count], kept; NULL where
 * nothing depends on the input. Fails if a leaf that is not among the inputs wants a gradient. */
rt_status rt__grad_within(const char *what, rt_roots roots, rt_tensor *const *inputs, int count,
                          rt_tensor **out);
/* Records a call that has run: gives its results their history. */
rt_status rt__node_record(const rt_call *c);
enum { RT_TYPES_TEXT = 128 }; /* bytes for the names of all element types */
/* Writes "float32, float64 or int64" for what a row allows. */
void rt__list_types(uint32_t allowed, char out[RT_TYPES_TEXT]);
/* Finds the type that a call's inputs are converted to where their rows allow it; fails if there is none. */
rt_status rt__common_type(const rt_call *c, rt_dtype *type);
/* Returns a copy of the call's argument struct with those inputs converted, which is recorded; free it with rt_mem_free. NULL on failure. */
void *rt__args_converted(const rt_call *c, rt_dtype type);
/* Returns a + b, two gradients of one tensor; differentiable. */
rt_tensor *rt__accumulate(rt_tensor *a, rt_tensor *b);

/* ---- homes of parameters ---- */
/* Fails if the value of x, a parameter or a buffer, cannot be moved because views of it would keep showing its old memory; `what` begins
 * the message. */
rt_status rt__may_move(const char *what, const char *name, rt_tensor *x);
/* Removes the leaf's home. */
void rt__leaf_clear_home(rt_leaf *leaf);
/* Gives the parameter a home of its shape and type. The value moves there, from its former home if it has one, and a parameter that is
 * present shows the new home from now on. The home of an absent parameter that had no home before stays blank. */
void rt__param_set_home(rt_tensor *param, rt_tensor *home);
/* Removes the home and the gradient place of a parameter whose value has already been moved elsewhere. */
void rt__param_clear_home(rt_tensor *param);
/* Records that the value at home was changed in place. */
void rt__param_touch(rt_tensor *param);
/* Returns the tensor that holds x's value: the parameter's home unless it has none or it is blank, else x itself, which may be hollow. */
rt_tensor *rt__param_value(rt_tensor *x);
/* Copies `value`, converted, to where x's value belongs: the parameter's home if it has one, else x itself. */
rt_status rt__param_assign(rt_tensor *x, const rt_tensor *value);

/* ---- views and writes in place ---- */
/* Fails if a write in place into dst would make a recorded history wrong; `what` begins the message. recorded: the write itself will be
 * recorded in the history of dst. */
rt_status rt__may_write(const char *what, const rt_tensor *dst, bool recorded);
/* Detaches x from its base: it is no longer a view of it. */
void rt__view_detach(rt_tensor *x);
/* Recomputes the history of x, a view, from its base. */
rt_status rt__view_rebuild(rt_tensor *x);
/* The same, if its base has been written in place since the view's history was made. */
static inline rt_status rt__view_refresh(rt_tensor *x)
{
    return x->base && x->base->epoch != x->epoch ? rt__view_rebuild(x) : RT_OK;
}
/* Records that x, a window of `whole`, was replaced by `part`, whose value has already been written there. */
rt_status rt__record_put(rt_tensor *whole, const rt_tensor *x, rt_tensor *part);
/* Returns a tensor with the history of x as a window of base. */
rt_tensor *rt__record_window(rt_tensor *base, const rt_tensor *x);

/* ---- nodes ---- */
/* Drops the inputs, saved tensors and results that the node keeps. */
void rt__node_release_saved(rt_node *n);
/* Fails if anything that the node saved has been changed in place since. */
rt_status rt__node_check_versions(const rt_node *n);

#endif
