#include "launch/probe.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/child.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char rt__default_agent[] =
    "ssh -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=5";
static const double ANSWER_SECONDS = 5;

/* ---- the agent ---- */

/* Open MPI allows "ssh : rsh", of which the first that exists counts. */
int rt__agent_words(char text[RT__AGENT_TEXT], const char *word[RT__AGENT_WORDS])
{
    const char *set = getenv("OMPI_MCA_plm_rsh_agent");
    char *choices = NULL;
    snprintf(text, RT__AGENT_TEXT, "%s", set && *set ? set : rt__default_agent);
    for (char *choice = strtok_r(text, ":", &choices); choice;
         choice = strtok_r(NULL, ":", &choices)) {
        char *rest = NULL;
        int n = 0;
        for (char *w = strtok_r(choice, " \t", &rest); w && n < RT__AGENT_WORDS;
             w = strtok_r(NULL, " \t", &rest))
            word[n++] = w;
        char *program = n > 0 ? rt__find_program(word[0]) : NULL;
        rt_mem_free(program);
        if (program)
            return n;
    }
    return 0;
}

rt_status rt__agent_check(void)
{
    char text[RT__AGENT_TEXT];
    const char *word[RT__AGENT_WORDS], *set = getenv("OMPI_MCA_plm_rsh_agent");
    if (rt__agent_words(text, word) > 0)
        return RT_OK;
    if (set && *set)
        return RT_FAIL(NOTFOUND,
                       "OMPI_MCA_plm_rsh_agent is '%s', and there is no such program: workers on "
                       "other hosts are started with it",
                       set);
    return RT_FAIL(NOTFOUND,
                   "ssh: not found in PATH: workers on other hosts are started with it: install it "
                   "with apt-get install openssh-client, or set OMPI_MCA_plm_rsh_agent");
}

/* ---- asking ---- */

static rt_status start(rt__probe *p)
{
    static const char *const no_env[] = {NULL};
    char text[RT__AGENT_TEXT];
    const char *argv[RT__AGENT_WORDS + 3];
    int n = rt__agent_words(text, argv);
    if (n == 0)
        return rt__agent_check();
    argv[n++] = p->host;
    argv[n++] = "true";
    argv[n] = NULL;
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

/* Starts those whose turn it is. */
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
        } else if (start(q) == RT_OK) {
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
        return RT_FAIL(PROTOCOL, "'%s' is no host name", host);
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

/* The agent may have children of its own: it leads a group of processes. */
static void give_up(rt__probe *p)
{
    kill(-p->pid, SIGKILL);
    kill(p->pid, SIGKILL);
    p->pid = 0; /* whoever reaps it finds nobody that it belongs to */
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
    *p = (rt__probes){0};
}
