#include "launch/job.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "launch/child.h"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 24, ARGUMENTS_MAX = 64, TAIL_READ = 16384, TAIL_LINES = 8 };

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

/* How Open MPI 4 behaves on one host. Root and more ranks than cores are for the user to choose;
 * loopback and shared memory only, which also saves 0.3 s of looking for network cards in each
 * start; when a rank dies the others are killed at once instead of a second later. */
static void add_mpi_environment(strings *s, const rt__job_spec *spec)
{
    add(s, "OMPI_ALLOW_RUN_AS_ROOT=1");
    add(s, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    add(s, "OMPI_MCA_rmaps_base_oversubscribe=1");
    add(s, "OMPI_MCA_oob_tcp_if_include=lo");
    add(s, "OMPI_MCA_plm=isolated");
    add(s, "OMPI_MCA_pml=ob1");
    add(s, "OMPI_MCA_btl=self,vader");
    add(s, "OMPI_MCA_odls_base_sigkill_timeout=0");
    if (spec->world * spec->threads > sysconf(_SC_NPROCESSORS_ONLN))
        add(s, "OMPI_MCA_mpi_yield_when_idle=1");
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

static rt_status start(rt__job *job, const rt__job_spec *spec, const strings *env, int worker_env)
{
    /* Ranks are not bound to cores: a worker's loader and link threads would share its one core,
     * and two runs on one machine the same ones. */
    char world[24];
    const char *argv[ARGUMENTS_MAX] = {spec->mpirun,      "-n",        world,
                                       "--oversubscribe", "--bind-to", "none"};
    char name[ENVIRONMENT_MAX][32];
    int n = 6, fd;
    snprintf(world, sizeof world, "%" PRId64, spec->world);
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
                                                    .death_signal = SIGTERM,
                                                    .out_fd = fd,
                                                    .err_fd = fd,
                                                    .keep_fd = -1},
                                       &job->pid);
    close(fd);
    return status;
}

rt_status rt__job_start(rt__job *job, const rt__job_spec *spec)
{
    strings env = {0};
    *job = (rt__job){.generation = spec->generation, .run_dir = rt_strdup(spec->run_dir)};
    job->log = rt_strdup_printf("%s/logs/mpirun.g%" PRId64 ".log", spec->run_dir, spec->generation);
    add_worker_environment(&env, spec);
    int worker_env = env.count;
    add_mpi_environment(&env, spec);
    rt_status status = RT_OK;
    if (!job->run_dir || !job->log || env.failed)
        status = rt_failed() ? rt_error_code() : RT_FAIL(RANGE, "%s: path too long", spec->run_dir);
    if (status == RT_OK)
        status = start(job, spec, &env, worker_env);
    release(&env);
    if (status != RT_OK)
        rt__job_release(job);
    return status;
}

void rt__job_end(rt__job *job)
{
    if (job->pid <= 0 || job->ending_since > 0)
        return;
    job->ending_since = rt_clock();
    kill(job->pid, SIGTERM);
}

void rt__job_release(rt__job *job)
{
    rt_mem_free(job->run_dir);
    rt_mem_free(job->log);
    *job = (rt__job){0};
}

/* ---- what the logs say ---- */

bool rt__job_blame(const char *log, int64_t *rank, int64_t *signal, int64_t *exit_code)
{
    const char *killed = strstr(log, "process rank "), *left = strstr(log, "Process name: [[");
    *signal = *exit_code = 0;
    if (killed &&
        sscanf(killed,
               "process rank %" SCNd64 " with PID %*d on node %*s exited on signal %" SCNd64, rank,
               signal) == 2)
        return true;
    return left && sscanf(left, "Process name: [[%*d,%*d],%" SCNd64 "] Exit code: %" SCNd64, rank,
                          exit_code) == 2;
}

/* Returns the last bytes of a file as text (rt_malloc), or NULL without an error. */
static char *read_end(const char *path, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text = fd >= 0 && fstat(fd, &st) == 0 ? rt_malloc(bytes + 1) : NULL;
    if (text) {
        off_t from = st.st_size > (off_t)bytes ? st.st_size - (off_t)bytes : 0;
        ssize_t n = pread(fd, text, bytes, from);
        text[n > 0 ? n : 0] = '\0';
    }
    if (fd >= 0)
        close(fd);
    rt_error_clear();
    return text;
}

/* Copies the last lines that say something: not empty, not a ruler of dashes. */
static void keep_tail(const char *text, char *out, size_t size)
{
    const char *lines[TAIL_LINES];
    int count = 0;
    size_t used = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (line[strspn(line, "- \t\r")] == '\n' || line[strspn(line, "- \t\r")] == '\0')
            continue;
        if (count == TAIL_LINES)
            memmove(lines, lines + 1, (size_t)--count * sizeof *lines);
        lines[count++] = line;
    }
    out[0] = '\0';
    for (int i = 0; i < count && used + 1 < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", i ? "\n" : "",
                                 (int)strcspn(lines[i], "\n"), lines[i]);
}

/* The worker that failed has logged why; if none is known, mpirun may have. */
static void read_tail(rt__job *job, int64_t rank, const char *mpirun_log)
{
    char *path = NULL, *text = NULL;
    if (rank >= 0)
        path = rt_strdup_printf("%s/logs/worker-%" PRId64 ".g%" PRId64 ".log", job->run_dir, rank,
                                job->generation);
    if (path)
        text = read_end(path, TAIL_READ);
    keep_tail(rank < 0 ? mpirun_log : text ? text : "", job->tail, sizeof job->tail);
    rt_mem_free(text);
    rt_mem_free(path);
}

void rt__job_ended(rt__job *job, int wait_status, rt_msg_exited *out)
{
    char *log = read_end(job->log, TAIL_READ);
    *out = (rt_msg_exited){
        .job_generation = job->generation,
        .exit_code =
            WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status),
        .rank = -1,
        .tail = job->tail,
    };
    bool by_itself = job->ending_since <= 0;
    int64_t exit_code = 0;
    if (log && by_itself && out->exit_code != 0 &&
        rt__job_blame(log, &out->rank, &out->signal, &exit_code) && exit_code != 0)
        out->exit_code = exit_code;
    if (by_itself && WIFSIGNALED(wait_status)) { /* mpirun itself was killed */
        out->rank = -1;
        out->signal = WTERMSIG(wait_status);
    }
    read_tail(job, out->rank, log ? log : "");
    rt_mem_free(log);
    job->pid = 0;
}
