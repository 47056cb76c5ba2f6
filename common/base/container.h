/* Tells a user in a container how its /dev/shm becomes larger: podman, docker and Kubernetes give 64 MiB, which is too
 * little for most models.
 *
 *     char advice[RT_CONTAINER_ADVICE];
 *     if (rt_container_shm_advice("", 369e6, advice))
 *         puts(advice);                                   // start the container with --shm-size=512m
 */
#ifndef RINGTORCH_COMMON_BASE_CONTAINER_H
#define RINGTORCH_COMMON_BASE_CONTAINER_H

#include <stdbool.h>

enum { RT_CONTAINER_ADVICE = 128, RT_CONTAINER_SIZE = 32 };

/* Writes what to do for a /dev/shm that holds so many bytes; returns false outside of containers. `root` stands before the paths
 * of the files that mark a container: "" in programs, a folder in tests. */
bool rt_container_shm_advice(const char *root, double bytes, char out[RT_CONTAINER_ADVICE]);
/* Writes a size that holds so many bytes, rounded up to a power of two, as mount and container programs take it ("512m", "2g").
 * Returns `out`. */
const char *rt_container_size(double bytes, char out[RT_CONTAINER_SIZE]);

#endif
