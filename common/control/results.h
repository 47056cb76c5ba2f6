/* The results that a run writes into its directory, as rows of fields: a line of metrics.jsonl, and summary.json; and the line of
 * progress, which is shown in between and written nowhere. For events see events.h.
 *
 *     rt_run_report row = RT__FILLED(rt_run_report, RT_REPORT_FIELDS, .step = 5, ...);      // none may be left out
 *     json_t *line = rt__schema_to_json(&rt_run_report_schema, &row);
 *
 * docs/RUN.md and docs/schema/ are generated from these rows (tests/unit/common/test_events.c). */
#ifndef RINGTORCH_COMMON_CONTROL_RESULTS_H
#define RINGTORCH_COMMON_CONTROL_RESULTS_H

#include "common/base/designated.h"
#include "common/base/schema.h"

/* clang-format off: a row is a line */
#define RT_REPORT_FIELDS(F)                                                                        \
    F(INT, step, RT_NEEDED, RT_FROM(1),                                                            \
      "how many optimiser steps had been made; the first row has 1 or `run.report_every`")         \
    F(NUMBER, epoch, RT_NEEDED, RT_OR_NAN(RT_FROM(0)),                                             \
      "how often the training set had been seen by then, with fractions")                          \
    F(NUMBER, loss, RT_NEEDED, RT_OR_NAN(RT_ANY),                                                  \
      "mean training loss of the steps since the row before, or since their generation began; "    \
      "`null` if all of them were left out")                                                       \
    F(NUMBER, lr, RT_NEEDED, RT_OR_NAN(RT_ANY), "learning rate of this step")                      \
    F(NUMBER, grad_norm, RT_NEEDED, RT_OR_NAN(RT_ANY),                                             \
      "2-norm of the mean gradient of this step, before clipping")                                 \
    F(NUMBER, samples_per_second, RT_NEEDED, RT_OR_NAN(RT_ANY),                                    \
      "speed since the row before, without the time of evaluations")                               \
    F(NUMBER, seconds, RT_NEEDED, RT_OR_NAN(RT_ANY), "since the launch began")                     \
    F(INT, world_size, RT_NEEDED, RT_FROM(1), "workers")                                           \
    F(INT, generation, RT_NEEDED, RT_FROM(1), "that made the step")                                \
    F(METRICS, evaluation, RT_EMPTY, RT_PREFIX("eval_"),                                           \
      "the values of the evaluation (below): mean loss on the test set, and the other metrics of " \
      "the task, such as `eval_accuracy`; only in rows of steps that were evaluated "              \
      "(`evaluate.every`, `evaluate.final`)")

