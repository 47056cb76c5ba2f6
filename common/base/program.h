/* A program that consists of commands, each with a command line of its own.
 *
 *     static const rt_command commands[] = {{"ls", "RUN", "lists checkpoints", list}, {NULL}};
 *     static const rt_program program = {.name = "ringtorch checkpoint", .about = "...", .commands = commands};
 *     return rt_program_run(&program, argc, argv);
 */
#ifndef RINGTORCH_COMMON_BASE_PROGRAM_H
#define RINGTORCH_COMMON_BASE_PROGRAM_H

#include "common/base/usage.h"

/* Runs the command that argv[1] names, prints what --help, help COMMAND or --version ask for, or reports an unknown
 * command. Returns the exit code. */
int rt_program_run(const rt_program *p, int argc, char **argv);

#endif
