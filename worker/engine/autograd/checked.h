/* Checks of the values that operations make, while rt_check_values asks for them. */
#ifndef RINGTORCH_WORKER_ENGINE_AUTOGRAD_CHECKED_H
#define RINGTORCH_WORKER_ENGINE_AUTOGRAD_CHECKED_H

#include "worker/engine/autograd/op.h"
#include "worker/engine/base/thread.h"

/* Fails if a result of a call that has run has a value that is asked for. */
rt_status rt__checked_results(const rt_call *c);
static inline rt_status rt__check_result_values(const rt_call *c)
{
    return rt__thread.checks.any && c->op->run ? rt__checked_results(c) : RT_OK;
}

/* The same for the gradient of input i, in backward. */
rt_status rt__checked_gradient(const rt_call *c, int i, const rt_tensor *dx);
static inline rt_status rt__check_gradient_values(const rt_call *c, int i, const rt_tensor *dx)
{
    return rt__thread.checks.any ? rt__checked_gradient(c, i, dx) : RT_OK;
}

/* Returns the place of element i, in row-major order, of a tensor of that shape: "[1,2]". */
const char *rt__place_text(rt_dims dims, int64_t i);
/* Returns element i of x as a double, of a complex number the larger part; x is contiguous, on the CPU and of no 16-bit type. */
double rt__element(const rt_tensor *x, int64_t i);

#endif
