/* ZeroMQ Authentication Protocol, https://rfc.zeromq.org/spec/27: ZeroMQ asks about each new client over an in-process
 * socket and keeps it waiting until answered. Only the run's client key is accepted. */
#include "common/control/wire_auth.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
    PARTS = 7,
    PART_MAX = 256
}; /* version, request, domain, address, identity, mechanism, key */

typedef struct request {
    char part[PARTS][PART_MAX];
    size_t len[PARTS];
    int parts; /* how many parts came; may exceed the array */
} request;

rt_status rt__auth_open(void *context, const char *client_public, rt__auth *out)
{
    *out = (rt__auth){0};
    if (!zmq_z85_decode(out->client_public, client_public))
        return RT_FAIL(ARG, "the run's client key is not a Z85 key");
    out->socket = zmq_socket(context, ZMQ_REP);
    int no_linger = 0;
    if (!out->socket ||
        zmq_setsockopt(out->socket, ZMQ_LINGER, &no_linger, sizeof no_linger) != 0 ||
        zmq_bind(out->socket, "inproc://zeromq.zap.01") != 0) {
        RT_FAIL(NET, "cannot set up authentication: %s", zmq_strerror(zmq_errno()));
        rt__auth_close(out);
        return rt_error_code();
    }
    return RT_OK;
}

/* Returns false if no request is waiting. */
static bool receive(rt__auth *a, request *r)
{
    int more = 1;
    size_t size = sizeof more;
    for (r->parts = 0; more; r->parts++) {
        char surplus[PART_MAX];
        bool fits = r->parts < PARTS;
        int n = zmq_recv(a->socket, fits ? r->part[r->parts] : surplus, PART_MAX, ZMQ_DONTWAIT);
        if (n < 0)
            return false;
        if (fits)
            r->len[r->parts] = n < PART_MAX ? (size_t)n : PART_MAX;
        zmq_getsockopt(a->socket, ZMQ_RCVMORE, &more, &size);
    }
    return true;
}

static bool is_text(const request *r, int part, const char *text)
{
    return r->len[part] == strlen(text) && memcmp(r->part[part], text, r->len[part]) == 0;
}

static bool may_enter(const rt__auth *a, const request *r)
{
    return r->parts == PARTS && is_text(r, 0, "1.0") && is_text(r, 5, "CURVE") &&
           r->len[6] == sizeof a->client_public &&
           memcmp(r->part[6], a->client_public, r->len[6]) == 0;
}

void rt__auth_serve(rt__auth *a)
{
    request r;
    while (receive(a, &r)) {
        bool welcome = may_enter(a, &r);
        if (!welcome)
            rt_log_warn_limited(&a->refused,
                                "refused a connection from %.*s: it does not hold this run's key",
                                r.parts > 3 ? (int)r.len[3] : 0, r.part[3]);
        zmq_send(a->socket, "1.0", 3, ZMQ_SNDMORE);
        zmq_send(a->socket, r.part[1], r.parts > 1 ? r.len[1] : 0, ZMQ_SNDMORE);
        zmq_send(a->socket, welcome ? "200" : "400", 3, ZMQ_SNDMORE);
        zmq_send(a->socket, "", 0, ZMQ_SNDMORE); /* status text */
        zmq_send(a->socket, "", 0, ZMQ_SNDMORE); /* user id */
        zmq_send(a->socket, "", 0, 0);           /* metadata */
    }
}

void rt__auth_close(rt__auth *a)
{
    if (a->socket)
        zmq_close(a->socket);
    a->socket = NULL;
}
