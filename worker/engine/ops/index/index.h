/* What operations that select by an index share. An index may have any integer type; kernels read int64.
 *
 *     RT_TRY(rt__index_plan(c, index->dims, x->dims, axis));                        // infer
 *     const rt_tensor *index = rt__whole_index(c->in[1]);                           // run
 *     rt_pick pick = rt__index_pick(c->plan, x, index);
 *     e->kernels->gather(e, &pick, x->data, index->data, y->data);
 *     return rt__index_error(c); */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_INDEX_INDEX_H
#define RINGTORCH_WORKER_ENGINE_OPS_INDEX_INDEX_H

#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

/* The plan of an operation whose index counts along an axis. */
typedef struct rt_index_plan {
    int axis; /* counted from 0 */
    rt_dims index,
        dims; /* of the index and of what it points into; a scalar passes for one element along one axis */
} rt_index_plan;

/* Infer: makes the plan; fails unless an index of that shape can index a tensor of shape dims along the axis. As in PyTorch, an index
 * without elements fits everything. */
rt_status rt__index_plan(rt_call *c, rt_dims index, rt_dims dims, int64_t axis);
/* Run: returns an index as the kernels read it, which is the input itself if it is int64 and contiguous but for broadcast axes; NULL on
 * failure. */
rt_tensor *rt__whole_index(rt_tensor *index);
/* Run: returns the kernel's description of a plan, for x (of any strides) and an index that rt__whole_index gave. */
rt_pick rt__index_pick(const rt_index_plan *p, const rt_tensor *x, const rt_tensor *index);
/* Joins the axes of a grid that are one axis in the index and in x, and leaves out those of size 1. Their indices have strides and steps
 * already. */
void rt__pick_merge(rt_pick *p);

/* Fails, naming the operation, if the kernel met an index out of range. */
static inline rt_status rt__index_error(const rt_call *c)
{
    return rt_failed() ? rt_error_prefix("%s", c->op->name) : RT_OK;
}

/* How elements that are scattered are joined with those of x. */
typedef enum rt_join {
    RT_JOIN_WRITE, /* the last one stays */
    RT_JOIN_ADD,
    RT_JOIN_MUL,
    RT_JOIN_MAX,
    RT_JOIN_MIN,
} rt_join;

/* Run of an operation in place on x, its first input: makes the result a copy of x, unless it is in x's place, and scatters src, which has
 * the shape of the grid, into it. */
rt_status rt__scatter_run(rt_call *c, rt_join join, const rt_pick *p, const rt_tensor *index,
                          rt_tensor *src);

/* Returns the view of an index [n], or [], along an axis of a shape: as long as the shape along all others. Fails if the index has more
 * axes; `what` is the operation. dims of a scalar count as one axis of size 1. */
rt_tensor *rt__index_along(const char *what, rt_tensor *index, rt_dims dims, int axis);

/* Elements picked by one index for each of some axes, which may count from the end: index[k], or NULL, is for axis k of x. They are
 * broadcast with each other, and their axes come in the place of those that they index; first of all if these are not adjacent.
 * Both are differentiable. */
rt_tensor *rt__pick(rt_tensor *x, rt_tensor *const index[RT_MAX_DIMS]);
/* Writes or adds values, which broadcast to what rt__pick would return, to these elements of x in place, in the order of the index.
 * Returns x. */
rt_tensor *rt__put(rt_tensor *x, rt_tensor *const index[RT_MAX_DIMS], rt_tensor *values,
                   bool accumulate);
/* Differentiable: returns zeros of dims [v, d], to which rows [n, d] are added where the index [n] says, in its order. */
rt_tensor *rt__rows_added(rt_tensor *rows, rt_tensor *index, rt_dims dims);
/* Sets *row to the padding of a table, counted from 0; to -1 if padding_idx is not given. Fails if there is no such row. */
rt_status rt__embedding_padding(const char *name, int64_t padding_idx, const rt_tensor *table,
                                int64_t *row);

#endif
