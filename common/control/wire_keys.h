/* The keys of a run, and how programs pass them on: in one environment variable, never in arguments, which every user
 * of the machine can list. */
#ifndef RINGTORCH_COMMON_CONTROL_WIRE_KEYS_H
#define RINGTORCH_COMMON_CONTROL_WIRE_KEYS_H

#include <ringtorch/status.h>
#include <stdbool.h>

enum { RT_WIRE_KEY = 41 }; /* Z85 text and a zero */

/* One CURVE key pair per role, made per run; text is Z85. Never put them on a command line. */
typedef struct rt_wire_keys {
    char server_public[RT_WIRE_KEY], server_secret[RT_WIRE_KEY]; /* secret: coordinator only */
    char client_public[RT_WIRE_KEY], client_secret[RT_WIRE_KEY];
} rt_wire_keys;

rt_status rt_wire_keys_make(rt_wire_keys *k);
/* Reads RINGTORCH_KEYS ("server_public client_public client_secret [server_secret]") from the
 * environment; rt_wire_keys_text writes that value (with_secret: for the coordinator). */
rt_status rt_wire_keys_from_env(rt_wire_keys *k);
/* Reads such a value; `where` names it in errors. */
rt_status rt_wire_keys_parse(const char *text, const char *where, rt_wire_keys *k);
void rt_wire_keys_text(const rt_wire_keys *k, bool with_server_secret, char text[4 * RT_WIRE_KEY]);

#endif
