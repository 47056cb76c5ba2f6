/* Starts jobs with Open MPI's mpirun inside an allocation of Slurm, whose srun reaches the other hosts. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "launch/jobs/allocation.h"
#include "launch/jobs/backend_mpirun.h"
#include "launch/jobs/child.h"
#include "launch/jobs/mpirun.h"
#include "launch/jobs/slurm_step.h"
#include <stdio.h>
#include <string.h>

static bool is_here(void)
{
    char *srun = rt__allocation_is_slurm() ? rt__find_program("srun") : NULL;
    bool is = srun != NULL;
    rt_mem_free(srun);
    return is;
}

static rt_status open_site(rt__jobs *jobs)
{
    RT_TRY(rt__mpirun_open(jobs));
    rt__mpirun_site *site = jobs->site;
    site->srun = true;
    size_t used = strlen(jobs->about);
    snprintf(jobs->about + used, sizeof jobs->about - used, ", other hosts by Slurm's srun");
    return RT_OK;
}

static rt_status find_shell(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                            const char *word[RT__SHELL_WORDS], int *count)
{
    (void)jobs;
    return rt__slurm_shell(text, word, count);
}

const rt__job_backend rt__backend_slurm = {
    .name = "slurm",
    .what = "Open MPI's mpirun inside a Slurm job, whose srun reaches the other hosts",
    .is_here = is_here,
    .open = open_site,
    .shell = find_shell,
    RT__MPIRUN_ROW,
};
