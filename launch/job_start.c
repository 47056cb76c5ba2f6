/* Starting mpirun: arguments, environment, log. */
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/snapshot_list.h"
#include "launch/child.h"
#include "launch/job.h"
#include "launch/leftovers.h"
#include "launch/mpi_environment.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 64 };

/* What decides a worker's bits by way of the environment must be the same on every host: a remote shell does not carry it
 * there, and workers that compute differently are refused. */
static void add_choices_of_arithmetic(rt__environment *e)
{
    static const char *const names[] = {"RINGTORCH_ISA", "RINGTORCH_BLAS", "OPENBLAS_CORETYPE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value)
            rt__environment_add(e, "%s=%s", names[i], value);
    }
}

/* What every worker must know. The tag is for the directory that the ranks of a host share, whose name nobody else
 * must know before it is there. */
static void add_worker_environment(rt__environment *e, const rt__job_spec *spec)
{
    char tag[RT_SNAPSHOT_TAG];
    if (rt_snapshot_tag_make(tag) == RT_OK)
        rt__environment_add(e, "RINGTORCH_TAG=%s", tag);
    else
        e->failed = true;
    rt__environment_add(e, "RINGTORCH_ENDPOINT=%s", spec->endpoint);
    rt__environment_add(e, "RINGTORCH_KEYS=%s", spec->keys);
    rt__environment_add(e, "RINGTORCH_RUN=%s", spec->run_id);
    rt__environment_add(e, "RINGTORCH_GENERATION=%" PRId64, spec->generation);
    rt__environment_add(e, "RINGTORCH_RUN_DIR=%s", spec->run_dir);
    rt__environment_add(e, "OMP_NUM_THREADS=%" PRId64, spec->threads);
    add_choices_of_arithmetic(e);
}

/* What mpirun itself keeps in files has a name that says whose it is, so that it is removed even if
 * mpirun cannot. */
static void add_mpi_environment(rt__environment *e, const rt__job *job, const rt__job_spec *spec)
{
    rt__environment_add_mpi(e, &job->hosts,
                            rt__host_list_busiest(&job->hosts, spec->world) * spec->threads);
    /* Not the local one, which mpirun hands to its ranks together with this one: they refuse both. On several hosts
     * nobody would tidy up behind the others. */
    bool set = getenv("OMPI_MCA_orte_tmpdir_base") || getenv("OMPI_MCA_orte_local_tmpdir_base") ||
               getenv("OMPI_MCA_orte_remote_tmpdir_base");
    char folder[160];
    if (job->hosts.count > 0 || set)
        return;
    if (rt__leftovers_make_mpirun(spec->run_id, spec->generation, folder, sizeof folder) == RT_OK) {
        rt__environment_add_mca(e, "orte_tmpdir_base", folder);
    } else {
        rt_log_warn("mpirun keeps its files where it always does: %s", rt_error());
        rt_error_clear();
    }
}

/* On several hosts mpirun's daemons reach it at the address at which the workers beside them reach the coordinator. */
static void add_listening(rt__environment *e, const rt__job *job, const char *endpoint)
{
    char address[INET_ADDRSTRLEN] = "";
    struct in_addr bytes;
    bool known = sscanf(endpoint, "tcp://%15[0-9.]:", address) == 1 &&
                 inet_pton(AF_INET, address, &bytes) == 1 && bytes.s_addr != htonl(INADDR_ANY);
    if (job->hosts.count > 0 && known)
        rt__environment_add_listening(e, address);
}

static rt_status open_log(const char *path, int *fd)
{
    char *copy = rt_strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        *slash = '\0';
    rt_status status = copy ? rt_dir_make(copy, 0755) : rt_error_code();
    rt_mem_free(copy);
    RT_TRY(status);
    RT_TRY(rt_file_create(path, fd));
    fcntl(*fd, F_SETFL, O_APPEND); /* as rt__log_shorten needs it */
    return RT_OK;
}

static rt_status start(rt__job *job, const rt__job_spec *spec, const rt__environment *env,
                       int worker_env, const char *hosts)
{
    /* Ranks are not bound to cores: a worker's loader and link threads would share its one core,
     * and two runs on one machine the same ones. */
    char world[24];
    const char *argv[ARGUMENTS_MAX] = {spec->mpirun,      "-n",        world,
                                       "--oversubscribe", "--bind-to", "none"};
    char name[RT__ENVIRONMENT_MAX][32];
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
    const rt__host_list *h = spec->hosts;
    *job = (rt__job){.generation = spec->generation,
                     .first = -1,
                     .ranks.epoll = -1,
                     .why_killed = spec->why_killed};
    if (job->why_killed)
        rt__why_killed_forget(job->why_killed);
    job->run_dir = rt_strdup(spec->run_dir);
    job->worker = rt_strdup(spec->worker);
    job->log = rt_strdup_printf("%s/logs/mpirun.g%" PRId64 ".log", spec->run_dir, spec->generation);
    job->dead = rt_calloc((size_t)spec->world, sizeof *job->dead);
    if (!job->run_dir || !job->worker || !job->log || !job->dead)
        return rt_error_code();
    if (h && !rt__host_list_all_local(h))
        RT_TRY(rt__host_list_copy((const char *const *)h->name, h->slots, h->count, &job->hosts));
    return rt__ranks_open(&job->ranks, 0, rt__host_list_local_ranks(&job->hosts, spec->world));
}

rt_status rt__job_start(rt__job *job, const rt__job_spec *spec)
{
    rt__environment env = {0};
    rt_status status = prepare(job, spec);
    char *hosts = status == RT_OK ? rt__mpi_host_list(&job->hosts) : NULL;
    if (status == RT_OK && !hosts)
        status = rt_error_code();
    if (status == RT_OK) {
        add_worker_environment(&env, spec);
        int worker_env = env.count;
        add_mpi_environment(&env, job, spec);
        add_listening(&env, job, spec->endpoint);
        if (env.failed)
            status =
                rt_failed() ? rt_error_code() : RT_FAIL(RANGE, "%s: path too long", spec->run_dir);
        else
            status = start(job, spec, &env, worker_env, hosts);
    }
    job->ranks.mpirun = job->pid;
    rt__environment_release(&env);
    rt_mem_free(hosts);
    if (status != RT_OK)
        rt__job_release(job);
    return status;
}
