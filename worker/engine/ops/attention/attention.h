/* Attention of queries, keys and values whose axes before the last two broadcast. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_ATTENTION_ATTENTION_H
#define RINGTORCH_WORKER_ENGINE_OPS_ATTENTION_ATTENTION_H

#include "worker/engine/ops/ops.h"

typedef struct rt_attention_options {
    bool causal;
    double scale, dropout; /* dropout < 1 */
    rt_rng rng;            /* for dropout */
} rt_attention_options;

/* Differentiable: softmax(q k^T * scale + mask) v. mask may be NULL, bool, or numbers of the type in which it is computed. */
rt_tensor *rt__attention(rt_tensor *q, rt_tensor *k, rt_tensor *v, rt_tensor *mask,
                         rt_attention_options options);

#endif
