/* clean: made-up shared memory with dead and live runs, incomplete states, hostile names and owners. */
#include "launch/remains/leftovers.h"
#include "left_run.h"

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

static const char control[] = "/tmp/clean/runs/x/control.json";

/* Writes the file that a coordinator on that host leaves when it is killed. */
static void write_control(const char *run, const char *host)
{
    char text[512];
    static const char key[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    snprintf(text, sizeof text,
             "{\"endpoint\": \"tcp://127.0.0.1:9\", \"run\": \"%s\", \"keys\": \"%s %s %s\", "
             "\"pid\": 1, \"host\": \"%s\"}",
             run, key, key, key, host);
    assert_int_equal(rt_file_replace_secret(control, text, strlen(text)), RT_OK);
}

static void write_control_of(const char *run)
{
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    write_control(run, host);
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
static const char copy_dir[] = "/tmp/clean/runs/copy";

/* A run directory that was copied has the run id of the original: each is judged by itself. */
static void a_copy_of_a_run_directory_is_a_run_of_its_own(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128];
    assert_int_equal(rt_dir_make(copy_dir, 0700), RT_OK);
    make_dead_run("aa", run_dir, 417);
    close(make_snapshot("aa", copy_dir, 2, 1, 900, path));
    int lock = make_snapshot("aa", copy_dir, 2, 0, 900, path);
    write_control_of("aa");
    assert_int_equal(STATUS(run_dir), 0);
    expect_out("snapshot   of step 417");
    if (strstr(out, "900"))
        fail_msg("the snapshot of a copy is shown:\n%s", out);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("run aa in /tmp/clean/runs/x: holds step 417");
    expect_out("left alone: alive: a worker uses it");
    assert_int_equal(count_left(), 2);
    assert_true(rt_path_exists(path));
    close(lock);
}

static void the_end_of_a_run_leaves_what_a_copy_of_its_directory_uses(void **state)
{
    (void)state;
    NEED_ISOLATION();
    char path[128], folder_of_mpi[] = "/dev/shm/ringtorch-aa-g2-mpi-0badcafe";
    const rt__left_run ours = {"aa", run_dir, "/dev/shm"};
    assert_int_equal(rt_dir_make(copy_dir, 0700), RT_OK);
    make_dead_run("aa", run_dir, 417);
    close(make_snapshot("aa", copy_dir, 2, 0, 900, path));
    assert_int_equal(mkdir(folder_of_mpi, 0700), 0);
    int lock = open(folder_of_mpi, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_SH), 0);
    rt__leftovers_end_generation(&ours, INT64_MAX);
    assert_true(rt_path_exists(folder_of_mpi));
    assert_int_equal(count_left(), 4); /* MPI's and mpirun's files of the dead run are gone */
    rt__leftovers_end_run(&ours);
    assert_true(rt_path_exists(folder_of_mpi) && rt_path_exists(path));
    assert_int_equal(count_left(), 2);
    close(lock);
}

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
    make_dead_run("aa", run_dir, 417);
    write_control_of("bb");
    int lock = hold(run_dir);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
    assert_true(rt_path_exists(control)); /* it is the other run's */
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
    assert_int_equal(CLEAN(run_dir), 1);
    assert_int_equal(unlink(control), 0);
    assert_int_equal(CLEAN(NULL), 0);
    assert_int_equal(count_left(), 0);
}

