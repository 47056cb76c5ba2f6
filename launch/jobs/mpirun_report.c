#include "launch/jobs/mpirun_report.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "launch/jobs/child.h"
#include "launch/jobs/job_log.h"
#include "launch/jobs/mpirun_log.h"
#include "launch/jobs/mpirun_watch.h"
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* mpirun exits as the first of its ranks did: with that rank's exit code, or with 128 + its signal. */
static int mpirun_exit_code(const rt__mpirun *m)
{
    return WIFEXITED(m->wait_status) ? WEXITSTATUS(m->wait_status) : 0;
}

/* ---- why ---- */

/* Adds our limit on memory to the reason if MPI could not start: its own message does not mention memory. */
static void add_memory_limit(char reason[RT__REASON])
{
    char limit[128];
    size_t used = strlen(reason);
    if (strncmp(reason, rt__mpi_cannot_start, strlen(rt__mpi_cannot_start)) == 0 &&
        rt__memory_limit(limit, sizeof limit))
        snprintf(reason + used, RT__REASON - used, "; %s", limit);
}

/* If mpirun left without a message, settings of Open MPI in our environment may be the reason: name them. */
static void describe_silence(char reason[RT__REASON])
{
    static const char *const prefixes[] = {"OMPI_MCA_", "PRTE_MCA_"};
    size_t used = (size_t)snprintf(reason, RT__REASON, "it printed nothing");
    int names = 0;
    for (char **e = environ; *e && used < RT__REASON / 2; e++)
        if (strncmp(*e, prefixes[0], strlen(prefixes[0])) == 0 ||
            strncmp(*e, prefixes[1], strlen(prefixes[1])) == 0)
            used += (size_t)snprintf(
                reason + used, RT__REASON - used, "%s%.*s",
                names++ ? ", " : "; these settings apply to it: ", (int)strcspn(*e, "="), *e);
}

/* All ranks exited with 0, but the coordinator still expected work. A worker opens a log before anything else, so if
 * there is none, another program ran in its place, and would run again. */
static void blame_program(rt__mpirun *m, rt__blame *b)
{
    char *log = rt__log_read_worker(m->run_dir, 0, m->generation),
         here[HOST_NAME_MAX + 1] = "this host";
    gethostname(here, sizeof here - 1);
    if (!log) {
        b->why.final = true;
        snprintf(m->reason, sizeof m->reason,
                 "worker 0 on %s: %s ended without ever reporting: it is not ringtorch-worker: "
                 "correct or unset RINGTORCH_WORKER",
                 m->hosts.count > 0 ? m->hosts.name[0] : here, m->worker);
    }
    rt_mem_free(log);
}

/* A worker that exited by itself has logged why. If there is no such log, the reason is what mpirun's log says (b). */
static void find_reason(rt__mpirun *m, rt__blame *b)
{
    const rt__job_report *r = &m->report;
    char *text = r->rank >= 0 ? rt__log_read_worker(m->run_dir, r->rank, m->generation) : NULL;
    rt__why_found own = {0};
    if (text && r->signal == 0)
        rt__log_worker_reason(text, &own);
    memcpy(m->reason, own.reason, sizeof m->reason);
    b->why.final |= own.final;
    if (!m->reason[0] && (b->explained || r->signal == 0))
        memcpy(m->reason, b->why.reason, sizeof m->reason);
    if (m->why_killed && r->signal != 0 && !b->explained)
        b->why.final = rt__why_killed_find(m->why_killed, r->signal, m->reason, sizeof m->reason) &&
                       rt__why_killed_stays(r->signal);
    else
        add_memory_limit(m->reason);
    if (!m->reason[0] && r->rank < 0 && r->signal == 0 && r->exit_code > 0 && r->exit_code < 128)
        describe_silence(m->reason);
    if (text && !m->reason[0])
        rt__log_name_worker(r->rank, m->generation, r->signal, r->exit_code, m->reason);
    rt_mem_free(text);
}

/* ---- which rank or host ---- */

static bool is_killed(int wait_status)
{
    return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
}

