/* A device's memory pool: freed memory is kept and reused, in size classes, four per doubling.
 *
 * Small blocks are cut from segments of 1 MiB; larger ones have a segment each. When the driver has no more memory,
 * unused segments are returned to it and the request is tried once more. Thread-safe. */
#ifndef RINGTORCH_KERNELS_GPU_POOL_H
#define RINGTORCH_KERNELS_GPU_POOL_H

#include "kernels/device.h"

/* Gives d a pool; on failure leaves d->pool NULL and fills the error slot. */
void rt__gpu_pool_open(rt_gpu *d);

#endif
