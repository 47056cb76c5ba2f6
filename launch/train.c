#include "launch/train.h"
#include "common/clock.h"
#include "common/best.h"
#include "common/config.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/outer_job.h"
#include "common/startup.h"
#include "common/text.h"
#include "launch/advice.h"
#include "launch/child.h"
#include "launch/finished.h"
#include "launch/hosts.h"
#include "launch/limits.h"
#include "launch/next_step.h"
#include "launch/options.h"
#include "launch/probe.h"
#include "launch/rundir.h"
#include "launch/supervise.h"
#include <limits.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct launch {
    rt__train_options options;
    rt_config cfg;
    char *mpirun, *coordinator, *worker, *dir;
    char resume[PATH_MAX]; /* what a link given to --resume pointed to */
} launch;

/* The command line beats the configuration, and the configuration's name is the last resort. */
static char *choose_run_dir(const launch *l)
{
    if (l->options.run_dir)
        return rt_strdup(l->options.run_dir);
    if (l->cfg.run.dir[0])
        return rt_strdup(l->cfg.run.dir);
    return rt_strdup_printf("runs/%s", l->cfg.run.name);
}

/* Returns what the user wants to run in place of the program beside this one (rt_mem_free). */
static char *choose_program(const char *variable, const char *name)
{
    const char *set = getenv(variable); /* set to nothing is as good as not set */
    return set && *set ? rt_strdup(set) : rt__program_beside(name);
}

/* Nobody has set PATH for a program that was started with an empty environment. */
static rt_status no_mpirun(void)
{
    const char *path = getenv("PATH");
    if (!path || !*path)
        return RT_FAIL(NOTFOUND, "mpirun: not found, because PATH is empty: set PATH");
    return RT_FAIL(NOTFOUND,
                   "mpirun: not found in PATH: install it with apt-get install openmpi-bin");
}

static rt_status find_programs(launch *l)
{
    l->mpirun = rt__find_program("mpirun");
    if (!l->mpirun && !rt_failed())
        return no_mpirun();
    l->coordinator = choose_program("RINGTORCH_COORDINATOR", "ringtorch-coordinator");
    l->worker = choose_program("RINGTORCH_WORKER", "ringtorch-worker");
    if (!l->mpirun || !l->coordinator || !l->worker)
        return rt_error_code();
    const char *needed[] = {l->coordinator, l->worker};
    for (int i = 0; i < 2; i++)
        if (!rt_path_exists(needed[i]))
            return RT_FAIL(NOTFOUND, "%s: not found: build it with ./quickstart or cmake --build",
                           needed[i]);
    return RT_OK;
}

/* Checks that the other hosts, if there are any, could be reached and reach us. */
static rt_status check_hosts(const rt_config *cfg)
{
    rt__host_list hosts;
    if (cfg->parallel.hostfile[0] == '\0')
        return RT_OK;
    RT_TRY(rt__host_list_read(cfg->parallel.hostfile, &hosts));
    rt_status status = rt__host_list_check_bind(&hosts, cfg->parallel.hostfile, cfg->control.bind);
    if (status == RT_OK && !rt__host_list_all_local(&hosts))
        status = rt__agent_check();
    rt__host_list_release(&hosts);
    return status;
}

/* The coordinator and the workers read the configuration as it is written out, with every default in it. */
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

