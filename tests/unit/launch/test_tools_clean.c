/* clean, and status of runs that have ended: made-up shared memory with dead and live runs, incomplete states, hostile
 * names and owners. All of it is in a mount namespace of its own, so that no real run is touched; if that is not allowed,
 * the tests are skipped. */
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
static bool isolate(void)
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

static rt_status expect_no_record(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_E_INTERNAL;
}

/* Makes a run directory with an empty journal. */
static int set_up(void **state)
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

static int tear_down(void **state)
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

static void read_back(const char *path, char *text, size_t size)
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

static int run_here(void *argument)
{
    command_line *line = argument;
    dup2(open("/tmp/out", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open("/tmp/err", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    return line->command(line->argc, line->argv);
}

/* Runs a command in a child. The words of its command line end with NULL. */
static int run(int (*command)(int, char **), const char *const *words)
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

static void expect_out(const char *fragment)
{
    if (!strstr(out, fragment))
        fail_msg("'%s' is not in:\n%s--- errors\n%s", fragment, out, err);
}

/* ---- shared memory ---- */

/* Makes the snapshot of one of two ranks, with its half of a state of 1000 elements of this step. Returns the descriptor
 * that holds its lock. */
static int make_snapshot(const char *run, const char *dir, int64_t generation, int64_t rank,
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
static void make_dead_run(const char *run, const char *dir, int64_t step)
{
    char path[128];
    close(make_snapshot(run, dir, 1, 0, step, path));
    close(make_snapshot(run, dir, 1, 1, step, path));
    snprintf(path, sizeof path, "/dev/shm/ringtorch-%s-g1-mpi-0badcafe/below", run);
    assert_int_equal(rt_dir_make(path, 0700), RT_OK);
    snprintf(path, sizeof path, "/tmp/ringtorch-%s-g1-orte/ompi.h.0/pid.99999999", run);
    assert_int_equal(rt_dir_make(path, 0700), RT_OK);
}

static int count_left(void)
{
    int count = 0;
    static const char *const places[] = {"/dev/shm", "/tmp"};
    for (int i = 0; i < 2; i++) {
        rt_names names;
        assert_int_equal(rt_dir_list(places[i], &names), RT_OK);
        for (size_t k = 0; k < names.count; k++)
            count += strncmp(names.name[k], "ringtorch-", 10) == 0;
        rt_names_release(&names);
    }
    return count;
}

/* Makes a file look as if it had been created a while ago. */
static void age(const char *path)
{
    struct timespec old[2] = {{.tv_sec = time(NULL) - 100}, {.tv_sec = time(NULL) - 100}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

/* Holds the lock of a run directory, as a launcher does. */
static int hold(const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

static void write_control(const char *run, const char *host)
{
    char text[512];
    static const char key[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    snprintf(text, sizeof text,
             "{\"endpoint\": \"tcp://127.0.0.1:9\", \"run\": \"%s\", \"keys\": \"%s %s %s\", "
             "\"pid\": 1, \"host\": \"%s\"}",
             run, key, key, key, host);
    assert_int_equal(rt_file_replace("/tmp/clean/runs/x/control.json", text, strlen(text)), RT_OK);
    chmod("/tmp/clean/runs/x/control.json", 0600);
}

/* ---- dead and alive ---- */

static void nothing_to_clean_is_said(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(CLEAN(NULL), 0);
    assert_string_equal(out, "nothing to clean\n");
}

static void dead_runs_are_listed_and_removed(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    assert_int_equal(CLEAN("--dry-run"), 0);
    expect_out("run aa in /tmp/clean/runs/x: holds step 417, it has no checkpoint\n");
    expect_out("/dev/shm/ringtorch-aa-g1-r0");
    expect_out("/dev/shm/ringtorch-aa-g1-mpi");
    expect_out("/tmp/ringtorch-aa-g1-orte");
    expect_out("would remove 4 files");
    assert_int_equal(count_left(), 4);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("removed 4 files");
    assert_int_equal(count_left(), 0);
    assert_true(rt_path_exists("/tmp/clean/runs/x/journal")); /* the run itself stays */
}

static void a_run_whose_launcher_lives_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    int lock = hold(run_dir);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: alive: its launcher runs");
    expect_out("nothing to clean");
    assert_int_equal(count_left(), 4);
    close(lock);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

static void a_run_whose_worker_lives_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    make_dead_run("aa", run_dir, 417);
    int lock = make_snapshot("aa", run_dir, 2, 0, 420, path); /* one of its files is in use */
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: alive: a worker uses it");
    assert_int_equal(count_left(), 5);
    close(lock);
}

/* mpirun holds a lock on its directory as long as it lives. */
static void a_run_whose_mpirun_lives_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    static const char path[] = "/tmp/ringtorch-aa-g1-orte-0badcafe";
    assert_int_equal(rt_dir_make("/tmp/ringtorch-aa-g1-orte-0badcafe/ompi.h.0", 0700), RT_OK);
    age(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: alive: its mpirun runs");
    assert_int_equal(count_left(), 1);
    close(fd);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

/* A run whose directory is unknown may be starting, so its files must have some age before clean removes them. */
static void what_was_just_made_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(rt_dir_make("/dev/shm/ringtorch-aa-g1-mpi", 0700), RT_OK);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: made a moment ago");
    age("/dev/shm/ringtorch-aa-g1-mpi");
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

/* The directory has since been used for another run, so its lock does not protect the first one. */
static void the_lock_of_another_run_protects_nothing(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    make_dead_run("aa", run_dir, 417);
    write_control("bb", host);
    int lock = hold(run_dir);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
    close(lock);
}

static void a_run_of_another_host_is_not_judged_from_here(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    write_control("aa", "far-away");
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: its coordinator is on host far-away");
    assert_int_equal(count_left(), 4);
    unlink("/tmp/clean/runs/x/control.json");
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

/* The run may be alive on another host; we cannot tell. */
static void a_run_whose_control_file_is_of_another_version_is_not_judged(void **state)
{
    (void)state;
    static const char text[] = "{\"format_version\": 2}", path[] = "/tmp/clean/runs/x/control.json";
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    assert_int_equal(rt_file_replace_secret(path, text, strlen(text)), RT_OK);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: control.json of the run directory is of another version of ringtorch");
    assert_int_equal(count_left(), 4);
    unlink(path);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

static void a_missing_run_directory_does_not_stop_cleaning(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", "/tmp/clean/runs/gone", 417);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("holds step 417, its run directory is gone");
    assert_int_equal(count_left(), 0);
}

/* While clean removes files, it holds the lock, so that no launcher begins to read them. */
static void removal_holds_the_lock(void **state)
{
    (void)state;
    NEED_ISOLATION();
    rt__remains l;
    make_dead_run("aa", run_dir, 417);
    assert_int_equal(rt__remains_find(NULL, &l), RT_OK);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.run[0].state, RT__RUN_DEAD);
    int lock = hold(run_dir); /* a launcher was faster */
    assert_int_equal(rt__remains_remove(&l.run[0]), RT_OK);
    assert_int_equal(l.run[0].state, RT__RUN_ALIVE);
    assert_int_equal(count_left(), 4);
    close(lock);
    rt__remains_release(&l);
}

static void one_run_can_be_named(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    make_dead_run("bb", "/tmp/clean/runs/y", 5);
    assert_int_equal(CLEAN("/tmp/clean/runs/x/journal"), 0); /* a file in it will do */
    assert_int_equal(count_left(), 4);
    assert_int_equal(CLEAN("/tmp/clean/runs/x"), 0);
    expect_out("nothing to clean");
    assert_int_equal(CLEAN("bb"), 0); /* its directory is gone, so use its id */
    assert_int_equal(count_left(), 0);
    assert_int_equal(CLEAN("cc"), 2);
    assert_non_null(strstr(err, "cc: neither a run directory nor the id"));
    make_dead_run("aa", run_dir, 417);
    int lock = hold(run_dir);
    assert_int_equal(CLEAN(run_dir), 1); /* it is alive, so cannot be cleaned */
    assert_int_equal(count_left(), 4);
    close(lock);
}

static void another_directory_can_be_searched(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    assert_int_equal(rt_dir_make("/tmp/ramdisk", 0700), RT_OK);
    close(make_snapshot("aa", run_dir, 1, 0, 3, path));
    rt_bytes bytes;
    assert_int_equal(rt_file_read(path, 1 << 20, &bytes), RT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rt_file_replace("/tmp/ramdisk/ringtorch-aa-g1-r0", bytes.data, bytes.len),
                     RT_OK);
    assert_int_equal(chmod("/tmp/ramdisk/ringtorch-aa-g1-r0", 0600), 0);
    rt_bytes_release(&bytes);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("nothing to clean");
    assert_int_equal(CLEAN("--dir", "/tmp/ramdisk"), 0);
    expect_out("holds part of step 3");
    assert_false(rt_path_exists("/tmp/ramdisk/ringtorch-aa-g1-r0"));
    assert_int_equal(CLEAN("--dir", "/tmp/nowhere"), 2);
    assert_non_null(strstr(err, "/tmp/nowhere"));
    assert_int_equal(CLEAN("--dri", "x"), 2);
}

/* ---- states ---- */

static void only_whole_states_count(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    rt__remains l;
    close(make_snapshot("aa", run_dir, 1, 0, 10, path));
    close(make_snapshot("aa", run_dir, 1, 1, 11, path)); /* one step further: 10 is not whole */
    assert_int_equal(rt__remains_find(NULL, &l), RT_OK);
    assert_int_equal(l.run[0].step, -1);
    assert_int_equal(l.run[0].part, 11);
    rt__remains_release(&l);
    close(make_snapshot("aa", run_dir, 2, 0, 11, path)); /* of another generation: that is fine */
    assert_int_equal(rt__remains_find(NULL, &l), RT_OK);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.run[0].step, 11);
    rt__remains_release(&l);
}

/* ---- hostile ---- */

static void touch(const char *path)
{
    assert_int_equal(rt_file_replace(path, "x", 1), RT_OK);
}

static void strange_names_are_not_ours(void **state)
{
    (void)state;
    NEED_ISOLATION();
    static const char *const names[] = {
        "/dev/shm/ringtorch-",          "/dev/shm/ringtorch-aa",
        "/dev/shm/ringtorch-aa-g1",     "/dev/shm/ringtorch-aa-g1-r",
        "/dev/shm/ringtorch-aa-g1-r0x", "/dev/shm/ringtorch-aa-g1-r0\n",
        "/dev/shm/ringtorch-aa-g-1-r0", "/dev/shm/vader_segment.h.0.1.0",
        "/dev/shm/other-aa-g1-r0",      "/tmp/ringtorch-aa-g1-r0", /* snapshots are not in /tmp */
        "/tmp/ringtorch-doctor-XXXXXX",
    };
    int count = (int)(sizeof names / sizeof *names);
    for (int i = 0; i < count; i++)
        touch(names[i]);
    assert_int_equal(CLEAN(NULL), 0);
    assert_string_equal(out, "nothing to clean\n");
    for (int i = 0; i < count; i++)
        assert_true(rt_path_exists(names[i]));
}

static void links_are_removed_and_not_followed(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(rt_dir_make("/tmp/clean/precious", 0700), RT_OK);
    touch("/tmp/clean/precious/file");
    assert_int_equal(symlink("/tmp/clean/precious/file", "/dev/shm/ringtorch-aa-g1-r0"), 0);
    assert_int_equal(symlink("/tmp/clean/precious", "/dev/shm/ringtorch-aa-g1-mpi"), 0);
    assert_int_equal(rt_dir_make("/dev/shm/ringtorch-aa-g2-mpi", 0700), RT_OK);
    assert_int_equal(symlink("/tmp/clean/precious", "/dev/shm/ringtorch-aa-g2-mpi/link"), 0);
    age("/dev/shm/ringtorch-aa-g2-mpi");
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
    assert_true(rt_path_exists("/tmp/clean/precious/file"));
}

static void what_is_no_snapshot_is_removed_unless_in_use(void **state)
{
    (void)state;
    NEED_ISOLATION();
    touch("/dev/shm/ringtorch-aa-g1-r0"); /* no header */
    assert_int_equal(mkfifo("/dev/shm/ringtorch-bb-g1-r0", 0600), 0);
    touch("/dev/shm/ringtorch-cc-g1-r0");
    int fd = open("/dev/shm/ringtorch-cc-g1-r0", O_RDONLY);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("run aa: holds no step, its run directory is unknown");
    expect_out("/dev/shm/ringtorch-aa-g1-r0: unusable: mode is ");
    expect_out("/dev/shm/ringtorch-bb-g1-r0: unusable: is not a plain file, so not a snapshot");
    expect_out("run cc: left alone: alive");
    assert_int_equal(count_left(), 1);
    close(fd);
}

/* Each unusable snapshot comes with its reason, and the usable one beside it without. */
static void an_unusable_snapshot_says_why(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    close(make_snapshot("aa", run_dir, 1, 0, 417, path));
    int fd = make_snapshot("aa", run_dir, 1, 1, 417, path);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    assert_int_equal(CLEAN("--dry-run"), 0);
    expect_out("run aa in /tmp/clean/runs/x: holds part of step 417");
    expect_out("/dev/shm/ringtorch-aa-g1-r0\n");
    expect_out("/dev/shm/ringtorch-aa-g1-r1: unusable: magic is not that of a snapshot\n");
}

static void another_version_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    int64_t version = 99;
    int fd = make_snapshot("aa", run_dir, 1, 0, 5, path);
    assert_int_equal(
        pwrite(fd, &version, sizeof version, (off_t)offsetof(rt_snapshot_header, version)),
        (ssize_t)sizeof version);
    close(fd);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: made by another version of ringtorch");
    assert_int_equal(count_left(), 1);
}

static void directories_others_can_write_to_are_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 5);
    assert_int_equal(chmod("/dev/shm/ringtorch-aa-g1-mpi-0badcafe", 0777), 0);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("other users may write to its directories");
    assert_int_equal(count_left(), 4);
}

/* Even root leaves files of another user alone, and they do not keep ours from being removed. */
static void what_belongs_to_others_is_left_alone(void **state)
{
    (void)state;
    NEED_ISOLATION();
    if (geteuid() != 0)
        skip();
    make_dead_run("aa", run_dir, 5);
    touch("/dev/shm/ringtorch-aa-g9-r0");
    assert_int_equal(chown("/dev/shm/ringtorch-aa-g9-r0", 1234, 1234), 0);
    make_dead_run("bb", run_dir, 6);
    assert_int_equal(chown("/dev/shm/ringtorch-bb-g1-r1", 1234, 1234), 0);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: belongs to user 1234");
    assert_true(rt_path_exists("/dev/shm/ringtorch-aa-g9-r0"));
    assert_true(rt_path_exists("/dev/shm/ringtorch-bb-g1-r1"));
    assert_int_equal(count_left(), 2);
}

static void names_of_run_directories_do_not_control_the_terminal(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    close(make_snapshot("aa", "/tmp/\033[2J\007evil", 1, 0, 5, path));
    assert_int_equal(CLEAN("--dry-run"), 0);
    assert_null(strchr(out, '\033'));
    assert_null(strchr(out, '\007'));
    expect_out("evil");
}

/* ---- status of runs that have ended ---- */

static void write_run_file(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", run_dir, name);
    assert_int_equal(rt_file_replace(path, text, strlen(text)), RT_OK);
}

static void make_versioned_checkpoint(int version, int step, int bytes_there, int bytes_said)
{
    char path[160], text[200], piece[64] = "";
    snprintf(path, sizeof path, "%s/checkpoints/step-%08d", run_dir, step);
    assert_int_equal(rt_dir_make(path, 0755), RT_OK);
    snprintf(path, sizeof path, "checkpoints/step-%08d/piece-00000.safetensors", step);
    memset(piece, 'x', (size_t)bytes_there);
    write_run_file(path, piece);
    snprintf(path, sizeof path, "checkpoints/step-%08d/manifest.json", step);
    snprintf(text, sizeof text,
             "{\"format_version\": %d, \"step\": %d, \"pieces\": [{\"file\": "
             "\"piece-00000.safetensors\", \"bytes\": %d}]}",
             version, step, bytes_said);
    write_run_file(path, text);
}

static void make_checkpoint(int step, int bytes_there, int bytes_said)
{
    make_versioned_checkpoint(1, step, bytes_there, bytes_said);
}

static void a_killed_run_says_what_it_can_resume_from(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    make_checkpoint(300, 10, 10);
    make_checkpoint(400, 10, 10);
    make_checkpoint(410, 9, 10); /* cut off */
    write_run_file("events.jsonl", "{\"event\": \"running\", \"world_size\": 2, \"start_step\": 0, "
                                   "\"end_step\": 1000}\n{\"event\": \"chec"); /* and torn */
    write_run_file("metrics.jsonl", "{\"step\": 405}\n{\"step\": 415}\n");
    write_run_file("summary.json",
                   "{\"status\": \"done\", \"steps\": 100}"); /* of an earlier run */
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: killed, last report at step 415\n");
    expect_out("checkpoint of step 400: /tmp/clean/runs/x/checkpoints/step-00000400\n");
    expect_out("snapshot   of step 417, in shared memory: /dev/shm\n");
    expect_out(" train /tmp/clean/runs/x/config.yaml --run-dir /tmp/clean/runs/x --resume auto\n");
    expect_out("steps 0 to 1,000");
    assert_int_equal(STATUS(run_dir, "--json"), 0);
    expect_out("\"answered\":false,\"status\":\"killed\",\"step\":415,\"checkpoint_step\":400,");
    expect_out("\"snapshot_step\":417,");
    assert_int_equal(STATUS(run_dir, "--watch"), 0); /* ends at once */
    expect_out("x: killed");
}

/* A coordinator resumes from the newest checkpoint that it reads, and refuses the run if it reads none of them. */
static void resume_is_offered_only_if_a_checkpoint_can_be_read(void **state)
{
    (void)state;
    NEED_ISOLATION();
    write_run_file("events.jsonl", "{\"event\": \"running\", \"world_size\": 2}\n");
    make_versioned_checkpoint(1, 300, 10, 10);
    make_versioned_checkpoint(99, 400, 10, 10);
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("checkpoint of step 300: ");
    expect_out("--resume auto\n");
    make_versioned_checkpoint(99, 300, 10, 10);
    make_versioned_checkpoint(1, 200, 9, 10); /* cut off */
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("it cannot be resumed: "
               "/tmp/clean/runs/x/checkpoints/step-00000400/manifest.json: checkpoint of format "
               "version 99, this program reads version 1: use the version of ringtorch that made "
               "it\n");
    assert_null(strstr(out, "--resume"));
    assert_int_equal(STATUS(run_dir, "--json"), 0);
    expect_out("\"checkpoint_step\":null,\"checkpoint\":null,");
}

static void a_run_that_is_done_shows_its_summary(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_checkpoint(200, 10, 10);
    write_run_file("events.jsonl", "{\"event\": \"done\", \"step\": 200}\n");
    write_run_file("summary.json",
                   "{\"status\": \"done\", \"steps\": 200, \"seconds\": 63, \"epochs\": 2.5, "
                   "\"samples_per_second\": 5000, \"eval_accuracy\": 0.9123, \"eval_loss\": 0.25, "
                   "\"restarts\": 1, \"lost_steps\": 1, \"error\": null}");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: done after step 200\n");
    expect_out("test accuracy 91.23 %, loss 0.2500\n");
    expect_out("1 restart, 1 step lost\n");
    assert_null(strstr(out, "to resume"));
}

/* If the summary is missing, or lacks a value, status omits the value instead of printing "-" or "nan". */
static void missing_summary_values_are_omitted(void **state)
{
    static const char *const summaries[] = {NULL, "{}", "{\"status\": \"done\"}"};
    (void)state;
    NEED_ISOLATION();
    for (size_t i = 0; i < sizeof summaries / sizeof *summaries; i++) {
        write_run_file("events.jsonl", "{\"event\": \"done\"}\n");
        if (summaries[i])
            write_run_file("summary.json", summaries[i]);
        assert_int_equal(STATUS(run_dir), 0);
        expect_out("x: done\n");
        assert_null(strstr(out, "nan"));
        assert_null(strstr(out, "speed"));
        assert_null(strstr(out, "recovery"));
    }
    write_run_file("metrics.jsonl", "{\"step\": 7}\n");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: done after step 7\n");
}

static void a_failed_run_says_why(void **state)
{
    (void)state;
    NEED_ISOLATION();
    write_run_file("events.jsonl", "{\"event\": \"failed\", \"step\": 7, \"message\": \"full\"}\n");
    write_run_file("summary.json",
                   "{\"status\": \"failed\", \"steps\": 7, \"error\": \"the disk is full\"}");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: failed after step 7\n");
    expect_out("error      the disk is full\n");
    expect_out("failed after step 7: full\n");
    expect_out("to resume:");
}

static void a_directory_where_nothing_was_run_says_so(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("x: nothing has been run here yet\n");
    assert_int_equal(rt_remove_tree(folder), RT_OK);
    assert_int_equal(STATUS(run_dir), 2);
    assert_non_null(strstr(err, "no such run"));
}

int main(void)
{
    isolated = isolate();
    if (!isolated)
        fprintf(stderr, "no mount namespace of our own: %s: all is skipped\n", strerror(errno));
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_to_clean_is_said),
        TEST(dead_runs_are_listed_and_removed),
        TEST(a_run_whose_launcher_lives_is_left_alone),
        TEST(a_run_whose_worker_lives_is_left_alone),
        TEST(a_run_whose_mpirun_lives_is_left_alone),
        TEST(what_was_just_made_is_left_alone),
        TEST(the_lock_of_another_run_protects_nothing),
        TEST(a_run_of_another_host_is_not_judged_from_here),
        TEST(a_run_whose_control_file_is_of_another_version_is_not_judged),
        TEST(a_missing_run_directory_does_not_stop_cleaning),
        TEST(removal_holds_the_lock),
        TEST(one_run_can_be_named),
        TEST(another_directory_can_be_searched),
        TEST(only_whole_states_count),
        TEST(strange_names_are_not_ours),
        TEST(links_are_removed_and_not_followed),
        TEST(what_is_no_snapshot_is_removed_unless_in_use),
        TEST(an_unusable_snapshot_says_why),
        TEST(another_version_is_left_alone),
        TEST(directories_others_can_write_to_are_left_alone),
        TEST(what_belongs_to_others_is_left_alone),
        TEST(names_of_run_directories_do_not_control_the_terminal),
        TEST(a_killed_run_says_what_it_can_resume_from),
        TEST(resume_is_offered_only_if_a_checkpoint_can_be_read),
        TEST(a_run_that_is_done_shows_its_summary),
        TEST(missing_summary_values_are_omitted),
        TEST(a_failed_run_says_why),
        TEST(a_directory_where_nothing_was_run_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
