#include "launch/cmd/outer_task.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/outer_job.h"
#include "launch/jobs/outer.h"
#include "launch/tui/advice.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When every task fails, the first one has a head start: mpirun ends the others within a second after one has failed, so only one prints the
 * message. */
static const double HEAD_START_SECONDS = 2;

/* Does the user want the tasks to be started by something else? Each of them would do that. */
static bool starts_by_itself(void)
{
    const char *jobs = getenv("RINGTORCH_JOBS");
    return jobs && *jobs && strcmp(jobs, "auto") != 0 && strcmp(jobs, "outer") != 0;
}

static rt__outer_role refuse(int argc, char **argv, const rt__train_options *o,
                             const rt_outer_job *job)
{
    char text[RT__ADVICE], why[200];
    if (job->rank > 0)
        rt_clock_sleep(HEAD_START_SECONDS);
    if (starts_by_itself())
        snprintf(why, sizeof why, "with RINGTORCH_JOBS=%.40s each of them would start workers",
                 getenv("RINGTORCH_JOBS"));
    else
        snprintf(why, sizeof why, "without PMIx, by which Open MPI would join them: start it by %s",
                 strcmp(job->by, "srun") == 0 ? "srun --mpi=pmix"
                                              : "the mpirun of Open MPI, which ringtorch uses");
    fprintf(stderr,
            "ringtorch: started %" PRId64
            " times under %s, %s, or run it without %s: %s\nringtorch: or add --separate if each "
            "of the %" PRId64 " shall be a separate run with its own --run-dir\n",
            job->size, job->by, why, job->by,
            rt__advice_repeat(argc, argv, o->workers[0] ? 0 : job->size, text), job->size);
    return RT__OUTER_REFUSED;
}

/* All tasks are workers, unless -n says otherwise, which rt__outer_task_check refuses. */
static rt__outer_role take_workers(rt__train_options *o, const rt_outer_job *job)
{
    if (!o->workers[0]) {
        snprintf(o->workers, sizeof o->workers, "parallel.workers=%" PRId64, job->size);
        o->sets.item[o->sets.count++] = o->workers; /* in the place that -n would have taken */
    }
    return RT__OUTER_FIRST;
}

rt__outer_role rt__outer_task(int argc, char **argv, rt__train_options *o)
{
    rt_outer_job job;
    if (o->separate || !rt_outer_job_find(&job) || job.size < 2)
        return RT__OUTER_ALONE;
    if (!job.pmix || starts_by_itself())
        return refuse(argc, argv, o, &job);
    return job.rank > 0 ? RT__OUTER_FURTHER : take_workers(o, &job);
}

/* Returns whether control.bind leaves open at which address to listen. */
static bool is_open(const char *bind)
{
    return strcmp(bind, "auto") == 0 || strcmp(bind, "*") == 0 || strcmp(bind, "0.0.0.0") == 0;
}

rt_status rt__outer_task_check(const rt_config *cfg, char addresses[RT_ADDRESSES])
{
    rt_outer_job job;
    addresses[0] = '\0';
    if (!rt_outer_job_find(&job))
        return RT_OK;
    if (cfg->parallel.workers != job.size)
        return RT_FAIL(ARG,
                       "-n %" PRId64 ", but %s has started %" PRId64
                       " tasks, and each of them becomes a worker: leave -n out, or start as many "
                       "tasks",
                       cfg->parallel.workers, job.by, job.size);
    if (cfg->parallel.hostfile[0])
        return RT_FAIL(CONFIG,
                       "parallel.hostfile: %s: %s has placed the workers already: leave the host "
                       "file out, or give it to %s",
                       cfg->parallel.hostfile, job.by, job.by);
    if (!rt__outer_is_on_several_hosts() || !is_open(cfg->control.bind))
        return RT_OK;
    return rt__outer_find_addresses(addresses);
}

void rt__outer_task_explain(void)
{
    rt_outer_job job;
    if (rt_outer_job_find(&job))
        fprintf(
            stderr,
            "ringtorch: the %" PRId64
            " tasks that %s has started are the workers; if one is lost, %s ends the job: start "
            "it again with --resume auto, which goes on from the snapshots or the newest "
            "checkpoint\n",
            job.size, job.by, job.by);
}
