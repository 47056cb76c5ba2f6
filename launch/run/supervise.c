#include "launch/run/supervise.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/stop_signals.h"
#include "common/base/text.h"
#include "launch/jobs/child.h"
#include "launch/remains/leftovers.h"
#include "launch/run/supervise_coordinator.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double COORDINATOR_END_SECONDS = 5;
static const double TURN_SECONDS = 0.1; /* a turn of the loop when nothing happens */

/* ---- the first start ---- */

/* Waits until the coordinator listens for the first time. Returns false if it failed or we were interrupted. */
static bool await_ready(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    while (!rt__supervisor_check_listening(s) && c->out >= 0) {
        struct pollfd p[] = {{.fd = c->out, .events = POLLIN},
                             {.fd = s->signals.fd, .events = POLLIN}};
        poll(p, 2, (int)(1e3 * TURN_SECONDS));
        int signal = p[1].revents ? rt_os_signals_next(&s->signals) : 0;
        if (signal && signal != SIGCHLD) {
            char name[RT_SIGNAL_NAME];
            rt__supervisor_give_up(s, 128 + signal, "stopped by %s before it began",
                                   rt_signal_name(signal, name));
            return false;
        }
        rt__coordinator_check(c, 0);
        if (c->hung)
            break;
    }
    return c->ready;
}

/* Kills a coordinator that never listened, unless it ends by itself within a second. Returns its wait status. */
static int end_unready(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    int status = 0;
    double end = rt_clock() + 1; /* it has closed its output, so its process is about to end */
    while (!s->ended && !c->hung && waitpid(c->pid, &status, WNOHANG) == 0 && rt_clock() < end)
        rt_clock_sleep(0.002);
    rt__coordinator_kill(c);
    return status;
}

/* Reports a coordinator that ended or hung before it listened, unless it has printed why itself. */
static void report_not_ready(rt__supervisor *s, int status)
{
    rt__coordinator *c = &s->coordinator;
    c->pid = 0;
    bool left = WIFEXITED(status) && !c->hung;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    char *log = rt_path_join(s->spec->rundir->path, "logs/coordinator.log");
    bool logged = log && rt_path_exists(log);
    const char *where = logged ? log : "", *may = logged ? " may say why" : "";
    s->out.refused = code != 0;
    if (c->explained)
        rt__supervisor_give_up(s, code, "%s", "");
    else if (left)
        rt__supervisor_give_up(s, 1,
                               "the coordinator left with exit code %d before it listened: "
                               "RINGTORCH_COORDINATOR may be another program%s%s%s",
                               code, logged ? ", and " : "", where, may);
    else
        rt__supervisor_give_up(s, 1, "the coordinator did not start%s%s%s%s%s",
                               c->cause[0] ? ": it " : "", c->cause, logged ? ": " : "", where,
                               may);
    rt_mem_free(log);
}

/* Restarts a coordinator that a signal killed before it listened: a kill -9 from outside says nothing about the run. The
 * next one resumes from whatever the first one had begun to write. */
static bool retry_if_killed(rt__supervisor *s, int status)
{
    rt__coordinator *c = &s->coordinator;
    if (s->ended || c->hung || !WIFSIGNALED(status) || !rt__coordinator_died(c, status))
        return false;
    if (strcmp(c->spec.resume, "never") == 0)
        c->spec.resume = "auto";
    rt_clock_sleep(rt_restarts_pause(&c->restarts));
    return true;
}

/* Starts the first coordinator. If none came to listen, *ready is false and the run has ended. */
static rt_status start_coordinator(rt__supervisor *s, bool *ready)
{
    for (int status = 0;;) {
        RT_TRY(rt__coordinator_start(&s->coordinator));
        *ready = await_ready(s);
        if (*ready)
            return RT_OK;
        status = end_unready(s);
        if (retry_if_killed(s, status))
            continue;
        if (!s->ended)
            report_not_ready(s, status);
        s->coordinator.pid = 0;
        return RT_OK;
    }
}

/* ---- signals ---- */

/* One request to stop may arrive as two signals: `timeout` and some shells signal a process and then its group, systemd
 * sends SIGHUP right after SIGTERM. */
