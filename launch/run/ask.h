/* Sends a request to a run's coordinator and waits for the answer.
 *
 *     rt__ask *ask;
 *     RT_TRY(rt__ask_open("runs/x", &ask));
 *     rt_frame f;
 *     RT_TRY(rt__ask_for(ask, RT_MSG_STATUS, &(rt_msg_status){.events = 8}, 5, &f));
 *     puts(f.body.status_is.json);
 *     rt_frame_release(&f);
 *     rt__ask_close(ask);
 *
 * If the coordinator dies, its launcher restarts it; the request waits for that and is sent again. Requests are
 * idempotent. */
#ifndef RINGTORCH_LAUNCH_RUN_ASK_H
#define RINGTORCH_LAUNCH_RUN_ASK_H

#include "launch/remains/control_file.h"

typedef struct rt__ask rt__ask;

/* Reads the control file of a run directory and connects; sends nothing yet. Fails with CLOSED if no coordinator runs
 * there, with NET if it listens only on another host, else as rt__control_read (launch/remains/control_file.h). */
rt_status rt__ask_open(const char *dir, rt__ask **out);
/* Sends the request and waits at most `seconds` for STATUS_IS, ACCEPTED or REFUSED; release *answer. Fails with TIMEOUT
 * if none arrived (the message says what is known about why), with CLOSED if the coordinator and its launcher have
 * ended meanwhile. */
rt_status rt__ask_for(rt__ask *a, rt_msg_type type, const void *body, double seconds,
                      rt_frame *answer);
void rt__ask_close(rt__ask *a);

#endif
