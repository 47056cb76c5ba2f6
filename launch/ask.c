#include "launch/ask.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/fields.h"
#include "launch/place.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTROL_MAX = 1 << 16 };
static const double LOOK_SECONDS = 0.25, /* how often the control file is looked at while waiting */
    LOCKED_OUT_SECONDS = 1;              /* before keys that were refused are tried again */

struct rt__ask {
    char *dir, *control_path;
    rt__control control;
    rt_wire *wire; /* NULL: not connected to what control.json names now */
};

/* ---- the control file ---- */

/* Its keys let anybody who can read it stop the run. */
static rt_status check_private(const char *path, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return RT_FAIL(FORMAT, "%s: is not a file: remove it", path);
    if (st->st_uid != geteuid() && geteuid() != 0)
        return RT_FAIL(ARG, "%s: belongs to user %u, not to you (%u): ask as that user", path,
                       (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & 077)
        return RT_FAIL(ARG,
                       "%s: its mode is %04o, so others can read or change the keys of the run: "
                       "chmod 600 it",
                       path, st->st_mode & 07777);
    return RT_OK;
}

static rt_status open_control(const char *path, rt_bytes *text, rt__control *out)
{
    struct stat st;
    char buffer[CONTROL_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return RT_FAIL(NOTFOUND, "%s: there is none", path);
    if (fd < 0)
        return RT_FAIL(ARG, "%s: cannot be read: %s", path,
                       errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    rt_status status = fstat(fd, &st) == 0 ? check_private(path, &st)
                                           : RT_FAIL(IO, "%s: %s", path, strerror(errno));
    ssize_t n = status == RT_OK ? read(fd, buffer, sizeof buffer) : 0;
    if (status == RT_OK && (n < 0 || n > CONTROL_MAX))
        status = RT_FAIL(FORMAT, "%s: %s", path, n < 0 ? strerror(errno) : "too long: remove it");
    close(fd);
    RT_TRY(status);
    out->inode = (int64_t)st.st_ino;
    out->written_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    text->len = (size_t)n;
    text->data = rt_malloc(text->len + 1);
    if (!text->data)
        return rt_error_code();
    memcpy(text->data, buffer, text->len);
    return RT_OK;
}

static rt_status take_text(const json_t *j, const char *key, const char *path, char *out,
                           size_t size)
{
    const char *text;
    RT_TRY(rt_json_string(j, key, path, &text));
    if (strlen(text) == 0 || strlen(text) >= size)
        return RT_FAIL(FORMAT, "%s: '%s' is %s", path, key, *text ? "too long" : "empty");
    memcpy(out, text, strlen(text) + 1);
    return RT_OK;
}

static rt_status take_fields(const json_t *j, const char *path, rt__control *out)
{
    const char *keys;
    RT_TRY(take_text(j, "endpoint", path, out->endpoint, sizeof out->endpoint));
    RT_TRY(take_text(j, "run", path, out->run, sizeof out->run));
    RT_TRY(rt_json_string(j, "keys", path, &keys));
    RT_TRY(rt_wire_keys_parse(keys, path, &out->keys));
    out->pid = rt__field_int(j, "pid", 0);
    snprintf(out->host, sizeof out->host, "%s", rt__field_text(j, "host"));
    if (strncmp(out->endpoint, "tcp://", 6) != 0)
        return RT_FAIL(FORMAT, "%s: endpoint '%s': expected tcp://ADDRESS:PORT", path,
                       out->endpoint);
    return RT_OK;
}

static rt_status read_control(const char *path, rt__control *out)
{
    *out = (rt__control){0};
    rt_bytes text = {0};
    json_t *j = NULL;
    RT_TRY(open_control(path, &text, out));
    rt_status status = rt_json_parse((const char *)text.data, text.len, path, &j);
    if (status == RT_OK)
        status = take_fields(j, path, out);
    json_decref(j);
    rt_bytes_release(&text);
    return status;
}

rt_status rt__control_read(const char *dir, rt__control *out)
{
    char *path = rt_path_join(dir, "control.json");
    rt_status status = path ? read_control(path, out) : rt_error_code();
    rt_mem_free(path);
    return status;
}

/* ---- who is there ---- */

static bool is_here(const rt__control *c)
{
    char name[256] = "";
    gethostname(name, sizeof name - 1);
    return c->host[0] == '\0' || strcmp(c->host, name) == 0;
}

/* The lock tells of a launcher on this host only. */
static rt_status check_alive(const rt__ask *a)
{
    if (!is_here(&a->control) && strncmp(a->control.endpoint, "tcp://127.", 10) == 0)
        return RT_FAIL(NET,
                       "%s: its coordinator listens on host %s, for that host only: ask there, or "
                       "set control.bind",
                       a->dir, a->control.host);
    if (is_here(&a->control) && !rt__place_is_held(a->dir))
        return RT_FAIL(CLOSED, "%s: no coordinator is alive there", a->dir);
    return RT_OK;
}

/* A run that is starting or whose coordinator is being restarted may have no control file for a
 * moment. */
static rt_status no_control(const rt__ask *a)
{
    return rt__place_is_held(a->dir) ? RT_OK
                                     : RT_FAIL(CLOSED, "%s: no coordinator is alive there", a->dir);
}

static void disconnect(rt__ask *a)
{
    if (a->wire)
        rt_wire_close(a->wire, 0);
    a->wire = NULL;
}

/* Connects if that is not so yet, and anew when the control file has changed. Without one there is no
 * connection, which is no failure while a launcher lives. */
static rt_status follow_control(rt__ask *a, bool *fresh)
{
    rt__control now;
    rt_status status = read_control(a->control_path, &now);
    *fresh = false;
    if (status == RT_E_NOTFOUND) {
        rt_error_clear();
        disconnect(a);
        return no_control(a);
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
    rt_log_set_level(RT_LOG_ERROR); /* what the wire remarks on is not what was asked for */
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

/* Answers to questions that were given up come late. */
static void drop_old_answers(rt__ask *a)
{
    rt_frame f;
    while (a->wire && rt_wire_receive(a->wire, 0, &f) == RT_OK)
        rt_frame_release(&f);
    rt_error_clear();
}

/* Waits for the answer for a moment. */
static rt_status wait_a_little(rt__ask *a, rt_msg_type question, double seconds, rt_frame *answer)
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

static rt_status no_answer(const rt__ask *a, double seconds)
{
    char who[300] = "";
    if (a->control.pid > 0)
        snprintf(who, sizeof who, " (process %" PRId64 "%s%s)", a->control.pid,
                 a->control.host[0] ? " on " : "", a->control.host);
    if (!a->wire)
        return RT_FAIL(TIMEOUT,
                       "%s: its launcher is alive, but for %.0f s there was no coordinator: it is "
                       "being started: ask again",
                       a->dir, seconds);
    if (!rt_wire_connected(a->wire))
        return RT_FAIL(TIMEOUT,
                       "%s: its coordinator%s could not be reached at %s for %.0f s: it is being "
                       "restarted, or hangs: ask again; logs/coordinator.log may say more",
                       a->dir, who, a->control.endpoint, seconds);
    return RT_FAIL(
        TIMEOUT,
        "%s: its coordinator%s has not answered for %.0f s: it hangs or is very busy: ask "
        "again; logs/coordinator.log may say more",
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
            wait_a_little(a, type, left < LOOK_SECONDS ? left : LOOK_SECONDS, answer);
        if (status == RT_OK)
            return RT_OK;
        if (status != RT_E_TIMEOUT) { /* the keys may be those of a coordinator before this one */
            rt_error_save(&locked_out);
            disconnect(a);
            rt_clock_sleep(left < LOCKED_OUT_SECONDS ? left : LOCKED_OUT_SECONDS);
        }
    }
    if (locked_out.code != RT_OK && !a->wire)
        return RT_FAIL(AUTH,
                       "%s: the keys in it are not those of the coordinator at %s: remove it if "
                       "another run listens there",
                       a->control_path, a->control.endpoint);
    rt_status status = no_answer(a, seconds);
    disconnect(a); /* the next question begins anew, whatever has become of this one */
    return status;
}
