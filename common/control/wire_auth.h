/* Decides who may connect to a ROUTER by answering ZeroMQ's authentication requests; private to wire.c.
 *
 *     RT_TRY(rt__auth_open(context, keys.client_public, &auth));   // before the ROUTER binds
 *     rt__auth_serve(&auth);                           // whenever auth.socket is readable
 *     rt__auth_close(&auth);
 */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_AUTH_H
#define RINGTORCH_COMMON_CONTROL_WIRE_AUTH_H

#include "common/base/log.h"
#include <ringtorch/status.h>
#include <stdint.h>

typedef struct rt__auth {
    void *socket;
    uint8_t client_public[32];
    rt_log_limit refused; /* rejected connections */
} rt__auth;

rt_status rt__auth_open(void *context, const char *client_public, rt__auth *out);
/* Answers all pending requests; never blocks. */
void rt__auth_serve(rt__auth *a);
void rt__auth_close(rt__auth *a);

#endif
