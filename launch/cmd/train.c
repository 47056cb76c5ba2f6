#include "launch/cmd/train.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/base/outer_job.h"
#include "common/base/startup.h"
#include "common/base/stop_signals.h"
#include "common/base/text.h"
#include "common/base/usage.h"
#include "common/config/best.h"
#include "common/config/config.h"
#include "common/config/config_check.h"
#include "common/config/config_place.h"
#include "launch/cmd/next_step.h"
#include "launch/cmd/options.h"
#include "launch/cmd/outer_task.h"
#include "launch/jobs/allocation.h"
#include "launch/jobs/backend_command.h"
#include "launch/jobs/child.h"
#include "launch/jobs/hosts.h"
#include "launch/jobs/job.h"
#include "launch/jobs/outer.h"
#include "launch/run/check_hosts.h"
#include "launch/run/earlier_snapshots.h"
#include "launch/run/finished.h"
#include "launch/run/limits.h"
#include "launch/run/rundir.h"
#include "launch/run/supervise.h"
#include "launch/run/worker_program.h"
#include "launch/tui/advice.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORKERS_MOST = 65536 }; /* as config.def has it */

typedef struct launch {
    rt__train_options options;
    rt_config cfg;
    rt__outer_role task;
    rt__jobs jobs;
    rt__host_list hosts; /* where workers may run */
    rt__worker worker;
    char addresses[RT_ADDRESSES]; /* where the coordinator listens; "": preflight finds that out */
    char *coordinator, *dir;
    char idle[RT__HOSTS_FROM + 320]; /* which slots no worker takes; "": none */
    char resume[PATH_MAX];           /* what a link given to --resume pointed to */
} launch;

/* Returns --run-dir, else run.dir, else runs/<run.name>. */
static char *choose_run_dir(const launch *l)
{
    if (l->options.run_dir)
        return rt_strdup(l->options.run_dir);
    if (l->cfg.run.dir[0])
        return rt_strdup(l->cfg.run.dir);
    return rt_strdup_printf("runs/%s", l->cfg.run.name);
}

/* Finds the coordinator, and checks that both programs are there. */
static rt_status find_programs(launch *l)
{
    const char *set = getenv("RINGTORCH_COORDINATOR"); /* an empty variable counts as unset */
    l->coordinator = set && *set ? rt_strdup(set) : rt__program_beside("ringtorch-coordinator");
    if (!l->coordinator)
        return rt_error_code();
    const char *needed[] = {l->coordinator, l->worker.path};
    for (int i = 0; i < 2; i++)
        if (!rt_path_exists(needed[i]))
            return RT_FAIL(NOTFOUND, "%s: not found: " RT__PROGRAM_ADVICE, needed[i]);
    return RT_OK;
}

#define WORKERS_KEY "parallel.workers"

/* Returns whether --set or -n says how many workers there shall be. */
static bool command_gives_workers(const launch *l)
{
    static const char begins[] = WORKERS_KEY "=";
    const rt_option_list *sets = &l->options.sets;
    for (size_t i = 0; i < sets->count; i++)
        if (strncmp(sets->item[i], begins, sizeof begins - 1) == 0)
            return true;
    return false;
}

/* Returns whether the command or the configuration says it. */
static bool gives_workers(const launch *l)
{
    rt_bytes text;
    if (command_gives_workers(l))
        return true;
    if (rt_input_read(l->options.config, RT_INPUT_FILE, RT_CONFIG_FILE_MAX, &text) != RT_OK) {
        rt_error_clear(); /* a pipe has been read to its end: -n can say it */
        return true;
    }
    bool gives = rt_config_gives((const char *)text.data, text.len, WORKERS_KEY);
    rt_bytes_release(&text);
    return gives;
}

/* Sets as many workers as the allocation has tasks, or as many of them as the configuration allows. */
static void choose_workers(rt_config *cfg, int64_t tasks)
{
    int64_t before = cfg->parallel.workers, most = tasks < WORKERS_MOST ? tasks : WORKERS_MOST;
    for (cfg->parallel.workers = most; cfg->parallel.workers > 0; cfg->parallel.workers--) {
        if (rt_config_check(cfg) == RT_OK)
            return;
        rt_error_clear();
    }
    cfg->parallel.workers = before;
}

