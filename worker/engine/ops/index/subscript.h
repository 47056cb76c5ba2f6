/* Items of x[...], as text. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_INDEX_SUBSCRIPT_H
#define RINGTORCH_WORKER_ENGINE_OPS_INDEX_SUBSCRIPT_H

#include "worker/engine/ops/index/index.h"

/* Reads items as Python writes them, without the brackets: "3, 1:-1, t0, ..., None". t0 is the first of `count` tensors. `what` begins
 * the message. */
rt_status rt__subscripts_parse(const char *what, const char *text, rt_tensor *const *tensors,
                               int count, rt_subscripts *out);

#endif
