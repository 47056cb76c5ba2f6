/* A TCP proxy in a thread, to break connections at will.
 *
 *     proxy p;
 *     proxy_start(&p, "tcp://127.0.0.1:4242");    // p.endpoint leads there
 *     proxy_swallow(&p);                          // bytes are read and dropped
 *     proxy_cut(&p);                              // all connections end; new ones work again
 *     proxy_stop(&p);
 */
#ifndef RINGTORCH_TESTS_UNIT_COMMON_PROXY_H
#define RINGTORCH_TESTS_UNIT_COMMON_PROXY_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROXY_LINKS = 8 };

typedef struct proxy {
    char endpoint[64];
    struct sockaddr_in target;
    int listener, link[PROXY_LINKS][2]; /* -1: free */
    _Atomic bool swallowing, cut, stop;
    pthread_t thread;
} proxy;

static inline void proxy_end_link(int link[2])
{
    for (int side = 0; side < 2; side++) {
        close(link[side]);
        link[side] = -1;
    }
}

static inline void proxy_accept(proxy *p)
{
    int client = accept(p->listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < PROXY_LINKS; i++)
        if (p->link[i][0] < 0 &&
            connect(server, (struct sockaddr *)&p->target, sizeof p->target) == 0) {
            p->link[i][0] = client;
            p->link[i][1] = server;
            return;
        }
    close(client);
    close(server);
}

/* Moves the available bytes from one side to the other; returns false at the end of the stream. */
static inline bool proxy_move(proxy *p, int from, int to)
{
    char bytes[1 << 16];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    for (ssize_t done = 0; done < n && !p->swallowing;) {
        ssize_t m = send(to, bytes + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (m <= 0)
            return false;
        done += m;
    }
    return true;
}

static inline void proxy_poll(proxy *p)
{
    struct pollfd fds[1 + 2 * PROXY_LINKS] = {{.fd = p->listener, .events = POLLIN}};
    for (int i = 0; i < 2 * PROXY_LINKS; i++)
        fds[1 + i] = (struct pollfd){.fd = p->link[i / 2][i % 2], .events = POLLIN};
    if (poll(fds, 1 + 2 * PROXY_LINKS, 10) <= 0)
        return;
    for (int i = 0; i < 2 * PROXY_LINKS; i++) {
        int *link = p->link[i / 2];
        if (fds[1 + i].revents && link[0] >= 0 && !proxy_move(p, link[i % 2], link[1 - i % 2]))
            proxy_end_link(link);
    }
    if (fds[0].revents)
        proxy_accept(p);
}

static inline void *proxy_run(void *arg)
{
    proxy *p = arg;
    while (!p->stop) {
        proxy_poll(p);
        if (!p->cut && !p->stop)
            continue;
        for (int i = 0; i < PROXY_LINKS; i++)
            if (p->link[i][0] >= 0)
                proxy_end_link(p->link[i]);
        p->swallowing = p->cut = false;
    }
    return NULL;
}

/* Listens at an address, at any port if it is 0. What connects waits until proxy_begin. */
static inline void proxy_listen(proxy *p, const char *address, int port, const char *target)
{
    *p = (proxy){.listener = socket(AF_INET, SOCK_STREAM, 0)};
    memset(p->link, -1, sizeof p->link);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    p->target = here;
    here.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, address, &here.sin_addr);
    p->target.sin_port = htons((uint16_t)strtoul(strrchr(target, ':') + 1, NULL, 10));
    if (bind(p->listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(p->listener, 8) != 0 ||
        getsockname(p->listener, (struct sockaddr *)&here, &size) != 0)
        abort();
    snprintf(p->endpoint, sizeof p->endpoint, "tcp://%s:%d", address, ntohs(here.sin_port));
}

static inline void proxy_begin(proxy *p)
{
    pthread_create(&p->thread, NULL, proxy_run, p);
}

static inline void proxy_start(proxy *p, const char *target)
{
    proxy_listen(p, "127.0.0.1", 0, target);
    proxy_begin(p);
}

static inline void proxy_swallow(proxy *p)
{
    p->swallowing = true;
}

static inline void proxy_cut(proxy *p)
{
    p->cut = true;
}

static inline void proxy_stop(proxy *p)
{
    p->stop = true;
    pthread_join(p->thread, NULL);
    close(p->listener);
}

#endif
