/* Starts jobs with the mpirun of Open MPI 4 or 5, on this host or, through a remote shell or Slurm's srun, on several. */
#include "launch/jobs/backend_mpirun.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "launch/jobs/allocation.h"
#include "launch/jobs/child.h"
#include "launch/jobs/mpirun_log.h"
#include "launch/jobs/mpirun_report.h"
#include "launch/jobs/mpirun_start.h"
#include "launch/jobs/mpirun_watch.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- the site ---- */

/* PATH is unset in a program that was started with an empty environment: say so. */
static rt_status refuse_path(void)
{
    const char *path = getenv("PATH");
    if (!path || !*path)
        return RT_FAIL(NOTFOUND, "mpirun: not found, because PATH is empty: set PATH");
    return RT_FAIL(NOTFOUND,
                   "mpirun: not found in PATH: install it with apt-get install openmpi-bin");
}

void rt__mpirun_close(rt__jobs *jobs)
{
    rt__mpirun_site *site = jobs->site;
    if (site)
        rt_mem_free(site->program);
    rt_mem_free(site);
    jobs->site = NULL;
}

rt_status rt__mpirun_open(rt__jobs *jobs)
{
    int minor = 0;
    rt__mpirun_site *site = jobs->site = rt_calloc(1, sizeof *site);
    if (!site)
        return rt_error_code();
    site->program = rt__find_program("mpirun");
    if (!site->program)
        return rt_failed() ? rt_error_code() : refuse_path();
    RT_TRY(rt__openmpi_find(site->program, &site->mpi, &minor));
    snprintf(jobs->about, sizeof jobs->about, "%s, Open MPI %d.%d", site->program, site->mpi->major,
             minor);
    return RT_OK;
}

/* Open MPI accepts a list such as "ssh : rsh" and takes the first that exists. Returns the number of its words, 0 if none
 * exists. */
static int split_shell(char *text, const char *word[RT__SHELL_WORDS])
{
    char *choices = NULL;
    for (char *choice = strtok_r(text, ":", &choices); choice;
         choice = strtok_r(NULL, ":", &choices)) {
        char *rest = NULL;
        int n = 0;
        for (char *w = strtok_r(choice, " \t", &rest); w && n < RT__SHELL_WORDS - 10;
             w = strtok_r(NULL, " \t", &rest))
            word[n++] = w;
        char *program = n > 0 ? rt__find_program(word[0]) : NULL;
        rt_mem_free(program);
        if (program)
            return n;
    }
    return 0;
}

static rt_status find_shell(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                            const char *word[RT__SHELL_WORDS], int *count)
{
    const rt__mpirun_site *site = jobs->site;
    const char *variable = site->mpi->shell, *set = getenv(variable);
    if (!set || !*set)
        set = getenv(variable = RT__SHELL_VARIABLE);
    snprintf(text, RT__SHELL_TEXT, "%s", set && *set ? set : rt__default_shell);
    *count = split_shell(text, word);
    if (*count > 0)
        return RT_OK;
    if (set && *set)
        return RT_FAIL(NOTFOUND,
                       "%s is '%s', and there is no such program: workers on other hosts are "
                       "started with it",
                       variable, set);
    return RT_FAIL(NOTFOUND,
                   "ssh: not found in PATH: workers on other hosts are started with it: install it "
                   "with apt-get install openssh-client, or set " RT__SHELL_VARIABLE);
}

rt_status rt__mpirun_find_hosts(const rt__jobs *jobs, int64_t threads, rt__host_list *out)
{
    (void)jobs;
    return rt__allocation_find(threads, out);
}

rt_status rt__mpirun_make_command(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                                  int64_t threads, rt__command *out)
{
    return rt__mpirun_command(jobs->site, hosts, world, threads, out);
}