#define RT_SUMMARY_FIELDS(F)                                                                       \
    F(TEXT, status, RT_NEEDED, RT_ANY, "\"done\", \"stopped\" or \"failed\"")                      \
    F(TEXT, run, RT_NEEDED, RT_ANY, "name of this run among all")                                  \
    F(TEXT, run_directory, RT_NEEDED, RT_ANY, "as it was given")                                   \
    F(TEXT, task, NULL, RT_MAYBE(RT_ANY),                                                          \
      "what the net was trained for; `null` if the run did not get that far")                      \
    F(INT, steps, RT_NEEDED, RT_FROM(0),                                                           \
      "optimiser steps made over the whole life of the run, those that were left out included; "   \
      "after a failure, those made before it, even if they were never reported")                   \
    F(NUMBER, epochs, RT_NEEDED, RT_OR_NAN(RT_FROM(0)),                                            \
      "how often the training set has been seen")                                                  \
    F(NUMBER, train_loss, RT_NEEDED, RT_OR_NAN(RT_ANY), "`loss` of the last report")               \
    F(METRICS, evaluation, RT_EMPTY, RT_PREFIX("eval_"), "of the last evaluation")                 \
    F(NUMBER, seconds, RT_NEEDED, RT_OR_NAN(RT_ANY), "of this launch")                             \
    F(NUMBER, seconds_to_first_step, RT_NEEDED, RT_OR_NAN(RT_ANY),                                 \
      "from the launch to the end of its first step")                                              \
    F(NUMBER, samples_per_second, RT_NEEDED, RT_OR_NAN(RT_FROM(0)),                                \
      "of this launch, over the time spent in steps")                                              \
    F(NUMBER, tokens_per_second, RT_NEEDED, RT_OR_NAN(RT_FROM(0)),                                 \
      "the same in tokens of text; `null` if the data are not text")                               \
    F(TEXT, weights_sha256, NULL, RT_MAYBE(RT_ANY),                                                \
      "of the weights after the last step: equal for any number of workers")                       \
    F(VALUE, world_sizes, RT_NEEDED, RT_SHAPE(INTEGERS), "workers of each generation")             \
    F(INT, restarts, RT_NEEDED, RT_FROM(0), "generations that replaced a lost one")                \
    F(INT, lost_steps, RT_NEEDED, RT_FROM(0), "steps that were made again because of that")        \
    F(VALUE, recovery_seconds, RT_NEEDED, RT_SHAPE(NUMBERS), "of each recovery")                   \
    F(VALUE, peak_rss_bytes, RT_NEEDED, RT_SHAPE(INTEGERS), "most memory of each worker")          \
    F(INT, checkpoint_step, RT_NEEDED, RT_MAYBE(RT_FROM(0)),                                       \
      "of the newest checkpoint; `null`: there is none")                                           \
    F(TEXT, error, NULL, RT_MAYBE(RT_ANY), "why it failed; else `null`")                           \
    F(INT, best_step, RT_NEEDED, RT_MAYBE(RT_FROM(0)),                                             \
      "of the best evaluation, with `checkpoint.best` or `run.patience`; else `null`")             \
    F(METRICS, best, RT_EMPTY, RT_PREFIX("best_"), "of the best evaluation, likewise")             \
    F(FLAG, ended_early, RT_NEEDED, RT_ANY, "`run.patience` ran out")                              \
    F(TEXT, note, NULL, RT_MAYBE(RT_ANY),                                                          \
      "why the result may be worthless although the run is done: the training loss has not "       \
      "fallen since step 1; else `null`")                                                          \
    F(TEXT, next, NULL, RT_MAYBE(RT_ANY),                                                          \
      "whether the run can be resumed after a failure: \"other rate\", the loss would get not "    \
      "finite again; \"nothing\", it would fail again; \"resume\": nothing speaks against it; "    \
      "else `null`")                                                                               \
    F(INT, skipped_steps, RT_NEEDED, RT_FROM(0),                                                   \
      "steps that were left out because their loss or gradient was not finite (`run.nan_loss: "    \
      "skip`)")

#define RT_PROGRESS_FIELDS(F)                                                                      \
    F(INT, step, RT_NEEDED, RT_FROM(0), "of rank 0")                                               \
    F(TEXT, what, RT_NEEDED, RT_ANY, "it is doing")                                                \
    F(VALUE, verifying, NULL, RT_MAYBE(RT_SHAPE(OBJECT)),                                          \
      "the checkpoint that is being read, as RT_VERIFYING_FIELDS; `null`: none is")

#define RT_VERIFYING_FIELDS(F)                                                                     \
    F(TEXT, checkpoint, RT_NEEDED, RT_ANY, "its name")                                             \
    F(INT, bytes, RT_NEEDED, RT_FROM(0), "that are read")                                          \
    F(INT, of, RT_NEEDED, RT_FROM(0), "so many")
/* clang-format on */

typedef struct RT_DESIGNATED rt_run_report {
    RT_STRUCT(RT_REPORT_FIELDS)
} rt_run_report;
typedef struct RT_DESIGNATED rt_run_summary {
    RT_STRUCT(RT_SUMMARY_FIELDS)
} rt_run_summary;
typedef struct RT_DESIGNATED rt_run_progress {
    RT_STRUCT(RT_PROGRESS_FIELDS)
} rt_run_progress;
typedef struct RT_DESIGNATED rt_run_verifying {
    RT_STRUCT(RT_VERIFYING_FIELDS)
} rt_run_verifying;
extern const rt__schema rt_run_report_schema, rt_run_summary_schema, rt_run_progress_schema,
    rt_run_verifying_schema;

#endif
