/* Commands that we advise users to type next. They name this program as the user did, and each word is quoted for the
 * shell, so that they can be pasted.
 *
 *     char text[RT__ADVICE];
 *     printf("to resume: %s\n", rt__advice_resume("my runs/x", text));
 *     // to resume: ringtorch train 'my runs/x/config.yaml' --run-dir 'my runs/x' --resume auto
 *
 * They use the configuration in the run directory, which includes what --set gave, so --set need not be repeated. Each
 * function returns `text`, cut off if it is too long. */
#ifndef RINGTORCH_LAUNCH_TUI_ADVICE_H
#define RINGTORCH_LAUNCH_TUI_ADVICE_H

#include "common/base/json.h"
#include <stdbool.h>
#include <stdint.h>

enum { RT__ADVICE = 10240 }; /* two paths, quoted */

/* Sets what the user has called this program: argv[0]. It is borrowed. Until then commands begin with "ringtorch". */
void rt__advice_set_program(const char *name);

/* Resumes the run. */
const char *rt__advice_resume(const char *run_dir, char text[RT__ADVICE]);
/* Evaluates the run's newest checkpoint. plugins: entries of its configuration (common/config/plugins.h), NULL: none. */
const char *rt__advice_eval(const char *run_dir, const json_t *plugins, char text[RT__ADVICE]);
/* Resumes the run and trains until `steps`. */
const char *rt__advice_train_on(const char *run_dir, int64_t steps, char text[RT__ADVICE]);
/* Resumes, without run.patience, a run that ended early because it stopped improving. */
const char *rt__advice_without_patience(const char *run_dir, char text[RT__ADVICE]);
/* Starts a new run, in a directory beside this one, from its weights. */
const char *rt__advice_from_weights(const char *run_dir, char text[RT__ADVICE]);
/* Starts a new run beside it with another number of workers. */
const char *rt__advice_other_workers(const char *run_dir, int64_t workers, char text[RT__ADVICE]);
/* Starts a new run beside it with another learning rate, from a checkpoint or, with NULL, from the beginning. */
const char *rt__advice_other_rate(const char *run_dir, double rate, const char *checkpoint,
                                  char text[RT__ADVICE]);
/* Sets a key to a path: "--set snapshot.dir=/dev/shm", for YAML and the shell. */
const char *rt__advice_setting(const char *key, const char *path, char text[RT__ADVICE]);
/* Repeats a command line, whose argv[0] is the command, with -n workers added unless `workers` is 0. */
const char *rt__advice_repeat(int argc, char **argv, int64_t workers, char text[RT__ADVICE]);

#endif