/* Workers may run elsewhere, and a link (checkpoints/best) may point elsewhere later: the place itself is meant. */
static rt_status settle_init_path(rt_config *cfg)
{
    char *init = cfg->model.init, real[PATH_MAX];
    if (!*init)
        return RT_OK;
    if (!realpath(init, real)) {
        bool there;
        RT_TRY(rt_path_look(init, &there));
        if (*init == '/')
            return RT_OK; /* a run that goes on does not need it any more */
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

/* checkpoints/best may point elsewhere when the run comes back to it after a loss: what it points to now is meant. */
static rt_status settle_resume(launch *l)
{
    struct stat st;
    bool there;
    const char *how = l->options.resume;
    if (strcmp(how, "never") == 0 || strcmp(how, "auto") == 0)
        return RT_OK;
    char *path = rt_path_simplify(how); /* with a slash at its end a link is not seen as one */
    rt_status status = path ? rt_path_look(path, &there) : rt_error_code();
    bool link = path && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    if (status == RT_OK && link && realpath(path, l->resume))
        l->options.resume = l->resume;
    rt_mem_free(path);
    return status;
}

/* Every task of mpirun or srun fails, so that nobody takes this for a run; the first has a head start, because mpirun ends
 * the others within a second when one has failed, and one message is enough. */
static const double HEAD_START_SECONDS = 2;

/* One process of several would start its own run in the same directory, as would each of the others, unless this is
 * meant. */
static bool is_one_of_several(int argc, char **argv, const rt__train_options *o)
{
    rt_outer_job job;
    char text[RT__ADVICE];
    if (o->separate || !rt_outer_job_find(&job) || job.size < 2)
        return false;
    if (job.rank > 0)
        rt_clock_sleep(HEAD_START_SECONDS);
    fprintf(stderr,
            "ringtorch: started %" PRId64
            " times under %s: ringtorch starts its workers itself, so "
            "type it without %s: %s\nringtorch: or add --separate if each of the %" PRId64
            " is to be a run of its own, in its own --run-dir\n",
            job.size, job.by, job.by,
            rt__advice_repeat(argc, argv, o->workers[0] ? 0 : job.size, text), job.size);
    return true;
}

/* Others have given us more machines than will be used. */
static void tell_of_unused_machines(const rt_config *cfg)
{
    rt_allocation a;
    if (cfg->parallel.hostfile[0] == '\0' && rt_allocation_find(&a) && a.machines > 1)
        rt_text_print(stderr,
                      "ringtorch: %s has given this job %" PRId64
                      " machines, and all workers run on this "
                      "one: to use all, %s >hosts.txt, and add --hostfile hosts.txt --set "
                      "control.bind=<address or interface of this one>\n",
                      a.by, a.machines, a.list);
}

/* mpirun and the workers cannot start in a directory that is gone. */
static rt_status check_working_directory(void)
{
    char here[PATH_MAX];
    if (getcwd(here, sizeof here) || errno != ENOENT)
        return RT_OK;
    return RT_FAIL(NOTFOUND, "the working directory was removed: change to one that is there");
}

/* The line of CONFIG with the layer that a message is about; 0: it is about none, or the layer is not from there. Shapes are checked by
 * workers, who have the engine; they read the layers from the run's own configuration. */
static int64_t line_of_layer(const launch *l, const char *message)
{
    static const char last[] = "the last layer ", layers[] = "model.layers";
    const rt__train_options *o = &l->options;
    char place[64];
    for (size_t i = 0; i < o->sets.count; i++)
        if (strncmp(o->sets.item[i], "model.layers=", 13) == 0)
            return 0;
    if (strncmp(message, layers, sizeof layers - 1) == 0)
        return rt_config_line(o->config, message);
    if (strncmp(message, last, sizeof last - 1) != 0)
        return 0;
    snprintf(place, sizeof place, "model.layers[%zu]", json_array_size(l->cfg.model.layers) - 1);
    return rt_config_line(o->config, place);
}

/* Checks what the keys of the configuration say together. */
static rt_status check_config(const launch *l)
{
    if (rt_config_check(&l->cfg) == RT_OK)
        return RT_OK;
    int64_t line = line_of_layer(l, rt_error());
    return line > 0 ? rt_error_prefix("%s:%" PRId64, l->options.config, line) : rt_error_code();
}

/* Checks all that can be checked before anything is started or written. */
static rt_status prepare(launch *l)
{
    const rt__train_options *o = &l->options;
    RT_TRY(check_working_directory());
    bool begins = strcmp(o->resume, "never") == 0;
    RT_TRY((begins ? rt_config_load_new : rt_config_load)(o->config, o->sets.item, o->sets.count,
                                                          &l->cfg));
    RT_TRY(check_config(l));
    RT_TRY(settle_init_path(&l->cfg));
    RT_TRY(settle_resume(l));
    RT_TRY(check_written_size(&l->cfg, o->config));
    RT_TRY(rt__limits_check(l->cfg.parallel.hostfile[0] ? 1 : l->cfg.parallel.workers));
    RT_TRY(check_hosts(&l->cfg));
    RT_TRY(find_programs(l));
    l->dir = choose_run_dir(l);
    return l->dir ? RT_OK : rt_error_code();
}

static void release(launch *l)
{
    rt__train_options_release(&l->options);
    rt_config_release(&l->cfg);
    rt_mem_free(l->mpirun);
    rt_mem_free(l->coordinator);
    rt_mem_free(l->worker);
    rt_mem_free(l->dir);
}

/* Leaves the configuration for the coordinator, which makes it config.yaml once it has accepted it.
 */
static rt_status hand_over_config(const launch *l, const rt__rundir *dir)
{
    char *path = rt_path_join(dir->path, ".config.next.yaml");
    rt_status status = path ? rt_config_write_yaml(&l->cfg, path) : rt_error_code();
    rt_mem_free(path);
    return status;
}

/* Says why it ended. */
static void report(const launch *l, const rt__rundir *dir, const rt__outcome *end)
{
    int64_t line = line_of_layer(l, end->message);
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

static void say_nothing_left(const launch *l, const char *dir, const rt__finished *f)
{
    char command[RT__ADVICE];
    if (f->impatient)
        rt_text_print(stdout,
                      "nothing left to do: the run in %s ended early, after %" PRId64
                      " step%s, since its %s had not become better for run.patience %" PRId64
                      " evaluation%s; to train on, raise run.patience, or do without: %s\n",
                      dir, f->steps, rt_plural(f->steps), rt_best_metric(&l->cfg),
                      l->cfg.run.patience, rt_plural(l->cfg.run.patience),
                      rt__advice_patient(dir, command));
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

/* Says so if nothing is left to do, and changes nothing. */
static bool is_finished(const launch *l, const char *dir, int *exit_code)
{
    rt__finished f;
    rt__finished_look(dir, l->options.resume, &l->cfg, &f);
    *exit_code = f.answer == RT__PAST_THE_END ? 2 : 0;
    if (f.answer == RT__NOTHING_LEFT && l->options.json)
        print_summary(f.summary);
    else if (f.answer == RT__NOTHING_LEFT)
        say_nothing_left(l, dir, &f);
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

static rt_status supervise(const launch *l, rt__rundir *dir, double started, rt__outcome *end)
{
    RT_TRY(hand_over_config(l, dir));
    *end = rt__supervise(&(rt__run_spec){.cfg = &l->cfg,
                                         .rundir = dir,
                                         .mpirun = l->mpirun,
                                         .coordinator = l->coordinator,
                                         .worker = l->worker,
                                         .resume = l->options.resume,
                                         .started = started,
                                         .json = l->options.json});
    report(l, dir, end);
    rt_mem_free(end->moved);
    return RT_OK;
}

static int run(const launch *l, double started)
{
    rt__rundir dir;
    rt__outcome end = {.exit_code = 2};
    int exit_code;
    rt_status status = rt__rundir_open(l->dir, l->options.resume, &dir);
    bool opened = status == RT_OK, finished = opened && is_finished(l, dir.path, &exit_code);
    if (opened && !finished) {
        status = supervise(l, &dir, started, &end);
        exit_code = end.exit_code;
    }
    if (opened)
        rt__rundir_close(&dir, !finished && end.exit_code == 2 && !end.stepped);
    if (status == RT_OK)
        return exit_code;
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(status);
}

int rt__train(int argc, char **argv, double started)
{
    launch l = {0};
    int exit_code = 0;
    rt_status status = rt__train_options_parse(argc, argv, &l.options);
    bool asks = l.options.help || l.options.help_config;
    bool refused = status == RT_OK && !asks && is_one_of_several(argc, argv, &l.options);
    rt_startup_allow_no_output();
    if (status == RT_OK && !asks && !refused)
        status = prepare(&l);
    if (status != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        exit_code = rt_status_exit_code(status);
    } else if (refused) {
        exit_code = 2;
    } else if (l.options.help_config) {
        rt_config_help(stdout);
    } else if (!asks) {
        rt__limits_tell();
        tell_of_unused_machines(&l.cfg);
        exit_code = run(&l, started);
    }
    release(&l);
    return exit_code;
}