/* The run may be alive on another host; we cannot tell. */
static void a_run_whose_control_file_is_of_another_version_is_not_judged(void **state)
{
    (void)state;
    static const char text[] = "{\"format_version\": 2}";
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    assert_int_equal(rt_file_replace_secret(control, text, strlen(text)), RT_OK);
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("left alone: control.json of the run directory is of another version of ringtorch");
    assert_int_equal(count_left(), 4);
    assert_int_equal(unlink(control), 0);
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

static void the_control_file_goes_with_what_the_run_left(void **state)
{
    (void)state;
    NEED_ISOLATION();
    make_dead_run("aa", run_dir, 417);
    write_control_of("aa");
    assert_int_equal(CLEAN("--dry-run"), 0);
    expect_out("  /tmp/clean/runs/x/control.json\n");
    expect_out("would remove 5 files");
    assert_true(rt_path_exists(control));
    assert_int_equal(CLEAN(NULL), 0);
    expect_out("removed 5 files");
    assert_int_equal(count_left(), 0);
    assert_false(rt_path_exists(control));
    assert_true(rt_path_exists("/tmp/clean/runs/x/journal"));
}

/* Nothing in shared memory leads to the run directory, so it must be named. */
static void a_control_file_alone_is_removed_from_the_directory_given(void **state)
{
    (void)state;
    NEED_ISOLATION();
    write_control_of("aa");
    make_dead_run("bb", "/tmp/clean/runs/y", 5);
    int lock = hold(run_dir);
    assert_int_equal(CLEAN(run_dir), 1);
    expect_out("run aa in /tmp/clean/runs/x: left alone: alive: its launcher runs");
    assert_true(rt_path_exists(control));
    close(lock);
    assert_int_equal(CLEAN("--dry-run", run_dir), 0);
    expect_out("would remove 1 file");
    assert_true(rt_path_exists(control));
    assert_int_equal(chdir("/tmp/clean/runs"), 0);
    assert_int_equal(CLEAN("x"), 0);
    expect_out("run aa in /tmp/clean/runs/x: ");
    expect_out("removed 1 file");
    assert_false(rt_path_exists(control));
    assert_int_equal(count_left(), 4); /* of the other run */
    assert_int_equal(CLEAN("x"), 0);
    assert_string_equal(out, "nothing to clean\n");
    assert_int_equal(chdir("/"), 0);
}

/* Files of MPI say only the id of their run, which the control file ties to the directory. */
static void a_control_file_says_whose_nameless_files_are(void **state)
{
    (void)state;
    NEED_ISOLATION();
    assert_int_equal(rt_dir_make("/dev/shm/ringtorch-aa-g1-mpi-0badcafe", 0700), RT_OK);
    assert_int_equal(CLEAN(run_dir), 0);
    assert_string_equal(out, "nothing to clean\n");
    write_control_of("aa");
    assert_int_equal(CLEAN(run_dir), 0);
    expect_out("removed 2 files");
    assert_int_equal(count_left(), 0);
    assert_false(rt_path_exists(control));
}

/* A launcher that starts a run in this moment owns whatever control file there is from then on. */
static void the_control_file_of_a_later_run_stays(void **state)
{
    (void)state;
    NEED_ISOLATION();
    for (int held = 0; held < 2; held++) {
        rt__remains l;
        make_dead_run("aa", run_dir, 417);
        write_control_of("aa");
        assert_int_equal(rt__remains_find(NULL, &l), RT_OK);
        assert_int_equal(l.run[0].count, 5);
        int lock = held ? hold(run_dir) : -1;
        write_control_of("bb");
        assert_int_equal(rt__remains_remove(&l.run[0]), RT_OK);
        assert_int_equal(count_left(), 0);
        assert_true(rt_path_exists(control));
        rt__remains_release(&l);
        close(lock);
    }
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
        TEST(a_copy_of_a_run_directory_is_a_run_of_its_own),
        TEST(the_end_of_a_run_leaves_what_a_copy_of_its_directory_uses),
        TEST(a_run_whose_mpirun_lives_is_left_alone),
        TEST(what_was_just_made_is_left_alone),
        TEST(the_lock_of_another_run_protects_nothing),
        TEST(a_run_of_another_host_is_not_judged_from_here),
        TEST(a_run_whose_control_file_is_of_another_version_is_not_judged),
        TEST(a_missing_run_directory_does_not_stop_cleaning),
        TEST(removal_holds_the_lock),
        TEST(the_control_file_goes_with_what_the_run_left),
        TEST(a_control_file_alone_is_removed_from_the_directory_given),
        TEST(a_control_file_says_whose_nameless_files_are),
        TEST(the_control_file_of_a_later_run_stays),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
