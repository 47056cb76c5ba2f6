#include "launch/job.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/child.h"
#include "launch/job_log.h"
#include "launch/log_limit.h"
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* mpirun notices a rank's death itself and then ends within some 10 ms. A SIGTERM in the middle of
 * that crashes it (4.1.4), or it no longer says which rank was the first; so it comes only when mpirun
 * has slept for ABORT_SECONDS. Time in which it computes or waits for a processor does not count: on a
 * machine under load it is slow, not stuck, until SLOW_SECONDS have passed. */
static const double ABORT_SECONDS = 0.5, END_SECONDS = 1, SLOW_SECONDS = 10;

void rt__job_release(rt__job *job)
{
    rt_mem_free(job->run_dir);
    rt_mem_free(job->worker);
    rt_mem_free(job->log);
    rt_mem_free(job->dead);
    rt__host_list_release(&job->hosts);
    rt__ranks_close(&job->ranks);
    *job = (rt__job){.ranks.epoll = -1};
}

/* ---- deaths ---- */

/* False: there are ranks that we do not see: on another host, not found yet, or dead before they were. */
static bool sees_all_ranks(const rt__job *job)
{
    int64_t number;
    return job->hosts.count == 0 && rt__ranks_unseen(&job->ranks, true, &number) == 0;
}

/* Returns whether mpirun may have ended a rank so, because of one that we do not see. */
static bool is_perhaps_mpiruns(const rt__job *job, int wait_status)
{
    int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    return !sees_all_ranks(job) && (signal == SIGKILL || signal == SIGTERM);
}

/* Takes the ends of ranks, and notes those that nobody ordered, as of the first moment in which there
 * was one. If we know how all of them ended, mpirun has not asked for any of them yet and so has
 * killed none: then it is certain that they failed by themselves. Returns whether one has surely
 * failed. */
static bool take_ends(rt__job *job)
{
    bool is_first_moment = job->sign_at == 0, failed = false, certain = true;
    bool expected = job->ordered_at > 0 || job->failing_since > 0;
    for (rt__rank_end e; rt__ranks_next_end(&job->ranks, &e);) {
        if (expected || (e.known && e.wait_status == 0)) /* its work was done */
            continue;
        failed |= e.known;
        certain &= e.known && !is_perhaps_mpiruns(job, e.wait_status);
        if (job->sign_at == 0)
            job->sign_at = rt_clock();
        if (!is_first_moment)
            continue;
        if (job->dead_count == 0) {
            job->first = e.rank;
            job->first_status = e.wait_status;
        }
        job->dead[job->dead_count++] = e.rank;
    }
    if (is_first_moment && job->dead_count > 0)
        job->certain = certain;
    return failed;
}

/* Returns whether mpirun has slept for so long since a rank failed or it was told to end. */
static bool is_stuck(const rt__job *job, double seconds)
{
    double since = job->failing_since > 0 ? job->failing_since : job->ending_since;
    if (job->pid <= 0 || since == 0)
        return false;
    double passed = rt_clock() - since, busy = rt__process_busy(job->pid) - job->busy_then;
    return passed > SLOW_SECONDS || passed - busy > seconds;
}

/* Notes a moment from which on mpirun is expected to end. */
static void expect_end(rt__job *job, double *moment)
{
    if (job->failing_since == 0 && job->ending_since == 0)
        job->busy_then = rt__process_busy(job->pid);
    *moment = rt_clock();
}

/* A stopped mpirun could not end; it goes on where it was. */
static void tell_to_end(rt__job *job)
{
    expect_end(job, &job->ending_since);
    kill(job->pid, SIGTERM);
    kill(job->pid, SIGCONT);
}

/* Not once it is failing: what mpirun says then is why. */
static void limit_log(rt__job *job)
{
    double now = rt_clock();
    if (now < job->next_log_look || job->failing_since > 0 || job->ending_since > 0)
        return;
    job->next_log_look = now + 1;
    if (rt__log_shorten(job->log) != RT_OK) {
        rt_log_warn("%s", rt_error());
        rt_error_clear();
    }
}

void rt__job_watch(rt__job *job)
{
    if (job->pid <= 0)
        return;
    limit_log(job);
    rt__ranks_look(&job->ranks);
    if (take_ends(job)) {
        expect_end(job, &job->failing_since);
        if (job->certain ||
            sees_all_ranks(job)) /* else mpirun might take our kills for the cause */
            rt__ranks_kill(&job->ranks);
    }
    if (job->failing_since > 0 && job->ending_since == 0 && is_stuck(job, ABORT_SECONDS))
        tell_to_end(job);
}

double rt__job_patience(const rt__job *job)
{
    double ranks = rt__ranks_patience(&job->ranks);
    if (job->pid <= 0)
        return 1;
    return job->failing_since > 0 || job->ending_since > 0 ? 0.05 : ranks;
}

void rt__job_end(rt__job *job)
{
    if (job->pid <= 0 || job->ordered_at > 0)
        return;
    job->ordered_at = rt_clock();
    if (job->failing_since == 0) /* else it is on its way */
        tell_to_end(job);
}

