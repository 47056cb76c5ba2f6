/* The command line of `ringtorch train`.
 *
 *     rt__train_options o;
 *     RT_TRY(rt__train_options_parse(argc, argv, &o));      // argv[0] is "train"
 *     ... o.config, o.workers, o.sets ...
 *     rt__train_options_release(&o);
 */
#ifndef RINGTORCH_LAUNCH_CMD_OPTIONS_H
#define RINGTORCH_LAUNCH_CMD_OPTIONS_H

#include "common/base/options.h"
#include <stdbool.h>

/* Strings belong to argv, except for the arrays. */
typedef struct rt__train_options {
    const char *config;
    const char *run_dir; /* NULL: as the configuration says */
    const char *worker;  /* --worker; NULL: none */
    const char *resume;  /* "never" (the default), "auto" or a path */
    rt_option_list sets; /* "section.key=value", in order; --hostfile and -n come last */
    char workers[40];    /* "parallel.workers=4", or "" without -n */
    char hostfile[8300]; /* "parallel.hostfile='hosts.txt'", or "" */
    bool json, help_config;
    bool separate; /* each task of an outer job is a separate run */
    bool help;     /* the help was requested and has been printed */
} rt__train_options;

/* Fails with ARG or RANGE, naming the argument. */
rt_status rt__train_options_parse(int argc, char **argv, rt__train_options *out);
void rt__train_options_release(rt__train_options *o);

#endif