/* Notes which slots the number of workers in the configuration leaves idle, and how many workers would use them. */
static void note_idle_slots(launch *l)
{
    rt_config *cfg = &l->cfg;
    int64_t all, hosts, workers = cfg->parallel.workers;
    int64_t idle = rt__host_list_idle(&l->hosts, workers, &all, &hosts);
    char and_hosts[64] = "";
    if (idle == 0 || command_gives_workers(l))
        return;
    choose_workers(cfg, all);
    int64_t most = cfg->parallel.workers;
    cfg->parallel.workers = workers;
    if (most <= workers)
        return;
    if (hosts > 0)
        snprintf(and_hosts, sizeof and_hosts, " and %" PRId64 " of %" PRId64 " hosts", hosts,
                 l->hosts.count);
    snprintf(l->idle, sizeof l->idle,
             "%s: %" PRId64 " of %" PRId64 " slots%s stay idle, for " WORKERS_KEY " is %" PRId64
             ": -n %" PRId64 " uses %s",
             l->hosts.from, idle, all, and_hosts, workers, most, most == all ? "all" : "more");
}

/* Fails if there are more workers than slots in an allocation of several hosts. */
static rt_status check_slots(const rt_config *cfg, const rt__host_list *h)
{
    char advice[128];
    if (h->tasks == 0 || h->count == 0 || cfg->parallel.workers <= h->tasks)
        return RT_OK;
    return RT_FAIL(CONFIG,
                   "%" PRId64 " workers, but %s has %" PRId64 " slot%s on %" PRId64
                   " host%s: use -n %" PRId64 ", or ask for more: %s",
                   cfg->parallel.workers, h->from, h->tasks, rt_plural(h->tasks), h->count,
                   rt_plural(h->count), h->tasks,
                   rt__allocation_advice(cfg->parallel.workers, advice));
}

/* Takes the hosts of the run, and the number of workers if only an allocation says it. Each of several separate runs stays
 * on the host where it was started. Checks that other hosts, if there are any, could reach us, and that there is a shell to reach
 * them with. */
static rt_status take_hosts(launch *l)
{
    char text[RT__SHELL_TEXT];
    const char *word[RT__SHELL_WORDS];
    int words;
    rt_config *cfg = &l->cfg;
    if (!l->options.separate || cfg->parallel.hostfile[0])
        RT_TRY(rt__jobs_hosts(&l->jobs, cfg->parallel.hostfile, cfg->parallel.threads, &l->hosts));
    if (l->hosts.tasks > 0 && !gives_workers(l))
        choose_workers(cfg, l->hosts.tasks);
    RT_TRY(check_slots(cfg, &l->hosts));
    note_idle_slots(l);
    RT_TRY(rt__limits_check(l->hosts.count > 0 ? 1 : cfg->parallel.workers));
    if (l->hosts.count == 0)
        return RT_OK;
    RT_TRY(rt__host_list_check_bind(&l->hosts, l->hosts.from, cfg->control.bind));
    return rt__host_list_all_local(&l->hosts) ? RT_OK
                                              : rt__jobs_shell(&l->jobs, text, word, &words);
}

/* Checks the size of the configuration with every default written out: the coordinator and the workers read that. */
static rt_status check_written_size(const rt_config *cfg, const char *path)
{
    char *text = rt_config_yaml(cfg);
    size_t len = text ? strlen(text) : 0;
    rt_mem_free(text);
    if (!text)
        return rt_error_prefix("%s", path);
    return len <= RT_CONFIG_FILE_MAX
               ? RT_OK
               : RT_FAIL(CONFIG,
                         "%s: %zu bytes when written out in full, at most %d can be passed on: "
                         "model.layers is too long",
                         path, len, RT_CONFIG_FILE_MAX);
}

/* Makes model.init an absolute path without links: workers may run in another directory, and a link (checkpoints/best) may
 * later point elsewhere. */
static rt_status settle_init_path(rt_config *cfg)
{
    char *init = cfg->model.init, real[PATH_MAX];
    if (!*init)
        return RT_OK;
    if (!realpath(init, real)) {
        bool there;
        RT_TRY(rt_path_look(init, &there));
        if (*init == '/')
            return RT_OK; /* a run that resumes does not need it any more */
        return RT_FAIL(
            NOTFOUND, "model.init: %s: no such file, checkpoint or run directory: correct the path",
            init);
    }
    char *path = rt_strdup(real);
    if (!path)
        return rt_error_code();
    rt_mem_free(init);
    cfg->model.init = path;
    return RT_OK;
}

