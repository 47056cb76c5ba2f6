#include "launch/run/finished.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/config/best.h"
#include "common/config/config_difference.h"
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { SUMMARY_MAX = 4 << 20 };

static json_t *load_summary(const char *dir)
{
    json_t *j = NULL;
    char *path = rt_path_join(dir, "summary.json");
    if (path && rt_json_load(path, SUMMARY_MAX, &j) != RT_OK)
        rt_error_clear();
    rt_mem_free(path);
    return j;
}

static bool load_config(const char *dir, rt_config *out)
{
    char *path = rt_path_join(dir, "config.yaml");
    bool loaded = path && rt_config_load_run(path, out) == RT_OK;
    rt_error_clear();
    rt_mem_free(path);
    return loaded;
}

/* Returns whether the checkpoint that the summary names still exists; true for a run configured to write none. */
static bool has_its_checkpoint(const char *dir, const json_t *summary)
{
    int64_t step = rt__field_int(summary, "checkpoint_step", -1);
    if (step < 0)
        return true;
    char *path = rt_strdup_printf("%s/checkpoints/step-%08" PRId64 "/manifest.json", dir, step);
    bool there = path && rt_path_exists(path);
    rt_mem_free(path);
    return there;
}

/* Returns whether cfg trains the same as the run did. What cfg leaves open (slices, seed) is taken from the run. */
static bool is_same_training(const rt_config *cfg, rt_config *of_run)
{
    rt_config standard;
    char *difference = NULL;
    if (rt_config_default(&standard) != RT_OK) {
        rt_error_clear();
        return false;
    }
    if (cfg->parallel.slices == RT_AUTO)
        of_run->parallel.slices = RT_AUTO;
    if (cfg->run.seed == standard.run.seed)
        of_run->run.seed = standard.run.seed;
    rt_config_release(&standard);
    bool other_weights = cfg->model.init[0] && strcmp(cfg->model.init, of_run->model.init) != 0;
    bool same = !other_weights && rt_config_difference(of_run, cfg, &difference) == RT_OK &&
                *difference == '\0';
    rt_mem_free(difference);
    rt_error_clear();
    return same;
}

/* Returns whether cfg asks for the length that the run was configured for, which it has reached. */
static bool asks_for_same_length(const rt_config *cfg, const rt_config *of_run)
{
    return cfg->run.steps == of_run->run.steps &&
           (cfg->run.steps > 0 || cfg->run.epochs == of_run->run.epochs);
}

/* Returns whether the workers would find at once that run.patience has run out. If cfg compares another metric, they
 * would start comparing anew, so it has not. */
static bool is_out_of_patience(const rt_config *cfg, const rt_config *of_run, const json_t *summary)
{
    return strcmp(rt_best_metric(cfg), rt_best_metric(of_run)) == 0 &&
           rt_patience_ran_out(cfg, rt__field_int(summary, "steps", 0),
                               rt__field_int(summary, "best_step", 0));
}

static void judge(const rt_config *cfg, const rt_config *of_run, rt__finished *f)
{
    bool early = json_is_true(json_object_get(f->summary, "ended_early"));
    bool all = cfg->run.steps == f->steps || (!early && asks_for_same_length(cfg, of_run));
    f->out_of_patience = early && !all && is_out_of_patience(cfg, of_run, f->summary);
    if (cfg->run.steps > 0 && cfg->run.steps < f->steps)
        f->answer = RT__PAST_THE_END;
    else if (all || f->out_of_patience)
        f->answer = RT__NOTHING_LEFT;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return a && b && stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* Returns whether `resume` continues the run from its last step. */
static bool resumes_from_last_step(const char *dir, const char *resume, int64_t steps)
{
    if (strcmp(resume, "auto") == 0 || strcmp(resume, "never") == 0)
        return resume[0] == 'a';
    char *last = rt_strdup_printf("%s/checkpoints/step-%08" PRId64, dir, steps);
    bool same = is_same_file(resume, dir) || is_same_file(resume, last);
    rt_mem_free(last);
    return same;
}

void rt__finished_check(const char *dir, const char *resume, const rt_config *cfg,
                        rt__finished *out)
{
    rt_config of_run;
    json_t *summary = load_summary(dir);
    *out = (rt__finished){.steps = rt__field_int(summary, "steps", -1), .summary = summary};
    bool done = resumes_from_last_step(dir, resume, out->steps) &&
                strcmp(rt__field_text(summary, "status"), "done") == 0 && out->steps >= 0 &&
                has_its_checkpoint(dir, summary);
    if (done && load_config(dir, &of_run)) {
        if (is_same_training(cfg, &of_run))
            judge(cfg, &of_run, out);
        rt_config_release(&of_run);
    }
    if (out->answer == RT__SOMETHING_LEFT)
        rt__finished_release(out);
}

void rt__finished_release(rt__finished *f)
{
    json_decref(f->summary);
    *f = (rt__finished){0};
}
