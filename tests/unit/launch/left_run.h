/* A /tmp and a /dev/shm of the test's own, with a run directory and what dead runs have left in shared memory, so that no real
 * run is touched. If that is not allowed, tests are skipped.
 *
 *     isolated = isolate();                              // in main()
 *     cmocka_unit_test_setup_teardown(f, set_up, tear_down)
 *
 *     NEED_ISOLATION();
 *     make_dead_run("aa", run_dir, 417);
 *     assert_int_equal(CLEAN("--dry-run"), 0);
 *     expect_out("would remove 4 files"); */
#ifndef RINGTORCH_TESTS_UNIT_LAUNCH_LEFT_RUN_H
#define RINGTORCH_TESTS_UNIT_LAUNCH_LEFT_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/control/journal.h"
#include "common/state/snapshot_list.h"
#include "launch/cmd/clean.h"
#include "launch/cmd/status.h"
#include "launch/remains/remains.h"
#include "tests/support/child.h"

static bool isolated;
static const char folder[] = "/tmp/clean", run_dir[] = "/tmp/clean/runs/x";
static char out[1 << 15], err[1 << 14];

/* Gives this process a /tmp and a /dev/shm of its own. */
static inline bool isolate(void)
{
    unsigned user = geteuid(), group = getegid();
    char map[64];
    if (user != 0) {
        if (unshare(CLONE_NEWUSER) != 0)
            return false;
        snprintf(map, sizeof map, "%u %u 1", user, user);
        int fd = open("/proc/self/setgroups", O_WRONLY);
        bool good = fd >= 0 && write(fd, "deny", 4) == 4;
        close(fd);
        fd = open("/proc/self/uid_map", O_WRONLY);
        good = good && fd >= 0 && write(fd, map, strlen(map)) > 0;
        close(fd);
        snprintf(map, sizeof map, "%u %u 1", group, group);
        fd = open("/proc/self/gid_map", O_WRONLY);
        good = good && fd >= 0 && write(fd, map, strlen(map)) > 0;
        close(fd);
        if (!good)
            return false;
    }
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777") == 0 &&
           mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") == 0;
}

static inline rt_status expect_no_record(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_E_INTERNAL;
}

/* Makes a run directory with an empty journal. */
static inline int set_up(void **state)
{
    (void)state;
    rt__journal *journal;
    if (!isolated)
        return 0;
    if (rt_dir_make(run_dir, 0700) != RT_OK ||
        rt__journal_open("/tmp/clean/runs/x/journal", expect_no_record, NULL, &journal) != RT_OK)
        return -1;
    rt__journal_close(journal);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    rt_error_clear();
    if (!isolated)
        return 0;
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (int i = 0; i < 2; i++) {
        rt_names names;
        if (rt_dir_list(places[i], &names) != RT_OK)
            return -1;
        for (size_t k = 0; k < names.count; k++) {
            char *path = rt_path_join(places[i], names.name[k]);
            rt_remove_tree(path);
            rt_mem_free(path);
        }
        rt_names_release(&names);
    }
    return 0;
}

#define NEED_ISOLATION()                                                                           \
    do {                                                                                           \
        if (!isolated)                                                                             \
            skip();                                                                                \
    } while (0)

/* ---- commands ---- */

static inline void read_back(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

typedef struct command_line {
    int (*command)(int, char **);
    int argc;
    char *argv[16];
} command_line;

static inline int run_here(void *argument)
{
    command_line *line = argument;
    dup2(open("/tmp/out", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open("/tmp/err", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    return line->command(line->argc, line->argv);
}

/* Runs a command in a child. The words of its command line end with NULL. */
static inline int run(int (*command)(int, char **), const char *const *words)
{
    command_line line = {.command = command};
    for (; words[line.argc]; line.argc++)
        line.argv[line.argc] = (char *)words[line.argc];
    int code = child_end(child_function(run_here, &line));
    read_back("/tmp/out", out, sizeof out);
    read_back("/tmp/err", err, sizeof err);
    return code;
}

#define CLEAN(...)  run(rt__clean_command, (const char *const[]){"clean", __VA_ARGS__, NULL})
#define STATUS(...) run(rt__status_command, (const char *const[]){"status", __VA_ARGS__, NULL})

static inline void expect_out(const char *fragment)
{
    if (!strstr(out, fragment))
        fail_msg("'%s' is not in:\n%s--- errors\n%s", fragment, out, err);
}

/* ---- shared memory ---- */

/* Makes the snapshot of one of two ranks, with its half of a state of 1000 elements of this step. Returns the descriptor
 * that holds its lock. */
static inline int make_snapshot(const char *run, const char *dir, int64_t generation, int64_t rank,
                                int64_t step, char path[128])
{
    rt_snapshot_about a = {.generation = generation,
                           .rank = rank,
                           .begin = rank * 500,
                           .end = rank * 500 + 500,
                           .count = 1000,
                           .kinds = 1,
                           .kind = {"param"},
                           .layout_hash = "layout",
                           .config_hash = "config"};
    int fd;
    snprintf(a.run, sizeof a.run, "%s", run);
    snprintf(a.run_dir, sizeof a.run_dir, "%s", dir);
    snprintf(path, 128, "/dev/shm/ringtorch-%s-g%" PRId64 "-r%" PRId64, run, generation, rank);
    assert_int_equal(rt_snapshot_create(path, &a, &fd), RT_OK);
    int64_t commit = step + 1;
    size_t at = offsetof(rt_snapshot_header, slot);
    assert_int_equal(pwrite(fd, &commit, sizeof commit, (off_t)at), (ssize_t)sizeof commit);
    return fd;
}

/* Makes the snapshots of a dead run with two ranks, and the files of MPI and mpirun. */
static inline void make_dead_run(const char *run, const char *dir, int64_t step)
{
    char path[128];
    close(make_snapshot(run, dir, 1, 0, step, path));
    close(make_snapshot(run, dir, 1, 1, step, path));
    snprintf(path, sizeof path, "/dev/shm/ringtorch-%s-g1-mpi-0badcafe/below", run);
    assert_int_equal(rt_dir_make(path, 0700), RT_OK);
    snprintf(path, sizeof path, "/tmp/ringtorch-%s-g1-orte/ompi.h.0/pid.99999999", run);
    assert_int_equal(rt_dir_make(path, 0700), RT_OK);
}

#endif
