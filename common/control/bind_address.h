/* Turns what a user writes for where to listen (an address, a network interface or a host name) into what ZeroMQ can
 * bind.
 *
 *     char address[RT_ADDRESS];
 *     RT_TRY(rt_bind_address("node0", address));           // "10.0.0.7"
 */
#ifndef RINGTORCH_COMMON_CONTROL_BIND_ADDRESS_H
#define RINGTORCH_COMMON_CONTROL_BIND_ADDRESS_H

#include <ringtorch/status.h>

enum { RT_ADDRESS = 256 };

/* Copies addresses ("10.0.0.7", "[::1]"), interfaces ("eth0") and "*" unchanged, and resolves a name to its first
 * address. Fails with CONFIG if it is none of these. */
rt_status rt_bind_address(const char *bind, char address[RT_ADDRESS]);

#endif
