/* The `ringtorch` command. It passes what needs the engine on to ringtorch-worker, so that this program is small and starts
 * fast. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "common/base/program.h"
#include "common/base/startup.h"
#include "launch/cmd/scale.h"
#include "launch/cmd/train.h"
#include "launch/jobs/child.h"
#include "launch/run/worker_program.h"
#include "launch/tui/advice.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND(name, operands, about, function) int function(int argc, char **argv);
#include "launch/cmd/commands.def"
#undef COMMAND

static int fail(void)
{
    fprintf(stderr, "ringtorch: %s\n", rt_error());
    return rt_status_exit_code(rt_error_code());
}

/* Executes a program with the same arguments. Returns only if that fails. */
static int hand_on(const char *program, char **argv)
{
    execv(program, argv);
    RT_FAIL(NOTFOUND, "%s: %s: it belongs beside ringtorch: build or install it again", program,
            strerror(errno));
    return fail();
}

/* Takes --worker PROGRAM or --worker=PROGRAM out of the arguments; the last one counts. Returns the program, or NULL if there is none. */
static const char *take_worker(char **argv)
{
    static const char option[] = "--worker";
    const char *worker = NULL;
    char **to = argv;
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        bool names = strncmp(*argv, option, sizeof option - 1) == 0;
        if (names && (*argv)[sizeof option - 1] == '=')
            worker = *argv + sizeof option;
        else if (names && (*argv)[sizeof option - 1] == '\0' && argv[1])
            worker = *++argv;
        else
            *to++ = *argv;
    }
    while ((*to++ = *argv))
        argv++;
    return worker;
}

int rt__to_worker(int argc, char **argv)
{
    rt__worker worker;
    (void)argc;
    if (rt__worker_find(take_worker(argv), &worker) != RT_OK)
        return fail();
    return hand_on(worker.path, argv - 1);
}

int rt__to_coordinator(int argc, char **argv)
{
    (void)argc;
    char *program = rt__program_beside("ringtorch-coordinator");
    return program ? hand_on(program, argv - 1) : fail();
}

int rt__train_command(int argc, char **argv)
{
    return rt__train(argc, argv, rt_clock());
}

/* `checkpoint now` asks a live run; the other subcommands need the engine to read files. */
int rt__checkpoint_command(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "now") == 0)
        return rt__checkpoint_now_command(argc - 1, argv + 1);
    return rt__to_worker(argc, argv);
}

static const rt_command commands[] = {
#define COMMAND(name, operands, about, function) {name, operands, about, function},
#include "launch/cmd/commands.def"
#undef COMMAND
    {NULL},
};

static const rt_program program = {
    .name = "ringtorch",
    .about = "trains neural networks across processes, and keeps going when some of them die",
    .more = "First steps: ringtorch train configs/fashion-cnn.yaml -n 2",
    .example = "train CONFIG",
    .commands = commands,
    .version = true,
};

int main(int argc, char **argv)
{
    rt_startup();
    if (argc > 0)
        rt__advice_set_program(argv[0]);
    return rt_output_end(rt_program_run(&program, argc, argv));
}
