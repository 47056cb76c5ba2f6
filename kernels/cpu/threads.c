/* How many threads kernels use: OpenMP's setting, which OpenBLAS follows too. */
#include <omp.h>
#include "kernels/kernels.h"

void rt_kernels_set_threads(int n)
{
    omp_set_num_threads(n);
}

int rt_kernels_threads(void)
{
    return omp_get_max_threads();
}
