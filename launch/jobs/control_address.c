#include "launch/jobs/control_address.h"
#include "common/base/error.h"
#include "common/control/bind_address.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- this host's addresses ---- */

/* Finds the own route with this address or, if it is "", on this interface. */
static bool find_own(const char *address, const char *interface, rt__route *out)
{
    rt__route own[RT__ROUTES_MOST];
    int n = rt__routes_own(own);
    for (int i = 0; i < n; i++)
        if (strcmp(own[i].address, address) == 0 ||
            (!*address && strcmp(own[i].interface, interface) == 0)) {
            *out = own[i];
            return true;
        }
    return false;
}

bool rt__route_of_bind(const char *bind, rt__route *out)
{
    char address[RT_ADDRESS];
    if (find_own("", bind, out))
        return true;
    bool found = rt_bind_address(bind, address) == RT_OK && find_own(address, "", out);
    rt_error_clear();
    return found;
}

/* ---- the way to a host ---- */

/* Copies the value of a line "key value" of `ssh -G`. */
static bool find_value(const char *text, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, key, n) == 0 && line[n] == ' ') {
            snprintf(out, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
            return true;
        }
    return false;
}

/* Asks ssh which address it would connect to. Returns false if it goes through another host. */
static bool ask_ssh(const rt__shell *shell, const char *host, char name[RT__HOST_NAME])
{
    char value[RT__HOST_NAME];
    rt__captured c;
    if (rt__shell_ask_ssh(shell, host, &c) != RT_OK) {
        rt_error_clear();
        return true; /* the caller's attempt to use it will say why */
    }
    bool jumps =
        (find_value(c.out, "proxyjump", value, sizeof value) && strcmp(value, "none") != 0) ||
        (find_value(c.out, "proxycommand", value, sizeof value) && strcmp(value, "none") != 0);
    if (find_value(c.out, "hostname", value, sizeof value))
        snprintf(name, RT__HOST_NAME, "%s", value);
    rt__captured_release(&c);
    return !jumps;
}

bool rt__route_find(const rt__shell *shell, const char *host, rt__route *out)
{
    char name[RT__HOST_NAME], address[RT__ROUTE_TEXT];
    snprintf(name, sizeof name, "%s", host);
    if (shell->is_ssh && !ask_ssh(shell, host, name))
        return false;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *list = NULL;
    if (getaddrinfo(name, "9", &hints, &list) != 0)
        return false;
    const struct sockaddr_in *to = (const void *)list->ai_addr;
    bool known = rt__route_source(to, address) && find_own(address, "", out) &&
                 inet_ntop(AF_INET, &to->sin_addr, out->to, sizeof out->to);
    freeaddrinfo(list);
    return known;
}
