#include "common/base/outer_job.h"
#include "common/base/error.h"
#include "common/base/input.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Returns the variable's number, or -1 if it is unset or not a number. */
static int64_t number(const char *name)
{
    char *end;
    const char *text = name ? getenv(name) : NULL;
    long long n = text ? strtoll(text, &end, 10) : -1;
    return text && end != text && n >= 0 ? n : -1;
}

/* Returns on how many hosts the job is, 0 if that is unknown. */
static int64_t find_hosts(int64_t size)
{
    if (number("OMPI_COMM_WORLD_LOCAL_SIZE") == size)
        return 1;
    int64_t hosts = number("SLURM_STEP_NUM_NODES");
    return hosts > 0 ? hosts : 0;
}

bool rt_outer_job_find(rt_outer_job *out)
{
    /* Ranks of Open MPI started by srun have the variables of both; those of Open MPI, the inner one, count. A script
     * under sbatch has SLURM_NTASKS without being a task: it has no SLURM_STEP_NUM_TASKS, and its SLURM_PROCID is 0. */
    static const struct {
        const char *by, *size, *rank;
        int64_t least_rank;
    } rows[] = {
        {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", 0},
        {"mpirun", "PMI_SIZE", "PMI_RANK", 0}, /* MPICH, Intel MPI */
        {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", 0},
        {"srun", "SLURM_NTASKS", "SLURM_PROCID", 1},
        {"mpirun", NULL, "PMIX_RANK", 0}, /* only the PMIx server knows how many there are */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t rank = number(rows[i].rank), size = number(rows[i].size);
        if (rank < rows[i].least_rank || (rows[i].size && size < 1))
            continue;
        *out = (rt_outer_job){.by = rows[i].by,
                              .rank = rank,
                              .size = size > rank ? size : rank + 1,
                              .hosts = find_hosts(size),
                              .pmix = getenv("PMIX_NAMESPACE") != NULL};
        return true;
    }
    return false;
}

/* Counts the hosts of an allocation, given one per line or as words; a host that is listed several times counts once. */
enum { LIST_BYTES = 1 << 18, HOSTS_MOST = 1024 };

static int64_t count_words(const char *text, bool first_of_line)
{
    struct {
        const char *at;
        size_t len;
    } seen[HOSTS_MOST];
    int64_t count = 0;
    for (text += strspn(text, " \t\r\n"); *text && count < HOSTS_MOST;
         text += strspn(text, " \t\r\n")) {
        size_t len = strcspn(text, " \t\r\n");
        int64_t k = 0;
        while (k < count && (seen[k].len != len || memcmp(seen[k].at, text, len) != 0))
            k++;
        seen[k].at = text;
        seen[k].len = len;
        count += k == count;
        text += first_of_line ? strcspn(text, "\n") : len;
    }
    return count;
}

static int64_t count_in_file(const char *path)
{
    rt_bytes text;
    int64_t count = 0;
    if (rt_input_read(path, RT_INPUT_FILE, LIST_BYTES, &text) == RT_OK) {
        count = count_words((const char *)text.data, true);
        rt_bytes_release(&text);
    }
    rt_error_clear(); /* an unreadable file counts as none */
    return count;
}

typedef enum source { NUMBER, HOST_FILE, HOST_NAMES } source;

static int64_t count_machines(source in, const char *variable)
{
    const char *value = getenv(variable);
    if (in == NUMBER || !value)
        return number(variable);
    return in == HOST_FILE ? count_in_file(value) : count_words(value, false);
}

bool rt_allocation_find(rt_allocation *out)
{
    static const struct {
        source in;
        const char *machines;
        rt_allocation allocation;
    } rows[] = {
        {NUMBER,
         "SLURM_JOB_NUM_NODES",
         {.by = "Slurm", .list = "scontrol show hostnames \"$SLURM_JOB_NODELIST\""}},
        {NUMBER,
         "SLURM_NNODES",
         {.by = "Slurm", .list = "scontrol show hostnames \"$SLURM_NODELIST\""}},
        {NUMBER, "PBS_NUM_NODES", {.by = "PBS", .list = "sort -u \"$PBS_NODEFILE\""}},
        {HOST_FILE, "PBS_NODEFILE", {.by = "PBS", .list = "sort -u \"$PBS_NODEFILE\""}},
        {NUMBER, "NHOSTS", {.by = "Grid Engine", .list = "cut -d' ' -f1 \"$PE_HOSTFILE\""}},
        {HOST_FILE, "PE_HOSTFILE", {.by = "Grid Engine", .list = "cut -d' ' -f1 \"$PE_HOSTFILE\""}},
        {HOST_FILE, "LSB_DJOB_HOSTFILE", {.by = "LSF", .list = "sort -u \"$LSB_DJOB_HOSTFILE\""}},
        {HOST_NAMES, "LSB_HOSTS", {.by = "LSF", .list = "printf '%s\\n' $LSB_HOSTS | sort -u"}},
        {HOST_FILE, "OAR_NODEFILE", {.by = "OAR", .list = "sort -u \"$OAR_NODEFILE\""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t machines = count_machines(rows[i].in, rows[i].machines);
        if (machines < 1)
            continue;
        *out = rows[i].allocation;
        out->machines = machines;
        return true;
    }
    return false;
}