bool rt__mpirun_explain(const rt__jobs *jobs, const char *printed, char reason[RT__REASON])
{
    const rt__mpirun_site *site = jobs->site;
    rt__blame b;
    rt__mpirun_log_blame(site->mpi, printed, &b);
    snprintf(reason, RT__REASON, "%s", b.why.reason);
    return reason[0] != '\0';
}

/* ---- a job ---- */

rt_status rt__mpirun_job_start(rt__job *job, const rt__job_spec *spec)
{
    rt__mpirun *m = job->own = rt_calloc(1, sizeof *m);
    if (!m)
        return rt_error_code();
    m->inquest.jobs = job->jobs;
    m->ranks.watch.fd = -1;
    RT_TRY(rt__mpirun_start(m, job->jobs->site, spec));
    job->ranks_expected = m->ranks.expected;
    return RT_OK;
}

int rt__mpirun_job_fd(const rt__job *job)
{
    const rt__mpirun *m = job->own;
    return rt__ranks_fd(&m->ranks);
}

static void record_end(rt__job *job, int wait_status)
{
    rt__mpirun *m = job->own;
    m->pid = 0;
    m->wait_status = wait_status;
    job->gone = true;
}

void rt__mpirun_job_watch(rt__job *job)
{
    rt__mpirun *m = job->own;
    rt__mpirun_watch(m);
    job->ranks_started = m->ranks.count;
    if (!rt__mpirun_overdue(m))
        return;
    m->killed = true;
    kill(m->pid, SIGKILL);
    record_end(job, SIGKILL);
}

double rt__mpirun_job_patience(const rt__job *job)
{
    return rt__mpirun_patience(job->own);
}

bool rt__mpirun_job_reaped(rt__job *job, pid_t pid, int wait_status)
{
    rt__mpirun *m = job->own;
    if (WIFSTOPPED(wait_status) && pid == m->pid)
        kill(pid, SIGCONT); /* while mpirun is stopped, ranks can neither start nor end */
    if (WIFSTOPPED(wait_status) || rt__probes_reaped(&m->inquest, pid, wait_status))
        return true;
    if (pid != m->pid)
        return false;
    record_end(job, wait_status);
    return true;
}

void rt__mpirun_job_end(rt__job *job)
{
    rt__mpirun_end(job->own);
}

/* ---- its end ---- */

/* A remote shell has failed, and mpirun does not say for which host: asks all of them. */
static void begin_inquest(rt__mpirun *m)
{
    for (int64_t i = 0; i < m->hosts.count; i++)
        if (rt__probes_ask(&m->inquest, m->hosts.name[i]) != RT_OK) {
            rt_log_warn("%s", rt_error());
            rt_error_clear();
        }
    m->asking = true;
}

/* Returns whether all hosts have answered, or one was found that cannot be reached. */
static bool tend_inquest(rt__mpirun *m)
{
    char host[RT__HOST_NAME];
    bool ok;
    while (!m->lost_host[0] && rt__probes_answer(&m->inquest, host, &ok))
        if (!ok)
            rt__mpirun_set_lost_host(m, host);
    return m->lost_host[0] || m->inquest.count == 0;
}

bool rt__mpirun_job_conclude(rt__job *job, bool now, rt__job_report *out)
{
    rt__mpirun *m = job->own;
    if (!m->judged) {
        rt__mpirun_judge(m);
        m->judged = true;
        if (m->lost_daemon && !m->lost_host[0] && !now)
            begin_inquest(m);
    }
    if (m->asking && !tend_inquest(m) && !now)
        return false;
    if (m->asking)
        m->report.seconds_since_sign += rt_clock() - m->gone_at;
    *out = m->report;
    return true;
}

void rt__mpirun_job_release(rt__job *job)
{
    rt__mpirun_release(job->own);
    rt_mem_free(job->own);
}

const rt__job_backend rt__backend_mpirun = {
    .name = "mpirun",
    .what = "Open MPI's mpirun, version 4 or 5, on this host or, by a remote shell, on several",
    .open = rt__mpirun_open,
    .shell = find_shell,
    RT__MPIRUN_ROW,
};
