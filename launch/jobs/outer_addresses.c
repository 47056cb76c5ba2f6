#include "launch/jobs/outer_addresses.h"
#include <stdio.h>
#include <string.h>

enum { USUAL, INSIDE, SELF_GIVEN, CLASSES };

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* The names are those that the programs give which make such interfaces: Docker, libvirt, podman and other users of CNI, LXC, LXD,
 * Kubernetes' networks. */
static int class_of(const rt__route *r)
{
    static const char *const inside[] = {"docker", "br-",     "virbr", "cni",  "podman",
                                         "lxcbr",  "lxdbr",   "veth",  "vnet", "flannel",
                                         "cali",   "kube-ip", "dummy", "tap"};
    if (begins_with(r->address, "169.254."))
        return SELF_GIVEN;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (begins_with(r->interface, inside[i]))
            return INSIDE;
    return USUAL;
}

static bool is_repeated(const rt__route *own, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(own[k].address, own[i].address) == 0)
            return true;
    return false;
}

int rt__outer_addresses(const rt__route *own, int n, char text[RT__ADDRESSES])
{
    int found = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int class = USUAL; class < CLASSES; class ++)
        for (int i = 0; i < n && i < RT__ROUTES_MOST; i++)
            if (class_of(&own[i]) == class && !is_repeated(own, i))
                used += (size_t)snprintf(text + used, RT__ADDRESSES - used, "%s%s",
                                         found++ > 0 ? "," : "", own[i].address);
    return found;
}
