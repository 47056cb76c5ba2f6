#include "launch/next_step.h"
#include "common/config.h"
#include "common/error.h"
#include "common/fields.h"
#include "common/file.h"
#include "common/mem.h"
#include "launch/metrics.h"
#include "launch/place.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- weights that are worth beginning with ---- */

typedef struct curve {
    int64_t rows,
        sound; /* the weights after this step and those before it have been seen to be sound; -1: none have */
    double first; /* loss */
} curve;

/* A training loss is of the weights before the row's step, that of a test of those after it. What is no better than the
 * run's first loss may be on its way to infinity. */
static void follow(void *ctx, const json_t *row)
{
    curve *c = ctx;
    int64_t step = rt__field_int(row, "step", 0);
    double loss = rt__field_number(row, "loss"), test = rt__field_number(row, "eval_loss");
    bool tested = json_object_get(row, "eval_loss") != NULL;
    if (c->rows++ == 0)
        c->first = loss;
    else if (loss <= c->first && (!tested || isfinite(test)))
        c->sound = tested && test <= c->first ? step : step - 1;
}

/* Returns the path of the newest checkpoint with sound weights (rt_malloc); NULL: there is none. */
static char *find_sound_checkpoint(const char *run_dir, int64_t *step)
{
    curve c = {.sound = -1};
    int64_t damaged;
    char *path = rt_path_join(run_dir, "metrics.jsonl");
    bool read = path && rt__metrics_each(path, follow, &c, &damaged) == RT_OK;
    rt_mem_free(path);
    rt_error_clear();
    return read ? rt__place_checkpoint(run_dir, c.sound, step) : NULL;
}

/* ---- the step ---- */

static bool find_rate(const char *run_dir, double *rate)
{
    rt_config cfg;
    char *path = rt_path_join(run_dir, "config.yaml");
    bool known = path && rt_config_load_run(path, &cfg) == RT_OK;
    if (known) {
        *rate = cfg.optimizer.lr;
        rt_config_release(&cfg);
    }
    rt_mem_free(path);
    rt_error_clear();
    return known;
}

static bool begin_again(const char *run_dir, char text[RT__NEXT_STEP])
{
    char command[RT__ADVICE], from[64] = "";
    double rate;
    int64_t step;
    if (!find_rate(run_dir, &rate))
        return false;
    char *checkpoint = find_sound_checkpoint(run_dir, &step);
    if (checkpoint)
        snprintf(from, sizeof from, " from the weights of step %" PRId64, step);
    snprintf(text, RT__NEXT_STEP, "to begin again%s, more slowly: %s", from,
             rt__advice_other_rate(run_dir, rate / 10, checkpoint, command));
    rt_mem_free(checkpoint);
    return true;
}

bool rt__next_step(const char *run_dir, rt_next next, const char *state, char text[RT__NEXT_STEP])
{
    char command[RT__ADVICE];
    if (next == RT_NEXT_OTHER_RATE)
        return begin_again(run_dir, text);
    if (next == RT_NEXT_RESUME)
        snprintf(text, RT__NEXT_STEP, "to go on%s%s: %s", state ? " from its " : "",
                 state ? state : "", rt__advice_resume(run_dir, command));
    return next == RT_NEXT_RESUME;
}
