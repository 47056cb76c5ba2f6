#include "launch/cmd/next_step.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/config/config.h"
#include "common/control/journal.h"
#include "common/control/journal_order.h"
#include "launch/cmd/metrics.h"
#include "launch/remains/control_file.h"
#include "launch/run/place.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- weights that a new run can start from ---- */

typedef struct curve {
    int64_t rows, sound; /* the newest step whose weights the curve shows to be sound; -1: none */
    double first;        /* the run's first loss */
} curve;

/* A training loss belongs to the weights before the row's step, an evaluation's loss to those after it. A loss no better
 * than the run's first one may be on its way to infinity, so it does not count as sound. */
static void take_row(void *ctx, const json_t *row)
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

/* Returns the path of the newest checkpoint with sound weights (rt_malloc), or NULL if there is none. */
static char *find_sound_checkpoint(const char *run_dir, int64_t *step)
{
    curve c = {.sound = -1};
    int64_t damaged;
    char *path = rt_path_join(run_dir, "metrics.jsonl");
    bool read = path && rt__metrics_each(path, take_row, &c, &damaged) == RT_OK;
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

static bool advise_slower_run(const char *run_dir, char text[RT__NEXT_STEP])
{
    char command[RT__ADVICE], from[64] = "";
    double rate;
    int64_t step;
    if (!find_rate(run_dir, &rate))
        return false;
    char *checkpoint = find_sound_checkpoint(run_dir, &step);
    if (checkpoint)
        snprintf(from, sizeof from, " from the weights of step %" PRId64, step);
    snprintf(text, RT__NEXT_STEP, "to start again%s with a lower learning rate: %s", from,
             rt__advice_other_rate(run_dir, rate / 10, checkpoint, command));
    rt_mem_free(checkpoint);
    return true;
}

static rt_status check_record(void *ctx, const json_t *json)
{
    rt_record r;
    return rt_record_read_next(ctx, json, &r);
}

char *rt__journal_refusal(const char *run_dir)
{
    int64_t torn;
    rt_record_order order = {0};
    char *path = rt_path_join(run_dir, "journal");
    rt__control control;
    rt_status status = path ? rt__journal_read(path, check_record, &order, &torn) : RT_E_NOMEM;
    if (status == RT_OK && order.run[0] && rt__control_read(run_dir, &control) == RT_OK)
        status = rt__journal_check_run(path, order.run, control.run);
    bool refused = status == RT_E_CORRUPT || status == RT_E_MISMATCH;
    char *why = refused ? rt_strdup(rt_error()) : NULL;
    rt_error_clear();
    rt_mem_free(path);
    return why;
}

/* Returns whether a coordinator would refuse the run's journal; if so, writes why. */
static bool journal_is_refused(const char *run_dir, char text[RT__NEXT_STEP])
{
    char *why = rt__journal_refusal(run_dir);
    bool refused = why != NULL;
    if (refused)
        snprintf(text, RT__NEXT_STEP, "it cannot be resumed: %s", why);
    rt_mem_free(why);
    return refused;
}

/* Returns whether a coordinator would refuse to resume because it can read none of the checkpoints; if so, writes why. As
 * with the journal, what only its owner may read does not count. */
static bool checkpoints_are_refused(const char *run_dir, char text[RT__NEXT_STEP])
{
    rt_status status = rt__place_check_checkpoints(run_dir);
    bool refused = status == RT_E_MISMATCH || status == RT_E_CORRUPT || status == RT_E_FORMAT ||
                   status == RT_E_NOTFOUND;
    if (refused)
        snprintf(text, RT__NEXT_STEP, "it cannot be resumed: %s", rt_error());
    rt_error_clear();
    return refused;
}

bool rt__next_step(const char *run_dir, rt_next next, const char *state, char text[RT__NEXT_STEP])
{
    char command[RT__ADVICE];
    if (next == RT_NEXT_OTHER_RATE)
        return advise_slower_run(run_dir, text);
    if (next == RT_NEXT_RESUME &&
        (journal_is_refused(run_dir, text) || checkpoints_are_refused(run_dir, text)))
        return true;
    if (next == RT_NEXT_RESUME)
        snprintf(text, RT__NEXT_STEP, "to resume%s%s: %s", state ? " from its " : "",
                 state ? state : "", rt__advice_resume(run_dir, command));
    return next == RT_NEXT_RESUME;
}
