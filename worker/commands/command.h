/* Commands that need the engine: `ringtorch eval ...` becomes `ringtorch-worker eval ...`.
 *
 *     const rt__option table[] = {{"--config", &config, NULL}, {"--json", NULL, &json}, {0}};
 *     RT_TRY(rt__arguments(argc, argv, table, "eval RUN [--config CONFIG] [--json]", &path));
 *     rt__model m;
 *     RT_TRY(rt__model_open(path, config, &m));
 *     ... m.run holds the parameters of the checkpoint ...
 *     rt__model_close(&m);
 */
#ifndef RINGTORCH_WORKER_COMMANDS_COMMAND_H
#define RINGTORCH_WORKER_COMMANDS_COMMAND_H

#include "common/config.h"
#include "worker/checkpoint_read.h"
#include "worker/engine/train/run.h"

/* Each prints its result to stdout. argv[0] is the command's name. Failures are told by the caller.
 */
rt_status rt__command_eval(int argc, char **argv);
rt_status rt__command_export(int argc, char **argv);
rt_status rt__command_checkpoint(int argc, char **argv);
/* For `ringtorch doctor`; bandwidth is run by mpirun. */
rt_status rt__command_doctor(int argc, char **argv);
rt_status rt__command_bandwidth(int argc, char **argv);

/* An option with a value, or a flag without. */
typedef struct rt__option {
    const char *name;
    const char **value;
    bool *flag;
} rt__option;

/* Sets what the options point to; exactly one other argument is wanted, *operand. ARG with `usage`
 * for anything else. --help prints `usage` and ends the program. options end with a NULL name. */
rt_status rt__arguments(int argc, char **argv, const rt__option *options, const char *usage,
                        const char **operand);

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
 * is the one in the checkpoint's manifest, or the file `config` if that is not NULL. Or a safetensors file of weights,
 * which needs `config`: saved.dir is its path then, and saved.manifest.step -1. Starts the engine. */
rt_status rt__model_open(const char *path, bool best, const char *config, rt__model *out);
void rt__model_close(rt__model *m);

#endif
