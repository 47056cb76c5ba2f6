#include "launch/jobs/mpirun_watch.h"
#include "common/base/clock.h"
#include "common/base/os/os.h"
#include "launch/jobs/log_limit.h"
#include <signal.h>
#include <sys/wait.h>

/* mpirun notices a rank's death itself and then ends within some 10 ms. A SIGTERM in the middle of that crashes it
 * (4.1.4), or keeps it from reporting which rank was the first, so we send one only when mpirun has slept for
 * ABORT_SECONDS. Time in which it computes or waits for a processor does not count: on a loaded machine it is slow, not
 * stuck, until SLOW_SECONDS have passed. */
static const double UNNEEDED_SECONDS = 0.03, ABORT_SECONDS = 0.5, END_SECONDS = 1,
                    SLOW_SECONDS = 10;

/* ---- deaths ---- */

/* Returns false if there are ranks that we do not see: on another host, not found yet, or dead before we found them. */
static bool sees_all_ranks(const rt__mpirun *m)
{
    int64_t number;
    return m->hosts.count == 0 && rt__ranks_unseen(&m->ranks, true, &number) == 0;
}

bool rt__mpirun_may_have_ended(const rt__mpirun *m, int wait_status)
{
    int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    return !sees_all_ranks(m) && (signal == SIGKILL || signal == SIGTERM);
}

/* Records the first rank that ended without an order, and the other ranks that had ended by themselves at that moment. As
 * long as mpirun has collected no rank's wait status, it cannot have killed one because of another. Once it has, it may
 * have caused the later ends, but the first one is still the first, if we see all ranks. */
static void record_first_end(rt__mpirun *m, const rt__rank_end *ends, int64_t count)
{
    bool unasked = true, own = true;
    for (int64_t i = 0; i < count; i++) {
        unasked &= ends[i].unasked;
        own &= !rt__mpirun_may_have_ended(m, ends[i].wait_status);
    }
    m->certain = unasked ? own : sees_all_ranks(m);
    m->first = ends[0].rank;
    m->status_known = ends[0].known;
    m->first_status = ends[0].wait_status;
    m->dead_count = unasked ? count : 1;
    for (int64_t i = 0; i < m->dead_count; i++)
        m->dead[i] = ends[i].rank;
}

/* Takes the ends of ranks. Returns whether one has certainly failed: nobody ordered its end, and its work was not done. */
static bool take_ends(rt__mpirun *m)
{
    bool is_first = m->sign_at == 0, failed = false;
    bool expected = m->ordered_at > 0 || m->failing_since > 0;
    int64_t count = 0;
    for (rt__rank_end e; rt__ranks_next_end(&m->ranks, &e);) {
        m->ended++;
        if (expected || (e.known && e.wait_status == 0)) /* its work was done */
            continue;
        failed |= e.known;
        if (m->sign_at == 0)
            m->sign_at = rt_clock();
        if (is_first)
            m->ends[count++] = e;
    }
    if (count > 0)
        record_first_end(m, m->ends, count);
    return failed;
}

/* Returns whether the main thread of a process has ended, so that the others are about to: on a loaded machine a killed
 * mpirun may need a while for that, in which its main thread no longer counts as busy. */
static bool is_ending(pid_t pid)
{
    rt_os_process process;
    return rt_os_process_look(pid, &process) && process.ended;
}

/* Returns whether mpirun has slept for more than `seconds` since a rank failed or we told mpirun to end. */
static bool is_stuck(const rt__mpirun *m, double seconds)
{
    double since = m->failing_since > 0 ? m->failing_since : m->ending_since;
    if (m->pid <= 0 || since == 0)
        return false;
    double passed = rt_clock() - since, busy = rt_os_process_busy(m->pid) - m->busy_then;
    return passed > SLOW_SECONDS || (passed - busy > seconds && !is_ending(m->pid));
}

/* Sets *moment to now: from here on we expect mpirun to end. */
static void expect_end(rt__mpirun *m, double *moment)
{
    if (m->failing_since == 0 && m->ending_since == 0)
        m->busy_then = rt_os_process_busy(m->pid);
    *moment = rt_clock();
}

/* Tells mpirun to end. SIGCONT follows because a stopped mpirun could not. */
static void terminate(rt__mpirun *m)
{
    expect_end(m, &m->ending_since);
    kill(m->pid, SIGTERM);
    kill(m->pid, SIGCONT);
}

/* Kills an mpirun that we no longer need, since version 5 would sleep for another quarter of a second: all ranks are gone,
 * and we know that the first one got SIGKILL, so no output of it is still on its way. An mpirun that was killed itself, so
 * that its ranks died, is gone before it has slept for DISMISS_SECONDS. */
static void kill_if_unneeded(rt__mpirun *m)
{
    bool killed = m->certain && m->status_known && WIFSIGNALED(m->first_status) &&
                  WTERMSIG(m->first_status) == SIGKILL;
    bool done = m->hosts.count == 0 && m->ended == m->ranks.expected;
    if (!killed || !done || m->killed || !is_stuck(m, UNNEEDED_SECONDS))
        return;
    m->killed = true;
    kill(m->pid, SIGKILL);
}

void rt__mpirun_watch(rt__mpirun *m)
{
    if (m->pid <= 0)
        return;
    if (m->failing_since == 0 && m->ending_since == 0) /* what it logs from then on is the reason */
        rt__log_tend(m->log, &m->next_log_look);
    rt__ranks_look(&m->ranks);
    if (take_ends(m)) {
        expect_end(m, &m->failing_since);
        if (m->certain || sees_all_ranks(m)) /* else mpirun might take our kills for the cause */
            rt__ranks_kill(&m->ranks);
    }
    if (m->failing_since > 0)
        kill_if_unneeded(m);
    if (m->failing_since > 0 && m->ending_since == 0 && is_stuck(m, ABORT_SECONDS))
        terminate(m);
}

double rt__mpirun_patience(const rt__mpirun *m)
{
    double ranks = rt__ranks_patience(&m->ranks);
    if (m->pid <= 0)
        return 1;
    return m->failing_since > 0 || m->ending_since > 0 ? 0.01 : ranks;
}

void rt__mpirun_end(rt__mpirun *m)
{
    if (m->pid <= 0 || m->ordered_at > 0)
        return;
    m->ordered_at = rt_clock();
    if (m->failing_since == 0) /* else it is already ending */
        terminate(m);
}

bool rt__mpirun_overdue(const rt__mpirun *m)
{
    return is_stuck(m, END_SECONDS);
}
