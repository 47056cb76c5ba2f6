/* Command lines: one table declares what a command accepts, and the help text is generated from the same rows.
 *
 *     int64_t workers = 0;
 *     bool json = false;
 *     const rt_option options[] = {
 *         {"workers", 'n', "W", "worker processes", .number = &workers, .least = 1, .most = 65536},
 *         {"json", 0, NULL, "one JSON object per line", .flag = &json},
 *         {NULL},
 *     };
 *     const rt_usage usage = {"ringtorch train", {"CONFIG"}, 1, "Trains a model.", options};
 *     rt_arguments args;
 *     RT_TRY(rt_options_parse(&usage, argc, argv, &args));
 *     if (args.help)
 *         return RT_OK;
 *     ... args.operand[0] ...
 *
 * The rules are those of GNU's getopt_long: --key=value, --key value, -n2, -n 2, unambiguous
 * beginnings of names, options after operands, operands only after "--". Every command has -h and
 * --help. */
#ifndef RINGTORCH_COMMON_BASE_OPTIONS_H
#define RINGTORCH_COMMON_BASE_OPTIONS_H

#include "common/base/usage.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct rt_arguments {
    const char *operand[RT_OPERANDS_MAX]; /* [count], argv's */
    int count;
    bool help; /* help was asked for and has been printed: nothing is left to do */
} rt_arguments;

/* Parses a command line; argv[0] is the command. Fails with ARG or RANGE, naming the argument and what was expected, if
 * the table does not allow it. */
rt_status rt_options_parse(const rt_usage *usage, int argc, char **argv, rt_arguments *out);

/* Prints "<program> 0.1.0". */
void rt_print_version(const char *program);

/* Fails with ARG: "unknown <kind> '<word>': did you mean '<nearest>'?", or lists all names if none is near. `names`
 * ends with NULL. */
rt_status rt_unknown_word(const char *kind, const char *word, const char *const *names);

/* Reads a whole number in [least, most]; `what` names it in errors: "--events", "W". ARG or RANGE. */
rt_status rt_whole_number(const char *what, const char *text, int64_t least, int64_t most,
                          int64_t *out);

#endif
