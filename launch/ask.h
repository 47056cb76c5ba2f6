/* Asking the coordinator of a run: the control file, the connection, the question, the answer.
 *
 *     rt__ask *ask;
 *     RT_TRY(rt__ask_open("runs/x", &ask));
 *     rt_frame f;
 *     RT_TRY(rt__ask_for(ask, RT_MSG_STATUS, &(rt_msg_status){.events = 8}, 5, &f));
 *     puts(f.body.status_is.json);
 *     rt_frame_release(&f);
 *     rt__ask_close(ask);
 *
 * A coordinator that dies is restarted by its launcher: a question waits for that, and is asked
 * anew. Questions are idempotent. */
#ifndef RINGTORCH_LAUNCH_ASK_H
#define RINGTORCH_LAUNCH_ASK_H

#include "common/wire.h"

/* What <run dir>/control.json says. */
typedef struct rt__control {
    char endpoint[256], run[64], host[256];
    int64_t pid;
    rt_wire_keys keys;         /* of a client */
    int64_t inode, written_ns; /* which file it was */
} rt__control;

/* NOTFOUND: there is none. ARG: it may not be read, or others may read it; FORMAT: it is not one;
 * both name the file. */
rt_status rt__control_read(const char *dir, rt__control *out);

typedef struct rt__ask rt__ask;

/* Makes ready to ask the coordinator of a run directory; nothing is sent yet. CLOSED: no coordinator
 * lives there; NET: it lives on a host that cannot be asked from here. Else as rt__control_read. */
rt_status rt__ask_open(const char *dir, rt__ask **out);
/* Asks and waits at most `seconds` for STATUS_IS, ACCEPTED or REFUSED; release *answer. TIMEOUT:
 * none came, the message says what is known about why; CLOSED: the coordinator and its launcher have
 * ended meanwhile. */
rt_status rt__ask_for(rt__ask *a, rt_msg_type type, const void *body, double seconds,
                      rt_frame *answer);
void rt__ask_close(rt__ask *a);

#endif
