#include "launch/supervise.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/wire.h"
#include "launch/child.h"
#include "launch/display.h"
#include "launch/job.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const double READY_SECONDS = 60; /* for the coordinator to read its journal and listen */
static const double JOB_END_SECONDS = 2, COORDINATOR_END_SECONDS = 5, LAST_WORDS_SECONDS = 0.5;
enum { POLL_MS = 100, KEYS_SIZE = 4 * RT_WIRE_KEY };

typedef struct supervisor {
    const rt__run_spec *spec;
    rt__outcome out;
    rt__display display;
    char keys[KEYS_SIZE + sizeof "RINGTORCH_KEYS="]; /* without the server's secret */
    char endpoint[256], run_id[64];
    rt_wire *wire;
    pid_t coordinator; /* 0: gone */
    int coordinator_status;
    rt__job job;
    int signals; /* a signalfd */
    int interrupts, interrupt_signal;
    double interrupted_at;
    bool ended; /* RUN_ENDED has come */
    double ended_at;
} supervisor;

/* Ends the run without the coordinator's word for it. */
__attribute__((format(printf, 3, 4))) static void give_up(supervisor *s, int exit_code,
                                                          const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->out.message, sizeof s->out.message, fmt, ap);
    va_end(ap);
    s->out.exit_code = exit_code;
    s->ended = true;
    s->ended_at = rt_clock();
}

static void give_up_with_error(supervisor *s)
{
    give_up(s, rt_status_exit_code(rt_error_code()), "%s", rt_error());
    rt_error_clear();
}

static void send_to_coordinator(supervisor *s, rt_msg_type type, const void *body)
{
    if (rt_wire_send(s->wire, NULL, type, body) != RT_OK) {
        rt_log_warn("%s: %s", rt_msg_name(type), rt_error());
        rt_error_clear();
    }
}

/* ---- the job ---- */

static void start_job(supervisor *s, const rt_msg_start_generation *m)
{
    rt__job_spec spec = {
        .mpirun = s->spec->mpirun,
        .worker = s->spec->worker,
        .run_dir = s->spec->rundir->path,
        .endpoint = s->endpoint,
        .run_id = s->run_id,
        .keys = s->keys,
        .started = s->spec->started,
        .generation = m->job_generation,
        .world = m->world,
        .threads = s->spec->cfg->parallel.threads,
    };
    if (rt__job_start(&s->job, &spec) == RT_OK)
        return;
    send_to_coordinator(
        s, RT_MSG_EXITED,
        &(rt_msg_exited){
            .job_generation = m->job_generation, .exit_code = 127, .rank = -1, .tail = rt_error()});
    rt_error_clear();
}

/* mpirun has ended. It may have been killed without taking its ranks along: they are ours now. */
static void job_gone(supervisor *s, int wait_status)
{
    rt_msg_exited m;
    rt__children_end(s->coordinator);
    rt__job_ended(&s->job, wait_status, &m);
    send_to_coordinator(s, RT_MSG_EXITED, &m);
    rt__job_release(&s->job);
}

static void kill_job_if_overdue(supervisor *s)
{
    if (s->job.pid > 0 && s->job.ending_since > 0 &&
        rt_clock() - s->job.ending_since > JOB_END_SECONDS)
        job_gone(s, SIGKILL);
}

/* ---- the coordinator ---- */

