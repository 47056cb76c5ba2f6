/* Commands that users are told to type next. They name this program as the user did, and every word is
 * quoted as a shell needs it, so that they can be pasted.
 *
 *     char text[RT__ADVICE];
 *     printf("to go on: %s\n", rt__advice_resume("my runs/x", text));
 *     // to go on: ringtorch train 'my runs/x/config.yaml' --run-dir 'my runs/x' --resume auto
 *
 * The configuration as it was run is in the run directory: with it, --set need not be repeated.
 * Each function returns `text`; what does not fit is cut off. */
#ifndef RINGTORCH_LAUNCH_ADVICE_H
#define RINGTORCH_LAUNCH_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

enum { RT__ADVICE = 10240 }; /* two paths, quoted */

const char *rt__advice_resume(const char *run_dir, char text[RT__ADVICE]);
/* Evaluates its newest checkpoint. */
const char *rt__advice_eval(const char *run_dir, char text[RT__ADVICE]);
/* Goes on with it to a later end. */
const char *rt__advice_longer(const char *run_dir, int64_t steps, char text[RT__ADVICE]);
/* Goes on with one that ended because it got no better. */
const char *rt__advice_patient(const char *run_dir, char text[RT__ADVICE]);
/* A new run beside it that begins with its weights. */
const char *rt__advice_from_weights(const char *run_dir, char text[RT__ADVICE]);
/* A new run beside it with another number of workers. */
const char *rt__advice_again(const char *run_dir, int64_t workers, char text[RT__ADVICE]);
/* A new run beside it with another rate, from a checkpoint, or from none (NULL). */
const char *rt__advice_other_rate(const char *run_dir, double rate, const char *checkpoint,
                                  char text[RT__ADVICE]);
/* A command line as it was given, argv[0] being the command, and more workers to it; 0: as it is. */
const char *rt__advice_repeat(int argc, char **argv, int64_t workers, char text[RT__ADVICE]);

#endif
