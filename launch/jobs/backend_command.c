/* Starts jobs with a command that a plugin describes. It sees the command's process and its exit status, and those ranks
 * that are children of it: with a command that starts them elsewhere, nobody here knows which rank failed. */
#include "launch/jobs/backend_command.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "launch/jobs/child.h"
#include "launch/jobs/command_line.h"
#include "launch/jobs/job_environment.h"
#include "launch/jobs/job_log.h"
#include "launch/jobs/log_limit.h"
#include "launch/jobs/ranks.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* A command that was told to end, or of which a rank has failed, has this long to end its ranks; then we do. */
static const double END_SECONDS = 5;
/* What is left of its process group when the command itself has ended has less time. */
static const double REST_SECONDS = 2;

typedef struct command_backend {
    rt__job_backend table; /* first: rt__jobs points to it */
    const rt__job_row *row;
} command_backend;

static const rt__job_row *row_of(const rt__jobs *jobs)
{
    return ((const command_backend *)jobs->backend)->row;
}

/* rt__job.own */
typedef struct command_job {
    const rt__job_row *row;
    pid_t pid; /* of the command, and of its process group */
    char *log, *run_dir;
    char shown[RT__COMMAND_SHOWN];
    int64_t generation, world;
    rt__ranks ranks;            /* that are children of the command */
    rt__why_killed *why_killed; /* borrowed */
    double next_log_look;
    double sign_at; /* > 0: when we first saw a rank fail, or the command end, without an order */
    double ordered_at; /* > 0: when we were ordered to end the job */
    double ending_at;  /* > 0: when we told it to end */
    double kill_at;    /* > 0: when its process group is killed */
    int64_t first;     /* the rank that failed first; -1: unknown */
    int first_status;  /* of that rank */
    bool ended;        /* the command itself */
    int wait_status;   /* of the command */
    char text[RT__REASON];
    bool final; /* another job would end in the same way */
} command_job;

/* ---- the site ---- */

static bool is_here(void)
{
    return false; /* it is chosen by its name */
}

static rt_status open_site(rt__jobs *jobs)
{
    const rt__job_row *row = row_of(jobs);
    char *program = rt__find_program(row->word[0]);
    if (!program)
        return rt_failed() ? rt_error_code()
                           : RT_FAIL(NOTFOUND,
                                     "RINGTORCH_JOBS=%s: %s: not found, or not executable: the job "
                                     "back end %s of the plugin %s starts workers with it: install "
                                     "it, or add its folder to PATH",
                                     row->name, row->word[0], row->name, rt__job_row_plugin(row));
    snprintf(jobs->about, sizeof jobs->about, "%.150s, as the plugin %.40s describes it", program,
             rt__job_row_plugin(row));
    rt_mem_free(program);
    return RT_OK;
}

static rt_status find_shell(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                            const char *word[RT__SHELL_WORDS], int *count)
{
    const rt__job_row *row = row_of(jobs);
    (void)text;
    if (!row->names_hosts)
        return RT_FAIL(UNSUPPORTED,
                       "RINGTORCH_JOBS=%s: the command of this job back end of the plugin %s names "
                       "no hosts, so workers cannot be put on those of a host file: leave the host "
                       "file out, or give .command {hosts} or {host_slots}",
                       row->name, rt__job_row_plugin(row));
    for (*count = 0; *count < row->shell_words; (*count)++)
        word[*count] = row->shell[*count];
    return RT_OK;
}

static rt_status make_command(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                              int64_t threads, rt__command *out)
{
    rt__environment_add(&out->environment, "OMP_NUM_THREADS=%" PRId64, threads);
    RT_TRY(rt__command_fill(row_of(jobs), hosts, world, threads, out));
    rt__command_add_surroundings(row_of(jobs), &out->environment);
    return RT_OK;
}

/* ---- starting ---- */

