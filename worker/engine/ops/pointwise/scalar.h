/* What operations with a number share. The binary kernels take the number as a second operand with one element.
 *
 *     static rt_status mul_scalar_run(rt_call *c)
 *     {
 *         return rt__scalar_run(c, &rt_exec_of(c)->kernels->mul);
 *     }
 *
 * The number behaves like a Python number in PyTorch: without a fraction it is an integer and does not change integer types; with a
 * fraction it makes them float32. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_POINTWISE_SCALAR_H
#define RINGTORCH_WORKER_ENGINE_OPS_POINTWISE_SCALAR_H

#include "worker/engine/ops/ops.h"

#define RT_SCALAR_FIELDS(F)                                                                        \
    F(INPUT, a, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "any shape")                                  \
    F(NUMBER, s, RT_NEEDED, RT_ANY, "the number; with a fraction it makes integers float32")
typedef struct RT_DESIGNATED rt_scalar_args {
    RT_STRUCT(RT_SCALAR_FIELDS)
} rt_scalar_args;

/* Infer: the common type of a and the number. */
rt_status rt__scalar_infer(rt_call *c);
/* Run: applies the binary kernel to a and the number. */
rt_status rt__scalar_run(rt_call *c, const rt_binary_kernels *k);

#endif
