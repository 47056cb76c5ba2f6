#include "launch/supervise.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/stop_signals.h"
#include "common/text.h"
#include "launch/child.h"
#include "launch/leftovers.h"
#include "launch/supervisor.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const double COORDINATOR_END_SECONDS = 5;
static const double TURN_SECONDS = 0.1; /* a turn of the loop when nothing happens */

/* ---- the first start ---- */

/* Waits until it listens for the first time. False: it has failed or we were interrupted. */
static bool await_ready(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    while (!rt__supervisor_hear_start(s) && c->out >= 0) {
        struct pollfd p[] = {{.fd = c->out, .events = POLLIN},
                             {.fd = s->signals, .events = POLLIN}};
        poll(p, 2, (int)(1e3 * TURN_SECONDS));
        struct signalfd_siginfo info;
        if (p[1].revents && read(s->signals, &info, sizeof info) == sizeof info &&
            info.ssi_signo != SIGCHLD) {
            char name[RT_SIGNAL_NAME];
            rt__supervisor_give_up(s, 128 + (int)info.ssi_signo, "stopped by %s before it began",
                                   rt_signal_name(info.ssi_signo, name));
            return false;
        }
        rt__coordinator_check(c, 0);
        if (c->hung)
            break;
    }
    return c->ready;
}

/* Ends a coordinator that does not listen, if it has not ended, and returns how it did. */
static int end_unready(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    int status = 0;
    double end = rt_clock() + 1; /* its last words are out; the process follows */
    while (!s->ended && !c->hung && waitpid(c->pid, &status, WNOHANG) == 0 && rt_clock() < end)
        rt_clock_sleep(0.002);
    rt__coordinator_kill(c);
    return status;
}

/* The coordinator ended or hung before it listened; normally it has said why. */
static void never_ready(rt__supervisor *s, int status)
{
    s->coordinator.pid = 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    s->out.refused = code != 0;
    if (code == 1 || code == 2)
        rt__supervisor_give_up(s, code, "%s", "");
    else if (code != 0)
        rt__supervisor_give_up(s, 1,
                               "the coordinator left with exit code %d before it listened: "
                               "RINGTORCH_COORDINATOR may be another program, and "
                               "%s/logs/coordinator.log may say why",
                               code, s->spec->rundir->path);
    else
        rt__supervisor_give_up(
            s, 1, "the coordinator did not start%s%s: %s/logs/coordinator.log may say why",
            s->coordinator.cause[0] ? ": it " : "", s->coordinator.cause, s->spec->rundir->path);
}

/* Somebody's kill -9 says nothing about the run, so the next coordinator is tried, as later on. It finds what the first
 * one may have begun to write, and goes on with that. */
static bool killed_by_chance(rt__supervisor *s, int status)
{
    rt__coordinator *c = &s->coordinator;
    if (s->ended || c->hung || !WIFSIGNALED(status) || !rt__coordinator_died(c, status))
        return false;
    if (strcmp(c->spec.resume, "never") == 0)
        c->spec.resume = "auto";
    rt_clock_sleep(rt_restarts_pause(&c->restarts));
    return true;
}

/* Starts the first coordinator; *ready is false, and the run over, if none came to listen. */
static rt_status start_coordinator(rt__supervisor *s, bool *ready)
{
    for (int status = 0;;) {
        RT_TRY(rt__coordinator_start(&s->coordinator));
        *ready = await_ready(s);
        if (*ready)
            return RT_OK;
        status = end_unready(s);
        if (killed_by_chance(s, status))
            continue;
        if (!s->ended)
            never_ready(s, status);
        s->coordinator.pid = 0;
        return RT_OK;
    }
}

/* ---- signals ---- */

/* One wish may arrive twice: `timeout` and some shells signal a process and then its group, systemd
 * sends SIGHUP right after SIGTERM. */
static const double ECHO_SECONDS = 0.25;
/* After the second signal the coordinator has so long to bring its books in order. */
static const double HURRY_SECONDS = 2;

static void stop_at_once(rt__supervisor *s)
{
    rt__supervisor_give_up(s, 128 + s->interrupt_signal, "stopped at once");
    rt__children_end(NULL, 0);
    s->generations.job.pid = 0;
    s->coordinator.pid = 0;
}

