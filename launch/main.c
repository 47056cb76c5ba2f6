/* The `ringtorch` command. What needs the engine is handed on to ringtorch-worker, so this program
 * is small and starts fast. */
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "common/options.h"
#include "common/output.h"
#include "common/startup.h"
#include "launch/child.h"
#include "launch/clean.h"
#include "launch/doctor.h"
#include "launch/metrics.h"
#include "launch/scale.h"
#include "launch/status.h"
#include "launch/train.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(void)
{
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(rt_error_code());
}

/* Becomes the program beside this one, with the same arguments; returns only if that fails. */
static int hand_on(const char *name, char **argv)
{
    char *program = rt__program_beside(name);
    if (!program)
        return fail();
    execv(program, argv);
    RT_FAIL(NOTFOUND, "%s: %s: build it with ./quickstart or cmake --build", program,
            strerror(errno));
    rt_mem_free(program);
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
    return hand_on("ringtorch-worker", argv - 1);
}

static int to_worker(int argc, char **argv)
{
    (void)argc;
    return hand_on("ringtorch-worker", argv - 1);
}

static int to_coordinator(int argc, char **argv)
{
    (void)argc;
    return hand_on("ringtorch-coordinator", argv - 1);
}

static const struct {
    const char *name, *operands, *about;
    int (*run)(int argc, char **argv); /* argv[0] is the name */
} commands[] = {
    {"train", "CONFIG", "trains a model with a coordinator and MPI workers", train},
    {"eval", "RUN", "measures a trained model on the test set", to_worker},
    {"export", "RUN", "writes a trained model for other programs", to_worker},
    {"checkpoint", "...", "lists, verifies, shows and compares checkpoints; makes a run write one",
     checkpoint},
    {"status", "RUN", "what a run is doing, or what it has left to go on with", rt__status_command},
    {"metrics", "RUN", "the curve of a run: losses and accuracies, as a table or CSV",
     rt__metrics_command},
    {"scale", "RUN W", "lets a run go on with W workers", rt__scale_command},
    {"stop", "RUN", "ends a run after a checkpoint", rt__stop_command},
    {"op", "IN OUT", "runs one operation of the engine by its name, from file to file", to_worker},
    {"journal", "show RUN", "what a run's coordinator has decided, record by record",
     to_coordinator},
    {"clean", "[RUN]", "removes what dead runs left in shared memory", rt__clean_command},
    {"doctor", "", "checks what this machine can do, and says what to do about it",
     rt__doctor_command},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void)
{
    puts("usage: ringtorch COMMAND [arguments]\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s %-9s  %s\n", commands[i].name, commands[i].operands, commands[i].about);
    puts("\n  --help                this text; ringtorch COMMAND --help tells more\n"
         "  --version             the version\n"
         "\n"
         "First steps: ringtorch train configs/fashion-cnn.yaml -n 2");
}

static int unknown(const char *command)
{
    const char *names[COMMANDS + 3] = {NULL};
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    names[COMMANDS] = "--help";
    names[COMMANDS + 1] = "--version";
    if (command[0] == '\0')
        RT_FAIL(ARG, "no command: write ringtorch train CONFIG, or see ringtorch --help");
    else
        rt_unknown_word("command", command, names);
    return fail();
}

static int run(const char *command, int argc, char **argv);

/* `ringtorch help COMMAND` is `ringtorch COMMAND --help`. */
static int run_help(char **argv)
{
    static char asked[] = "--help";
    char *turned[] = {argv[0], argv[2], asked, NULL};
    return run(argv[2], 3, turned);
}

static int run(const char *command, int argc, char **argv)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(command, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(command, "help") == 0 && argc > 2)
        return run_help(argv);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        rt_print_version("ringtorch");
        return 0;
    }
    return unknown(command);
}

int main(int argc, char **argv)
{
    rt_startup();
    return rt_output_end(run(argc > 1 ? argv[1] : "", argc, argv));
}