static rt_status start_coordinator(supervisor *s, int *from_coordinator)
{
    rt_wire_keys keys;
    char text[KEYS_SIZE], env_keys[KEYS_SIZE + 32], env_started[64], env_lock[48];
    RT_TRY(rt_wire_keys_make(&keys));
    rt_wire_keys_text(&keys, false, s->keys);
    rt_wire_keys_text(&keys, true, text);
    snprintf(env_keys, sizeof env_keys, "RINGTORCH_KEYS=%s", text);
    snprintf(env_started, sizeof env_started, "RINGTORCH_STARTED=%.6f", s->spec->started);
    snprintf(env_lock, sizeof env_lock, "RINGTORCH_LOCK_FD=%d", s->spec->rundir->lock_fd);
    const char *argv[] = {s->spec->coordinator, s->spec->rundir->path, "--resume", s->spec->resume,
                          NULL};
    const char *env[] = {env_keys, env_started, env_lock, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return RT_FAIL(IO, "cannot make a pipe: %s", strerror(errno));
    rt_status status = rt__child_start(&(rt__child){.argv = argv,
                                                    .env = env,
                                                    .death_signal = SIGKILL,
                                                    .out_fd = ends[1],
                                                    .err_fd = -1,
                                                    .keep_fd = s->spec->rundir->lock_fd},
                                       &s->coordinator);
    close(ends[1]);
    *from_coordinator = ends[0];
    return status;
}

/* Waits for "ENDPOINT RUN_ID\n". False: it has failed or we were interrupted. */
static bool await_ready(supervisor *s, int fd)
{
    char line[sizeof s->endpoint + sizeof s->run_id] = "";
    size_t used = 0;
    double end = rt_clock() + READY_SECONDS;
    while (!strchr(line, '\n') && used + 1 < sizeof line) {
        struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = s->signals, .events = POLLIN}};
        poll(p, 2, POLL_MS);
        struct signalfd_siginfo info;
        if (p[1].revents && read(s->signals, &info, sizeof info) == sizeof info &&
            info.ssi_signo != SIGCHLD) {
            give_up(s, info.ssi_signo == SIGINT ? 130 : 0, "%s", "");
            return false;
        }
        ssize_t n = p[0].revents ? read(fd, line + used, sizeof line - 1 - used) : 0;
        if ((p[0].revents && n <= 0) || rt_clock() > end)
            break;
        used += (size_t)n;
        line[used] = '\0';
    }
    return sscanf(line, "%255s %63s", s->endpoint, s->run_id) == 2;
}

/* The coordinator ended or hung before it listened; normally it has said why. */
static void never_ready(supervisor *s)
{
    int status = 0;
    if (s->ended || waitpid(s->coordinator, &status, WNOHANG) == 0) {
        double end = rt_clock() + 1; /* its last words are out; the process follows */
        while (!s->ended && waitpid(s->coordinator, &status, WNOHANG) == 0 && rt_clock() < end)
            rt_clock_sleep(0.002);
        kill(s->coordinator, SIGKILL);
    }
    s->coordinator = 0;
    if (s->ended)
        return;
    s->out.refused = WIFEXITED(status) && WEXITSTATUS(status) != 0;
    if (s->out.refused)
        give_up(s, WEXITSTATUS(status), "%s", "");
    else
        give_up(s, 1, "the coordinator did not start: %s/logs/coordinator.log may say why",
                s->spec->rundir->path);
}

static void handle_frame(supervisor *s, const rt_frame *f)
{
    switch (f->type) {
    case RT_MSG_START_GENERATION:
        start_job(s, &f->body.start_generation);
        break;
    case RT_MSG_END_GENERATION:
        if (f->body.end_generation.job_generation == s->job.generation)
            rt__job_end(&s->job);
        break;
    case RT_MSG_SHOW:
        rt__display_show(&s->display, f->body.show.json);
        break;
    case RT_MSG_RUN_ENDED:
        give_up(s, (int)f->body.run_ended.exit_code, "%s", f->body.run_ended.message);
        break;
    default:
        rt_log_warn("unexpected %s from %s", rt_msg_name(f->type), f->sender);
    }
}

/* Takes all that has come; waits for the first at most `seconds`. */
static void drain_wire(supervisor *s, double seconds)
{
    rt_frame f;
    rt_status status;
    while ((status = rt_wire_receive(s->wire, seconds, &f)) == RT_OK) {
        handle_frame(s, &f);
        rt_frame_release(&f);
        seconds = 0;
    }
    if (status != RT_E_TIMEOUT)
        rt_log_warn("%s", rt_error());
    rt_error_clear();
}

