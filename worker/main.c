/* ringtorch-worker: without arguments a rank of a run, started by mpirun; else one of the commands
 * that the launcher hands on because they need the engine. */
#include <stdio.h>
#include <string.h>
#include "common/options.h"
#include "common/output.h"
#include "common/startup.h"
#include "worker/commands/command.h"
#include "worker/rank.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"eval", rt__command_eval, "as ringtorch eval"},
    {"export", rt__command_export, "as ringtorch export"},
    {"checkpoint", rt__command_checkpoint, "as ringtorch checkpoint"},
    {"op", rt__command_op, "as ringtorch op"},
    {"doctor", rt__command_doctor, "what the engine computes with here; for ringtorch doctor"},
    {"bandwidth", rt__command_bandwidth,
     "measures between ranks, under mpirun; for ringtorch doctor"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int print_help(void)
{
    puts("usage: ringtorch-worker [COMMAND [arguments]]\n\n"
         "Without arguments: a rank of a run, started by ringtorch train through mpirun.\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s  %s\n", commands[i].name, commands[i].about);
    puts("\n  --help      this text; ringtorch-worker COMMAND --help tells more\n"
         "  --version   the version");
    return 0;
}

static int unknown(const char *word)
{
    const char *names[COMMANDS + 3] = {NULL};
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    names[COMMANDS] = "--help";
    names[COMMANDS + 1] = "--version";
    return rt_status_exit_code(rt_unknown_word("command", word, names));
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return rt__rank_main();
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0) {
        rt_print_version("ringtorch-worker");
        return 0;
    }
    int i = 0;
    while (i < COMMANDS && strcmp(commands[i].name, argv[1]) != 0)
        i++;
    int code = i < COMMANDS ? commands[i].run(argc - 1, argv + 1) : unknown(argv[1]);
    return rt_shutdown() == 0 || code != 0 ? code : 1; /* prints the error, if any */
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(run(argc, argv));
}
