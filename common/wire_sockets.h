/* The sockets of a wire: made, secured and watched; private to wire*.c.
 *
 *     rt__sockets s;
 *     RT_TRY(rt__sockets_listen(&options, &s));
 *     while (rt__sockets_wait(&s, 0.1)) { rt__auth_serve(&s.auth); ... zmq_msg_recv(&m, s.main, ZMQ_DONTWAIT) ... }
 *     rt__sockets_close(&s, 1);
 */
#ifndef RINGTORCH_COMMON_WIRE_SOCKETS_H
#define RINGTORCH_COMMON_WIRE_SOCKETS_H

#include "common/wire_auth.h"

typedef struct rt__sockets {
    void *context;
    void *main;    /* ROUTER or DEALER */
    rt__auth auth; /* ROUTER: who wants in */
    void *
        monitor; /* DEALER: what happens to its connection; ROUTER: clients that were turned away */
    int epoll;   /* readable when one of these sockets may have something */
    char *endpoint; /* really bound, or connected to */
} rt__sockets;

/* Bind a ROUTER, connect a DEALER. On failure nothing is left open, and a rt__sockets_close does no harm. */
rt_status rt__sockets_listen(const rt_wire_options *o, rt__sockets *out);
rt_status rt__sockets_connect(const rt_wire_options *o, rt__sockets *out);
/* Sleeps until there is something to read; false when the time is over or a signal came. With no
 * time it only looks: sending may have taken note of what came, so the descriptor need not tell. */
bool rt__sockets_wait(const rt__sockets *s, double seconds);
/* Closes after at most `linger` seconds of sending what is queued. */
void rt__sockets_close(rt__sockets *s, double linger);

#endif
