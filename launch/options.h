/* The command line of `ringtorch train`.
 *
 *     rt__train_options o;
 *     RT_TRY(rt__train_options_parse(argc, argv, &o));      // argv[0] is "train"
 *     ... o.config, o.workers, o.sets[0 .. o.n_sets) ...
 *     rt__train_options_release(&o);
 */
#ifndef RINGTORCH_LAUNCH_OPTIONS_H
#define RINGTORCH_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ringtorch/status.h>

/* Strings are argv's, but for the list itself. */
typedef struct rt__train_options {
    const char *config;
    const char *run_dir; /* NULL: as the configuration says */
    const char *resume;  /* "never" (the default), "auto" or a path */
    const char **sets;   /* [n_sets] "section.key=value", in order; --hostfile and -n come last */
    size_t n_sets;
    char workers[40];    /* "parallel.workers=4", or "" without -n */
    char hostfile[8300]; /* "parallel.hostfile='hosts.txt'", or "" */
    bool json, help, help_config;
} rt__train_options;

/* ARG or RANGE, naming the argument, if the command line is not understood. */
rt_status rt__train_options_parse(int argc, char **argv, rt__train_options *out);
void rt__train_options_release(rt__train_options *o);

/* Fails with ARG: "unknown <kind> '<word>': did you mean '<nearest>'?", or lists what there is.
 * names ends in NULL. */
rt_status rt__unknown_word(const char *kind, const char *word, const char *const *names);

#endif