static void blame_rank(rt__mpirun *m, int64_t rank, int signal, int exit_code)
{
    m->report.outcome = RT__JOB_FAILED;
    m->report.rank = rank;
    m->report.signal = signal;
    m->report.exit_code = exit_code;
}

static void blame_no_rank(rt__mpirun *m, rt__job_outcome outcome, int signal)
{
    m->report.outcome = outcome;
    m->report.rank = -1;
    m->report.signal = signal;
    m->dead_count = 0;
}

/* If mpirun loses a host, or a host cannot start ranks, mpirun kills its ranks: they are not to blame. Version 5 then
 * exits with 0, as if all were well. */
static bool blame_host_if_lost(rt__mpirun *m, const rt__blame *b)
{
    m->lost_daemon = b->daemon && m->hosts.count > 0 && !m->certain;
    if (!m->lost_daemon && !b->why.host[0])
        return false;
    const char *host = rt__host_list_find(&m->hosts, b->why.host);
    snprintf(m->lost_host, sizeof m->lost_host, "%s", host ? host : "");
    blame_no_rank(m, RT__JOB_HOST_LOST, 0);
    if (m->report.exit_code == 0)
        m->report.exit_code = 1;
    return true;
}

/* Somebody has killed mpirun, and its ranks died of that. They may die before it does, since the kernel signals them
 * when the thread that started them ends. */
static bool blame_mpirun_if_killed(rt__mpirun *m)
{
    bool first_killed = !m->status_known || is_killed(m->first_status);
    bool is = m->certain ? is_killed(m->wait_status) && first_killed : WIFSIGNALED(m->wait_status);
    if (!is || m->killed)
        return false;
    blame_no_rank(m, RT__JOB_KILLED, WTERMSIG(m->wait_status));
    return true;
}

/* mpirun ends the other ranks with SIGTERM and SIGKILL. If the first end that we saw was such a signal, but mpirun's exit
 * status reports another end, that rank did not fail: it followed one that ended in the first milliseconds of its life,
 * before we could see it. */
static bool is_first_a_follower(const rt__mpirun *m)
{
    int reported = mpirun_exit_code(m);
    int by = WIFSIGNALED(m->first_status) ? WTERMSIG(m->first_status) : 0;
    return (by == SIGTERM || by == SIGKILL) && reported != 0 && reported != 128 + by;
}

/* If only mpirun saw which rank ended first, its exit status tells how that rank ended. */
static bool blame_reported_rank(rt__mpirun *m, const rt__blame *b)
{
    int code = m->report.exit_code;
    if (m->certain || b->rank < 0)
        return false;
    blame_rank(m, b->rank, b->by_signal && code > 128 ? code - 128 : 0, code);
    return true;
}

/* A rank that we never found ended before all others; mpirun does not always log which rank it was. */
static bool blame_unseen_rank(rt__mpirun *m, bool follows)
{
    int reported = mpirun_exit_code(m);
    int64_t number, unseen = rt__ranks_unseen(&m->ranks, follows, &number);
    if (m->hosts.count > 0 || m->certain || unseen != 1 || reported == 0)
        return false;
    blame_rank(m, number, reported > 128 ? reported - 128 : 0, m->report.exit_code);
    return true;
}

/* Blames the first rank that we saw end. Its status comes from the kernel, or from mpirun if we asked the kernel too late. */
static void blame_first(rt__mpirun *m)
{
    int reported = m->report.exit_code;
    if (!m->status_known)
        blame_rank(m, m->first, reported > 128 ? reported - 128 : 0, reported);
    else if (m->first_status == 0)
        blame_rank(m, m->first, 0, reported);
    else
        blame_rank(m, m->first, WIFSIGNALED(m->first_status) ? WTERMSIG(m->first_status) : 0,
                   rt__exit_code(m->first_status));
}

