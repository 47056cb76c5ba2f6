#include "launch/jobs/probe.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "launch/jobs/child.h"
#include "launch/jobs/remote_shell.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double ANSWER_SECONDS = 5;

/* ---- asking ---- */

static rt_status start(const rt__jobs *jobs, rt__probe *p)
{
    static const char *const no_env[] = {NULL};
    rt__shell shell;
    RT_TRY(rt__shell_find(jobs, &shell));
    const char **argv = shell.word;
    argv[shell.count++] = p->host;
    argv[shell.count++] = "true";
    argv[shell.count] = NULL;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    rt_status status = rt__child_start(&(rt__child){.argv = argv,
                                                    .env = no_env,
                                                    .death_signal = SIGKILL,
                                                    .out_fd = nowhere,
                                                    .err_fd = nowhere,
                                                    .keep_fd = -1},
                                       &p->pid);
    if (nowhere >= 0)
        close(nowhere);
    p->began = rt_clock();
    return status;
}

/* Starts the next probes, as many as may run at once. */
static void start_waiting(rt__probes *p)
{
    pid_t running[RT__PROBES_AT_ONCE];
    int count = rt__probes_children(p, running);
    for (size_t i = 0; i < p->count && count < RT__PROBES_AT_ONCE; i++) {
        rt__probe *q = &p->probe[i];
        if (q->pid != 0 || q->answered)
            continue;
        if (rt__host_is_local(q->host)) {
            q->answered = q->ok = true;
        } else if (start(p->jobs, q) == RT_OK) {
            count++;
        } else {
            rt_log_warn("host %s cannot be asked: %s", q->host, rt_error());
            rt_error_clear();
            q->pid = 0;
            q->answered = true;
        }
    }
}

rt_status rt__probes_ask(rt__probes *p, const char *host)
{
    if (!rt__host_is_name(host))
        return RT_FAIL(PROTOCOL, "'%s' is not a host name", host);
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->probe[i].host, host) == 0 && !p->probe[i].answered)
            return RT_OK;
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 8;
        rt__probe *grown = rt_realloc(p->probe, room * sizeof *grown);
        if (!grown)
            return rt_error_code();
        p->probe = grown;
        p->room = room;
    }
    rt__probe *next = &p->probe[p->count++];
    *next = (rt__probe){0};
    snprintf(next->host, sizeof next->host, "%s", host);
    start_waiting(p);
    return RT_OK;
}

/* ---- answers ---- */

bool rt__probes_reaped(rt__probes *p, pid_t pid, int wait_status)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->probe[i].pid == pid) {
            p->probe[i].pid = 0;
            p->probe[i].answered = true;
            p->probe[i].ok = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
            return true;
        }
    return false;
}

/* Kills the whole process group: the remote shell may have children of its own. */
static void give_up(rt__probe *p)
{
    kill(-p->pid, SIGKILL);
    kill(p->pid, SIGKILL);
    p->pid = 0; /* its end, once reaped, is no longer an answer */
    p->answered = true;
    p->ok = false;
}

bool rt__probes_answer(rt__probes *p, char host[RT__HOST_NAME], bool *ok)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->probe[i].pid > 0 && rt_clock() - p->probe[i].began > ANSWER_SECONDS)
            give_up(&p->probe[i]);
    start_waiting(p);
    for (size_t i = 0; i < p->count; i++)
        if (p->probe[i].answered) {
            snprintf(host, RT__HOST_NAME, "%s", p->probe[i].host);
            *ok = p->probe[i].ok;
            p->probe[i] = p->probe[--p->count];
            return true;
        }
    return false;
}

int rt__probes_children(const rt__probes *p, pid_t out[RT__PROBES_AT_ONCE])
{
    int count = 0;
    for (size_t i = 0; i < p->count && count < RT__PROBES_AT_ONCE; i++)
        if (p->probe[i].pid > 0)
            out[count++] = p->probe[i].pid;
    return count;
}

void rt__probes_end(rt__probes *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->probe[i].pid > 0)
            give_up(&p->probe[i]);
    rt_mem_free(p->probe);
    *p = (rt__probes){.jobs = p->jobs};
}
