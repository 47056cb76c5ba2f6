/* Help texts: of a command, from the table that parses its command line (options.h), and of a program, from the table
 * of its commands. `--help` prints for people. With RINGTORCH_HELP_AS in the environment the same rows are printed as
 *
 *     man     a manual page (roff), which the build writes into share/man
 *     list    lines of words separated by tabs, for completion in shells (tools/completion):
 *                 command NAME OPERANDS ABOUT
 *                 operand NAME
 *                 option --NAME -LETTER VALUE WORDS HELP      "-" if there is none
 *                 key SECTION.NAME WORDS HELP                 of ringtorch train --help-config
 */
#ifndef RINGTORCH_COMMON_BASE_USAGE_H
#define RINGTORCH_COMMON_BASE_USAGE_H

#include "common/base/options.h"

/* The row of --help, which every command has. */
extern const rt_option rt__help_option;

/* A command of a program, as a row of its table. */
typedef struct rt_command {
    const char *name, *operands, *about; /* "stop", "RUN", "ends a run after a checkpoint" */
    /* argv[0] is the name; returns the exit code. NULL if another program provides the command. */
    int (*run)(int argc, char **argv);
} rt_command;

typedef struct rt_program {
    const char *name;    /* as users type it: "ringtorch checkpoint" */
    const char *about;   /* one line, as in the list of all commands */
    const char *more;    /* further text for the help, or NULL */
    const char *example; /* an example for the error when no command is given: "train CONFIG" */
    const rt_command *commands; /* ends with a NULL name */
    bool version;               /* it has --version */
} rt_program;

/* Returns whether RINGTORCH_HELP_AS asks for this form. Any value but the two above means the text for people. */
bool rt_help_wanted_as(const char *form);

void rt_usage_print(const rt_usage *usage);

/* Runs the command that argv[1] names, prints what --help, help COMMAND or --version ask for, or reports an unknown
 * command. Returns the exit code. */
int rt_program_run(const rt_program *p, int argc, char **argv);

#endif
