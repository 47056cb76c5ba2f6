/* The `ringtorch` command. What needs the engine is handed on to ringtorch-worker, so this program
 * is small and starts fast. */
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/output.h"
#include "common/startup.h"
#include "launch/child.h"
#include "launch/clean.h"
#include "launch/doctor.h"
#include "launch/options.h"
#include "launch/scale.h"
#include "launch/status.h"
#include "launch/train.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: ringtorch COMMAND [arguments]\n"
    "\n"
    "  train CONFIG         trains a model with a coordinator and MPI workers\n"
    "  eval RUN             measures a trained model on the test set\n"
    "  export RUN           writes a trained model for other programs\n"
    "  checkpoint ...       lists, shows, verifies and compares checkpoints; makes a run write "
    "one\n"
    "\n"
    "  status RUN           what a run is doing, or what it has left to go on with\n"
    "  scale RUN W          lets a run go on with W workers\n"
    "  stop RUN             ends a run after a checkpoint\n"
    "  clean                removes what dead runs left in shared memory\n"
    "  doctor               checks what this machine can do, and says what to do about it\n"
    "\n"
    "  --help               this text; ringtorch COMMAND --help tells more\n"
    "  --version            the version\n"
    "\n"
    "First steps: ringtorch train configs/fashion-cnn.yaml -n 2\n";

static int fail(void)
{
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(rt_error_code());
}

/* Becomes ringtorch-worker with the same arguments; returns only if that fails. */
static int hand_on(char **argv)
{
    char *worker = rt__program_beside("ringtorch-worker");
    if (!worker)
        return fail();
    execv(worker, argv);
    RT_FAIL(NOTFOUND, "%s: %s: build it with ./quickstart or cmake --build", worker,
            strerror(errno));
    rt_mem_free(worker);
    return fail();
}

static int train(int argc, char **argv)
{
    return rt__train(argc, argv, rt_clock());
}

/* Only `now` is for a run that is alive; the others look at files with the engine. */
static int checkpoint(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "now") == 0)
        return rt__checkpoint_now_command(argc - 1, argv + 1);
    return hand_on(argv - 1);
}

static int to_worker(int argc, char **argv)
{
    (void)argc;
    return hand_on(argv - 1);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name */
} commands[] = {
    {"train", train},
    {"eval", to_worker},
    {"export", to_worker},
    {"checkpoint", checkpoint},
    {"status", rt__status_command},
    {"scale", rt__scale_command},
    {"stop", rt__stop_command},
    {"clean", rt__clean_command},
    {"doctor", rt__doctor_command},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int unknown(const char *command)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    if (command[0] == '\0')
        RT_FAIL(ARG, "no command: write ringtorch train CONFIG, or see ringtorch --help");
    else
        rt__unknown_word("command", command, names);
    return fail();
}

static int run(const char *command, int argc, char **argv)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(command, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        puts("ringtorch " RT_VERSION);
        return 0;
    }
    return unknown(command);
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(run(argc > 1 ? argv[1] : "", argc, argv));
}
