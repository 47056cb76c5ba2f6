/* The `ringtorch` command. What needs the engine is handed on to ringtorch-worker, so this program
 * is small and starts fast. */
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "launch/child.h"
#include "launch/options.h"
#include "launch/train.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] = "usage: ringtorch COMMAND [arguments]\n"
                           "\n"
                           "  train CONFIG     trains a model with a coordinator and MPI workers\n"
                           "  eval RUN         measures a trained model on the test set\n"
                           "  export RUN       writes a trained model for other programs\n"
                           "  checkpoint ...   lists, shows, verifies and compares checkpoints\n"
                           "\n"
                           "  --help           this text; ringtorch COMMAND --help tells more\n"
                           "  --version        the version\n"
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

int main(int argc, char **argv)
{
    static const char *const commands[] = {"train", "eval", "export", "checkpoint", NULL};
    double started = rt_clock_wall();
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "train") == 0)
        return rt__train(argc - 1, argv + 1, started);
    for (int i = 1; commands[i]; i++)
        if (strcmp(command, commands[i]) == 0)
            return hand_on(argv);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        puts("ringtorch " RT_VERSION);
        return 0;
    }
    if (command[0] == '\0')
        RT_FAIL(ARG, "no command: write ringtorch train CONFIG, or see ringtorch --help");
    else
        rt__unknown_word("command", command, commands);
    return fail();
}
