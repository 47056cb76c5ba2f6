/* Creates, secures and watches the sockets of a wire; private to wire*.c.
 *
 *     rt__sockets s;
 *     RT_TRY(rt__sockets_listen(&options, &s));
 *     while (rt__sockets_wait(&s, 0.1)) { rt__auth_serve(&s.auth); ... zmq_msg_recv(&m, s.main, ZMQ_DONTWAIT) ... }
 *     rt__sockets_close(&s, 1);
 */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_SOCKETS_H
#define RINGTORCH_COMMON_CONTROL_WIRE_SOCKETS_H

#include "common/control/wire_auth.h"
#include "common/control/wire_keys.h"

enum { RT__SOCKETS_WATCHED = 3 }; /* at most: the main one, the monitor, and connection requests */

typedef struct rt__sockets_options {
    const char *endpoint; /* to bind or to connect to */
    /* ROUTER: further addresses to bind, at the same port: "10.0.0.2,10.1.0.1"; may be NULL */
    const char *also;
    const rt_wire_keys *keys;
    const char *name; /* DEALER: begins its routing id */
} rt__sockets_options;

typedef struct rt__sockets {
    void *context;
    void *main;    /* ROUTER or DEALER */
    rt__auth auth; /* ROUTER: connection requests */
    /* DEALER: events of its connection; ROUTER: rejected clients */
    void *monitor;
    int fd[RT__SOCKETS_WATCHED],
        watched;    /* [watched]; readable when one of these sockets may have something */
    char *endpoint; /* that was bound or connected to */
} rt__sockets;

/* Bind a ROUTER, or connect a DEALER. On failure nothing stays open, and calling rt__sockets_close is harmless. */
rt_status rt__sockets_listen(const rt__sockets_options *o, rt__sockets *out);
rt_status rt__sockets_connect(const rt__sockets_options *o, rt__sockets *out);
/* Sleeps until there is something to read; returns false after `seconds` or on a signal. With 0 seconds it only checks
 * the sockets' own state: sending may have consumed the edge of the descriptor, which then does not become readable. */
bool rt__sockets_wait(const rt__sockets *s, double seconds);
/* Closes after sending what is queued, for at most `linger` seconds. */
void rt__sockets_close(rt__sockets *s, double linger);

#endif
