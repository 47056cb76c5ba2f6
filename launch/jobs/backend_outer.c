/* Adopts the ranks that somebody's mpirun or srun has started: all but rank 0 are workers that wait for orders already, and rank 0's worker
 * is our child, whose join over MPI gives the others their orders (outer.h). Their world is fixed, and there is one job a run: what ends
 * one rank makes mpirun end all of them, and us, too. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/outer_job.h"
#include "launch/jobs/child.h"
#include "launch/jobs/job.h"
#include "launch/jobs/job_environment.h"
#include "launch/jobs/job_log.h"
#include "launch/jobs/log_limit.h"
#include "launch/jobs/outer.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* rt__job.own */
typedef struct outer_job {
    pid_t pid; /* of rank 0's worker; 0: it has ended */
    char *log, *run_dir;
    int64_t generation;
    rt__why_killed *why_killed; /* borrowed */
    double next_log_look;
    double ended_at;
    double ordered_at; /* > 0: when we were ordered to end the job */
    int wait_status;
    char text[RT__REASON];
} outer_job;

/* ---- the site ---- */

static bool is_here(void)
{
    rt_outer_job job;
    return rt_outer_job_find(&job) && job.size > 1 && job.pmix && job.rank == 0;
}

static rt_status open_site(rt__jobs *jobs)
{
    rt_outer_job job;
    if (!rt_outer_job_find(&job) || job.size < 2)
        return RT_FAIL(UNSUPPORTED, "RINGTORCH_JOBS=outer: this is not one of several tasks that "
                                    "mpirun or srun has started: leave RINGTORCH_JOBS out");
    snprintf(jobs->starts_once, sizeof jobs->starts_once, "%s", job.by);
    snprintf(jobs->about, sizeof jobs->about, "the %" PRId64 " ranks that %s has started", job.size,
             job.by);
    return RT_OK;
}

/* ---- a job ---- */

static rt_status check_world(int64_t world)
{
    rt_outer_job job;
    return rt_outer_job_find(&job) && job.size == world
               ? RT_OK
               : RT_FAIL(UNSUPPORTED,
                         "%" PRId64 " worker%s were ordered, but %s has started %" PRId64
                         " ranks: start the job again with as many",
                         world, world == 1 ? "" : "s", job.by, job.size);
}

static rt_status start(rt__job *job, const rt__job_spec *spec)
{
    int fd;
    outer_job *o = job->own = rt_calloc(1, sizeof *o);
    if (!o)
        return rt_error_code();
    o->generation = spec->generation;
    o->why_killed = spec->why_killed;
    o->run_dir = rt_strdup(spec->run_dir);
    o->log = rt_strdup_printf("%s/logs/job.g%" PRId64 ".log", spec->run_dir, spec->generation);
    if (!o->log || !o->run_dir)
        return rt_error_code();
    RT_TRY(check_world(spec->world));
    if (o->why_killed)
        rt__why_killed_reset(o->why_killed);
    rt__outer_remove_notes(spec->run_dir);
    RT_TRY(rt__log_create(o->log, &fd));
    rt__environment e = {0};
    rt__job_environment(spec, &e);
    rt_status status = rt__outer_start_worker(spec->worker, "work", &e, fd, &o->pid);
    rt__environment_release(&e);
    close(fd);
    job->ranks_started = job->ranks_expected = status == RT_OK;
    return status;
}

static void watch(rt__job *job)
{
    outer_job *o = job->own;
    rt__log_tend(o->log, &o->next_log_look);
}

static bool reaped(rt__job *job, pid_t pid, int wait_status)
{
    outer_job *o = job->own;
    if (pid != o->pid || o->pid == 0)
        return false;
    if (WIFSTOPPED(wait_status))
        return true; /* as with any rank: the coordinator says who holds up the others */
    o->pid = 0;
    o->wait_status = wait_status;
    o->ended_at = rt_clock();
    job->gone = true;
    return true;
}

/* The other ranks leave when the coordinator tells them, or with us, because mpirun ends them. */
static void end(rt__job *job)
{
    outer_job *o = job->own;
    if (o->ordered_at > 0)
        return;
    o->ordered_at = rt_clock();
    if (o->pid > 0)
        kill(o->pid, SIGKILL);
}

static void report_failure(outer_job *o, rt__job_report *out)
{
    static const int64_t first = 0;
    rt__why_found why;
    out->outcome = RT__JOB_FAILED;
    out->rank = first;
    out->ranks = &first;
    out->ranks_count = 1;
    out->signal = WIFSIGNALED(o->wait_status) ? WTERMSIG(o->wait_status) : 0;
    out->exit_code = rt__exit_code(o->wait_status);
    rt__ended_rank end = {o->run_dir,  first,          o->generation,
                          out->signal, out->exit_code, o->why_killed};
    if (!rt__log_explain_rank(&end, &why))
        rt__log_job_reason(o->log, &why);
    memcpy(o->text, why.reason, sizeof o->text);
    out->final = why.final;
}

static bool conclude(rt__job *job, bool now, rt__job_report *out)
{
    outer_job *o = job->own;
    double moment = rt_clock();
    (void)now;
    *out = (rt__job_report){.outcome = RT__JOB_DONE, .rank = -1, .host = "", .text = o->text};
    out->seconds_since_sign = moment - (o->ordered_at > 0 ? o->ordered_at : o->ended_at);
    if (o->ordered_at > 0)
        out->outcome = RT__JOB_ORDERED;
    if (o->ordered_at > 0 || o->wait_status == 0)
        return true;
    report_failure(o, out);
    return true;
}

static void release(rt__job *job)
{
    outer_job *o = job->own;
    if (o->pid > 0)
        kill(o->pid, SIGKILL);
    rt_mem_free(o->log);
    rt_mem_free(o->run_dir);
    rt_mem_free(o);
}

const rt__job_backend rt__backend_outer = {
    .name = "outer",
    .what = "the ranks of an mpirun or srun that has started ringtorch train itself",
    .is_here = is_here,
    .open = open_site,
    .start = start,
    .watch = watch,
    .reaped = reaped,
    .end = end,
    .conclude = conclude,
    .release = release,
};
