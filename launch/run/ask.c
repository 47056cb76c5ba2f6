#include "launch/run/ask.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/state/run_lock.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double LOOK_SECONDS = 0.25, /* between two looks at the control file while waiting */
    LOCKED_OUT_SECONDS = 1;              /* before we try refused keys again */

struct rt__ask {
    char *dir, *control_path;
    rt__control control;
    rt_wire *wire; /* NULL: not connected to the coordinator that control.json names now */
};

/* ---- who is there ---- */

static bool is_here(const rt__control *c)
{
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return c->host[0] == '\0' || strcmp(c->host, name) == 0;
}

/* Fails if no coordinator can answer. The lock can only prove that a launcher on this host is alive. */
static rt_status check_alive(const rt__ask *a)
{
    if (!is_here(&a->control) && strncmp(a->control.endpoint, "tcp://127.", 10) == 0)
        return RT_FAIL(
            NET,
            "%s: its coordinator listens only on host %s, where all its workers are: run the "
            "command there, or begin the run with control.bind set to that host's address",
            a->dir, a->control.host);
    if (is_here(&a->control) && !rt_run_lock_is_held(a->dir))
        return RT_FAIL(CLOSED, "%s: no coordinator is running there", a->dir);
    return RT_OK;
}

/* Without a control file a run may still be starting, or its coordinator restarting, as long as the lock is held. */
static rt_status check_starting(const rt__ask *a)
{
    return rt_run_lock_is_held(a->dir)
               ? RT_OK
               : RT_FAIL(CLOSED, "%s: no coordinator is running there", a->dir);
}

static void disconnect(rt__ask *a)
{
    if (a->wire)
        rt_wire_close(a->wire, 0);
    a->wire = NULL;
}

/* Connects, or reconnects if the control file has changed. Without a control file there is no connection, which is no
 * failure while a launcher is alive. */
static rt_status follow_control(rt__ask *a, bool *fresh)
{
    rt__control now;
    rt_status status = rt__control_read_file(a->control_path, &now);
    *fresh = false;
    if (status == RT_E_NOTFOUND) {
        rt_error_clear();
        disconnect(a);
        return check_starting(a);
    }
    RT_TRY(status);
    bool same = now.inode == a->control.inode && now.written_ns == a->control.written_ns;
    if (!same)
        disconnect(a);
    a->control = now;
    RT_TRY(check_alive(a));
    if (a->wire)
        return RT_OK;
    *fresh = true;
    return rt_wire_connect(&(rt_wire_options){.endpoint = a->control.endpoint,
                                              .keys = &a->control.keys,
                                              .run = a->control.run,
                                              .name = "tool"},
                           &a->wire);
}

rt_status rt__ask_open(const char *dir, rt__ask **out)
{
    bool fresh;
    rt__ask *a = rt_calloc(1, sizeof *a);
    if (!a)
        return rt_error_code();
    rt_log_set_level(RT_LOG_ERROR); /* the wire's warnings would only disturb the answer */
    a->dir = rt_strdup(dir);
    a->control_path = rt_path_join(dir, "control.json");
    rt_status status = a->dir && a->control_path ? follow_control(a, &fresh) : rt_error_code();
    if (status != RT_OK) {
        rt__ask_close(a);
        a = NULL;
    }
    *out = a;
    return status;
}

void rt__ask_close(rt__ask *a)
{
    if (!a)
        return;
    disconnect(a);
    rt_mem_free(a->dir);
    rt_mem_free(a->control_path);
    rt_mem_free(a);
}

/* ---- asking ---- */

static bool is_answer(rt_msg_type question, rt_msg_type type)
{
    return type == RT_MSG_REFUSED ||
           type == (question == RT_MSG_STATUS ? RT_MSG_STATUS_IS : RT_MSG_ACCEPTED);
}

/* Drops late answers to requests that were given up. */
static void drop_old_answers(rt__ask *a)
{
    rt_frame f;
    while (a->wire && rt_wire_receive(a->wire, 0, &f) == RT_OK)
        rt_frame_release(&f);
    rt_error_clear();
}

/* Waits at most `seconds` for the answer. */
static rt_status wait_for_answer(rt__ask *a, rt_msg_type question, double seconds, rt_frame *answer)
{
    double end = rt_clock() + seconds;
    if (!a->wire) {
        rt_clock_sleep(seconds);
        return RT_E_TIMEOUT;
    }
    for (double left = seconds; left > 0; left = end - rt_clock()) {
        RT_TRY(rt_wire_receive(a->wire, left, answer));
        if (is_answer(question, answer->type))
            return RT_OK;
        rt_frame_release(answer);
    }
    return RT_E_TIMEOUT;
}

static rt_status fail_unanswered(const rt__ask *a, double seconds)
{
    char who[300] = "";
    if (a->control.pid > 0)
        snprintf(who, sizeof who, " (process %" PRId64 "%s%s)", a->control.pid,
                 a->control.host[0] ? " on " : "", a->control.host);
    if (!a->wire)
        return RT_FAIL(TIMEOUT,
                       "%s: its launcher is running, but has had no coordinator for %.0f s: one is "
                       "being started: try again",
                       a->dir, seconds);
    if (!rt_wire_connected(a->wire))
        return RT_FAIL(TIMEOUT,
                       "%s: its coordinator%s could not be reached at %s for %.0f s: it is "
                       "restarting or hangs: try again; logs/coordinator.log may say more",
                       a->dir, who, a->control.endpoint, seconds);
    return RT_FAIL(TIMEOUT,
                   "%s: its coordinator%s has not answered for %.0f s: it hangs or is very busy: "
                   "try again; logs/coordinator.log may say more",
                   a->dir, who, seconds);
}

rt_status rt__ask_for(rt__ask *a, rt_msg_type type, const void *body, double seconds,
                      rt_frame *answer)
{
    double began = rt_clock(), left = seconds;
    bool asked = false, fresh;
    rt_saved_error locked_out = {0};
    drop_old_answers(a);
    for (; left > 0; left = began + seconds - rt_clock()) {
        RT_TRY(follow_control(a, &fresh));
        if (a->wire && (fresh || !asked))
            RT_TRY(rt_wire_send(a->wire, NULL, type, body));
        asked = a->wire != NULL;
        rt_status status =
            wait_for_answer(a, type, left < LOOK_SECONDS ? left : LOOK_SECONDS, answer);
        if (status == RT_OK)
            return RT_OK;
        if (status != RT_E_TIMEOUT) { /* the keys may belong to an earlier coordinator */
            rt_error_save(&locked_out);
            disconnect(a);
            rt_clock_sleep(left < LOCKED_OUT_SECONDS ? left : LOCKED_OUT_SECONDS);
        }
    }
    if (locked_out.code != RT_OK && !a->wire)
        return RT_FAIL(AUTH,
                       "%s: its keys are not those of the coordinator at %s: remove the file if "
                       "another run listens there",
                       a->control_path, a->control.endpoint);
    rt_status status = fail_unanswered(a, seconds);
    disconnect(a); /* the next request starts with a new connection */
    return status;
}
