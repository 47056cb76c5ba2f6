/* The command lines of the small commands: flags, options with a value, operands.
 *
 *     const char *run, *events = NULL;
 *     bool json = false, help = false;
 *     const rt__argument table[] = {{"--events", &events, NULL}, {"--json", NULL, &json},
 *                                   {"--help", NULL, &help}, {"-h", NULL, &help}, {0}};
 *     int count;
 *     RT_TRY(rt__arguments_parse(argc, argv, table, &run, 1, &count));
 */
#ifndef RINGTORCH_LAUNCH_ARGUMENTS_H
#define RINGTORCH_LAUNCH_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>

/* An option with a value, or a flag without. */
typedef struct rt__argument {
    const char *name;
    const char **value;
    bool *flag;
} rt__argument;

/* Sets what the table points to and up to `most` operands; argv[0] is the command's name. The table
 * ends with a NULL name. ARG, naming the argument, for anything that is not understood; nothing is
 * missed when a flag "--help" was given. */
rt_status rt__arguments_parse(int argc, char **argv, const rt__argument *table,
                              const char **operands, int most, int *count);

/* Reads a whole number in [least, most]; `what` names it in errors: "--events", "W". ARG or RANGE. */
rt_status rt__whole_number(const char *what, const char *text, int64_t least, int64_t most,
                           int64_t *out);

#endif
