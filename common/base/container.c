#include "common/base/container.h"
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_there(const char *root, const char *file)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s%s", root, file) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* Kubernetes first: CRI-O leaves the same file as podman. What ssh starts in a pod has no variables of the pod, but a
 * pod has the credentials of its account, unless it does without. */
const char *rt_container_shm_advice(const char *root)
{
    if (getenv("KUBERNETES_SERVICE_HOST") ||
        is_there(root, "/var/run/secrets/kubernetes.io/serviceaccount"))
        return "mount an emptyDir with medium: Memory at /dev/shm of the pod";
    if (is_there(root, "/run/.containerenv") || is_there(root, "/.dockerenv"))
        return "start the container with --shm-size=1g";
    return NULL;
}
