/* Functions with an order. */
#include "kernels/ref/special.h"
#include "kernels/ref/wide.h"

/* y = the order-th derivative of digamma at x, order >= 1. x, y: [n]. */
KERNEL(polygamma, FLOATS, (rt_exec *e, int64_t order, int64_t n, const void *x, void *y))
{
    (void)e;
    for (int64_t i = 0; i < n; i++)
        ((T *)y)[i] = (T)(wide)rt__polygamma_exact(order, ((const T *)x)[i]);
}