/* The first signal asks for an end after the step in flight, the second for one without it. */
static void interrupt(rt__supervisor *s, int signal)
{
    bool again = s->interrupts > 0, echo = again && rt_clock() - s->interrupted_at < ECHO_SECONDS;
    bool reminder = again && signal == SIGXCPU; /* the kernel repeats it every second */
    if (s->ended || echo || reminder)
        return;
    s->interrupted_at = rt_clock();
    s->interrupts++;
    if (!again)
        s->interrupt_signal = signal;
    if (s->interrupts > 2) {
        stop_at_once(s);
        return;
    }
    rt__supervisor_send_interrupt(s);
    if (again)
        rt__job_end(&s->generations.job);
}

static void tend_interrupt(rt__supervisor *s)
{
    if (s->interrupts >= 2 && !s->ended && rt_clock() - s->interrupted_at > HURRY_SECONDS)
        stop_at_once(s);
}

static void reap(rt__supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (rt__generations_reaped(&s->generations, pid, status))
            continue;
        if (pid == s->coordinator.pid)
            rt__supervisor_coordinator_gone(s, status);
        else
            rt__probes_reaped(&s->probes, pid, status);
    }
}

static void handle_signals(rt__supervisor *s)
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
static rt_status catch_signals(rt__supervisor *s)
{
    sigset_t set;
    rt_stop_signals_get(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signals >= 0 ? RT_OK : RT_FAIL(IO, "signalfd: %s", strerror(errno));
}

/* ---- hosts ---- */

static void tend_hosts(rt__supervisor *s)
{
    char host[RT__HOST_NAME];
    bool ok;
    while (rt__probes_answer(&s->probes, host, &ok))
        rt__supervisor_send(s, RT_MSG_PROBED, &(rt_msg_probed){.host = host, .ok = ok});
    switch (rt__hosts_file_look(&s->hosts)) {
    case RT__HOSTS_NEW:
        rt__display_say(&s->display, "%s has changed: %" PRId64 " host%s", s->hosts.path,
                        s->hosts.hosts.count, rt_plural(s->hosts.hosts.count));
        rt__supervisor_send_hosts(s);
        break;
    case RT__HOSTS_BAD:
        rt__display_warn(&s->display, "%s: the hosts stay as they were", s->hosts.trouble);
        break;
    case RT__HOSTS_SAME:
        break;
    }
}

/* ---- the run directory ---- */

static const double LOOK_SECONDS = 1;

/* Nobody can work in a directory that is gone: neither a checkpoint nor a line of its records could be
 * written, and whoever is started finds no configuration. */
static void tend_run_directory(rt__supervisor *s)
{
    double now = rt_clock();
    if (s->ended || now < s->next_look)
        return;
    s->next_look = now + LOOK_SECONDS;
    if (rt__rundir_is_there(s->spec->rundir, &s->out.moved))
        return;
    s->out.gone = true;
    rt__supervisor_give_up(s, 1, "%s: the run directory %s%s while the run was in it",
                           s->spec->rundir->path, s->out.moved ? "was renamed to " : "was removed",
                           s->out.moved ? s->out.moved : "");
    rt__coordinator_kill(&s->coordinator);
}

/* ---- the whole ---- */

static void give_up_with_error(rt__supervisor *s)
{
    rt__supervisor_give_up(s, rt_status_exit_code(rt_error_code()), "%s", rt_error());
    rt_error_clear();
}

static rt_status connect_wire(rt__supervisor *s)
{
    const rt__run_spec *spec = s->spec;
    rt__coordinator *c = &s->coordinator;
    rt_wire_keys keys = {0};
    setenv("RINGTORCH_KEYS", c->keys, 1);
    RT_TRY(rt_wire_keys_from_env(&keys));
    RT_TRY(rt_wire_connect(
        &(rt_wire_options){
            .endpoint = c->endpoint, .keys = &keys, .run = c->run_id, .name = "launcher"},
        &s->wire));
    rt__generations_init(&s->generations,
                         &(rt__generations_spec){.mpirun = spec->mpirun,
                                                 .worker = spec->worker,
                                                 .run_dir = spec->rundir->path,
                                                 .snapshot_dir = spec->cfg->snapshot.dir,
                                                 .endpoint = c->endpoint,
                                                 .run_id = c->run_id,
                                                 .keys = c->keys,
                                                 .threads = spec->cfg->parallel.threads,
                                                 .wire = s->wire,
                                                 .coordinator = &c->pid,
                                                 .probes = &s->probes,
                                                 .why_killed = &s->why_killed});
    rt_wire_on_reset(s->wire, rt__supervisor_greet, s);
    rt__supervisor_greet(s);
    return RT_OK;
}

/* What is of no interest to the user while all goes well. */
static rt_status open_log(const rt__supervisor *s)
{
    const rt_config *cfg = s->spec->cfg;
    char *folder = rt_path_join(s->spec->rundir->path, "logs"),
         *path = folder ? rt_path_join(folder, "launcher.log") : NULL;
    rt_status status = path ? rt_dir_make(folder, 0755) : rt_error_code();
    if (status == RT_OK)
        status = rt_log_open("launcher", path, cfg->log.format == RT_CFG_LOG_JSON);
    rt_mem_free(folder);
    rt_mem_free(path);
    rt_log_set_level((rt_log_level)cfg->log.level);
    return status;
}

static rt_status begin(rt__supervisor *s)
{
    const rt_config *cfg = s->spec->cfg;
    RT_TRY(rt__adopt_orphans());
    rt__why_killed_init(&s->why_killed, "");
    RT_TRY(catch_signals(s));
    RT_TRY(rt__hosts_file_open(&s->hosts, cfg->parallel.hostfile, cfg->control.bind));
    RT_TRY(rt__coordinator_init(&s->coordinator,
                                &(rt__coordinator_spec){.program = s->spec->coordinator,
                                                        .run_dir = s->spec->rundir->path,
                                                        .resume = s->spec->resume,
                                                        .started = s->spec->started,
                                                        .max_restarts = cfg->run.max_restarts,
                                                        .lock_fd = s->spec->rundir->lock_fd}));
    bool ready;
    RT_TRY(start_coordinator(s, &ready));
    if (!ready)
        return RT_OK;
    RT_TRY(open_log(s));
    /* A launcher that was killed could not tidy up behind its last job. */
    rt__leftovers_end_generation(cfg->snapshot.dir, s->coordinator.run_id, INT64_MAX);
    return connect_wire(s);
}

static bool is_over(const rt__supervisor *s)
{
    if (!s->ended)
        return false;
    return (s->generations.job.pid == 0 && s->coordinator.pid == 0) ||
           rt_clock() - s->ended_at > COORDINATOR_END_SECONDS;
}

static void wait_for_news(const rt__supervisor *s)
{
    struct pollfd p[] = {{.fd = s->signals, .events = POLLIN},
                         {.fd = rt_wire_fd(s->wire), .events = POLLIN},
                         {.fd = s->coordinator.out, .events = POLLIN},
                         {.fd = rt__ranks_fd(&s->generations.job.ranks), .events = POLLIN}};
    double seconds = rt__generations_patience(&s->generations);
    seconds = seconds < 0 ? 0 : seconds > TURN_SECONDS ? TURN_SECONDS : seconds;
    poll(p, sizeof p / sizeof *p, (int)(1e3 * seconds + 0.5));
}

/* Removes what nobody needs any more. Snapshots stay if the run can go on from them. */
static void tidy_up(rt__supervisor *s)
{
    const char *run_id = s->coordinator.run_id, *dir = s->spec->cfg->snapshot.dir;
    bool is_lost = s->out.gone && !s->out.moved;
    if (run_id[0] && (s->by_coordinator || is_lost))
        rt__leftovers_end_run(dir, run_id);
    else if (run_id[0])
        rt__leftovers_end_generation(dir, run_id, INT64_MAX);
    s->out.kept = s->generations.any && !s->by_coordinator && !is_lost;
}

rt__outcome rt__supervise(const rt__run_spec *spec)
{
    rt__supervisor s = {.spec = spec, .signals = -1, .coordinator.out = -1};
    rt__display_init(&s.display, spec->json, spec->rundir->path, spec->cfg->data.batch);
    s.display.cosine = spec->cfg->schedule.name == RT_CFG_SCHEDULE_COSINE;
    if (begin(&s) != RT_OK)
        give_up_with_error(&s);
    while (s.wire && !is_over(&s)) {
        wait_for_news(&s);
        handle_signals(&s);
        rt__display_refresh(&s.display);
        rt__supervisor_drain(&s, 0);
        rt__generations_tend(&s.generations);
        rt__supervisor_tend_coordinator(&s);
        tend_hosts(&s);
        tend_run_directory(&s);
        tend_interrupt(&s);
        if (s.ended) /* so is its job, whatever it still does */
            rt__generations_end(&s.generations);
    }
    rt__children_end(NULL, 0);
    tidy_up(&s);
    rt__generations_release(&s.generations);
    rt__probes_end(&s.probes);
    rt__hosts_file_close(&s.hosts);
    rt__coordinator_release(&s.coordinator);
    if (s.wire)
        rt_wire_close(s.wire, 0);
    if (s.signals >= 0)
        close(s.signals);
    rt_log_close();
    rt__display_end(&s.display);
    s.out.stepped = s.display.stepped;
    return s.out;
}