void rt__job_kill(rt__job *job)
{
    job->killed = true;
    kill(job->pid, SIGKILL);
}

bool rt__job_overdue(const rt__job *job)
{
    return is_stuck(job, END_SECONDS);
}

/* ---- what has happened ---- */

/* MPI does not say that it is memory that it cannot get. */
static void add_memory_limit(char reason[RT__REASON])
{
    char limit[128];
    size_t used = strlen(reason);
    if (strncmp(reason, rt__mpi_cannot_start, strlen(rt__mpi_cannot_start)) == 0 &&
        rt__memory_limit(limit, sizeof limit))
        snprintf(reason + used, RT__REASON - used, "; %s", limit);
}

/* What mpirun took from our environment may be why it left without a word. */
static void describe_silence(char reason[RT__REASON])
{
    static const char prefix[] = "OMPI_MCA_";
    size_t used = (size_t)snprintf(reason, RT__REASON, "it has said nothing");
    int names = 0;
    for (char **e = environ; *e && used < RT__REASON / 2; e++)
        if (strncmp(*e, prefix, sizeof prefix - 1) == 0)
            used += (size_t)snprintf(
                reason + used, RT__REASON - used, "%s%.*s",
                names++ ? ", " : "; these are set for it: ", (int)strcspn(*e, "="), *e);
}

/* Returns the text of a rank's own log (rt_mem_free); NULL: it has none. */
static char *read_worker_log(const rt__job *job, int64_t rank)
{
    char *path = rt_strdup_printf("%s/logs/worker-%" PRId64 ".g%" PRId64 ".log", job->run_dir, rank,
                                  job->generation);
    char *text = path ? rt__log_read(path) : NULL;
    rt_mem_free(path);
    return text;
}

/* All ranks have left as if their work were done. A worker begins a log before anything else: without one this was
 * another program, and would be so again. */
static void blame_program(rt__job *job, rt__blame *b)
{
    char *log = read_worker_log(job, 0), here[HOST_NAME_MAX + 1] = "this host";
    gethostname(here, sizeof here - 1);
    if (!log) {
        b->final = true;
        snprintf(job->reason, sizeof job->reason,
                 "worker 0 on %s: %s ended without ever reporting: it is not ringtorch-worker: "
                 "correct or unset RINGTORCH_WORKER",
                 job->hosts.count > 0 ? job->hosts.name[0] : here, job->worker);
    }
    rt_mem_free(log);
}

/* A worker that left has logged why. If none did, or before it had a log of its own, mpirun's log is
 * where to look: what b says. */
static void find_reason(rt__job *job, const rt_msg_exited *m, rt__blame *b)
{
    char *text = m->rank >= 0 ? read_worker_log(job, m->rank) : NULL;
    job->reason[0] = '\0';
    if (text && m->signal == 0)
        rt__log_worker(text, job->reason);
    if (!job->reason[0] && (b->explained || m->signal == 0))
        memcpy(job->reason, b->reason, sizeof job->reason);
    if (job->why_killed && m->signal != 0 && !b->explained)
        b->final =
            rt__why_killed_say(job->why_killed, (int)m->signal, job->reason, sizeof job->reason) &&
            m->signal != SIGKILL;
    else
        add_memory_limit(job->reason);
    if (!job->reason[0] && m->rank < 0 && m->signal == 0 && m->exit_code > 0 && m->exit_code < 128)
        describe_silence(job->reason);
    rt_mem_free(text);
}

static bool is_killed(int wait_status)
{
    return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
}

/* mpirun kills its ranks when it has lost another host, or one cannot start them; they are not to
 * blame. */
static bool is_host_to_blame(rt__job *job, const rt__blame *b, rt_msg_exited *out)
{
    job->lost_daemon = b->daemon && job->hosts.count > 0 && !job->certain;
    if (!job->lost_daemon && !b->host[0])
        return false;
    const char *host = rt__host_list_find(&job->hosts, b->host);
    snprintf(job->lost_host, sizeof job->lost_host, "%s", host ? host : "");
    out->rank = -1;
    return true;
}

/* Somebody has killed mpirun, and its ranks died by that: even before it, since the kernel tells them
 * when the thread ends that started them. */
static bool is_mpirun_to_blame(const rt__job *job, int wait_status, rt_msg_exited *out)
{
    bool is = job->certain ? is_killed(wait_status) && is_killed(job->first_status)
                           : WIFSIGNALED(wait_status);
    if (!is || job->killed)
        return false;
    out->rank = -1;
    out->signal = WTERMSIG(wait_status);
    return true;
}

/* As Open MPI does when it takes variables of a batch system for an allocation that is not there. */
static bool is_stillborn(const rt__job *job, int wait_status, const char *log)
{
    int by = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    bool crashed = by == SIGSEGV || by == SIGBUS || by == SIGABRT || by == SIGFPE || by == SIGILL;
    return crashed && job->ordered_at == 0 && job->ranks.count == 0 &&
           !strstr(log, "STATE RUNNING");
}

