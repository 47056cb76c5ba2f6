#include "launch/jobs/own_address.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_loopback(struct in_addr a)
{
    return (ntohl(a.s_addr) >> 24) == IN_LOOPBACKNET;
}

int rt__routes_own(rt__route out[RT__ROUTES_MOST])
{
    struct ifaddrs *list = NULL;
    int n = 0;
    if (getifaddrs(&list) != 0)
        return 0;
    for (struct ifaddrs *i = list; i && n < RT__ROUTES_MOST; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP))
            continue;
        struct in_addr a = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
        if (is_loopback(a))
            continue;
        inet_ntop(AF_INET, &a, out[n].address, sizeof out[n].address);
        snprintf(out[n].interface, sizeof out[n].interface, "%s", i->ifa_name);
        n++;
    }
    freeifaddrs(list);
    return n;
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