/* Resolves a link given to --resume: checkpoints/best may point elsewhere when the run resumes from it again after a
 * failure. */
static rt_status settle_resume(launch *l)
{
    struct stat st;
    bool there;
    const char *how = l->options.resume;
    if (strcmp(how, "never") == 0 || strcmp(how, "auto") == 0)
        return RT_OK;
    char *path = rt_path_simplify(how); /* a link with a trailing slash would not look like one */
    rt_status status = path ? rt_path_look(path, &there) : rt_error_code();
    bool link = path && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    if (status == RT_OK && link && realpath(path, l->resume))
        l->options.resume = l->resume;
    rt_mem_free(path);
    return status;
}

/* Fails if the working directory was removed: mpirun and the workers could not start there. */
static rt_status check_working_directory(void)
{
    char here[PATH_MAX];
    if (getcwd(here, sizeof here) || errno != ENOENT)
        return RT_OK;
    return RT_FAIL(NOTFOUND, "the working directory was removed: change to one that exists");
}

/* Returns the line of CONFIG with the layer, or other list element, that a message is about; 0 if it is about none, or
 * about one that --set gave. Workers check the shapes, because they have the engine, but they read the layers from the
 * run's copy of the configuration, whose lines the user does not know. */
static int64_t line_of(const launch *l, const char *message)
{
    static const char last[] = "the last layer ";
    const rt__train_options *o = &l->options;
    char place[64];
    if (strncmp(message, last, sizeof last - 1) == 0) {
        snprintf(place, sizeof place, "model.layers[%zu]",
                 json_array_size(l->cfg.model.layers) - 1);
        message = place;
    }
    size_t key = strcspn(message, "[: ");
    if (message[key] != '[')
        return 0;
    for (size_t i = 0; i < o->sets.count; i++)
        if (strncmp(o->sets.item[i], message, key) == 0 && o->sets.item[i][key] == '=')
            return 0;
    return rt_config_line(o->config, message);
}

/* Checks that the keys of the configuration fit together. */
static rt_status check_config(const launch *l)
{
    if (rt_config_check(&l->cfg) == RT_OK)
        return RT_OK;
    int64_t line = line_of(l, rt_error());
    return line > 0 ? rt_error_prefix("%s:%" PRId64, l->options.config, line) : rt_error_code();
}

/* Separate runs, one in each task of an outer job, start workers of their own. */
static rt_status open_jobs(launch *l)
{
    const char *name = getenv("RINGTORCH_JOBS");
    if (l->options.separate && (!name || !*name))
        name = "mpirun";
    return rt__jobs_open(name, &l->jobs);
}

/* Checks everything that can be checked before we start or write anything. */
static rt_status prepare(launch *l)
{
    const rt__train_options *o = &l->options;
    RT_TRY(check_working_directory());
    RT_TRY(rt__worker_choose(o->worker, &l->worker));
    bool begins = strcmp(o->resume, "never") == 0;
    RT_TRY((begins ? rt_config_load_new : rt_config_load)(o->config, o->sets.item, o->sets.count,
                                                          &l->cfg));
    RT_TRY(rt__worker_settle(&l->cfg, &l->worker));
    RT_TRY(check_config(l));
    if (l->task == RT__OUTER_FIRST)
        RT_TRY(rt__outer_task_check(&l->cfg, l->addresses));
    RT_TRY(settle_init_path(&l->cfg));
    RT_TRY(settle_resume(l));
    RT_TRY(check_written_size(&l->cfg, o->config));
    RT_TRY(rt__command_backends_register());
    RT_TRY(open_jobs(l));
    RT_TRY(take_hosts(l));
    RT_TRY(find_programs(l));
    l->dir = choose_run_dir(l);
    return l->dir ? RT_OK : rt_error_code();
}

static void release(launch *l)
{
    rt__train_options_release(&l->options);
    rt_config_release(&l->cfg);
    rt__jobs_close(&l->jobs);
    rt__host_list_release(&l->hosts);
    rt_mem_free(l->coordinator);
    rt__worker_release(&l->worker);
    rt_mem_free(l->dir);
}

