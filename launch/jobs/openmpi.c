#include "launch/jobs/openmpi.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "launch/jobs/capture.h"
#include "launch/jobs/child.h"
#include "launch/jobs/remote_shell.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const rt__openmpi *const versions[] = {&rt__openmpi4, &rt__openmpi5};
static const double VERSION_SECONDS = 10;
const char rt__default_shell[] = "ssh";

/* ---- which it is ---- */

#define WANTED                                                                                     \
    "RingTorch needs Open MPI 4 or 5: apt-get install openmpi-bin, and put its mpirun first in "   \
    "PATH"

rt_status rt__openmpi_parse(const char *mpirun, const char *version, const rt__openmpi **out,
                            int *minor)
{
    static const struct {
        const char *part, *name;
    } others[] = {{"HYDRA", "MPICH"}, {"Intel(R) MPI", "Intel MPI"}, {"slurm", "Slurm's srun"}};
    const char *at = strstr(version, "(Open MPI) ");
    int major = 0;
    if (at && sscanf(at, "(Open MPI) %d.%d", &major, minor) == 2) {
        for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
            if (versions[i]->major == major) {
                *out = versions[i];
                return RT_OK;
            }
        return RT_FAIL(UNSUPPORTED, "%s: belongs to Open MPI %d.%d: " WANTED, mpirun, major,
                       *minor);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(version, others[i].part))
            return RT_FAIL(UNSUPPORTED, "%s: belongs to %s: " WANTED, mpirun, others[i].name);
    return RT_FAIL(UNSUPPORTED, "%s: `mpirun --version` says '%.*s': " WANTED, mpirun,
                   (int)strcspn(version, "\n"), version);
}

rt_status rt__openmpi_find(const char *mpirun, const rt__openmpi **out, int *minor)
{
    const char *const argv[] = {mpirun, "--version", NULL};
    rt__captured c;
    rt_status status = rt__capture(argv, NULL, VERSION_SECONDS, &c);
    if (status != RT_OK)
        return status;
    if (c.exit_code == 0)
        status = rt__openmpi_parse(mpirun, c.out, out, minor);
    else if (c.exit_code < 0)
        status = RT_FAIL(UNSUPPORTED, "%s: `mpirun --version` did not end within %.0f s", mpirun,
                         c.seconds);
    else
        status = RT_FAIL(UNSUPPORTED, "%s: `mpirun --version` ends with exit code %d: %s", mpirun,
                         c.exit_code, rt__last_line(*c.err ? c.err : c.out));
    rt__captured_release(&c);
    return status;
}

/* ---- how it is set up ---- */

static void add_settings(rt__environment *e, const rt__setting *s)
{
    for (; s->variable; s++)
        if (!getenv(s->variable))
            rt__environment_add(e, "%s=%s", s->variable, s->value);
}

/* Version 5 names its variable differently; if the user has set the one of version 4, we use its value. An ssh gets the
 * options with which it cannot ask for a password. */
static void add_shell(const rt__openmpi *mpi, rt__environment *e)
{
    char text[RT__SHELL_TEXT];
    const char *set = getenv(mpi->shell);
    if (!set || !*set)
        set = getenv(RT__SHELL_VARIABLE);
    rt__environment_add(e, "%s=%s", mpi->shell,
                        rt__shell_complete(set && *set ? set : rt__default_shell, text));
}

/* Of Slurm's variables, srun gets those that tell which job it is for. Others would be options of its step. The user's own
 * options come first. */
static void add_srun(const rt__openmpi *mpi, const char *options, rt__environment *e)
{
    static const char *const names[] = {"SLURM_JOB_ID", "SLURM_JOBID", "SLURM_CONF"};
    const char *job = getenv("SLURM_JOB_ID"), *set = getenv(mpi->srun_options);
    add_settings(e, mpi->by_srun);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (!value && i == 1)
            value = job; /* by which Open MPI knows that it is in a job */
        if (value)
            rt__environment_add(e, "%s=%s", names[i], value);
    }
    rt__environment_add(e, "%s=%s%s%s", mpi->srun_options, set ? set : "", set ? " " : "", options);
}

void rt__openmpi_setup(const rt__openmpi *mpi, const rt__host_list *hosts, int64_t busiest,
                       const char *srun, rt__environment *e)
{
    static const rt__setting crowded[] = {{"OMPI_MCA_mpi_yield_when_idle", "1"}, {0}};
    add_settings(e, mpi->always);
    if (busiest > sysconf(_SC_NPROCESSORS_ONLN))
        add_settings(e, crowded);
    add_settings(e, hosts->count > 0 ? mpi->many_hosts : mpi->one_host);
    if (hosts->count == 0) {
        rt__openmpi_listen(e, "127.0.0.1");
    } else if (srun) {
        add_srun(mpi, srun, e);
    } else {
        add_settings(e, mpi->by_shell);
        add_shell(mpi, e);
    }
}

/* LD_PRELOAD cannot contain a path with a space or a colon. */
void rt__openmpi_listen(rt__environment *e, const char *address)
{
    const char *before = getenv("LD_PRELOAD");
    char *library = rt__program_beside("../lib/ringtorch/ringtorch-listen.so");
    if (!library)
        e->failed = true;
    else if (rt_path_exists(library) && !strpbrk(library, " :")) {
        rt__environment_add(e, "RINGTORCH_LISTEN=%s", address);
        rt__environment_add(e, "LD_PRELOAD=%s%s%s", library, before && *before ? ":" : "",
                            before ? before : "");
    } else
        rt_log_debug("mpirun listens on all addresses: %s cannot be preloaded", library);
    rt_mem_free(library);
}
