#include "launch/run/coordinator_process.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/os/os.h"
#include "common/control/bind_address.h"
#include "common/control/wire.h"
#include "launch/jobs/child.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REFUSALS_MAX = 3, /* in a row: its port may be taken for a moment, or its disk full */
    HANGS_MAX = 4,    /* how often its time to answer may double */
};
static const double READY_SECONDS = 60;    /* to read its journal and listen */
static const double ANSWER_SECONDS = 5;    /* to confirm a message */
static const double CALM_SECONDS = 60;     /* without a hang: the next one counts as the first */
static const double ASLEEP_SECONDS = 2;    /* between two checks: more means that we were stopped */
static const double PAUSE_SECONDS_MAX = 1; /* before a restart: workers wait for it */

rt_status rt__coordinator_init(rt__coordinator *c, const rt__coordinator_spec *spec)
{
    rt_wire_keys keys;
    *c = (rt__coordinator){.spec = *spec, .out = -1};
    c->restarts = (rt_restarts){.most = spec->max_restarts, .pause_most = PAUSE_SECONDS_MAX};
    RT_TRY(rt_wire_keys_make(&keys));
    rt_wire_keys_text(&keys, false, c->keys);
    rt_wire_keys_text(&keys, true, c->keys_with_secret);
    return RT_OK;
}

static void stop_reading(rt__coordinator *c)
{
    if (c->out >= 0)
        close(c->out);
    c->out = -1;
}

rt_status rt__coordinator_start(rt__coordinator *c)
{
    char keys[RT__KEYS_TEXT + 32], started[64], lock[48], bind[RT_ADDRESSES + 32],
        endpoint[sizeof c->endpoint + 32], run[sizeof c->run_id + 32];
    snprintf(keys, sizeof keys, "RINGTORCH_KEYS=%s", c->keys_with_secret);
    snprintf(started, sizeof started, "RINGTORCH_STARTED=%.6f", c->spec.started);
    snprintf(lock, sizeof lock, "RINGTORCH_LOCK_FD=%d", c->spec.lock_fd);
    snprintf(endpoint, sizeof endpoint, "RINGTORCH_ENDPOINT=%s", c->endpoint);
    snprintf(bind, sizeof bind, "RINGTORCH_BIND=%s", c->spec.bind);
    snprintf(run, sizeof run, "RINGTORCH_RUN=%s", c->run_id);
    const char *argv[] = {c->spec.program, "--resume", c->spec.resume, "--", c->spec.run_dir, NULL};
    const char *env[] = {keys, started, lock, bind, c->endpoint[0] ? endpoint : NULL, run, NULL};
    int ends[2];
    RT_TRY(rt_os_pipe(ends));
    rt_status status = rt__child_start(&(rt__child){.argv = argv,
                                                    .env = env,
                                                    .death_signal = SIGKILL,
                                                    .out_fd = ends[1],
                                                    .err_fd = -1,
                                                    .keep_fd = c->spec.lock_fd},
                                       &c->pid);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    c->out = ends[0];
    c->used = 0;
    c->ready = c->hung = c->explained = false;
    c->started_at = rt_clock();
    c->start_again_at = 0;
    if (status != RT_OK) {
        c->pid = 0;
        stop_reading(c);
    }
    return status;
}

/* Takes "reading metrics.jsonl 40", which gives it READY_SECONDS anew. */
static bool take_heartbeat(rt__coordinator *c)
{
    char file[40];
    int percent;
    if (sscanf(c->line, "reading %39s %d", file, &percent) != 2)
        return false;
    snprintf(c->reading, sizeof c->reading, "%s: %d %%", file, percent);
    c->started_at = rt_clock();
    return true;
}

/* Takes one whole line. Returns false if it was only a sign of life, so that we keep reading. */
static bool take_line(rt__coordinator *c, char *newline)
{
    *newline = '\0';
    c->explained = strcmp(c->line, RT_COORDINATOR_REFUSED) == 0;
    if (c->explained)
        return true;
    if (!take_heartbeat(c)) {
        c->ready = sscanf(c->line, "%255s %63s", c->endpoint, c->run_id) == 2;
        if (!c->ready)
            rt__coordinator_kill(c); /* this program is no coordinator */
        return true;
    }
    c->used -= (size_t)(newline + 1 - c->line);
    memmove(c->line, newline + 1, c->used + 1);
    return false;
}

bool rt__coordinator_listens(rt__coordinator *c)
{
    if (c->out < 0)
        return false;
    ssize_t n = read(c->out, c->line + c->used, sizeof c->line - 1 - c->used);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    c->used += n > 0 ? (size_t)n : 0;
    c->line[c->used] = '\0';
    bool decided = n <= 0;
    for (char *newline; !decided && (newline = strchr(c->line, '\n'));)
        decided = take_line(c, newline);
    if (decided || c->used + 1 == sizeof c->line)
        stop_reading(c);
    c->ready_at = c->answered_at = rt_clock();
    return c->ready;
}

void rt__coordinator_check(rt__coordinator *c, double unconfirmed)
{
    double now = rt_clock(), since = c->ready ? c->ready_at : c->started_at;
    if (now - c->checked_at > ASLEEP_SECONDS) /* we were stopped and could receive no answer */
        c->awake_at = now;
    c->checked_at = now;
    since = since > c->awake_at ? since : c->awake_at;
    double patience = c->ready ? ldexp(ANSWER_SECONDS, c->hangs) : READY_SECONDS;
    if (c->pid == 0 || c->hung)
        return;
    if (c->ready && now - unconfirmed > c->answered_at)
        c->answered_at = now - unconfirmed;
    if (now - since <= patience || (c->ready && unconfirmed <= patience))
        return;
    c->hung = true;
    if (c->ready && c->answered_at - c->ready_at > CALM_SECONDS)
        c->hangs = 0;
    c->hangs += c->hangs < HANGS_MAX;
    snprintf(c->cause, sizeof c->cause, "did not %s for %.0f s", c->ready ? "answer" : "listen",
             patience);
    rt__coordinator_kill(c);
}

bool rt__coordinator_died(rt__coordinator *c, int wait_status)
{
    bool was_ready = c->ready;
    bool refused =
        !was_ready && !c->hung && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0;
    bool again = rt_restarts_failed(&c->restarts);
    c->refusals = refused ? c->refusals + 1 : 0;
    c->refused_itself = refused;
    c->refused_files = refused && WEXITSTATUS(wait_status) == 2; /* see status.def */
    if (!c->hung && WIFSIGNALED(wait_status))
        snprintf(c->cause, sizeof c->cause, "was killed by signal %d", WTERMSIG(wait_status));
    else if (!c->hung)
        snprintf(c->cause, sizeof c->cause, "left with exit code %d", WEXITSTATUS(wait_status));
    c->pid = 0;
    c->ready = false;
    stop_reading(c);
    double now = rt_clock();
    if (was_ready || c->restarts.count <= 1)
        c->gone_at = now;
    c->start_again_at = now + rt_restarts_pause(&c->restarts);
    return again && !c->refused_files && c->refusals < REFUSALS_MAX;
}

rt_status rt__coordinator_tend(rt__coordinator *c)
{
    if (c->pid > 0 || c->start_again_at == 0 || rt_clock() < c->start_again_at)
        return RT_OK;
    return rt__coordinator_start(c);
}

void rt__coordinator_kill(const rt__coordinator *c)
{
    if (c->pid > 0)
        kill(c->pid, SIGKILL);
}

void rt__coordinator_release(rt__coordinator *c)
{
    stop_reading(c);
}
