/* A device's memory pool: memory that is freed is kept and used again, in classes of sizes, four to a doubling.
 *
 * Small blocks are cut from segments of 1 MiB, larger ones have a segment each. When the driver has no more, what is kept
 * goes back to it, and the driver is asked once more. Thread-safe. */
#ifndef RINGTORCH_KERNELS_GPU_POOL_H
#define RINGTORCH_KERNELS_GPU_POOL_H

#include "kernels/device.h"

/* Gives d a pool; NULL in d->pool on failure, with the error slot filled. */
void rt__gpu_pool_open(rt_gpu *d);

#endif
