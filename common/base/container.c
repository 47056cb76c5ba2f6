#include "common/base/container.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_there(const char *root, const char *file)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s%s", root, file) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

const char *rt_container_size(double bytes, char out[RT_CONTAINER_SIZE])
{
    static const double LEAST = 64, MIB = 1 << 20,
                        GIB = 1 << 10; /* 64 MiB is what containers have anyway */
    double size = fmax(LEAST, exp2(ceil(log2(fmax(bytes / MIB, 1)))));
    bool giga = size >= GIB;
    snprintf(out, RT_CONTAINER_SIZE, "%.0f%c", giga ? size / GIB : size, giga ? 'g' : 'm');
    return out;
}

/* Kubernetes first: CRI-O leaves the same file as podman. What ssh starts in a pod has no variables of the pod, but a
 * pod has the credentials of its account, unless it does without. */
bool rt_container_shm_advice(const char *root, double bytes, char out[RT_CONTAINER_ADVICE])
{
    char size[RT_CONTAINER_SIZE];
    rt_container_size(bytes, size);
    bool pod = getenv("KUBERNETES_SERVICE_HOST") ||
               is_there(root, "/var/run/secrets/kubernetes.io/serviceaccount");
    if (pod) {
        char *unit = size + strlen(size) - 1;
        *unit = (char)toupper(*unit);
        snprintf(out, RT_CONTAINER_ADVICE,
                 "mount an emptyDir with medium: Memory, sizeLimit: %si at /dev/shm of the pod",
                 size);
        return true;
    }
    snprintf(out, RT_CONTAINER_ADVICE, "start the container with --shm-size=%s", size);
    return is_there(root, "/run/.containerenv") || is_there(root, "/.dockerenv");
}