/* Finds the rank or host that failed first in a job that nobody ordered to end: as we saw it, else as mpirun reports it. */
static void find_culprit(rt__mpirun *m, const rt__blame *b)
{
    /* If m->certain, we saw the first end before mpirun did, which may then have taken our own kills for the cause. An
     * mpirun that slept until we told it to end has killed no rank. */
    bool may_follow = !m->certain && m->ending_since == 0;
    bool follows = may_follow && is_first_a_follower(m);
    bool perhaps =
        may_follow && m->hosts.count == 0 && rt__mpirun_may_have_ended(m, m->first_status);
    if (blame_host_if_lost(m, b))
        return;
    if (!blame_reported_rank(m, b) && !blame_mpirun_if_killed(m) &&
        !blame_unseen_rank(m, follows)) {
        if (follows || perhaps || m->first < 0)
            blame_no_rank(m, RT__JOB_FAILED, 0);
        else
            blame_first(m);
    }
    if (!m->certain) {
        m->dead[0] = m->report.rank;
        m->dead_count = m->report.rank >= 0;
    }
}

/* Returns whether mpirun crashed before it started a rank, as Open MPI does when it takes variables of a batch system for
 * an allocation that does not exist. */
static bool is_stillborn(const rt__mpirun *m, const char *log)
{
    int by = WIFSIGNALED(m->wait_status) ? WTERMSIG(m->wait_status) : 0;
    bool crashed = by == SIGSEGV || by == SIGBUS || by == SIGABRT || by == SIGFPE || by == SIGILL;
    return crashed && m->ordered_at == 0 && m->ranks.count == 0 && !rt__mpirun_log_started(log);
}

static void describe_stillbirth(rt__mpirun *m)
{
    m->report.outcome = RT__JOB_STILLBORN;
    if (!m->reason[0])
        snprintf(m->reason, RT__REASON,
                 "mpirun crashes (signal %d) before it starts a worker: check whether `mpirun -n 1 "
                 "true` works here, and which variables of a batch system or of Open MPI (OMPI_*) "
                 "are set",
                 WTERMSIG(m->wait_status));
}

/* ---- the whole ---- */

void rt__mpirun_set_lost_host(rt__mpirun *m, const char *host)
{
    char *log = rt__log_read(m->log);
    snprintf(m->lost_host, sizeof m->lost_host, "%s", host);
    if (log)
        rt__mpirun_log_name_host(m->mpi, log, host, m->reason);
    rt_mem_free(log);
}

/* If we ended the job, no rank failed, and mpirun's exit status only reflects how we ended it. */
static bool is_ordered(const rt__mpirun *m)
{
    return m->ordered_at > 0 && m->failing_since == 0;
}

static void judge(rt__mpirun *m, const char *log)
{
    rt__job_report *r = &m->report;
    rt__blame b;
    rt__mpirun_log_blame(m->mpi, log, &b);
    *r = (rt__job_report){.outcome = RT__JOB_DONE, .rank = -1};
    if (is_ordered(m)) {
        r->outcome = RT__JOB_ORDERED;
        m->dead_count = 0;
        return;
    }
    r->exit_code = rt__exit_code(m->wait_status);
    if (r->exit_code != 0 || m->certain || b.daemon) {
        find_culprit(m, &b);
    } else {
        m->dead_count = 0;
        b.why.final = false; /* the job has run in spite of what the log warns of */
    }
    find_reason(m, &b);
    if (is_stillborn(m, log))
        describe_stillbirth(m);
    if (r->exit_code == 0 && r->rank < 0)
        blame_program(m, &b);
    r->final = b.why.final;
}

void rt__mpirun_judge(rt__mpirun *m)
{
    char *log = rt__log_read(m->log);
    judge(m, log ? log : "");
    double now = rt_clock(), sign = m->sign_at > 0 ? m->sign_at : now;
    double ending = m->failing_since > 0 ? m->failing_since : m->ending_since;
    m->report.ranks = m->dead;
    m->report.ranks_count = m->dead_count;
    m->report.host = m->lost_host;
    m->report.text = m->reason;
    m->report.seconds_since_sign = now - (is_ordered(m) ? m->ordered_at : sign);
    m->report.seconds_ending = ending > 0 ? now - ending : 0;
    m->gone_at = now;
    rt_mem_free(log);
}
