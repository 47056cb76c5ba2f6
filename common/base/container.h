/* Tells a user in a container how its /dev/shm becomes larger: podman, docker and Kubernetes give 64 MiB, which is too
 * little for most models.
 *
 *     const char *advice = rt_container_shm_advice("");
 *     RT_FAIL(NOSPACE, "/dev/shm is full: %s", advice ? advice : "mount a larger one");
 */
#ifndef RINGTORCH_COMMON_BASE_CONTAINER_H
#define RINGTORCH_COMMON_BASE_CONTAINER_H

/* Returns what to do, or NULL outside of containers. `root` stands before the paths of the files that mark a container:
 * "" in programs, a folder in tests. */
const char *rt_container_shm_advice(const char *root);

#endif
