/* ringtorch-worker: without arguments a rank of a run, started by mpirun; else one of the commands
 * that the launcher hands on because they need the engine. */
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/output.h"
#include "common/startup.h"
#include "worker/commands/command.h"
#include "worker/rank.h"

static const struct {
    const char *name;
    rt_status (*run)(int argc, char **argv);
} commands[] = {
    {"eval", rt__command_eval},
    {"export", rt__command_export},
    {"checkpoint", rt__command_checkpoint},
    {"doctor", rt__command_doctor},
    {"bandwidth", rt__command_bandwidth},
};

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[0]) != 0)
            continue;
        int code = rt_status_exit_code(commands[i].run(argc, argv));
        return rt_shutdown() == 0 ? code : (code != 0 ? code : 1); /* prints the error, if any */
    }
    fprintf(stderr, "ringtorch: %s: not a command: try eval, export or checkpoint\n", argv[0]);
    return 2;
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(argc > 1 ? run_command(argc - 1, argv + 1) : rt__rank_main());
}
