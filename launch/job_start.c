/* Starting mpirun: arguments, environment, log. docs/decisions/0004 has the reasons. */
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/text.h"
#include "launch/child.h"
#include "launch/job.h"
#include "launch/leftovers.h"
#include "launch/probe.h"
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 24, ARGUMENTS_MAX = 64 };

/* Strings made for one start. */
typedef struct strings {
    char *item[ENVIRONMENT_MAX + 1];
    int count;
    bool failed;
} strings;

__attribute__((format(printf, 2, 3))) static void add(strings *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char text[8192];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *copy =
        n >= 0 && (size_t)n < sizeof text && s->count < ENVIRONMENT_MAX ? rt_strdup(text) : NULL;
    s->failed |= !copy;
    if (copy)
        s->item[s->count++] = copy;
}

static void release(strings *s)
{
    while (s->count > 0)
        rt_mem_free(s->item[--s->count]);
}

/* Adds a parameter of Open MPI, unless the user has set it himself. */
static void add_mca(strings *s, const char *name, const char *value)
{
    char variable[96];
    snprintf(variable, sizeof variable, "OMPI_MCA_%s", name);
    if (!getenv(variable))
        add(s, "%s=%s", variable, value);
}

/* What every worker must know. */
static void add_worker_environment(strings *s, const rt__job_spec *spec)
{
    add(s, "RINGTORCH_ENDPOINT=%s", spec->endpoint);
    add(s, "RINGTORCH_KEYS=%s", spec->keys);
    add(s, "RINGTORCH_RUN=%s", spec->run_id);
    add(s, "RINGTORCH_GENERATION=%" PRId64, spec->generation);
    add(s, "RINGTORCH_RUN_DIR=%s", spec->run_dir);
    add(s, "RINGTORCH_STARTED=%.6f", spec->started);
    add(s, "OMP_NUM_THREADS=%" PRId64, spec->threads);
}

/* How Open MPI 4 behaves on one host: loopback and shared memory only, which also saves 0.3 s of
 * looking for network cards in each start. What mpirun itself keeps in files has a name that says whose
 * it is, so that it is removed even if mpirun cannot. */
static void add_one_host_environment(strings *s, const rt__job_spec *spec)
{
    char folder[160];
    rt__leftovers_mpirun(spec->run_id, spec->generation, folder, sizeof folder);
    /* Not the local one, which mpirun hands to its ranks together with this one: they refuse both. */
    if (!getenv("OMPI_MCA_orte_local_tmpdir_base") && !getenv("OMPI_MCA_orte_remote_tmpdir_base"))
        add_mca(s, "orte_tmpdir_base", folder);
    add_mca(s, "oob_tcp_if_include", "lo");
    add_mca(s, "plm", "isolated");
    add_mca(s, "btl", "self,vader");
}

/* On several: a remote shell that fails instead of asking for a password, and TCP between them. */
static void add_many_hosts_environment(strings *s)
{
    add_mca(s, "plm", "rsh");
    add_mca(s, "plm_rsh_agent", rt__default_agent);
    add_mca(s, "btl", "self,vader,tcp");
}

/* Root and more ranks than cores are for the user to choose; when a rank dies the others are killed
 * at once instead of a second later. */