static void describe_stillbirth(int signal, char reason[RT__REASON])
{
    snprintf(
        reason, RT__REASON,
        "mpirun crashes (signal %d) before it starts a worker: look whether `mpirun -n 1 true` "
        "runs here, and which variables of a batch system or of Open MPI (OMPI_*) are set",
        signal);
}

/* mpirun hands on how the first of its ranks ended, and ends the others with SIGTERM and SIGKILL. One
 * that ended so while mpirun tells of another end did not fail: it followed one that ended before it
 * could be seen, in the first milliseconds of its life. */
static bool is_first_a_follower(const rt__job *job, int wait_status)
{
    int told = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    int by = WIFSIGNALED(job->first_status) ? WTERMSIG(job->first_status) : 0;
    return (by == SIGTERM || by == SIGKILL) && told != 0 && told != 128 + by;
}

static bool is_perhaps_a_follower(const rt__job *job)
{
    return job->hosts.count == 0 && !job->certain && is_perhaps_mpiruns(job, job->first_status);
}

/* A rank that was never found has ended before all others, and mpirun, which hands on how, does not always
 * print whose end it was. */
static bool is_unseen_to_blame(const rt__job *job, int wait_status, bool follows,
                               rt_msg_exited *out)
{
    int told = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    int64_t number, unseen = rt__ranks_unseen(&job->ranks, follows, &number);
    if (job->hosts.count > 0 || job->certain || unseen != 1 || told == 0)
        return false;
    out->rank = number;
    out->signal = told > 128 ? told - 128 : 0;
    return true;
}

/* Says who failed first, of a job that nobody told to end: as we have seen it, else as mpirun says. */
static void find_culprit(rt__job *job, int wait_status, const rt__blame *b, rt_msg_exited *out)
{
    /* What is certain we saw before mpirun did, which may then have taken our own kills for the cause. One that slept
     * until we told it to end has killed nobody. */
    bool may_follow = !job->certain && job->ending_since == 0;
    bool follows = may_follow && is_first_a_follower(job, wait_status);
    out->rank = job->first;
    if (is_host_to_blame(job, b, out)) {
        job->dead_count = 0;
    } else if (!job->certain && b->rank >= 0) {
        out->rank = b->rank;
        out->signal = b->by_signal && out->exit_code > 128 ? out->exit_code - 128 : b->signal;
        out->exit_code = b->exit_code != 0 ? b->exit_code : out->exit_code;
    } else if (is_mpirun_to_blame(job, wait_status, out)) {
        job->dead_count = 0;
    } else if (is_unseen_to_blame(job, wait_status, follows, out)) {
        job->dead_count = 1;
    } else if (follows || (may_follow && is_perhaps_a_follower(job))) {
        out->rank = -1;
        job->dead_count = 0;
    } else if (job->first_status != 0) {
        bool killed = WIFSIGNALED(job->first_status);
        out->signal = killed ? WTERMSIG(job->first_status) : 0;
        out->exit_code = killed ? 128 + out->signal : WEXITSTATUS(job->first_status);
    }
    if (!job->certain) {
        job->dead[0] = out->rank;
        job->dead_count = out->rank >= 0;
    }
}

void rt__job_lost_host(rt__job *job, const char *host)
{
    char *log = rt__log_read(job->log);
    snprintf(job->lost_host, sizeof job->lost_host, "%s", host);
    if (log)
        rt__log_name_host(log, host, job->reason);
    rt_mem_free(log);
}

void rt__job_ended(rt__job *job, int wait_status, rt_msg_exited *out)
{
    char *log = rt__log_read(job->log);
    rt__blame b;
    rt__log_blame(log ? log : "", &b);
    job->stillborn = is_stillborn(job, wait_status, log ? log : "");
    double now = rt_clock(), sign = job->sign_at > 0 ? job->sign_at : now;
    double ending = job->failing_since > 0 ? job->failing_since : job->ending_since;
    *out = (rt_msg_exited){
        .job_generation = job->generation,
        .exit_code =
            WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status),
        .rank = -1,
    };
    bool ordered = job->ordered_at > 0 && job->failing_since == 0;
    if (!ordered && (out->exit_code != 0 || job->certain))
        find_culprit(job, wait_status, &b, out);
    else
        job->dead_count = 0;
    if (ordered)
        out->exit_code = 0; /* mpirun's says only how we have ended it */
    else
        find_reason(job, out, &b);
    if (job->stillborn && !job->reason[0])
        describe_stillbirth(WTERMSIG(wait_status), job->reason);
    if (!ordered && out->exit_code == 0 && out->rank < 0)
        blame_program(job, &b);
    out->ranks = job->dead;
    out->ranks_count = job->dead_count;
    out->host = job->lost_host;
    out->reason = job->reason;
    out->final = !ordered && b.final;
    out->seconds_since_sign = now - (ordered ? job->ordered_at : sign);
    out->seconds_ending = ending > 0 ? now - ending : 0;
    rt_mem_free(log);
    job->pid = 0;
}
