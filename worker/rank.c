#include "worker/rank.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/outer_job.h"
#include "common/snapshot_list.h"
#include "common/stop_signals.h"
#include "worker/cpu_limit.h"
#include "worker/engine/base/trace.h"
#include "worker/session.h"
#include "worker/shm_dir.h"

static const double FAREWELL_SECONDS = 2; /* for the last messages to get out */
static const double BLAME_SECONDS = 3;    /* the coordinator ends the generation before */

typedef struct rank {
    const char *endpoint, *run_id;
    char dir[PATH_MAX]; /* of the run; absolute */
    int64_t generation;
    int number, world; /* number: from mpirun's environment until MPI itself says so */
    int64_t local_number, local_world; /* among the ranks of this host */
    char name[32];                     /* "worker 3" */
    rt_wire_keys keys;
    rt_config config;
    rt__orders orders;
    rt__progress progress;
    rt__link *link;
    rt__shm_dir shm;
    rt__commthread *comm;
    rt_run *run;
} rank;

/* ---- environment ---- */

/* Who starts workers by hand wants a run with them: says what to type, once for all of them. */
static rt_status refuse_strangers(void)
{
    rt_outer_job job;
    if (getenv("RINGTORCH_ENDPOINT"))
        return RT_OK;
    if (!rt_outer_job_find(&job))
        return RT_FAIL(ARG, "workers are started by ringtorch train, not by hand: type ringtorch "
                            "train CONFIG -n WORKERS");
    if (job.rank > 0)
        exit(0); /* with a failure mpirun would end the one that speaks */
    return RT_FAIL(ARG,
                   "workers are started by ringtorch train, not by %s: type ringtorch train CONFIG "
                   "-n %" PRId64,
                   job.by, job.size);
}

static rt_status need(const char *name, const char **out)
{
    *out = getenv(name);
    if (!*out)
        return RT_FAIL(ARG, "%s is not set: ranks are started by `ringtorch train`, not by hand",
                       name);
    return RT_OK;
}

static rt_status need_number(const char *name, int64_t *out)
{
    const char *text;
    char *end;
    RT_TRY(need(name, &text));
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || *out < 0)
        return RT_FAIL(ARG, "%s=%s: expected a number", name, text);
    return RT_OK;
}

static rt_status read_environment(rank *r)
{
    int64_t number;
    const char *dir;
    RT_TRY(refuse_strangers());
    RT_TRY(need("RINGTORCH_ENDPOINT", &r->endpoint));
    RT_TRY(need("RINGTORCH_RUN", &r->run_id));
    RT_TRY(need("RINGTORCH_RUN_DIR", &dir));
    if (!realpath(dir, r->dir))
        return RT_FAIL(NOTFOUND, "run directory %s: %m", dir);
    RT_TRY(need_number("RINGTORCH_GENERATION", &r->generation));
    RT_TRY(need_number("OMPI_COMM_WORLD_RANK", &number));
    RT_TRY(need_number("OMPI_COMM_WORLD_LOCAL_RANK", &r->local_number));
    RT_TRY(need_number("OMPI_COMM_WORLD_LOCAL_SIZE", &r->local_world));
    r->number = (int)number;
    snprintf(r->name, sizeof r->name, "worker %d", r->number);
    return rt_wire_keys_from_env(&r->keys);
}

/* Blocks SIGTERM in this thread and all that it will start, for the link thread to take; or lets it
 * end the process as it does by nature, also one that came meanwhile. */
static void hold_sigterm(bool hold)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Ends with the process that started us, and leaves it to the launcher to stop the run. SIGTERM is for this worker. */
static rt_status tie_to_parent(void)
{
    rt_stop_signals_leave();
    rt__heed_cpu_limit();
    signal(SIGTERM, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == 1)
        return RT_FAIL(CLOSED, "mpirun is gone");
    return RT_OK;
}

/* ---- log ---- */

/* Everything printed by anyone in this process ends in the log file, as log entries do. */
static rt_status redirect(const char *path)
{
    int fd;
    RT_TRY(rt_file_open_log(path, &fd));
    bool taken = dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0;
    rt_status status = taken ? RT_OK : RT_FAIL(IO, "%s: %m", path);
    close(fd);
    return status;
}

static rt_status open_log(const rank *r)
{
    rt_status status = RT_E_NOMEM;
    char *logs = rt_path_join(r->dir, "logs");
    char *path =
        rt_strdup_printf("%s/logs/worker-%d.g%" PRId64 ".log", r->dir, r->number, r->generation);
    if (logs && path)
        status = rt_dir_make(logs, 0755);
    if (status == RT_OK)
        status = redirect(path);
    if (status == RT_OK)
        status = rt_log_open(r->name, path, r->config.log.format == RT_CFG_LOG_JSON);
    rt_log_set_level((rt_log_level)r->config.log.level);
    rt_mem_free(path);
    rt_mem_free(logs);
    return status;
}

static rt_status load_config(rank *r)
{
    char *path = rt_path_join(r->dir, "config.yaml");
    rt_status status = path ? rt_config_load_run(path, &r->config) : RT_E_NOMEM;
    rt_mem_free(path);
    return status;
}