static void coordinator_gone(supervisor *s, int wait_status)
{
    s->coordinator = 0;
    for (double end = rt_clock() + LAST_WORDS_SECONDS; !s->ended && rt_clock() < end;)
        drain_wire(s, 0.05);
    if (s->ended)
        return;
    give_up(s, 1, "the coordinator died (%s %d): %s/logs/coordinator.log",
            WIFSIGNALED(wait_status) ? "signal" : "exit code",
            WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status),
            s->spec->rundir->path);
}

/* ---- signals ---- */

/* One wish may arrive twice: `timeout` and some shells signal a process and then its group. */
static const double ECHO_SECONDS = 0.25;

static void interrupt(supervisor *s, int signal)
{
    if (s->interrupts > 0 && rt_clock() - s->interrupted_at < ECHO_SECONDS)
        return;
    s->interrupted_at = rt_clock();
    s->interrupts++;
    if (s->interrupts == 1) {
        s->interrupt_signal = signal;
        send_to_coordinator(s, RT_MSG_INTERRUPT,
                            &(rt_msg_interrupt){.signal = signal, .reason = strsignal(signal)});
    } else if (s->interrupts == 2) {
        rt__job_end(&s->job);
    } else {
        give_up(s, 128 + signal, "stopped at once");
        rt__children_end(0);
        s->job.pid = 0;
        s->coordinator = 0;
    }
}

static void reap(supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->coordinator)
            coordinator_gone(s, status);
        else if (pid == s->job.pid)
            job_gone(s, status);
    }
}

static void handle_signals(supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else
            interrupt(s, (int)info.ssi_signo);
    }
}

/* Signals come as data: nothing is done in handlers. Threads that start later inherit the mask. */
static rt_status catch_signals(supervisor *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signals >= 0 ? RT_OK : RT_FAIL(IO, "signalfd: %s", strerror(errno));
}

/* ---- the whole ---- */

static rt_status begin(supervisor *s)
{
    int from_coordinator = -1;
    RT_TRY(rt__adopt_orphans());
    RT_TRY(catch_signals(s));
    RT_TRY(start_coordinator(s, &from_coordinator));
    bool ready = await_ready(s, from_coordinator);
    close(from_coordinator);
    if (!ready) {
        never_ready(s);
        return RT_OK;
    }
    rt_wire_keys keys = {0};
    setenv("RINGTORCH_KEYS", s->keys, 1);
    RT_TRY(rt_wire_keys_from_env(&keys));
    RT_TRY(rt_wire_connect(
        &(rt_wire_options){
            .endpoint = s->endpoint, .keys = &keys, .run = s->run_id, .name = "launcher"},
        &s->wire));
    send_to_coordinator(s, RT_MSG_LAUNCHER, &(rt_msg_launcher){.pid = getpid(), .host = ""});
    return RT_OK;
}

static bool is_over(const supervisor *s)
{
    if (!s->ended)
        return false;
    return (s->job.pid == 0 && s->coordinator == 0) ||
           rt_clock() - s->ended_at > COORDINATOR_END_SECONDS;
}

rt__outcome rt__supervise(const rt__run_spec *spec)
{
    supervisor s = {.spec = spec, .signals = -1};
    rt__display_init(&s.display, spec->json, spec->rundir->path, spec->cfg->data.batch);
    if (begin(&s) != RT_OK)
        give_up_with_error(&s);
    while (s.wire && !is_over(&s)) {
        struct pollfd p[] = {{.fd = s.signals, .events = POLLIN},
                             {.fd = rt_wire_fd(s.wire), .events = POLLIN}};
        poll(p, 2, POLL_MS);
        handle_signals(&s);
        drain_wire(&s, 0);
        kill_job_if_overdue(&s);
        if (s.ended && !s.out.refused)
            rt__job_end(&s.job); /* the run is over; so is its job, whatever it still does */
    }
    rt__children_end(0);
    rt__job_release(&s.job);
    if (s.wire)
        rt_wire_close(s.wire, 0);
    if (s.signals >= 0)
        close(s.signals);
    rt__display_end(&s.display);
    s.out.stepped = s.display.stepped;
    return s.out;
}
