/* Picking elements by index; an index tensor is int64. An index out of range fails, with a message that
 * names it.
 *
 *     rt_tensor *table = rt_randn(rt_shape(1000, 64)), *words = rt_randint(rt_shape(8, 32), 0, 1000);
 *     rt_tensor *vectors = rt_embedding(table, words);                       // [8,32,64]
 *     rt_tensor *logits = rt_randn(rt_shape(8, 10)), *classes = rt_randint(rt_shape(8, 1), 0, 10);
 *     rt_tensor *chosen = rt_gather(logits, 1, classes);                     // [8,1]
 *
 * Lifetime: the current scope owns the result. */
#ifndef RINGTORCH_OPS_INDEX_H
#define RINGTORCH_OPS_INDEX_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

/* Returns rows of table [v, d], picked by an index [...] of int64: [..., d]. An index out of range
 * fails, and the message names it. */
RT_API rt_tensor *rt_embedding(rt_tensor *table, rt_tensor *index);
/* Returns elements of x along `axis`, picked by an int64 index that has as many axes as x; a
 * scalar counts as one axis of size 1. The gradient is added in the order of the index. */
RT_API rt_tensor *rt_gather(rt_tensor *x, int axis, rt_tensor *index);

RT_END_DECLS

#endif
