/* Sockets of ZeroMQ with CURVE, authentication and a monitor: https://zguide.zeromq.org, https://rfc.zeromq.org/spec/26 */
#include "common/control/wire_sockets.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/control/bind_address.h"
#include "common/control/wire_frame.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

enum {
    QUEUE = 1000,           /* frames that ZeroMQ keeps per peer and direction */
    HEARTBEAT_EVERY = 1000, /* ms; a connection silent for HEARTBEAT_LOST is remade */
    HEARTBEAT_LOST = 5000,  /* ms */
    RECONNECT_FIRST = 20,   /* ms before the first attempt to reconnect, then doubled ... */
    RECONNECT_LAST = 50,    /* ms ... up to this, plus up to the first at random: a coordinator that
                               is back is found within 70 */
    CONNECT_LOST = 1000,    /* ms; an attempt without any answer is repeated */
    BACKLOG = 4096,         /* connections waiting to be accepted: all of a large job at once */
    SEALED_EXTRA = 256,     /* bytes CURVE adds to a frame, rounded up */
};

static rt_status net_error(const char *endpoint, const char *doing)
{
    return RT_FAIL(NET, "%s: cannot %s: %s", endpoint, doing, zmq_strerror(zmq_errno()));
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_key(void *socket, int option, const char *key)
{
    return zmq_setsockopt(socket, option, key, RT_WIRE_KEY) == 0;
}

static bool set_common_options(void *socket)
{
    int64_t largest = RT_WIRE_FRAME_MAX + SEALED_EXTRA;
    return set_int(socket, ZMQ_SNDHWM, QUEUE) && set_int(socket, ZMQ_RCVHWM, QUEUE) &&
           set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_EVERY) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_LOST) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
}

static bool set_router_options(void *socket, const rt_wire_keys *keys)
{
    /* HANDOVER: a peer that reconnects takes over its name from its dead connection. */
    return set_int(socket, ZMQ_ROUTER_MANDATORY, 1) && set_int(socket, ZMQ_ROUTER_HANDOVER, 1) &&
           set_int(socket, ZMQ_CURVE_SERVER, 1) && set_int(socket, ZMQ_BACKLOG, BACKLOG) &&
           set_key(socket, ZMQ_CURVE_SECRETKEY, keys->server_secret) &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "ringtorch", 9) == 0;
}

static bool set_dealer_options(void *socket, const rt_wire_keys *keys, const char *routing_id)
{
    return set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_LAST) &&
           set_int(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_LOST) &&
           set_key(socket, ZMQ_CURVE_SERVERKEY, keys->server_public) &&
           set_key(socket, ZMQ_CURVE_PUBLICKEY, keys->client_public) &&
           set_key(socket, ZMQ_CURVE_SECRETKEY, keys->client_secret) &&
           zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)) == 0;
}

/* Makes the part that both ends share. */
static rt_status open_main(const rt__sockets_options *o, int kind, rt__sockets *s)
{
    *s = (rt__sockets){0};
    s->context = zmq_ctx_new();
    s->main = s->context ? zmq_socket(s->context, kind) : NULL;
    if (!s->main || !set_common_options(s->main))
        return net_error(o->endpoint, "make a socket");
    return RT_OK;
}

static rt_status watch(rt__sockets *s, void *socket)
{
    size_t size = sizeof *s->fd;
    if (zmq_getsockopt(socket, ZMQ_FD, &s->fd[s->watched], &size) != 0)
        return RT_FAIL(NET, "cannot watch a socket: %s", zmq_strerror(zmq_errno()));
    s->watched++;
    return RT_OK;
}

/* Opens a socket on which ZeroMQ reports events of the connections of `main`. */
static rt_status open_monitor(rt__sockets *s, const char *endpoint, int events)
{
    if (zmq_socket_monitor(s->main, "inproc://monitor", events) != 0)
        return net_error(endpoint, "monitor the connection");
    s->monitor = zmq_socket(s->context, ZMQ_PAIR);
    if (!s->monitor || !set_int(s->monitor, ZMQ_LINGER, 0) ||
        zmq_connect(s->monitor, "inproc://monitor") != 0)
        return net_error(endpoint, "monitor the connection");
    return watch(s, s->monitor);
}

static rt_status bind_failed(const char *endpoint)
{
    int error = zmq_errno();
    if (error == EADDRINUSE)
        return RT_FAIL(EXISTS,
                       "%s: the port is taken: choose another control.port, or 0 for any free one",
                       endpoint);
    return RT_FAIL(ARG, "%s: cannot listen there: %s: check control.bind and control.port",
                   endpoint, zmq_strerror(error));
}

