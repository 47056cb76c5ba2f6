/* Finds the address of this host at which other hosts reach it.
 *
 *     rt__route r;
 *     if (rt__route_find(&shell, "node1", &r))
 *         printf("%s on %s\n", r.address, r.interface);        // 10.0.0.1 on eth0
 *     rt__route own[RT__ROUTES_MOST];
 *     int n = rt__routes_own(own);                             // all addresses but loopback
 */
#ifndef RINGTORCH_LAUNCH_JOBS_CONTROL_ADDRESS_H
#define RINGTORCH_LAUNCH_JOBS_CONTROL_ADDRESS_H

#include "launch/jobs/remote_shell.h"

enum { RT__ROUTES_MOST = 16, RT__ROUTE_TEXT = 16 };

/* An IPv4 address of this host and the network interface that has it; `to`: the address of the other host, "" if unknown. */
typedef struct rt__route {
    char address[RT__ROUTE_TEXT], interface[RT__ROUTE_TEXT], to[RT__ROUTE_TEXT];
} rt__route;

/* Finds the address from which packets to `host` leave, without sending any. If the shell is ssh, its configuration says
 * which address the host has. Returns false if that cannot be told here: the name is unknown, or ssh reaches the host
 * through another one. May wait for a name server. */
bool rt__route_find(const rt__shell *shell, const char *host, rt__route *out);
/* Lists this host's addresses except loopback. Returns how many there are, at most RT__ROUTES_MOST. */
int rt__routes_own(rt__route out[RT__ROUTES_MOST]);
/* Finds the address that control.bind names: an address, an interface or a host name. Returns false if this host has no such
 * address. */
bool rt__route_of_bind(const char *bind, rt__route *out);

#endif
