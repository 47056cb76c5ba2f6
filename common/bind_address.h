/* Where to listen, as users write it: an address, a network interface, or a name.
 *
 *     char address[RT_ADDRESS];
 *     RT_TRY(rt_bind_address("node0", address));           // "10.0.0.7"
 */
#ifndef RINGTORCH_COMMON_BIND_ADDRESS_H
#define RINGTORCH_COMMON_BIND_ADDRESS_H

#include <ringtorch/status.h>

enum { RT_ADDRESS = 256 };

/* Writes what ZeroMQ can bind: addresses ("10.0.0.7", "[::1]"), interfaces ("eth0") and "*" as they are, a name as the
 * first address that it stands for. CONFIG if it is none of these. */
rt_status rt_bind_address(const char *bind, char address[RT_ADDRESS]);

#endif
