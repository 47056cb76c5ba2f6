/* The addresses of this host.
 *
 *     rt__route own[RT__ROUTES_MOST];
 *     int n = rt__routes_own(own);
 *     for (int i = 0; i < n; i++)
 *         printf("%s on %s\n", own[i].address, own[i].interface);        // 10.0.0.1 on eth0
 */
#ifndef RINGTORCH_LAUNCH_JOBS_OWN_ADDRESS_H
#define RINGTORCH_LAUNCH_JOBS_OWN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

enum { RT__ROUTES_MOST = 16, RT__ROUTE_TEXT = 16 };

/* An IPv4 address of this host and the network interface that has it; `to`: the address of the other host, "" if unknown. */
typedef struct rt__route {
    char address[RT__ROUTE_TEXT], interface[RT__ROUTE_TEXT], to[RT__ROUTE_TEXT];
} rt__route;

/* Lists this host's addresses except loopback. Returns how many there are, at most RT__ROUTES_MOST. */
int rt__routes_own(rt__route out[RT__ROUTES_MOST]);
/* Finds the address from which packets to another one leave, without sending any. Returns false if there is no way to it, or if
 * that is loopback. */
bool rt__route_source(const struct sockaddr_in *to, char address[RT__ROUTE_TEXT]);

#endif
