#include "common/outer_job.h"
#include <stddef.h>
#include <stdlib.h>

/* Returns -1 if there is no such variable, or no number in it. */
static int64_t number(const char *name)
{
    char *end;
    const char *text = name ? getenv(name) : NULL;
    long long n = text ? strtoll(text, &end, 10) : -1;
    return text && end != text && n >= 0 ? n : -1;
}

bool rt_outer_job_find(rt_outer_job *out)
{
    /* Ranks of Open MPI started by srun have the variables of both; those of the inner one count. A script under
     * sbatch has SLURM_NTASKS and is no task: it has no SLURM_STEP_NUM_TASKS, and SLURM_PROCID 0. */
    static const struct {
        const char *by, *size, *rank;
        int64_t least_rank;
    } rows[] = {
        {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", 0},
        {"mpirun", "PMI_SIZE", "PMI_RANK", 0}, /* MPICH, Intel MPI */
        {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", 0},
        {"srun", "SLURM_NTASKS", "SLURM_PROCID", 1},
        {"mpirun", NULL, "PMIX_RANK", 0}, /* how many there are is a question to a server */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t rank = number(rows[i].rank), size = number(rows[i].size);
        if (rank < rows[i].least_rank || (rows[i].size && size < 1))
            continue;
        *out = (rt_outer_job){rows[i].by, rank, size > rank ? size : rank + 1};
        return true;
    }
    return false;
}

bool rt_allocation_find(rt_allocation *out)
{
    static const struct {
        const char *machines;
        rt_allocation allocation;
    } rows[] = {
        {"SLURM_JOB_NUM_NODES",
         {.by = "Slurm", .list = "scontrol show hostnames \"$SLURM_JOB_NODELIST\""}},
        {"SLURM_NNODES", {.by = "Slurm", .list = "scontrol show hostnames \"$SLURM_NODELIST\""}},
        {"PBS_NUM_NODES", {.by = "PBS", .list = "sort -u \"$PBS_NODEFILE\""}},
        {"NHOSTS", {.by = "Grid Engine", .list = "cut -d' ' -f1 \"$PE_HOSTFILE\""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t machines = number(rows[i].machines);
        if (machines < 1)
            continue;
        *out = rows[i].allocation;
        out->machines = machines;
        return true;
    }
    return false;
}
