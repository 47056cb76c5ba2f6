#include "launch/jobs/own_address.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

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
        if ((ntohl(a.s_addr) >> 24) == IN_LOOPBACKNET)
            continue;
        inet_ntop(AF_INET, &a, out[n].address, sizeof out[n].address);
        snprintf(out[n].interface, sizeof out[n].interface, "%s", i->ifa_name);
        n++;
    }
    freeifaddrs(list);
    return n;
}
