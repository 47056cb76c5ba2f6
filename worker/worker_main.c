/* What a worker program does: without arguments it is a rank of a run, started by mpirun; else one of the commands that the launcher
 * passes on because they need the engine. */
#include <ringtorch/worker.h>

#include "common/base/error.h"
#include "common/base/output.h"
#include "common/base/program.h"
#include "common/base/startup.h"
#include "worker/commands/command.h"
#include "worker/engine/plugin/plugin.h"
#include "worker/rank.h"
#include <stdio.h>

static const rt_command commands[] = {
    {"eval", "RUN", "as ringtorch eval", rt__command_eval},
    {"export", "RUN", "as ringtorch export", rt__command_export},
    {"checkpoint", "...", "as ringtorch checkpoint", rt__command_checkpoint},
    {"op", "IN OUT", "as ringtorch op", rt__command_op},
    {"plugin", "FILE", "what is in a plugin; for ringtorch train", rt__command_plugin},
    {"preflight", "", "whether this host can take part in a run; for ringtorch train",
     rt__command_preflight},
    {"program", "", "the version and the rows of this program; for ringtorch train",
     rt__command_program},
    {"doctor", "", "what the engine computes with here; for ringtorch doctor", rt__command_doctor},
    {"bandwidth", "", "measures between ranks, under mpirun; for ringtorch doctor",
     rt__command_bandwidth},
    {NULL},
};

static const rt_program program = {
    .name = "ringtorch-worker",
    .about = "a rank of a run, and the commands of ringtorch that need the engine",
    .more = "Without arguments it is a rank of a run, started by ringtorch train through mpirun.",
    .commands = commands,
    .version = true,
};

static int run(int argc, char **argv, const rt_task_spec *spec)
{
    if (spec && rt__program_register(spec) != RT_OK) {
        fprintf(stderr, "ringtorch: %s\n", rt_error());
        return rt_status_exit_code(rt_error_code());
    }
    if (argc < 2)
        return rt__rank_main();
    int code = rt_program_run(&program, argc, argv);
    return rt_shutdown() == 0 || code != 0 ? code : 1; /* prints the error, if any */
}

int rt_worker_main(int argc, char **argv, const rt_task_spec *spec)
{
    static bool called;
    if (called) {
        fputs("ringtorch: rt_worker_main: called twice: main() must return what it returns\n",
              stderr);
        return rt_status_exit_code(RT_E_ARG);
    }
    called = true;
    rt_startup();
    return rt_output_end(run(argc, argv, spec));
}
