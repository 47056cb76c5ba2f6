/* The program that trains: ringtorch-worker, or one of the user's own (ringtorch/worker.h).
 *
 *     rt__worker w;
 *     RT_TRY(rt__worker_choose("./spirals", &w));    // --worker; NULL: RINGTORCH_WORKER, else the one beside this program
 *     RT_TRY(rt_config_load(...));                   // knows the rows of that program
 *     RT_TRY(rt__worker_settle(&cfg, &w));           // a configuration of a run names the program that trained it
 *     ... start w.path ...
 *     rt__worker_release(&w);
 */
#ifndef RINGTORCH_LAUNCH_RUN_WORKER_PROGRAM_H
#define RINGTORCH_LAUNCH_RUN_WORKER_PROGRAM_H

#include "common/config/config.h"
#include <stdbool.h>

typedef struct rt__worker {
    char *path;  /* absolute: workers may start in another directory, or on another host */
    bool chosen; /* by the user, not by us */
} rt__worker;

/* Finds the program of --worker, or the one beside this program (NULL), without running it. Fails with NOTFOUND or ARG if there is no such
 * file or if it cannot be executed. */
rt_status rt__worker_find(const char *option, rt__worker *out);
/* The same, and asks the program of --worker what it is and what rows it has, which configurations then know. Fails with ARG if it is not
 * a worker, and with MISMATCH if it is one of another version. Without --worker, RINGTORCH_WORKER may name a program that stands for
 * ringtorch-worker, which is not asked. */
rt_status rt__worker_choose(const char *option, rt__worker *out);
/* Takes the program that the configuration records, as that of a run does, unless the user chose one. Fails with MISMATCH if
 * that file has another content by now. */
rt_status rt__worker_settle(const rt_config *cfg, rt__worker *w);
void rt__worker_release(rt__worker *w);

#endif
