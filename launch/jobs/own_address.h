/* The addresses of this host. Nobody can tell here which of them other hosts reach: a bridge for containers has an address as any interface
 * has. So they are ordered by how likely that is.
 *
 *     rt__route own[RT__ROUTES_MOST];
 *     int n = rt__routes_own(own);
 *     for (int i = 0; i < n; i++)
 *         printf("%s on %s\n", own[i].address, own[i].interface);        // 10.0.0.1 on eth0
 */
#ifndef RINGTORCH_LAUNCH_JOBS_OWN_ADDRESS_H
#define RINGTORCH_LAUNCH_JOBS_OWN_ADDRESS_H

#include "common/control/bind_address.h"
#include <netinet/in.h>
#include <stdbool.h>

enum { RT__ROUTES_MOST = RT_ADDRESSES_MOST, RT__ROUTE_TEXT = 16 };

/* An IPv4 address of this host and the network interface that has it; `to`: the address of the other host, "" if unknown. */
typedef struct rt__route {
    char address[RT__ROUTE_TEXT], interface[RT__ROUTE_TEXT], to[RT__ROUTE_TEXT];
} rt__route;

/* Lists this host's addresses except loopback, as rt__routes_choose does. */
int rt__routes_own(rt__route out[RT__ROUTES_MOST]);
/* Takes the different addresses among `all`: first those of interfaces that other hosts may know, then those of bridges and the like, which
 * usually lead nowhere but to this host, and last those that an interface has given itself (169.254.0.0/16). Returns how many it has taken:
 * the others are left out if there are more than RT__ROUTES_MOST. */
int rt__routes_choose(const rt__route *all, int n, rt__route out[RT__ROUTES_MOST]);
/* Writes the addresses, separated by commas. */
void rt__routes_list(const rt__route *r, int n, char text[RT_ADDRESSES]);
/* Finds the address from which packets to another one leave, without sending any. Returns false if there is no way to it, or if
 * that is loopback. */
bool rt__route_source(const struct sockaddr_in *to, char address[RT__ROUTE_TEXT]);

#endif
