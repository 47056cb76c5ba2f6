/* The addresses of rank 0's host at which the ranks of an outer job may reach the coordinator. Nobody can tell here which of them the
 * other hosts reach: a bridge for containers has an address as any interface has. So the coordinator listens on all of them, and each rank
 * takes the first at which it answers (worker/reach.h). The order decides only how long that takes.
 *
 *     rt__route own[RT__ROUTES_MOST];
 *     char text[RT__ADDRESSES];
 *     if (rt__outer_addresses(own, rt__routes_own(own), text) > 0)
 *         puts(text);                                  // "10.0.0.1,172.17.0.1"
 */
#ifndef RINGTORCH_LAUNCH_JOBS_OUTER_ADDRESSES_H
#define RINGTORCH_LAUNCH_JOBS_OUTER_ADDRESSES_H

#include "launch/jobs/own_address.h"

enum { RT__ADDRESSES = RT__ROUTES_MOST * (RT__ROUTE_TEXT + 1) };

/* Writes the different addresses, separated by commas: first those of interfaces that other hosts may know, then those of bridges and the
 * like, which usually lead nowhere but to this host, and last those that an interface has given itself (169.254.0.0/16). Returns how many. */
int rt__outer_addresses(const rt__route *own, int n, char text[RT__ADDRESSES]);

#endif
