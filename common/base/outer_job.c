#include "common/base/outer_job.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns the variable's number, or -1 if it is unset or not a number. */
static int64_t number(const char *name)
{
    char *end;
    const char *text = name ? getenv(name) : NULL;
    long long n = text ? strtoll(text, &end, 10) : -1;
    return text && end != text && n >= 0 ? n : -1;
}

/* Returns on how many hosts the job is, 0 if that is unknown. An mpirun may have been started by srun, whose step it is not. */
static int64_t find_hosts(const char *by, int64_t size)
{
    if (number("OMPI_COMM_WORLD_LOCAL_SIZE") == size)
        return 1;
    int64_t hosts = strcmp(by, "srun") == 0 ? number("SLURM_STEP_NUM_NODES") : 0;
    return hosts > 0 ? hosts : 0;
}

bool rt_outer_job_find(rt_outer_job *out)
{
    /* Ranks of Open MPI started by srun have the variables of both; those of Open MPI, the inner one, count. A script
     * under sbatch has SLURM_NTASKS without being a task: it has no SLURM_STEP_NUM_TASKS, and its SLURM_PROCID is 0.
     * `srun --mpi=pmi2` sets the variables of MPICH's mpirun as well. That mpirun, where it uses srun, starts one task for each
     * host, which has other numbers than its ranks have unless they are one for each host. */
    static const struct {
        const char *by, *size, *rank;
        int64_t least_rank;
        const char *same; /* the row holds only where this variable has the same number as `size` */
    } rows[] = {
        {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", 0, NULL},
        {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", 0, "PMI_SIZE"},
        {"mpirun", "PMI_SIZE", "PMI_RANK", 0, NULL}, /* MPICH, Intel MPI */
        {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", 0, NULL},
        {"srun", "SLURM_NTASKS", "SLURM_PROCID", 1, NULL},
        {"mpirun", NULL, "PMIX_RANK", 0, NULL}, /* only the PMIx server knows how many there are */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t rank = number(rows[i].rank), size = number(rows[i].size);
        if (rank < rows[i].least_rank || (rows[i].size && size < 1))
            continue;
        if (rows[i].same && number(rows[i].same) != size)
            continue;
        *out = (rt_outer_job){.by = rows[i].by,
                              .rank = rank,
                              .size = size > rank ? size : rank + 1,
                              .hosts = find_hosts(rows[i].by, size),
                              .pmix = rows[i].size && getenv("PMIX_NAMESPACE")};
        return true;
    }
    return false;
}

bool rt_outer_job_terminal(int fd)
{
    rt_outer_job job;
    if (!isatty(fd))
        return false;
    return !rt_outer_job_find(&job) || (strcmp(job.by, "srun") == 0 && getenv("SLURM_PTY_PORT"));
}
