/* Rows that say what a command accepts (options.h parses by them) and which commands a program has (program.h), and the
 * help texts made from them. `--help` prints for people. With RINGTORCH_HELP_AS in the environment the same rows are printed as
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RT_OPTIONS_MAX = 16, RT_OPERANDS_MAX = 3 };

/* All values of an option that may be repeated, in order. The caller provides room for argc of them. */
typedef struct rt_option_list {
    const char **item;
    size_t count;
} rt_option_list;

/* A flag (value NULL) sets *flag. Any other option has exactly one of text, list and number. If a text or number is
 * given twice, the last one counts. */
typedef struct rt_option {
    const char *name;  /* "workers" for --workers */
    char letter;       /* 'n' for -n; 0 if none */
    const char *value; /* the name of its value in the help */
    const char *help;
    /* Words that shells complete besides file names: "never auto"; or NULL. */
    const char *words;
    bool *flag;
    bool alone;        /* a flag that makes the operands unnecessary */
    const char **text; /* never empty */
    rt_option_list *list;
    int64_t *number, least, most;
} rt_option;

typedef struct rt_usage {
    const char *command;                   /* "ringtorch train", as users write it */
    const char *operands[RT_OPERANDS_MAX]; /* their names in the help: "RUN", "W" */
    int required;                          /* how many of them must be given */
    const char *about;                     /* what it does; paragraphs end with a line feed */
    const rt_option *options;              /* ends with a NULL name; at most RT_OPTIONS_MAX */
    const char *more;                      /* exit codes, environment; may be NULL */
} rt_usage;

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
void rt__program_print(const rt_program *p);

#endif
