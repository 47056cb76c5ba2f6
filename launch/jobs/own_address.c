#include "launch/jobs/own_address.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INTERFACES_MOST = 256 };
_Static_assert((int)RT_ADDRESSES >= RT__ROUTES_MOST * RT__ROUTE_TEXT,
               "the list of all addresses fits");

/* ---- which come first ---- */

enum { USUAL, INSIDE, SELF_GIVEN, LIKELIHOODS };

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* The names are those that the programs give which make such interfaces: Docker, libvirt, podman and other users of CNI, LXC, LXD,
 * Kubernetes' networks. */
static int likelihood_of(const rt__route *r)
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

static bool is_repeated(const rt__route *all, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(all[k].address, all[i].address) == 0)
            return true;
    return false;
}

int rt__routes_choose(const rt__route *all, int n, rt__route out[RT__ROUTES_MOST])
{
    int taken = 0;
    for (int likelihood = USUAL; likelihood < LIKELIHOODS; likelihood++)
        for (int i = 0; i < n && taken < RT__ROUTES_MOST; i++)
            if (likelihood_of(&all[i]) == likelihood && !is_repeated(all, i))
                out[taken++] = all[i];
    return taken;
}

void rt__routes_list(const rt__route *r, int n, char text[RT_ADDRESSES])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n && i < RT__ROUTES_MOST; i++)
        used += (size_t)snprintf(text + used, RT_ADDRESSES - used, "%s%s", i > 0 ? "," : "",
                                 r[i].address);
}

/* ---- what there is ---- */

static bool is_loopback(struct in_addr a)
{
    return (ntohl(a.s_addr) >> 24) == IN_LOOPBACKNET;
}

int rt__routes_own(rt__route out[RT__ROUTES_MOST])
{
    rt__route all[INTERFACES_MOST];
    struct ifaddrs *list = NULL;
    int n = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (struct ifaddrs *i = list; i && n < INTERFACES_MOST; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP))
            continue;
        struct in_addr a = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
        if (is_loopback(a))
            continue;
        inet_ntop(AF_INET, &a, all[n].address, sizeof all[n].address);
        snprintf(all[n].interface, sizeof all[n].interface, "%s", i->ifa_name);
        n++;
    }
    freeifaddrs(list);
    return rt__routes_choose(all, n, out);
}

/* Connecting a UDP socket sends nothing, but makes the kernel choose a route. */
bool rt__route_source(const struct sockaddr_in *to, char address[RT__ROUTE_TEXT])
{
    struct sockaddr_in from = {0};
    socklen_t len = sizeof from;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool known = fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof *to) == 0 &&
                 getsockname(fd, (struct sockaddr *)&from, &len) == 0 &&
                 !is_loopback(from.sin_addr) &&
                 inet_ntop(AF_INET, &from.sin_addr, address, RT__ROUTE_TEXT);
    if (fd >= 0)
        close(fd);
    return known;
}
