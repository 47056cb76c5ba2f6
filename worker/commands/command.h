/* Commands that need the engine: `ringtorch eval ...` becomes `ringtorch-worker eval ...`.
 *
 *     rt__model m;
 *     RT_TRY(rt__model_open("runs/x", false, NULL, &sets, &m));
 *     ... m.run holds the parameters of the checkpoint ...
 *     rt__model_close(&m);
 */
#ifndef RINGTORCH_WORKER_COMMANDS_COMMAND_H
#define RINGTORCH_WORKER_COMMANDS_COMMAND_H

#include <ringtorch/formats.h>
#include "common/config.h"
#include "common/options.h"
#include "worker/checkpoint_read.h"
#include "worker/engine/train/run.h"

/* Each prints its result to stdout and returns the exit code; a failure is in the error slot, for the caller to tell.
 * argv[0] is the command's name. */
int rt__command_eval(int argc, char **argv);
int rt__command_export(int argc, char **argv);
int rt__command_checkpoint(int argc, char **argv);
int rt__command_op(int argc, char **argv);
/* For `ringtorch doctor`; bandwidth is run by mpirun. */
int rt__command_doctor(int argc, char **argv);
int rt__command_bandwidth(int argc, char **argv);

/* Creates the file of results that a command line asks for; ARG if it would replace one of `inputs` (up to NULL) or what
 * belongs to a run. */
rt_status rt__command_create(const char *path, const char *const *inputs, rt_st_writer **out);

/* A trained model: the checkpoint, its configuration, and a run that holds its parameters. */
typedef struct rt__model {
    rt_saved saved;
    rt_config config;
    rt_run *run;
} rt__model;

/* Finds what eval and export are asked for: a checkpoint, or of a run directory the newest that verifies, or the one with
 * the best evaluation. NOTFOUND says what is missing. */
rt_status rt__find_saved(const char *path, bool best, rt_saved *out);

/* path: a checkpoint, or a run directory (its newest checkpoint that verifies). The configuration
 * is the one in the checkpoint's manifest, or the file `config` if that is not NULL, with `sets`
 * ("section.key=value") laid over it; ARG for those that would make it another model. Or a
 * safetensors file of weights, which needs `config`: saved.dir is its path then, and saved.manifest.step -1. Starts
 * the engine. */
rt_status rt__model_open(const char *path, bool best, const char *config,
                         const rt_option_list *sets, rt__model *out);
void rt__model_close(rt__model *m);
/* Fails if the checkpoint does not fit the model that its configuration makes. The shapes of that model depend on the
 * samples: where the data set cannot be read, nothing is found. Starts the engine. */
rt_status rt__model_check(const rt_saved *saved);

#endif
