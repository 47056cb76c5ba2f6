#include "worker/rank.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/outer_job.h"
#include "common/base/phase.h"
#include "common/base/stop_signals.h"
#include "common/state/preprocessing.h"
#include "common/state/snapshot_list.h"
#include "worker/cpu_limit.h"
#include "worker/engine/base/trace.h"
#include "worker/engine/plugin/plugin.h"
#include "worker/environment.h"
#include "worker/join.h"
#include "worker/rank_numbers.h"
#include "worker/report.h"
#include "worker/session.h"
#include "worker/shm_dir.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double FAREWELL_SECONDS = 2; /* to send the last messages */
static const double BLAME_SECONDS = 3;    /* the coordinator normally ends the generation sooner */
static const double JOINED_SECONDS =
    10; /* likewise: the launcher ends the job once it has told the user why */

typedef struct rank {
    const char *endpoint, *run_id;
    char dir[PATH_MAX]; /* of the run; absolute */
    int64_t generation;
    int number, world; /* number: as `numbers` says until MPI is started */
    bool joined;       /* somebody's mpirun or srun has started this rank, not our launcher */
    rt__rank_numbers numbers; /* as what started this rank says */
    char name[32];            /* "worker 3" */
    rt_wire_keys keys;
    rt_config config;
    rt__orders orders;
    rt__progress progress;
    rt__link *link;
    rt__shm_dir shm;
    rt__commthread *comm;
    rt_run *run;
    char note[400]; /* on how the data are read, or "" */
} rank;

/* ---- environment ---- */

/* Refuses to run if the user started workers by hand (perhaps with mpirun): rank 0 prints the command to type, the
 * others exit silently. */
static rt_status refuse_manual_start(void)
{
    rt_outer_job job;
    if (getenv("RINGTORCH_ENDPOINT"))
        return RT_OK;
    if (!rt_outer_job_find(&job))
        return RT_FAIL(ARG, "workers are started by ringtorch train, not by hand: type ringtorch "
                            "train CONFIG -n WORKERS");
    if (job.rank > 0)
        exit(0); /* after a failure mpirun would kill the rank that prints */
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

/* Puts this rank and its host in front of the error, if there are other hosts, where it may be otherwise. */
static rt_status name_host(const rank *r)
{
    char host[256];
    if (r->numbers.local_world == r->numbers.world)
        return rt_error_code();
    rt__host_name(host, sizeof host);
    return rt_error_prefix("worker %d on host %s", r->number, host);
}

static rt_status find_run_dir(rank *r, const char *dir)
{
    if (realpath(dir, r->dir))
        return RT_OK;
    if (errno == ENOENT && r->numbers.local_world < r->numbers.world)
        RT_FAIL(NOTFOUND,
                "%s, the run directory, is not shared: it is not there: name one on a file system "
                "that all hosts share with --run-dir",
                dir);
    else
        RT_FAIL(NOTFOUND, "run directory %s: %m", dir);
    return name_host(r);
}

static rt_status read_environment(rank *r)
{
    const char *dir;
    RT_TRY(refuse_manual_start());
    RT_TRY(need("RINGTORCH_ENDPOINT", &r->endpoint));
    RT_TRY(need("RINGTORCH_RUN", &r->run_id));
    RT_TRY(need("RINGTORCH_RUN_DIR", &dir));
    RT_TRY(need_number("RINGTORCH_GENERATION", &r->generation));
    if (!r->joined)
        RT_TRY(rt__rank_numbers_read(&r->numbers));
    r->number = r->numbers.rank;
    snprintf(r->name, sizeof r->name, "worker %d", r->number);
    RT_TRY(find_run_dir(r, dir));
    return rt_wire_keys_from_env(&r->keys);
}

/* If `hold`, blocks SIGTERM in this thread and those that it will start, so that the link thread can handle it; else
 * lets SIGTERM, also a pending one, end the process as usual. */
static void hold_sigterm(bool hold)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Makes this process end with the one that started it, and leaves the signals that stop a run to the launcher. SIGTERM
 * is handled here: it asks this worker to leave. */
static rt_status tie_to_parent(const rank *r)
{
    rt_stop_signals_ignore();
    rt__handle_cpu_limit();
    signal(SIGTERM, SIG_DFL);
    /* A connection to a lost host breaks: the host is to blame, not this rank. */
    signal(SIGPIPE, SIG_IGN);
    bool alone =
        getppid() == 1 && !r->joined; /* in a container, somebody's mpirun may be process 1 */
    if (!rt_os_die_with_parent(SIGKILL, getppid(), true) || alone)
        return RT_FAIL(CLOSED, "what started this worker is gone");
    return RT_OK;
}

/* ---- log ---- */

/* Redirects everything that this process prints, in any library, to the log file. */
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
        status = rt_dir_make_in_place(logs, 0755); /* the run directory may have been renamed */
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
    return status == RT_OK ? RT_OK : name_host(r);
}