/* Checks that a connection to our own address is possible. If the loopback interface is down, as in a fresh network
 * namespace, listening works but connecting does not. Connecting a datagram socket sends nothing and only looks up the
 * route. */
static rt_status check_route(const char *endpoint)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    char address[INET_ADDRSTRLEN];
    if (sscanf(endpoint, "tcp://%15[0-9.]:", address) != 1 ||
        inet_pton(AF_INET, address, &to.sin_addr) != 1)
        return RT_OK;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return RT_OK; /* the connecting process will report the reason */
    bool reached = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    int error = errno;
    close(fd);
    if (reached)
        return RT_OK;
    return RT_FAIL(NET,
                   "%s: this host cannot reach its own address: %s: set up the loopback interface, "
                   "as with ip link set lo up",
                   endpoint, strerror(error));
}

/* Other processes reach us at the main endpoint or at one of these; so one that cannot be bound is no failure. */
static void bind_also(const rt__sockets *s, const char *addresses)
{
    char address[RT_ADDRESS], endpoint[RT_ENDPOINT];
    while (rt_address_next(&addresses, address)) {
        rt_endpoint_of(address, s->endpoint, endpoint);
        if (zmq_bind(s->main, endpoint) != 0)
            rt_log_warn("%s: cannot listen there, too: %s", endpoint, zmq_strerror(zmq_errno()));
    }
}

static rt_status listen_on(const rt__sockets_options *o, rt__sockets *s)
{
    RT_TRY(open_main(o, ZMQ_ROUTER, s));
    RT_TRY(rt__auth_open(s->context, o->keys->client_public, &s->auth));
    RT_TRY(watch(s, s->auth.socket));
    RT_TRY(
        open_monitor(s, o->endpoint,
                     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL));
    RT_TRY(watch(s, s->main));
    if (!set_router_options(s->main, o->keys))
        return net_error(o->endpoint, "set socket options");
    if (zmq_bind(s->main, o->endpoint) != 0)
        return bind_failed(o->endpoint);
    char bound[256];
    size_t size = sizeof bound;
    if (zmq_getsockopt(s->main, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
        return net_error(o->endpoint, "ask for the port");
    RT_TRY(check_route(bound));
    s->endpoint = rt_strdup(bound);
    if (!s->endpoint)
        return rt_error_code();
    bind_also(s, o->also);
    return RT_OK;
}

rt_status rt__sockets_listen(const rt__sockets_options *o, rt__sockets *out)
{
    rt_status status = listen_on(o, out);
    if (status != RT_OK)
        rt__sockets_close(out, 0);
    return status;
}

static rt_status connect_to(const rt__sockets_options *o, rt__sockets *s)
{
    uint64_t nonce;
    RT_TRY(rt_os_random(&nonce, sizeof nonce));
    char routing_id[RT__NAME_MAX];
    snprintf(routing_id, sizeof routing_id, "%.40s#%016" PRIx64, o->name, nonce);
    s->endpoint = rt_strdup(o->endpoint);
    if (!s->endpoint)
        return rt_error_code();
    RT_TRY(open_monitor(s, o->endpoint,
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                            ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                            ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED));
    RT_TRY(watch(s, s->main));
    if (!set_dealer_options(s->main, o->keys, routing_id))
        return net_error(o->endpoint, "set socket options");
    return zmq_connect(s->main, o->endpoint) == 0 ? RT_OK : net_error(o->endpoint, "connect");
}

rt_status rt__sockets_connect(const rt__sockets_options *o, rt__sockets *out)
{
    rt_status status = open_main(o, ZMQ_DEALER, out);
    if (status == RT_OK)
        status = connect_to(o, out);
    if (status != RT_OK)
        rt__sockets_close(out, 0);
    return status;
}

bool rt__sockets_wait(const rt__sockets *s, double seconds)
{
    zmq_pollitem_t items[] = {{.socket = s->main, .events = ZMQ_POLLIN},
                              {.socket = s->monitor, .events = ZMQ_POLLIN},
                              {.socket = s->auth.socket, .events = ZMQ_POLLIN}};
    long ms = seconds > 0 ? (long)(seconds * 1000) + 1 : 0;
    return zmq_poll(items, s->auth.socket ? 3 : 2, ms) > 0;
}

void rt__sockets_close(rt__sockets *s, double linger)
{
    if (s->monitor) {
        zmq_socket_monitor(s->main, NULL, 0);
        zmq_close(s->monitor);
    }
    rt__auth_close(&s->auth);
    if (s->main) {
        set_int(s->main, ZMQ_LINGER, linger > 0 ? (int)(linger * 1000) : 0);
        zmq_close(s->main);
    }
    if (s->context)
        zmq_ctx_term(s->context);
    rt_mem_free(s->endpoint);
    *s = (rt__sockets){0};
}
