#include "common/control/wire_keys.h"

#include "common/base/error.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

rt_status rt_wire_keys_make(rt_wire_keys *k)
{
    memset(k, 0, sizeof *k);
    if (zmq_curve_keypair(k->server_public, k->server_secret) != 0 ||
        zmq_curve_keypair(k->client_public, k->client_secret) != 0)
        return RT_FAIL(UNSUPPORTED, "this machine's libzmq cannot make CURVE keys: %s",
                       zmq_strerror(zmq_errno()));
    return RT_OK;
}

void rt_wire_keys_text(const rt_wire_keys *k, bool with_server_secret, char text[4 * RT_WIRE_KEY])
{
    snprintf(text, 4 * (size_t)RT_WIRE_KEY, "%s %s %s%s%s", k->server_public, k->client_public,
             k->client_secret, with_server_secret ? " " : "",
             with_server_secret ? k->server_secret : "");
}

/* Reads the next key from *text; a space or the end must follow it. */
static bool take_key(const char **text, char key[RT_WIRE_KEY])
{
    uint8_t binary[32];
    size_t len = strcspn(*text, " ");
    if (len != RT_WIRE_KEY - 1)
        return false;
    memcpy(key, *text, len);
    key[len] = 0;
    *text += len;
    *text += **text == ' ';
    return zmq_z85_decode(binary, key) != NULL;
}

rt_status rt_wire_keys_parse(const char *text, const char *where, rt_wire_keys *k)
{
    memset(k, 0, sizeof *k);
    bool good = take_key(&text, k->server_public) && take_key(&text, k->client_public) &&
                take_key(&text, k->client_secret) &&
                (*text == 0 || take_key(&text, k->server_secret));
    if (!good || *text != 0)
        return RT_FAIL(AUTH, "%s does not hold three or four keys of %d characters", where,
                       RT_WIRE_KEY - 1);
    return RT_OK;
}

rt_status rt_wire_keys_from_env(rt_wire_keys *k)
{
    const char *text = getenv("RINGTORCH_KEYS");
    if (!text)
        return RT_FAIL(AUTH,
                       "RINGTORCH_KEYS is not set: this program is started by `ringtorch train`");
    return rt_wire_keys_parse(text, "RINGTORCH_KEYS", k);
}
