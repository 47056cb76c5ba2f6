/* A coordinator for commands to talk to: a thread that gives a fixed answer over the real wire, and a run directory with
 * the control file and the lock of a live run.
 *
 *     fake f;
 *     fake_start(&f, "/tmp/x/run");
 *     fake_answer(&f, RT_MSG_ACCEPTED, "as you wish");    // the answer to every request
 *     ... run a command; fake_question(&f), fake_number(&f) are its request ...
 *     fake_stop(&f);                                      // removes lock and control file
 */
#ifndef RINGTORCH_TESTS_UNIT_LAUNCH_FAKE_COORDINATOR_H
#define RINGTORCH_TESTS_UNIT_LAUNCH_FAKE_COORDINATOR_H

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/control/wire.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fake {
    char dir[128];
    char endpoint[128]; /* "" before the first start; a restart binds the same one */
    rt_wire_keys keys;
    rt_wire *wire;
    pthread_t thread;
    atomic_bool stop, mute; /* mute: neither receives nor sends */
    int lock;

    pthread_mutex_t mutex; /* protects the members below */
    rt_msg_type answer;
    char text[8192];
    atomic_int asked;     /* how many requests have come */
    rt_msg_type question; /* the last request */
    int64_t number;       /* of workers or events in it */
    char reason[300];
} fake;

static void fake_path(const fake *f, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", f->dir, name);
}

static void fake_note(fake *f, const rt_frame *q)
{
    f->question = q->type;
    f->number = q->type == RT_MSG_SCALE    ? q->body.scale.workers
                : q->type == RT_MSG_STATUS ? q->body.status.events
                                           : -1;
    const char *reason = q->type == RT_MSG_STOP_RUN         ? q->body.stop_run.reason
                         : q->type == RT_MSG_CHECKPOINT_NOW ? q->body.checkpoint_now.reason
                                                            : "";
    snprintf(f->reason, sizeof f->reason, "%s", reason);
    atomic_fetch_add(&f->asked, 1);
}

static void fake_reply(fake *f, const rt_frame *q)
{
    rt_msg_status_is is = {.json = f->text};
    rt_msg_accepted accepted = {.text = f->text};
    rt_msg_refused refused = {.code = RT_E_RANGE, .reason = f->text};
    const void *body = f->answer == RT_MSG_STATUS_IS  ? (const void *)&is
                       : f->answer == RT_MSG_ACCEPTED ? (const void *)&accepted
                                                      : (const void *)&refused;
    rt_wire_send(f->wire, q->peer, f->answer, body);
}

/* From now on it behaves like a process that hangs. */
static void fake_mute(fake *f)
{
    struct timespec t = {.tv_nsec = 200000000}; /* longer than fake_serve waits for a message */
    atomic_store(&f->mute, true);
    nanosleep(&t, NULL);
}

static void *fake_serve(void *arg)
{
    fake *f = arg;
    while (!atomic_load(&f->stop)) {
        rt_frame q;
        if (atomic_load(&f->mute)) {
            struct timespec t = {.tv_nsec = 5000000};
            nanosleep(&t, NULL);
            continue;
        }
        if (rt_wire_receive(f->wire, 0.02, &q) == RT_OK) {
            pthread_mutex_lock(&f->mutex);
            fake_note(f, &q);
            fake_reply(f, &q);
            pthread_mutex_unlock(&f->mutex);
            rt_frame_release(&q);
        }
        rt_error_clear();
    }
    return NULL;
}

static void fake_answer(fake *f, rt_msg_type type, const char *text)
{
    pthread_mutex_lock(&f->mutex);
    f->answer = type;
    snprintf(f->text, sizeof f->text, "%s", text);
    pthread_mutex_unlock(&f->mutex);
}

/* Returns the type of the last request. */
static rt_msg_type fake_question(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    rt_msg_type type = f->question;
    pthread_mutex_unlock(&f->mutex);
    return type;
}

static int64_t fake_number(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    int64_t number = f->number;
    pthread_mutex_unlock(&f->mutex);
    return number;
}

static const char *fake_reason(fake *f)
{
    static char reason[sizeof f->reason];
    pthread_mutex_lock(&f->mutex);
    memcpy(reason, f->reason, sizeof reason);
    pthread_mutex_unlock(&f->mutex);
    return reason;
}

/* Writes control.json as the coordinator does, so that other users can never read it. */
static bool fake_write_control(const fake *f)
{
    char keys[4 * RT_WIRE_KEY], path[256], host[128] = "";
    rt_wire_keys_text(&f->keys, false, keys);
    gethostname(host, sizeof host - 1);
    json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:s}", "endpoint", f->endpoint, "run", "77", "keys",
                          keys, "pid", (int)getpid(), "host", host);
    char *text = rt_json_text(j);
    json_decref(j);
    fake_path(f, "control.json", path);
    bool good = rt_file_replace_secret(path, text, strlen(text)) == RT_OK;
    rt_mem_free(text);
    return good;
}

/* Takes the lock a launcher holds. */
static bool fake_lock(fake *f)
{
    char path[256];
    fake_path(f, "lock", path);
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return f->lock >= 0 && flock(f->lock, LOCK_EX | LOCK_NB) == 0;
}

static bool fake_listen(fake *f)
{
    rt_wire_options o = {.endpoint = f->endpoint[0] ? f->endpoint : "tcp://127.0.0.1:*",
                         .keys = &f->keys,
                         .run = "77",
                         .name = "coordinator"};
    atomic_store(&f->stop, false);
    rt_status status;
    double end = rt_clock() + 60; /* the system may be slow to release the port */
    while ((status = rt_wire_listen(&o, &f->wire)) == RT_E_EXISTS && rt_clock() < end) {
        rt_error_clear();
        rt_clock_sleep(0.01);
    }
    if (status != RT_OK)
        return false;
    snprintf(f->endpoint, sizeof f->endpoint, "%s", rt_wire_endpoint(f->wire));
    return pthread_create(&f->thread, NULL, fake_serve, f) == 0;
}

static bool fake_start(fake *f, const char *dir)
{
    *f = (fake){.lock = -1, .answer = RT_MSG_STATUS_IS, .text = "{}"};
    pthread_mutex_init(&f->mutex, NULL);
    snprintf(f->dir, sizeof f->dir, "%s", dir);
    return rt_dir_make(dir, 0700) == RT_OK && rt_wire_keys_make(&f->keys) == RT_OK &&
           fake_lock(f) && fake_listen(f) && fake_write_control(f);
}

/* Ends as if by SIGKILL: the control file stays, and so does the lock, which is the launcher's. */
static void fake_die(fake *f)
{
    if (!f->wire)
        return;
    atomic_store(&f->stop, true);
    pthread_join(f->thread, NULL);
    rt_wire_close(f->wire, 0.2);
    f->wire = NULL;
}

static void fake_stop(fake *f)
{
    char path[256];
    fake_path(f, "control.json", path);
    unlink(path);
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
    fake_die(f);
}

#endif
