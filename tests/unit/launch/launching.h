/* Runs `ringtorch train` in a folder of its own: starts it, meets it in the middle, waits for its end, and checks that it
 * leaves no process behind.
 *
 *     make_folder("run: {steps: 100}\nmodel: {preset: mlp}\n");      // tiny.yaml
 *     pid_t pid = begin("-n", "2", NULL);                  // ringtorch train tiny.yaml --run-dir run
 *     await_text("events.jsonl", "running");
 *     kill(find_process("mpirun"), SIGKILL);
 *     expect_end(pid, 0);                                  // out, err: what it has printed
 *     remove_folder();                                     // fails if one of its processes is alive
 *
 * Every process has RINGTORCH_TEST=<folder> in its environment and passes it on to its children. */
#ifndef RINGTORCH_TESTS_UNIT_LAUNCH_LAUNCHING_H
#define RINGTORCH_TESTS_UNIT_LAUNCH_LAUNCHING_H

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/child.h"

#ifndef RT_TEST_BINARY_DIR
#define RT_TEST_BINARY_DIR "build" /* the build sets it */
#endif

/* Even on a loaded machine, only something broken takes this long. */
static const double patience = 300;

static char folder[64], run_dir[80], config[80];
static char out[1 << 16], err[1 << 14]; /* of the last command that ended */

static inline void make_folder(const char *yaml)
{
    snprintf(folder, sizeof folder, "/tmp/ringtorch-train-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(run_dir, sizeof run_dir, "%s/run", folder);
    snprintf(config, sizeof config, "%s/tiny.yaml", folder);
    setenv("RINGTORCH_TEST", folder, 1);
    assert_int_equal(rt_file_replace(config, yaml, strlen(yaml)), RT_OK);
}

/* ---- processes of this test ---- */

/* Writes one file of /proc/<pid>; returns its length, 0 if the process is gone. */
static inline size_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n, used = 0;
    while (fd >= 0 && (n = read(fd, text + used, size - 1 - (size_t)used)) > 0)
        used += n;
    if (fd >= 0)
        close(fd);
    text[used] = '\0';
    return (size_t)used;
}

/* Returns whether the path of a process's program ends in `name`; NULL: any. */
static inline bool runs(pid_t pid, const char *name)
{
    static char text[1 << 16];
    read_proc(pid, "cmdline", text, sizeof text); /* a zero ends the first word */
    size_t n = strlen(text), k = name ? strlen(name) : 0;
    return n >= k && (!name || strcmp(text + n - k, name) == 0);
}

/* Finds a process that this test has started, that runs a program (NULL: any) and has a variable in its environment (NULL:
 * any). Returns 0 if there is none. */
static inline pid_t find_process_with(const char *name, const char *variable)
{
    static char text[1 << 16];
    char marker[96];
    pid_t found = 0;
    size_t marker_len = (size_t)snprintf(marker, sizeof marker, "RINGTORCH_TEST=%s", folder);
    DIR *proc = opendir("/proc");
    for (struct dirent *e; !found && (e = readdir(proc));) {
        pid_t pid = atoi(e->d_name);
        if (!isdigit((unsigned char)e->d_name[0]) || pid == getpid())
            continue;
        size_t len = read_proc(pid, "environ", text, sizeof text);
        if (memmem(text, len, marker, marker_len) &&
            (!variable || memmem(text, len, variable, strlen(variable) + 1)) && runs(pid, name))
            found = pid;
    }
    closedir(proc);
    return found;
}

static inline pid_t find_process(const char *name)
{
    return find_process_with(name, NULL);
}

/* Waits until there is such a process. */
static inline pid_t await_process(const char *name, const char *variable)
{
    pid_t pid;
    for (double end = rt_clock() + patience; (pid = find_process_with(name, variable)) == 0;
         rt_clock_sleep(0.005))
        if (rt_clock() > end)
            fail_msg("%s with %s never comes", name ? name : "a process",
                     variable ? variable : "-");
    return pid;
}

/* Returns whether a process has a pidfd of another one. */
static inline bool watches(pid_t pid, pid_t other)
{
    char path[64], line[64], text[4096];
    rt_names fds = {0};
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
    snprintf(line, sizeof line, "Pid:\t%d\n", (int)other);
    if (rt_dir_list(path, &fds) != RT_OK)
        rt_error_clear();
    for (size_t i = 0; i < fds.count && !found; i++) {
        snprintf(path, sizeof path, "fdinfo/%.20s", fds.name[i]);
        read_proc(pid, path, text, sizeof text);
        found = strstr(text, line) != NULL;
    }
    rt_names_release(&fds);
    return found;
}