/* Tells the ranks where to find their numbers. */
static void add_rank_variables(const rt__job_row *row, rt__environment *e)
{
#define ROW(number, named_in, of_open_mpi, needed, what)                                           \
    if (row->variable[RT_NUMBER_##number])                                                         \
        rt__environment_add(e, named_in "=%s", row->variable[RT_NUMBER_##number]);                 \
    else                                                                                           \
        rt__environment_add(e, named_in "=");
    RT_RANK_VARIABLES(ROW)
#undef ROW
}

static rt_status prepare(command_job *c, const rt__job *job, const rt__job_spec *spec)
{
    c->row = row_of(job->jobs);
    c->generation = spec->generation;
    c->world = spec->world;
    c->why_killed = spec->why_killed;
    c->run_dir = rt_strdup(spec->run_dir);
    c->log = rt_strdup_printf("%s/logs/job.g%" PRId64 ".log", spec->run_dir, spec->generation);
    if (!c->log || !c->run_dir)
        return rt_error_code();
    if (c->why_killed)
        rt__why_killed_reset(c->why_killed);
    RT_TRY(rt__ranks_open(&c->ranks, 0, spec->world));
    c->ranks.variable = c->row->variable[RT_NUMBER_rank];
    return RT_OK;
}

static rt_status run(command_job *c, const rt__command *command)
{
    int fd;
    RT_TRY(rt__log_create(c->log, &fd));
    rt_status status =
        rt__child_start(&(rt__child){.argv = command->word,
                                     .env = (const char *const *)command->environment.item,
                                     .death_signal = SIGTERM,
                                     .out_fd = fd,
                                     .err_fd = fd,
                                     .keep_fd = -1},
                        &c->pid);
    close(fd);
    c->ranks.mpirun = c->pid;
    return status;
}

static rt_status start(rt__job *job, const rt__job_spec *spec)
{
    static const rt__host_list none = {0};
    command_job *c = job->own = rt_calloc(1, sizeof *c);
    if (!c)
        return rt_error_code();
    c->ranks.watch.fd = -1;
    c->first = -1;
    RT_TRY(prepare(c, job, spec));
    bool elsewhere = spec->hosts && !rt__host_list_all_local(spec->hosts);
    rt__command command = {0};
    rt__job_environment(spec, &command.environment);
    add_rank_variables(c->row, &command.environment);
    rt_status status = rt__command_fill(c->row, elsewhere ? spec->hosts : &none, spec->world,
                                        spec->threads, &command);
    rt__command_add_surroundings(c->row, &command.environment);
    if (status == RT_OK && command.environment.failed)
        status = RT_FAIL(RANGE, "RINGTORCH_JOBS=%s: too many or too long environment variables",
                         c->row->name);
    command.word[command.count++] = spec->worker;
    rt__command_show(&command, c->shown);
    if (status == RT_OK)
        status = run(c, &command);
    rt__command_release(&command);
    return status == RT_OK ? RT_OK
                           : rt_error_prefix("job back end %s of the plugin %s", c->row->name,
                                             rt__job_row_plugin(c->row));
}

/* ---- watching ---- */

static int fd(const rt__job *job)
{
    const command_job *c = job->own;
    return rt__ranks_fd(&c->ranks);
}

/* Returns whether a process of the command's group is alive, which may be what a script has left. */
static bool has_rest(const command_job *c)
{
    return kill(-c->pid, 0) == 0;
}

/* Tells the whole group to end; what does not is killed later. A stopped process gets SIGTERM once it continues. */
static void terminate(command_job *c, double seconds)
{
    double now = rt_clock();
    if (c->ending_at == 0)
        c->ending_at = now;
    if (c->kill_at < now || now + seconds < c->kill_at)
        c->kill_at = now + seconds;
    kill(-c->pid, SIGTERM);
    kill(-c->pid, SIGCONT);
}

/* Takes the ends of ranks. The first one that nobody ordered is to blame, unless the command may have ended it because of
 * another that we do not see. */
static void take_ends(command_job *c)
{
    double now = rt_clock();
    for (rt__rank_end e; rt__ranks_next_end(&c->ranks, &e);) {
        bool failed = e.known && e.wait_status != 0;
        if (!failed || c->sign_at > 0 || c->ordered_at > 0)
            continue;
        c->sign_at = now;
        c->kill_at = now + END_SECONDS; /* the command should end the others, and then itself */
        bool certain = e.unasked || c->ranks.count == c->world;
        if (certain && e.rank < c->world) {
            c->first = e.rank;
            c->first_status = e.wait_status;
        }
    }
}

static void watch(rt__job *job)
{
    command_job *c = job->own;
    if (c->kill_at == 0) /* what an ending command logs is the reason */
        rt__log_tend(c->log, &c->next_log_look);
    if (!c->ended) {
        rt__ranks_look(&c->ranks);
        take_ends(c);
    }
    job->ranks_started = job->ranks_expected = c->ranks.count; /* as far as we see them */
    bool overdue = c->kill_at > 0 && rt_clock() > c->kill_at;
    if (overdue && c->ending_at == 0)
        terminate(c, REST_SECONDS); /* it has not reacted to the failure of a rank */
    else if (overdue)
        kill(-c->pid, SIGKILL);
    job->gone = c->ended && (overdue || !has_rest(c));
}

static double patience(const rt__job *job)
{
    const command_job *c = job->own;
    return c->kill_at > 0 ? 0.01 : rt__ranks_patience(&c->ranks);
}

static bool reaped(rt__job *job, pid_t pid, int wait_status)
{
    command_job *c = job->own;
    if (pid != c->pid || c->ended)
        return false;
    if (WIFSTOPPED(wait_status)) {
        kill(pid, SIGCONT); /* a stopped command could not end */
        return true;
    }
    rt__ranks_look(&c->ranks);
    take_ends(c); /* those of the last moment */
    if (c->sign_at == 0)
        c->sign_at = rt_clock();
    c->ended = true;
    c->wait_status = wait_status;
    job->gone = !has_rest(c);
    if (!job->gone)
        terminate(c, REST_SECONDS);
    return true;
}

static void end(rt__job *job)
{
    command_job *c = job->own;
    if (c->ordered_at > 0)
        return;
    c->ordered_at = rt_clock();
    if (c->pid > 0)
        terminate(c, END_SECONDS);
}

/* ---- its end ---- */

static bool any_worker_began(const command_job *c)
{
    bool began = false;
    for (int64_t i = 0; i < c->world && !began; i++) {
        char *log = rt__log_read_worker(c->run_dir, i, c->generation);
        began = log != NULL;
        rt_mem_free(log);
    }
    return began;
}

/* For a failure that is not known to be that of a rank: the message is about the command. */
static void explain_command(command_job *c)
{
    rt__why_found words;
    rt__log_job_reason(c->log, &words);
    c->final = words.final;
    snprintf(c->text, sizeof c->text, "job back end %s of the plugin %s: `%s`: %.180s%s",
             c->row->name, rt__job_row_plugin(c->row), c->shown,
             words.reason[0] ? words.reason : "it printed nothing",
             any_worker_began(c) ? "" : ": no worker has begun: try this command by hand");
}

static void explain_rank(command_job *c, int signal, int exit_code)
{
    rt__why_found why;
    rt__ended_rank end = {c->run_dir, c->first, c->generation, signal, exit_code, c->why_killed};
    if (!rt__log_explain_rank(&end, &why)) {
        explain_command(c); /* it refused what the command has given it */
        return;
    }
    memcpy(c->text, why.reason, sizeof c->text);
    c->final = why.final;
}

static void report_failure(command_job *c, rt__job_report *r)
{
    bool known = c->first >= 0;
    int status = known ? c->first_status : c->wait_status;
    r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    r->exit_code = rt__exit_code(status);
    r->outcome = known || r->signal == 0 ? RT__JOB_FAILED : RT__JOB_KILLED;
    if (known) {
        r->rank = c->first;
        r->ranks = &c->first;
        r->ranks_count = 1;
        explain_rank(c, r->signal, r->exit_code);
    } else {
        explain_command(c);
    }
}

static bool conclude(rt__job *job, bool now, rt__job_report *out)
{
    command_job *c = job->own;
    double moment = rt_clock();
    (void)now;
    *out = (rt__job_report){.outcome = RT__JOB_DONE, .rank = -1, .host = "", .text = c->text};
    /* What failed before we ended it has failed. */
    bool ordered = c->ordered_at > 0 && (c->sign_at == 0 || c->sign_at >= c->ordered_at);
    if (ordered)
        out->outcome = RT__JOB_ORDERED;
    else if (c->wait_status != 0 || c->first >= 0)
        report_failure(c, out);
    else
        explain_command(c); /* in case that its work was not done */
    /* A command that exited with 0 has run in spite of what its log warns of. */
    out->final = c->final && out->outcome != RT__JOB_DONE;
    out->seconds_since_sign = moment - (ordered ? c->ordered_at : c->sign_at);
    out->seconds_ending = c->ending_at > 0 ? moment - c->ending_at : 0;
    return true;
}

static void release(rt__job *job)
{
    command_job *c = job->own;
    rt__ranks_close(&c->ranks);
    rt_mem_free(c->log);
    rt_mem_free(c->run_dir);
    rt_mem_free(c);
}

/* ---- the back end of each row ---- */

/* Returns the back end of row i of rt__job_rows(), the same each time. */
static const rt__job_backend *backend_of(int i)
{
    static command_backend all[RT_JOB_ROWS_MAX];
    const rt__job_row *row = rt__job_row_at(i);
    all[i] = (command_backend){.table = {.name = row->name,
                                         .what = row->help,
                                         .can = row->once ? 0 : RT__JOB_AGAIN,
                                         .is_here = is_here,
                                         .open = open_site,
                                         .shell = find_shell,
                                         .command = make_command,
                                         .start = start,
                                         .fd = fd,
                                         .watch = watch,
                                         .patience = patience,
                                         .reaped = reaped,
                                         .end = end,
                                         .conclude = conclude,
                                         .release = release},
                               .row = row};
    return &all[i].table;
}

rt_status rt__command_backends_register(void)
{
    for (int i = 0; i < rt__job_rows(); i++) {
        const rt__job_row *row = rt__job_row_at(i);
        if (rt__jobs_is_built_in(row->name))
            return RT_FAIL(EXISTS, "plugin %s (%.400s): jobs: %s is built in: give it another name",
                           rt__job_row_plugin(row), rt__job_row_file(row), row->name);
        rt__jobs_register(backend_of(i));
    }
    return RT_OK;
}