/* ---- life ---- */

/* Before MPI starts, and while there is one thread. */
static void use_shm_dir(rank *r)
{
    if (rt__shm_dir_use(&r->shm, r->config.snapshot.dir, r->run_id, r->generation,
                        r->local_world) != RT_OK)
        rt_log_warn("Open MPI's shared memory goes where it always does: %s", rt_error());
    rt_error_clear();
}

static rt_status open_mpi(void *arg, rt_comm **out)
{
    (void)arg;
    return rt_comm_mpi(out);
}

/* On the link's thread: what earlier generations left in shared memory is of no use any more. */
static void forget(void *ctx, int64_t before)
{
    const rank *r = ctx;
    const char *const places[] = {r->config.snapshot.dir, "/tmp"}; /* see worker/shm_dir.h */
    for (int i = 0; i < 2; i++) {
        if (rt_snapshot_forget(places[i], r->run_id, before) != RT_OK)
            rt_log_warn("shared memory: %s", rt_error());
        rt_error_clear();
    }
}

/* MPI starts on its own thread while this one loads the data: both take a third of a second. */
static rt_status start(rank *r)
{
    rt__progress_init(&r->progress);
    rt__progress_attach(&r->progress);
    rt__orders_init(&r->orders);
    use_shm_dir(r);
    RT_TRY(rt__commthread_start(open_mpi, NULL, &r->orders.abort, &r->comm));
    rt__trace_op(&rt__thread, RT_WHAT_OPENING); /* seen by whoever waits for our HELLO */
    rt__link_args link = {
        .endpoint = r->endpoint,
        .keys = &r->keys,
        .run = r->run_id,
        .name = r->name,
        .generation = r->generation,
        .progress = &r->progress,
        .orders = &r->orders,
        .comm = r->comm,
        .takes_sigterm = true,
        .forget = forget,
        .forget_ctx = r,
    };
    RT_TRY(rt__link_start(&link, &r->link));
    RT_TRY(rt_run_start_engine(&r->config));
    RT_TRY(rt_run_open(&r->config, r->config.parallel.slices, &r->run));
    rt__trace_op(&rt__thread, RT_WHAT_MPI_INIT);
    return rt__commthread_ready(r->comm, &r->number, &r->world);
}

static rt_status live(rank *r)
{
    RT_TRY(start(r));
    rt_log_info("rank %d of %d, generation %" PRId64 ", %s, %s", r->number, r->world, r->generation,
                rt_isa(), rt_blas());
    rt__session session = {
        .config = &r->config,
        .run = r->run,
        .comm = r->comm,
        .rank = r->number,
        .world = r->world,
        .local_rank = (int)r->local_number,
        .local_world = (int)r->local_world,
        .run_id = r->run_id,
        .generation = r->generation,
        .dir = r->dir,
        .link = r->link,
        .progress = &r->progress,
        .orders = &r->orders,
    };
    return rt__session_run(&session);
}

/* All ranks fail, and the first that leaves takes the others with it: the one whose slice is to blame is to be heard
 * before. */
static void make_way(const rt__orders *orders)
{
    for (double end = rt_clock() + BLAME_SECONDS; rt_clock() < end && !atomic_load(&orders->abort);)
        rt_clock_sleep(0.01);
}

/* Says what happened and leaves without waiting for anybody: mpirun ends the other ranks. */
static int fail(rank *r, rt_status status)
{
    int code = rt_status_exit_code(status);
    if (atomic_load(&r->orders.abort)) {
        rt_log_info("left: %s", rt_error());
    } else {
        rt_log_error("%s (%s)", rt_error(), rt_error_place());
        rt__progress_view at = rt__progress_read(&r->progress);
        rt_msg_fault m = {status, rt_error(), at.step, at.slice, rt_error_place()};
        if (r->link)
            rt__link_post(r->link, RT_MSG_FAULT, &m);
        if (status == RT_E_NUMERIC && at.slice < 0)
            make_way(&r->orders);
    }
    atomic_store(&r->orders.abort, 1);
    rt__link_end(r->link, FAREWELL_SECONDS);
    _exit(code);
}

static int end(rank *r)
{
    rt__link_end(r->link, FAREWELL_SECONDS);
    hold_sigterm(false); /* nobody takes it any more, and MPI may wait for others */
    rt_run_close(r->run);
    rt__commthread_end(r->comm);
    rt__shm_dir_leave(&r->shm);
    rt_config_release(&r->config);
    int code = rt_shutdown();
    rt_log_info("done");
    rt_log_close();
    return code;
}

int rt__rank_main(void)
{
    rank r = {0};
    hold_sigterm(true);
    rt_status status = read_environment(&r);
    if (status == RT_OK)
        status = tie_to_parent();
    if (status == RT_OK)
        status = load_config(&r);
    if (status == RT_OK)
        status = open_log(&r);
    if (status != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        return rt_status_exit_code(status);
    }
    status = live(&r);
    return status == RT_OK ? end(&r) : fail(&r, status);
}