static inline void expect_nobody_left(void)
{
    for (double end = rt_clock() + patience; find_process(NULL) && rt_clock() < end;)
        rt_clock_sleep(0.01);
    pid_t first = find_process(NULL);
    for (pid_t pid; (pid = find_process(NULL)) > 0; rt_clock_sleep(0.01))
        kill(pid, SIGKILL);
    if (first)
        fail_msg("process %d outlived its run", (int)first);
}

static inline void remove_folder(void)
{
    expect_nobody_left();
    rt_error_clear();
    assert_int_equal(rt_remove_tree(folder), RT_OK);
}

/* ---- commands ---- */

/* Starts `ringtorch train tiny.yaml --run-dir run` with further arguments, which end with NULL. */
static inline pid_t start(const char *first, va_list more)
{
    const char *argv[24] = {
        RT_TEST_BINARY_DIR "/bin/ringtorch", "train", config, "--run-dir", run_dir, first};
    for (int n = 6; first && (argv[n] = va_arg(more, const char *)); n++)
        ;
    char out_path[96], err_path[96];
    snprintf(out_path, sizeof out_path, "%s/out", folder);
    snprintf(err_path, sizeof err_path, "%s/err", folder);
    pid_t pid = child_program(argv, out_path, err_path);
    assert_true(pid > 0);
    return pid;
}

static inline pid_t begin(const char *first, ...)
{
    va_list more;
    va_start(more, first);
    pid_t pid = start(first, more);
    va_end(more);
    return pid;
}

static inline void read_output(const char *name, char *text, size_t size)
{
    char path[96];
    rt_bytes b;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(rt_file_read(path, size - 1, &b), RT_OK);
    snprintf(text, size, "%s", (char *)b.data);
    rt_bytes_release(&b);
}

static inline void expect_end(pid_t pid, int exit_code)
{
    int status;
    double end = rt_clock() + patience;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (rt_clock() > end) {
            kill(pid, SIGKILL);
            fail_msg("the command does not end");
        }
        rt_clock_sleep(0.005);
    }
    read_output("out", out, sizeof out);
    read_output("err", err, sizeof err);
    int got = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got != exit_code)
        fail_msg("exit code %d, expected %d\n--- output\n%s--- errors\n%s", got, exit_code, out,
                 err);
}

/* Starts it and waits for its end. */
static inline void run(int exit_code, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    pid_t pid = start(first, more);
    va_end(more);
    expect_end(pid, exit_code);
}

static inline void expect_text(const char *text, const char *fragment)
{
    if (!strstr(text, fragment))
        fail_msg("'%s' is not in:\n%s", fragment, text);
}

/* Writes a shell script that claims to be the mpirun of this version of Open MPI, "4.1.4". text: "#!/bin/sh\n...". */
static inline void write_mpirun_script(const char *path, const char *version, const char *text)
{
    char script[4096];
    const char *rest = strchr(text, '\n');
    assert_non_null(rest);
    snprintf(script, sizeof script,
             "%.*s[ \"$1\" = --version ] && { echo 'mpirun (Open MPI) %s'; exit 0; }\n%s",
             (int)(rest + 1 - text), text, version, rest + 1);
    assert_int_equal(rt_file_replace(path, script, strlen(script)), RT_OK);
    assert_int_equal(chmod(path, 0755), 0);
}

static inline const char *in_run(const char *name)
{
    static char buffers[4][256];
    static int next;
    char *path = buffers[next++ % 4];
    snprintf(path, sizeof buffers[0], "%s/%s", run_dir, name);
    return path;
}

static inline bool file_says(const char *name, const char *fragment)
{
    rt_bytes b;
    if (rt_file_read(in_run(name), 1 << 20, &b) != RT_OK) {
        rt_error_clear();
        return false;
    }
    bool says = strstr((char *)b.data, fragment) != NULL;
    rt_bytes_release(&b);
    return says;
}

static inline void expect_says(const char *name, const char *fragment)
{
    rt_bytes b;
    assert_int_equal(rt_file_read(in_run(name), 1 << 20, &b), RT_OK);
    expect_text((char *)b.data, fragment);
    rt_bytes_release(&b);
}

static inline void await_text(const char *name, const char *fragment)
{
    for (double end = rt_clock() + patience; !file_says(name, fragment); rt_clock_sleep(0.005))
        if (rt_clock() > end)
            fail_msg("%s never says '%s'", name, fragment);
}

#endif
