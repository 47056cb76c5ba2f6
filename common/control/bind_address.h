/* Turns what a user writes for where to listen (an address, a network interface or a host name) into what ZeroMQ can
 * bind, and reads the list of addresses of a coordinator that listens at several.
 *
 *     char address[RT_ADDRESS], endpoint[RT_ENDPOINT];
 *     RT_TRY(rt_bind_address("node0", address));           // "10.0.0.7"
 *     for (const char *list = "10.0.0.7,172.17.0.1"; rt_address_next(&list, address);)
 *         rt_endpoint_of(address, "tcp://127.0.0.1:4711", endpoint);       // "tcp://10.0.0.7:4711", ...
 */
#ifndef RINGTORCH_COMMON_CONTROL_BIND_ADDRESS_H
#define RINGTORCH_COMMON_CONTROL_BIND_ADDRESS_H

#include <ringtorch/status.h>
#include <stdbool.h>

enum {
    RT_ADDRESS = 256,
    RT_ENDPOINT = RT_ADDRESS + 16,
    RT_ADDRESSES_MOST = 16,                /* at which one coordinator listens */
    RT_ADDRESSES = RT_ADDRESSES_MOST * 16, /* bytes of a list of as many IPv4 addresses */
};

/* Copies addresses ("10.0.0.7", "[::1]"), interfaces ("eth0") and "*" unchanged, and resolves a name to its first
 * address. Fails with CONFIG if it is none of these. */
rt_status rt_bind_address(const char *bind, char address[RT_ADDRESS]);
/* Takes the first address off a list, whose addresses are separated by commas. Returns false if the list is empty or NULL. */
bool rt_address_next(const char **list, char address[RT_ADDRESS]);
/* Writes the endpoint at an address that has the port of another endpoint. */
void rt_endpoint_of(const char *address, const char *other, char endpoint[RT_ENDPOINT]);

#endif
