#include "launch/run/limits.h"
#include "common/base/error.h"
#include "common/control/words.h"
#include "launch/jobs/why_killed.h"
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Measured with two workers of the smallest model on two cores: 0.75 GiB of address space and 9 threads per worker,
 * shared-memory files of 4 to 16 MiB, 40 open files in the launcher. Larger models need more; how much, we cannot tell
 * in advance. */
static const double MiB = 1 << 20;

typedef struct limit {
    int which;
    bool bytes;
    const char *name, *option, *why;
    double least, per_worker;
} limit;

static rt_status check(const limit *l, int64_t workers)
{
    struct rlimit now;
    char is[RT__WORDS], needed[RT__WORDS];
    double least = l->least + l->per_worker * (double)workers;
    if (getrlimit(l->which, &now) != 0 || now.rlim_cur == RLIM_INFINITY ||
        (double)now.rlim_cur >= least)
        return RT_OK;
    const char *(*words)(double, char[RT__WORDS]) = l->bytes ? rt__words_bytes : rt__words_number;
    return RT_FAIL(UNSUPPORTED,
                   "%s is limited to %s, a run of %s needs at least %s: %s: raise it, as with "
                   "ulimit %s unlimited, or see ulimit -H %s",
                   l->name, words((double)now.rlim_cur, is),
                   workers == 1 ? "one worker" : "these workers", words(least, needed), l->why,
                   l->option, l->option);
}

rt_status rt__limits_check(int64_t workers)
{
    const limit limits[] = {
        {RLIMIT_AS, true, "address space", "-v", "libraries reserve more than they use", 1024 * MiB,
         0},
        {RLIMIT_DATA, true, "data of a process", "-d", "it holds parameters and samples", 640 * MiB,
         0},
        {RLIMIT_FSIZE, true, "the size of a file", "-f",
         "checkpoints and memory that workers share are files", 64 * MiB, 0},
        {RLIMIT_STACK, true, "the stack of a program", "-s",
         "mpirun crashes with less than 256 KiB", 0.5 * MiB, 0},
        {RLIMIT_NOFILE, false, "the number of open files", "-n", "every worker takes some", 60, 4},
        {RLIMIT_NPROC, false, "the number of processes and threads", "-u", "every worker has some",
         12, 10},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].which != RLIMIT_NPROC || geteuid() != 0) /* the kernel exempts root from it */
            RT_TRY(check(&limits[i], workers));
    return RT_OK;
}

void rt__limits_warn(void)
{
    double seconds;
    if (rt__cpu_limit(&seconds))
        fprintf(stderr,
                "ringtorch: processor time is limited to %.0f s for each process (ulimit -t): the "
                "run ends when a worker has used it up\n",
                seconds);
}