/* ---- life ---- */

/* Call before MPI starts and while there is only one thread. */
static void use_shm_dir(rank *r)
{
    if (rt__shm_dir_use(&r->shm, r->config.snapshot.dir, r->run_id, r->generation,
                        r->numbers.local_world) != RT_OK)
        rt_log_warn("Open MPI uses its default directory for shared memory: %s", rt_error());
    rt_error_clear();
}

static rt_status open_mpi(void *arg, rt_comm **out)
{
    (void)arg;
    return rt_comm_mpi(out);
}

/* Called on the link's thread: removes what earlier generations left in shared memory, which nobody needs any more. */
static void forget(void *ctx, int64_t before)
{
    const rank *r = ctx;
    const char *const places[] = {r->config.snapshot.dir, "/tmp"}; /* see worker/shm_dir.h */
    for (int i = 0; i < 2; i++) {
        if (rt_snapshot_forget(places[i], r->run_id, r->dir, before) != RT_OK)
            rt_log_warn("shared memory: %s", rt_error());
        rt_error_clear();
    }
}

/* Warns about partial weights: their rows are taken over by number, but the character, column or class of that number
 * may have changed. */
static void warn_partial_weights(rank *r)
{
    snprintf(
        r->note, sizeof r->note,
        "model.init_partial: the data do not fit the preprocessing of the weights and are read "
        "with their own: weights that are taken over may be of other tokens, columns or "
        "classes: %.220s",
        rt_error());
    rt_log_warn("%s", r->note);
}

/* Opens the run with the preprocessing of the weights that it starts from. With model.init_partial, data that do not
 * fit that preprocessing are read with their own instead. */
static rt_status open_run(rank *r)
{
    rt_run_parts parts = {0};
    char *preprocessing, *from;
    RT_TRY(rt_preprocessing_of_run(r->dir, &preprocessing));
    from = rt_strdup_printf("%s/" RT_PREPROCESSING_FILE " (of model.init: %s)", r->dir,
                            r->config.model.init);
    parts.preprocessing = preprocessing;
    parts.preprocessing_from = from;
    rt_status status = rt_run_open_with(&r->config, r->config.parallel.slices, &parts, &r->run);
    if (status == RT_E_MISMATCH && preprocessing && r->config.model.init_partial) {
        warn_partial_weights(r);
        rt_error_clear();
        status = rt_run_open(&r->config, r->config.parallel.slices, &r->run);
    }
    rt_mem_free(from);
    rt_mem_free(preprocessing);
    return status;
}

/* What is wrong with the configuration is so on every host; what is wrong with files need not be. */
static rt_status open_run_here(rank *r)
{
    rt_status status = open_run(r);
    bool of_files = status == RT_E_NOTFOUND || status == RT_E_FORMAT || status == RT_E_CORRUPT;
    return of_files ? name_host(r) : status;
}

/* Loads the plugins; a host whose file has another SHA-256 must not run it. */
static rt_status load_plugins(const rank *r)
{
    char host[256];
    size_t i;
    json_t *p;
    json_array_foreach(r->config.plugins, i, p)
        rt_log_info("loading the plugin %s", json_string_value(json_object_get(p, "file")));
    if (rt__plugins_load(&r->config) == RT_OK)
        return RT_OK;
    rt__host_name(host, sizeof host);
    return rt_error_prefix("worker %d on host %s", r->number, host);
}

static rt_status start_communication(rank *r)
{
    rt__orders_init(&r->orders);
    return rt__commthread_start(open_mpi, NULL, &r->orders.abort, &r->comm);
}

/* MPI starts on its own thread while this one loads the data: both take a third of a second. MPI_Init sets variables of the
 * environment meanwhile, which rt__environment_protect makes safe. */
static rt_status start(rank *r)
{
    rt__progress_init(&r->progress);
    rt__progress_attach(&r->progress);
    if (!r->joined) {
        use_shm_dir(r);
        RT_TRY(start_communication(r));
    }
    rt__trace_op(&rt__thread, RT_WHAT_OPENING); /* PROGRESS shows it until our HELLO */
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
    RT_TRY(load_plugins(r));
    RT_TRY(rt_run_start_engine(&r->config));
    RT_TRY(open_run_here(r));
    rt__trace_op(&rt__thread, RT_WHAT_MPI_INIT);
    RT_TRY(rt__commthread_ready(r->comm, &r->number, &r->world));
    return rt__rank_numbers_check(&r->numbers, r->number, r->world);
}