/* Writes the configuration for the coordinator, which renames it to config.yaml once it has accepted it. */
static rt_status hand_over_config(const launch *l, const rt__rundir *dir)
{
    char *path = rt_path_join(dir->path, ".config.next.yaml");
    rt_status status = path ? rt_config_write_yaml(&l->cfg, path) : rt_error_code();
    rt_mem_free(path);
    return status;
}

/* Prints why the run ended, and what to type next. */
static void report(const launch *l, const rt__rundir *dir, const rt__outcome *end)
{
    int64_t line = line_of(l, end->message);
    if (line > 0)
        rt_text_print(stderr, "ringtorch: %s:%" PRId64 ": %s\n", l->options.config, line,
                      end->message);
    else if (end->message[0])
        rt_text_print(stderr, "ringtorch: %s\n", end->message);
    bool stopped = end->exit_code > 128, lost = end->gone && !end->moved;
    bool failed = end->exit_code == 1 && (end->stepped || end->next == RT_NEXT_OTHER_RATE);
    char next[RT__NEXT_STEP];
    if (!lost && (failed || (end->kept && (end->stepped || stopped))) &&
        rt__next_step(end->moved ? end->moved : dir->path, end->next,
                      end->kept ? "snapshots" : "newest checkpoint", next))
        fprintf(stderr, "ringtorch: %s\n", next);
}

static void print_nothing_left(const launch *l, const char *dir, const rt__finished *f)
{
    char command[RT__ADVICE];
    if (f->out_of_patience)
        rt_text_print(stdout,
                      "nothing left to do: the run in %s ended early, after %" PRId64
                      " step%s, because its %s had not improved for run.patience %" PRId64
                      " evaluation%s; to train on, raise run.patience or turn it off: %s\n",
                      dir, f->steps, rt_plural(f->steps), rt_best_metric(&l->cfg),
                      l->cfg.run.patience, rt_plural(l->cfg.run.patience),
                      rt__advice_without_patience(dir, command));
    else
        rt_text_print(stdout,
                      "nothing left to do: the run in %s has made its %" PRId64
                      " step%s; to train on, raise run.steps or run.epochs\n",
                      dir, f->steps, rt_plural(f->steps));
}

static void print_summary(json_t *summary)
{
    json_t *shown = json_pack("{s:s}", "event", "summary");
    char *line = shown && json_object_update(shown, summary) == 0 ? rt_json_text(shown) : NULL;
    if (line)
        rt_json_print(stdout, line);
    rt_mem_free(line);
    json_decref(shown);
}

/* Returns whether nothing is left to do; if so, says so and changes nothing. */
static bool is_finished(const launch *l, const char *dir, int *exit_code)
{
    rt__finished f;
    rt__finished_check(dir, l->options.resume, &l->cfg, &f);
    *exit_code = f.answer == RT__PAST_THE_END ? 2 : 0;
    if (f.answer == RT__NOTHING_LEFT && l->options.json)
        print_summary(f.summary);
    else if (f.answer == RT__NOTHING_LEFT)
        print_nothing_left(l, dir, &f);
    else if (f.answer == RT__PAST_THE_END)
        rt_text_print(
            stderr,
            "ringtorch: run.steps %" PRId64 ": the run in %s has made %" PRId64
            " step%s already, and nothing was changed: raise run.steps, or resume an earlier "
            "checkpoint by its path\n",
            l->cfg.run.steps, dir, f.steps, rt_plural(f.steps));
    bool finished = f.answer != RT__SOMETHING_LEFT;
    rt__finished_release(&f);
    return finished;
}

static rt_status start_on_hosts(const launch *l, rt__rundir *dir, const rt__preflight *preflight,
                                double started, rt__outcome *end)
{
    RT_TRY(hand_over_config(l, dir));
    if (l->task == RT__OUTER_FIRST)
        rt__outer_task_explain();
    *end = rt__supervise(&(rt__run_spec){.cfg = &l->cfg,
                                         .rundir = dir,
                                         .jobs = &l->jobs,
                                         .hosts = &l->hosts,
                                         .idle = l->idle,
                                         .preflight = preflight,
                                         .addresses = l->addresses,
                                         .coordinator = l->coordinator,
                                         .worker = l->worker.path,
                                         .resume = l->options.resume,
                                         .started = started,
                                         .json = l->options.json});
    report(l, dir, end);
    rt_mem_free(end->moved);
    return RT_OK;
}