static void add_mpi_environment(strings *s, const rt__job *job, const rt__job_spec *spec)
{
    add(s, "OMPI_ALLOW_RUN_AS_ROOT=1");
    add(s, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    add_mca(s, "rmaps_base_oversubscribe", "1");
    add_mca(s, "pml", "ob1");
    add_mca(s, "odls_base_sigkill_timeout", "0");
    if (rt__hosts_busiest(&job->hosts, spec->world) * spec->threads > sysconf(_SC_NPROCESSORS_ONLN))
        add_mca(s, "mpi_yield_when_idle", "1");
    if (job->hosts.count > 0)
        add_many_hosts_environment(s);
    else
        add_one_host_environment(s, spec);
}

static rt_status open_log(const char *path, int *fd)
{
    char *copy = rt_strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        *slash = '\0';
    rt_status status = copy ? rt_dir_make(copy, 0755) : rt_error_code();
    rt_mem_free(copy);
    RT_TRY(status);
    return rt_file_create(path, fd);
}

/* Returns "h0:2,h1:1" (rt_mem_free). */
static char *host_list(const rt__hosts *h)
{
    rt_text t = {0};
    for (int64_t i = 0; i < h->count; i++)
        rt_text_add(&t, "%s%s:%" PRId64, i > 0 ? "," : "", h->name[i], h->slots[i]);
    return rt_text_take(&t);
}

static rt_status start(rt__job *job, const rt__job_spec *spec, const strings *env, int worker_env,
                       const char *hosts)
{
    /* Ranks are not bound to cores: a worker's loader and link threads would share its one core,
     * and two runs on one machine the same ones. */
    char world[24];
    const char *argv[ARGUMENTS_MAX] = {spec->mpirun,      "-n",        world,
                                       "--oversubscribe", "--bind-to", "none"};
    char name[ENVIRONMENT_MAX][32];
    int n = 6, fd;
    snprintf(world, sizeof world, "%" PRId64, spec->world);
    if (job->hosts.count > 0) {
        argv[n++] = "--map-by";
        argv[n++] = "slot";
        argv[n++] = "--host";
        argv[n++] = hosts;
    }
    for (int i = 0; i < worker_env; i++) {
        snprintf(name[i], sizeof name[i], "%.*s", (int)strcspn(env->item[i], "="), env->item[i]);
        argv[n++] = "-x";
        argv[n++] = name[i];
    }
    argv[n++] = spec->worker;
    argv[n] = NULL;
    RT_TRY(open_log(job->log, &fd));
    rt_status status = rt__child_start(&(rt__child){.argv = argv,
                                                    .env = (const char *const *)env->item,
                                                    .death_signal = SIGKILL,
                                                    .out_fd = fd,
                                                    .err_fd = fd,
                                                    .keep_fd = -1},
                                       &job->pid);
    close(fd);
    return status;
}

/* Makes what must be there before mpirun is. */
static rt_status prepare(rt__job *job, const rt__job_spec *spec)
{
    const rt__hosts *h = spec->hosts;
    *job = (rt__job){.generation = spec->generation, .first = -1, .ranks.epoll = -1};
    job->run_dir = rt_strdup(spec->run_dir);
    job->log = rt_strdup_printf("%s/logs/mpirun.g%" PRId64 ".log", spec->run_dir, spec->generation);
    job->dead = rt_calloc((size_t)spec->world, sizeof *job->dead);
    if (!job->run_dir || !job->log || !job->dead)
        return rt_error_code();
    if (h && !rt__hosts_all_local(h))
        RT_TRY(rt__hosts_copy((const char *const *)h->name, h->slots, h->count, &job->hosts));
    return rt__ranks_open(&job->ranks, 0, rt__hosts_local_ranks(&job->hosts, spec->world));
}

rt_status rt__job_start(rt__job *job, const rt__job_spec *spec)
{
    strings env = {0};
    rt_status status = prepare(job, spec);
    char *hosts = status == RT_OK ? host_list(&job->hosts) : NULL;
    if (status == RT_OK && !hosts)
        status = rt_error_code();
    if (status == RT_OK) {
        add_worker_environment(&env, spec);
        int worker_env = env.count;
        add_mpi_environment(&env, job, spec);
        if (env.failed)
            status =
                rt_failed() ? rt_error_code() : RT_FAIL(RANGE, "%s: path too long", spec->run_dir);
        else
            status = start(job, spec, &env, worker_env, hosts);
    }
    job->ranks.mpirun = job->pid;
    release(&env);
    rt_mem_free(hosts);
    if (status != RT_OK)
        rt__job_release(job);
    return status;
}
