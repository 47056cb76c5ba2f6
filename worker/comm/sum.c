/* The only arithmetic of comm: one IEEE addition per element, so any vector width gives the same
 * bits. */
#include "worker/comm/internal.h"

void rt__comm_sum(float *out, const float *a, const float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}