/* Asks the hosts of the run, which is the last thing before it starts. *stopped_by is the signal that came meanwhile, if one did. */
static rt_status supervise(const launch *l, rt__rundir *dir, double started, rt__outcome *end,
                           int *stopped_by)
{
    rt__preflight preflight = {0};
    rt_stop_signals_hold();
    rt_status status = rt__check_hosts_of_run(&(rt__hosts_wanted){.cfg = &l->cfg,
                                                                  .jobs = &l->jobs,
                                                                  .hosts = &l->hosts,
                                                                  .worker = l->worker.path,
                                                                  .run_dir = dir->path,
                                                                  .resumes = dir->held_run},
                                              &preflight);
    *stopped_by = preflight.stopped_by;
    RT_TRY(status);
    status = start_on_hosts(l, dir, &preflight, started, end);
    rt__preflight_release(&preflight);
    return status;
}

static int run(const launch *l, double started)
{
    rt__rundir dir;
    rt__outcome end = {.exit_code = 2};
    int exit_code, stopped_by = 0;
    rt_status status = rt__rundir_open(l->dir, l->options.resume, &dir);
    bool opened = status == RT_OK, finished = opened && is_finished(l, dir.path, &exit_code);
    if (opened && !finished)
        status = rt__earlier_snapshots_check(dir.path, l->options.resume, &l->cfg);
    if (opened && !finished && status == RT_OK) {
        status = supervise(l, &dir, started, &end, &stopped_by);
        exit_code = end.exit_code;
    }
    if (opened)
        rt__rundir_close(&dir, !finished && end.exit_code == 2 && !end.stepped);
    if (status == RT_OK)
        return exit_code;
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return stopped_by ? 128 + stopped_by : rt_status_exit_code(status);
}

/* Prints the reference of all keys. If there is a CONFIG, it includes the keys that its plugins add. */
static int help_config(launch *l)
{
    const rt__train_options *o = &l->options;
    if (o->config && (rt__worker_choose(o->worker, &l->worker) != RT_OK ||
                      rt_config_load(o->config, o->sets.item, o->sets.count, &l->cfg) != RT_OK)) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        return rt_status_exit_code(rt_error_code());
    }
    rt_help_wanted_as("list") ? rt_config_list(stdout) : rt_config_help(stdout);
    return 0;
}

/* Becomes a worker of the run that the first task of an outer job supervises. Returns only if that fails. */
static rt_status become_worker(launch *l)
{
    const rt__train_options *o = &l->options;
    RT_TRY(rt__worker_choose(o->worker, &l->worker));
    if (rt_config_load(o->config, o->sets.item, o->sets.count, &l->cfg) == RT_OK &&
        rt__worker_settle(&l->cfg, &l->worker) == RT_OK)
        l->dir = choose_run_dir(l);
    rt_error_clear(); /* the first task says what is wrong, and sends this one home */
    return rt__outer_become_worker(l->worker.path, l->dir);
}

static int prepare_and_run(launch *l, double started)
{
    rt_status status = l->task == RT__OUTER_FURTHER ? become_worker(l) : prepare(l);
    if (status != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        return rt_status_exit_code(status);
    }
    rt__limits_warn();
    return run(l, started);
}

int rt__train(int argc, char **argv, double started)
{
    launch l = {0};
    int exit_code = 0;
    rt_status status = rt__train_options_parse(argc, argv, &l.options);
    bool asks = l.options.help || l.options.help_config;
    if (status == RT_OK && !asks)
        l.task = rt__outer_task(argc, argv, &l.options);
    rt_startup_allow_no_output();
    if (status != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        exit_code = rt_status_exit_code(status);
    } else if (l.task == RT__OUTER_REFUSED) {
        exit_code = 2;
    } else if (l.options.help_config) {
        exit_code = help_config(&l);
    } else if (!asks) {
        exit_code = prepare_and_run(&l, started);
        if (l.task == RT__OUTER_FIRST && l.worker.path)
            rt__outer_send_home(l.worker.path);
    }
    release(&l);
    return exit_code;
}
