/* Finds the address of this host at which other hosts reach it.
 *
 *     rt__route r;
 *     if (rt__route_find(&shell, "node1", &r))
 *         printf("%s on %s\n", r.address, r.interface);        // 10.0.0.1 on eth0
 */
#ifndef RINGTORCH_LAUNCH_JOBS_CONTROL_ADDRESS_H
#define RINGTORCH_LAUNCH_JOBS_CONTROL_ADDRESS_H

#include "launch/jobs/own_address.h"
#include "launch/jobs/remote_shell.h"

/* Finds the address from which packets to `host` leave, without sending any. If the shell is ssh, its configuration says
 * which address the host has. Returns false if that cannot be told here: the name is unknown, or ssh reaches the host
 * through another one. May wait for a name server. */
bool rt__route_find(const rt__shell *shell, const char *host, rt__route *out);
/* Finds the address that control.bind names: an address, an interface or a host name. Returns false if this host has no such
 * address. */
bool rt__route_of_bind(const char *bind, rt__route *out);

#endif