static const double ECHO_SECONDS = 0.25;
/* After the second signal the coordinator has this long to write its records. */
static const double HURRY_SECONDS = 2;

static void stop_at_once(rt__supervisor *s)
{
    rt__supervisor_give_up(s, 128 + s->interrupt_signal, "stopped at once");
    rt__children_end(NULL, 0);
    rt__job_release(&s->generations.job);
    s->coordinator.pid = 0;
}

/* The first signal ends the run after the step in flight, the second at once. */
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
    for (int signal; (signal = rt_os_signals_next(&s->signals));) {
        if (signal == SIGCHLD)
            reap(s);
        else
            interrupt(s, signal);
    }
}

/* Signals are read from a descriptor, so no handler runs. Threads that start later inherit the mask. */
static rt_status catch_signals(rt__supervisor *s)
{
    sigset_t set;
    rt_stop_signals_get(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return rt_os_signals_open(&s->signals, &set);
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
        rt__display_warn(&s->display, "%s: keeping the previous hosts", s->hosts.trouble);
        break;
    case RT__HOSTS_SAME:
        break;
    }
}

/* ---- the run directory ---- */

static const double LOOK_SECONDS = 1;

/* Ends the run if its directory is gone: no checkpoint and no record could be written, and a restarted process would
 * find no configuration. */
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
                         &(rt__generations_spec){.jobs = spec->jobs,
                                                 .worker = spec->worker,
                                                 .run_dir = spec->rundir->path,
                                                 .snapshot_dir = spec->cfg->snapshot.dir,
                                                 .endpoint = c->endpoint,
                                                 .addresses = spec->addresses,
                                                 .run_id = c->run_id,
                                                 .keys = c->keys,
                                                 .threads = spec->cfg->parallel.threads,
                                                 .wire = s->wire,
                                                 .coordinator = &c->pid,
                                                 .probes = &s->probes,
                                                 .why_killed = &s->why_killed});
    rt_wire_on_reset(s->wire, rt__supervisor_send_state, s);
    rt__supervisor_send_state(s);
    return RT_OK;
}

/* Opens logs/launcher.log, for what the user need not see while all goes well. */
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

/* Returns the address that the hosts of a host file are to reach. */
static const char *address_for_hosts(const rt__run_spec *spec)
{
    return spec->preflight ? spec->preflight->address : "127.0.0.1";
}

/* Returns where the coordinator listens: one address, or a list of several. */
static const char *listening_addresses(const rt__run_spec *spec)
{
    return spec->addresses && spec->addresses[0] ? spec->addresses : address_for_hosts(spec);
}

static void say_hosts(rt__supervisor *s)
{
    const rt__host_list *h = s->spec->hosts;
    if (h->tasks > 0 && h->count > 0)
        rt__display_say(&s->display, "%s: %" PRId64 " host%s, %" PRId64 " slot%s", h->from,
                        h->count, rt_plural(h->count), h->tasks, rt_plural(h->tasks));
    else if (h->from[0])
        rt__display_say(&s->display, "%s: this host", h->from);
}

/* Begins to watch the host file. Without one, the hosts stay those that the run was given. */
static rt_status open_hosts(rt__supervisor *s)
{
    const rt_config *cfg = s->spec->cfg;
    const rt__host_list *h = s->spec->hosts;
    bool has_file = cfg->parallel.hostfile[0] != '\0';
    RT_TRY(rt__hosts_file_open(&s->hosts, cfg->parallel.hostfile, address_for_hosts(s->spec)));
    if (h && !has_file)
        say_hosts(s);
    if (s->spec->idle && s->spec->idle[0])
        rt__display_say(&s->display, "%s", s->spec->idle);
    if (has_file || !h)
        return RT_OK;
    return rt__host_list_copy((const char *const *)h->name, h->slots, h->count, &s->hosts.hosts);
}