static rt_status run_session(rank *r)
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
        .local_rank = r->numbers.local_rank,
        .local_world = r->numbers.local_world,
        .run_id = r->run_id,
        .generation = r->generation,
        .dir = r->dir,
        .note = r->note,
        .link = r->link,
        .progress = &r->progress,
        .orders = &r->orders,
    };
    return rt__session_run(&session);
}

/* Waits for the order to abort. All ranks fail in such a step, and the first that exits takes the others with it; the
 * rank whose slice is to blame must be able to report first. */
static void wait_for_abort(const rt__orders *orders)
{
    for (double end = rt_clock() + BLAME_SECONDS; rt_clock() < end && !atomic_load(&orders->abort);)
        rt_clock_sleep(0.01);
}

/* Reports the failure and leaves without waiting for other ranks; mpirun, or what else started them, ends them. */
static int fail(rank *r, rt_status status)
{
    int code = rt_status_exit_code(status);
    if (atomic_load(&r->orders.abort)) {
        rt_log_info("left: %s", rt_error());
    } else {
        rt_log_error("%s (%s)", rt_error(), rt_error_place());
        rt__progress_view at = rt__progress_read(&r->progress);
        rt_msg_fault m = {.code = status,
                          .message = rt_error(),
                          .step = at.step,
                          .slice = at.slice,
                          .place = rt_error_place()};
        if (r->link)
            rt__link_post(r->link, RT_MSG_FAULT, &m);
        if (status == RT_E_NUMERIC && at.slice < 0)
            wait_for_abort(&r->orders);
    }
    rt__shm_dir_discard(
        &r->shm); /* before the farewell: the launcher kills us once it is through */
    atomic_store(&r->orders.abort, 1);
    rt__link_end(r->link, FAREWELL_SECONDS);
    if (r->joined && r->number > 0 && r->link)
        rt_clock_sleep(
            JOINED_SECONDS); /* mpirun kills the launcher as soon as another rank has failed */
    _exit(code);
}

/* ---- exit() before the end ---- */

/* The rank that must not leave yet, and the thread that computes in it. NULL: none */
static rank *unfinished;
static pthread_t computing;

/* Runs in exit(). A plugin or a library has called it: without a word from us, mpirun would wait for the other ranks if the exit code is 0,
 * and nobody would know what ended this one. */
static void report_exit(void)
{
    rank *r = unfinished;
    unfinished = NULL;
    if (!r)
        return;
    rt_error_clear();
    RT_FAIL(INTERRUPTED, "ended by itself in %s: a plugin or a library called exit()",
            rt_phase_name(rt__progress_read(&r->progress).phase));
    if (pthread_equal(pthread_self(), computing))
        fail(r, rt_error_code());
    rt_log_error("%s", rt_error()); /* another thread must not end the link */
    _exit(rt_status_exit_code(rt_error_code()));
}

static rt_status watch_exit(rank *r)
{
    unfinished = r;
    computing = pthread_self();
    return atexit(report_exit) == 0 ? RT_OK : RT_FAIL(NOMEM, "atexit: out of memory");
}

static int end(rank *r)
{
    unfinished = NULL;
    rt__link_end(r->link, FAREWELL_SECONDS);
    hold_sigterm(false); /* no thread handles it any more, and MPI may wait for other ranks */
    rt_run_close(r->run);
    rt__commthread_end(r->comm);
    rt__shm_dir_leave(&r->shm);
    rt_config_release(&r->config);
    int code = rt_shutdown();
    rt_log_info("done");
    rt_log_close();
    return code;
}

/* Lets rank 0 of somebody's job tell this one what to do. Exits if that is nothing. */
static rt_status join(rank *r)
{
    rt__join_order order;
    if (!rt__join_wanted())
        return RT_OK;
    r->joined = true;
    rt_stop_signals_ignore(); /* mpirun and srun pass signals on to all ranks; the launcher is told, too */
    RT_TRY(start_communication(r));
    rt_status status = rt__join(r->comm, rt__join_patience(), &order);
    r->numbers = order.numbers;
    if (order.leave)
        rt__commthread_end(r->comm);
    if (order.leave && status == RT_OK)
        exit(0);
    return status;
}

int rt__rank_main(void)
{
    rank r = {0};
    hold_sigterm(true);
    rt_status status = rt__environment_protect();
    if (status == RT_OK)
        status = join(&r);
    if (status == RT_OK)
        status = read_environment(&r);
    if (status == RT_OK)
        status = tie_to_parent(&r);
    if (status == RT_OK)
        status = load_config(&r);
    if (status == RT_OK)
        status = open_log(&r);
    if (status != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        _exit(rt_status_exit_code(status)); /* MPI may still be starting on its thread */
    }
    status = watch_exit(&r);
    if (status == RT_OK)
        status = run_session(&r);
    return status == RT_OK ? end(&r) : fail(&r, status);
}
