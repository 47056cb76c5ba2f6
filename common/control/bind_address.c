#include "common/control/bind_address.h"
#include "common/base/error.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool is_address(const char *text)
{
    struct in_addr bytes;
    return strcmp(text, "*") == 0 || inet_pton(AF_INET, text, &bytes) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr bytes;
    return text[0] == '[' || inet_pton(AF_INET6, text, &bytes) == 1;
}

static rt_status resolve(const char *name, char address[RT_ADDRESS])
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int failure = getaddrinfo(name, NULL, &hints, &list);
    if (failure == 0)
        failure = getnameinfo(list->ai_addr, list->ai_addrlen, address, RT_ADDRESS, NULL, 0,
                              NI_NUMERICHOST);
    if (list)
        freeaddrinfo(list);
    if (failure == 0)
        return RT_OK;
    return RT_FAIL(
        CONFIG,
        "control.bind: '%s' is not an address, a network interface or a host name "
        "(%s): give an address of this host, such as 192.168.0.10, or an interface, such as eth0",
        name, gai_strerror(failure));
}

rt_status rt_bind_address(const char *bind, char address[RT_ADDRESS])
{
    if (is_ipv6(bind))
        return RT_FAIL(CONFIG,
                       "control.bind: '%s' is an IPv6 address, which the control plane does not "
                       "support: give an IPv4 address, such as "
                       "192.168.0.10, or an interface that has one, such as eth0",
                       bind);
    bool known = is_address(bind) || if_nametoindex(bind) != 0;
    if (!known)
        return resolve(bind, address);
    snprintf(address, RT_ADDRESS, "%s", bind);
    return RT_OK;
}

bool rt_address_next(const char **list, char address[RT_ADDRESS])
{
    const char *at = *list;
    if (!at || !*at)
        return false;
    size_t length = strcspn(at, ",");
    snprintf(address, RT_ADDRESS, "%.*s", (int)length, at);
    *list = at + length + (at[length] == ',');
    return true;
}

void rt_endpoint_of(const char *address, const char *other, char endpoint[RT_ENDPOINT])
{
    const char *port = strrchr(other, ':');
    snprintf(endpoint, RT_ENDPOINT, "tcp://%s%s", address, port ? port : "");
}