static rt_status begin(rt__supervisor *s)
{
    const rt_config *cfg = s->spec->cfg;
    if (rt_os_adopt_orphans() != RT_OK)
        rt_error_clear(); /* rt__children_end also finds what mpirun leaves behind by other means */
    rt__why_killed_init(&s->why_killed, "");
    RT_TRY(catch_signals(s));
    RT_TRY(open_hosts(s));
    RT_TRY(rt__coordinator_init(&s->coordinator,
                                &(rt__coordinator_spec){.program = s->spec->coordinator,
                                                        .run_dir = s->spec->rundir->path,
                                                        .resume = s->spec->resume,
                                                        .bind = listening_addresses(s->spec),
                                                        .started = s->spec->started,
                                                        .max_restarts = cfg->run.max_restarts,
                                                        .lock_fd = s->spec->rundir->lock_fd}));
    bool ready;
    RT_TRY(start_coordinator(s, &ready));
    if (!ready)
        return RT_OK;
    RT_TRY(open_log(s));
    /* An earlier launcher that was killed could not remove its last job's files. */
    rt__leftovers_end_generation(
        &(rt__left_run){s->coordinator.run_id, s->spec->rundir->path, cfg->snapshot.dir},
        INT64_MAX);
    return connect_wire(s);
}

static bool is_over(const rt__supervisor *s)
{
    if (!s->ended)
        return false;
    return (!s->generations.job.alive && s->coordinator.pid == 0) ||
           rt_clock() - s->ended_at > COORDINATOR_END_SECONDS;
}

static void wait_for_news(const rt__supervisor *s)
{
    enum { FDS = 3 + RT_WIRE_FDS };
    struct pollfd p[FDS] = {{.fd = s->signals.fd, .events = POLLIN},
                            {.fd = s->coordinator.out, .events = POLLIN},
                            {.fd = rt__job_fd(&s->generations.job), .events = POLLIN}};
    rt_wire_poll(s->wire, &p[3]);
    double seconds = rt__generations_patience(&s->generations);
    seconds = seconds < 0 ? 0 : seconds > TURN_SECONDS ? TURN_SECONDS : seconds;
    poll(p, FDS, (int)(1e3 * seconds + 0.5));
}

/* Removes what is no longer needed. Snapshots stay if the run can resume from them. */
static void tidy_up(rt__supervisor *s)
{
    const rt__left_run run = {s->coordinator.run_id, s->spec->rundir->path,
                              s->spec->cfg->snapshot.dir};
    bool is_lost = s->out.gone && !s->out.moved;
    if (run.id[0] && (s->by_coordinator || is_lost))
        rt__leftovers_end_run(&run);
    else if (run.id[0])
        rt__leftovers_end_generation(&run, INT64_MAX);
    s->out.kept = s->generations.any && !s->by_coordinator && !is_lost;
}

rt__outcome rt__supervise(const rt__run_spec *spec)
{
    rt__supervisor s = {
        .spec = spec, .signals.fd = -1, .coordinator.out = -1, .probes.jobs = spec->jobs};
    rt__display_init(&s.display, spec->json, spec->rundir->path, spec->cfg->data.batch);
    s.display.plugins = spec->cfg->plugins;
    s.display.cosine = spec->cfg->schedule.name == RT_CFG_SCHEDULE_COSINE;
    if (begin(&s) != RT_OK)
        give_up_with_error(&s);
    while (s.wire && !is_over(&s)) {
        wait_for_news(&s);
        handle_signals(&s);
        rt__display_refresh(&s.display);
        rt__supervisor_receive(&s, 0);
        rt__generations_tend(&s.generations);
        rt__supervisor_tend_coordinator(&s);
        tend_hosts(&s);
        tend_run_directory(&s);
        tend_interrupt(&s);
        if (s.ended) /* its job must end too */
            rt__generations_end_all(&s.generations);
    }
    rt__children_end(NULL, 0);
    tidy_up(&s);
    rt__generations_release(&s.generations);
    rt__probes_end(&s.probes);
    rt__hosts_file_close(&s.hosts);
    rt__coordinator_release(&s.coordinator);
    if (s.wire)
        rt_wire_close(s.wire, 0);
    rt_os_signals_close(&s.signals);
    rt_log_close();
    rt__display_end(&s.display);
    s.out.stepped = s.display.stepped;
    return s.out;
}
