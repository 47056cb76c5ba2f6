#include "launch/jobs/mpirun_start.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "launch/jobs/child.h"
#include "launch/jobs/job_environment.h"
#include "launch/jobs/log_limit.h"
#include "launch/jobs/slurm_step.h"
#include "launch/remains/leftovers.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- the command ---- */

rt_status rt__mpirun_command(const rt__mpirun_site *site, const rt__host_list *hosts, int64_t world,
                             int64_t threads, rt__command *out)
{
    const rt__openmpi *mpi = site->mpi;
    bool many = hosts->count > 0;
    *out = (rt__command){.word = {site->program, "-n", out->world}, .count = 3};
    snprintf(out->world, sizeof out->world, "%" PRId64, world);
    for (const char *const *a = many ? mpi->host_arguments : mpi->arguments; *a; a++)
        out->word[out->count++] = *a;
    char *list = many ? rt__host_list_join(hosts, true) : NULL;
    if (many && !list)
        return rt_error_code();
    if (many)
        out->word[out->count++] = out->made[out->made_count++] = list;
    char *srun = many && site->srun ? rt__slurm_options(hosts, world) : NULL;
    if (many && site->srun && !srun)
        return rt_error_code();
    rt__openmpi_setup(mpi, hosts, rt__host_list_busiest(hosts, world) * threads, srun,
                      &out->environment);
    if (srun && mpi->srun_argument) {
        out->word[out->count++] = mpi->srun_argument;
        out->word[out->count++] = "plm_slurm_args";
        out->word[out->count++] = srun;
    }
    if (srun)
        out->made[out->made_count++] = srun;
    return RT_OK;
}

/* Makes mpirun pass the variables from number `from` on to its ranks, on all hosts. */
static void add_exports(rt__command *c, int from, char name[RT__ENVIRONMENT_MAX][32])
{
    for (int i = from; i < c->environment.count; i++) {
        const char *item = c->environment.item[i];
        snprintf(name[i], sizeof name[i], "%.*s", (int)strcspn(item, "="), item);
        c->word[c->count++] = "-x";
        c->word[c->count++] = name[i];
    }
}

/* ---- its folder and its log ---- */

/* Takes a shared lock on the folder. mpirun inherits it, so that the lock shows whether the owner of the folder is alive.
 * Returns -1 if it cannot be had; then `ringtorch clean` must judge without it. */
static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Gives mpirun a folder whose name tells which run it belongs to, so that we can remove its files if mpirun cannot. Not
 * for several hosts, where nobody could remove them. Returns the lock of the folder; -1: none. */
static int add_folder(const rt__mpirun *m, const rt__job_spec *spec, rt__environment *e)
{
    char folder[160];
    for (const char *const *set = m->mpi->folders; *set; set++)
        if (m->hosts.count > 0 || getenv(*set))
            return -1;
    if (rt__leftovers_make_mpirun(spec->run_id, spec->generation, folder, sizeof folder) != RT_OK) {
        rt_log_warn("mpirun keeps its files where it always does: %s", rt_error());
        rt_error_clear();
        return -1;
    }
    rt__environment_add(e, "%s=%s", m->mpi->folders[0], folder);
    return lock_folder(folder);
}

/* On several hosts, makes mpirun listen on the coordinator's address: workers on the other hosts reach that, so mpirun's
 * daemons there do, too. */
static void add_listening(const rt__mpirun *m, const char *endpoint, rt__environment *e)
{
    char address[INET_ADDRSTRLEN] = "";
    struct in_addr bytes;
    bool known = sscanf(endpoint, "tcp://%15[0-9.]:", address) == 1 &&
                 inet_pton(AF_INET, address, &bytes) == 1 && bytes.s_addr != htonl(INADDR_ANY);
    if (m->hosts.count > 0 && known)
        rt__openmpi_listen(e, address);
}

/* ---- starting ---- */

/* Initialises m before mpirun starts: paths, memory, and the watch over its ranks. */
static rt_status prepare(rt__mpirun *m, const rt__mpirun_site *site, const rt__job_spec *spec)
{
    const rt__host_list *h = spec->hosts;
    *m = (rt__mpirun){.mpi = site->mpi,
                      .generation = spec->generation,
                      .first = -1,
                      .ranks.watch.fd = -1,
                      .inquest.jobs = m->inquest.jobs,
                      .why_killed = spec->why_killed};
    if (m->why_killed)
        rt__why_killed_reset(m->why_killed);
    m->run_dir = rt_strdup(spec->run_dir);
    m->worker = rt_strdup(spec->worker);
    m->log = rt_strdup_printf("%s/logs/mpirun.g%" PRId64 ".log", spec->run_dir, spec->generation);
    m->dead = rt_calloc((size_t)spec->world, sizeof *m->dead);
    m->ends = rt_calloc((size_t)spec->world, sizeof *m->ends);
    if (!m->run_dir || !m->worker || !m->log || !m->dead || !m->ends)
        return rt_error_code();
    if (h && !rt__host_list_all_local(h))
        RT_TRY(rt__host_list_copy((const char *const *)h->name, h->slots, h->count, &m->hosts));
    return rt__ranks_open(&m->ranks, 0, rt__host_list_local_ranks(&m->hosts, spec->world));
}

static rt_status start(rt__mpirun *m, const rt__command *c, int lock)
{
    int fd;
    RT_TRY(rt__log_create(m->log, &fd));
    rt_status status = rt__child_start(&(rt__child){.argv = c->word,
                                                    .env = (const char *const *)c->environment.item,
                                                    .death_signal = SIGKILL,
                                                    .out_fd = fd,
                                                    .err_fd = fd,
                                                    .keep_fd = lock},
                                       &m->pid);
    close(fd);
    m->ranks.mpirun = m->pid;
    return status;
}

rt_status rt__mpirun_start(rt__mpirun *m, const rt__mpirun_site *site, const rt__job_spec *spec)
{
    rt__command c = {0};
    char name[RT__ENVIRONMENT_MAX][32];
    RT_TRY(prepare(m, site, spec));
    rt_status status = rt__mpirun_command(site, &m->hosts, spec->world, spec->threads, &c);
    int lock = status == RT_OK ? add_folder(m, spec, &c.environment) : -1;
    if (status == RT_OK) {
        add_listening(m, spec->endpoint, &c.environment);
        int own = c.environment.count;
        rt__job_environment(spec, &c.environment);
        add_exports(&c, own, name);
        c.word[c.count++] = spec->worker;
        c.word[c.count] = NULL;
        if (!c.environment.failed)
            status = start(m, &c, lock);
        else if (rt_failed())
            status = rt_error_code();
        else
            status = RT_FAIL(RANGE, "%s: path too long", spec->run_dir);
    }
    if (lock >= 0)
        close(lock);
    rt__command_release(&c);
    return status;
}

void rt__mpirun_release(rt__mpirun *m)
{
    rt__probes_end(&m->inquest);
    rt_mem_free(m->run_dir);
    rt_mem_free(m->worker);
    rt_mem_free(m->log);
    rt_mem_free(m->dead);
    rt_mem_free(m->ends);
    rt__host_list_release(&m->hosts);
    rt__ranks_close(&m->ranks);
}
