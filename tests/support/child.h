/* Children of a test: a program, or a function of the test in a process of its own.
 *
 *     pid_t pid = child_program(argv, "/tmp/x/out", "/tmp/x/err");
 *     pid_t pid = child_function(fill, &disk);      // its exit code is what fill(&disk) returns
 *     waitpid(pid, &status, 0);
 *
 * cmocka handles SIGSEGV, SIGBUS and similar signals, and failed assertions, by a jump back into its loop over the
 * tests. In a child made by a bare fork that loop would continue as a second test program beside the first. Therefore a
 * program is spawned, which runs none of our code in between, and a function runs with those signals at their defaults
 * and with assertions that abort, and ends with _exit.
 *
 * Children die with the test that started them. */
#ifndef RINGTORCH_TESTS_SUPPORT_CHILD_H
#define RINGTORCH_TESTS_SUPPORT_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHILD_ARGUMENTS_MAX = 48 };

static inline void child_redirect(posix_spawn_file_actions_t *actions, int fd, const char *path)
{
    if (path)
        posix_spawn_file_actions_addopen(
            actions, fd, path, fd == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

/* Starts the program argv[0] (of PATH, if it has no slash) as the leader of a process group of its own. Standard output
 * and error go to new files, or if NULL to those of the test. setpriv requests the death signal, which a spawn cannot
 * do, and then execs the program; it exits with 127 if there is none. Returns -1 if nothing could be started. */
static inline pid_t child_program(const char *const *argv, const char *out, const char *err)
{
    static const char *const dies_with_us[] = {"/usr/bin/setpriv", "--pdeathsig", "KILL", "--"};
    const char *list[4 + CHILD_ARGUMENTS_MAX + 1];
    int n = 0;
    for (; n < 4; n++)
        list[n] = dies_with_us[n];
    for (; *argv; argv++) {
        if (n == 4 + CHILD_ARGUMENTS_MAX)
            return -1;
        list[n++] = *argv;
    }
    list[n] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    child_redirect(&actions, STDIN_FILENO, "/dev/null");
    child_redirect(&actions, STDOUT_FILENO, out);
    child_redirect(&actions, STDERR_FILENO, err);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid;
    fflush(NULL);
    int failure = posix_spawn(&pid, list[0], &actions, &attributes, (char *const *)list, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure == 0 ? pid : -1;
}

/* Returns the child's pid, or -1 if the system allows no further process. */
static inline pid_t child_function(int (*function)(void *argument), void *argument)
{
    enum { CRASHES = 5 };
    static const int crashes[CRASHES] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    struct sigaction before[CRASHES];
    fflush(NULL);
    for (int i = 0; i < CRASHES;
         i++) /* before the fork, so that the child never has the handlers */
        sigaction(crashes[i], &(struct sigaction){.sa_handler = SIG_DFL}, &before[i]);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        int code = function(argument);
        fflush(NULL);
        _exit(code);
    }
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &before[i], NULL);
    return pid;
}

/* Waits for a child. Returns its exit code; 128 + n if signal n ended it, -1 if there is none. */
static inline int child_end(pid_t pid)
{
    int status;
    if (pid <= 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
