/* The directory for Open MPI's shared memory: only we can use it, it is where there is room, and the last rank removes
 * it. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/state/snapshot_list.h"
#include "tests/support/outcome.h"
#include "worker/shm_dir.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const char VARIABLE[] = "OMPI_MCA_btl_vader_backing_directory";
static char dir[] = "/dev/shm/rt-shm-dir-XXXXXX", run[64], expected[256], elsewhere[256];

static void the_last_to_leave_removes_it(void **state)
{
    (void)state;
    rt__shm_dir a, b;
    char file[300];
    struct stat st;
    must(rt__shm_dir_use(&a, dir, run, 3, 2));
    must(rt__shm_dir_use(&b, dir, run, 3, 2)); /* another rank */
    assert_string_equal(a.path, expected);
    assert_string_equal(getenv(VARIABLE), expected);
    assert_int_equal(stat(expected, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    snprintf(file, sizeof file, "%s/vader_segment.1", expected);
    must(rt_file_replace(file, "x", 1));
    rt__shm_dir_leave(&a);
    assert_true(rt_path_exists(file)); /* the other one's */
    assert_true(rt_snapshot_in_use(expected));
    must(rt_snapshot_forget(dir, run, "/srv/runs/x", 4));
    assert_true(rt_path_exists(file));
    unlink(file);
    rt__shm_dir_leave(&b);
    assert_false(rt_path_exists(expected));
    rt__shm_dir_leave(&b);
}

static void remains_of_a_killed_rank_are_removed(void **state)
{
    (void)state;
    char file[300];
    rt__shm_dir a;
    must(rt__shm_dir_use(&a, dir, run, 3, 1));
    snprintf(file, sizeof file, "%s/vader_segment.0", expected);
    must(rt_file_replace(file, "x", 1));
    close(a.fd); /* as the system does when a process dies */
    a.fd = -1;
    must(rt_snapshot_forget(dir, run, "/srv/runs/x", 4));
    assert_false(rt_path_exists(expected));
    rt__shm_dir_leave(&a);
}

/* Its job ends, so that nobody needs the files of the other rank either, which mpirun is about to kill. */
static void a_rank_that_fails_leaves_nothing(void **state)
{
    (void)state;
    char file[300];
    rt__shm_dir a, b;
    must(rt__shm_dir_use(&a, dir, run, 3, 2));
    must(rt__shm_dir_use(&b, dir, run, 3, 2));
    snprintf(file, sizeof file, "%s/vader_segment.1", expected);
    must(rt_file_replace(file, "x", 1));
    rt__shm_dir_discard(&a);
    assert_false(rt_path_exists(expected));
    rt__shm_dir_discard(&b);
    assert_null(b.path);
    rt__shm_dir_discard(&(rt__shm_dir){0});
}

static void another_place_is_taken_if_this_one_is_open_to_others(void **state)
{
    (void)state;
    rt__shm_dir d;
    assert_int_equal(mkdir(expected, 0700), 0);
    assert_int_equal(chmod(expected, 0777), 0);
    must(rt__shm_dir_use(&d, dir, run, 3, 1));
    assert_string_equal(d.path, elsewhere);
    rt__shm_dir_leave(&d);
    assert_int_equal(rmdir(expected), 0);

    assert_int_equal(symlink("/tmp", expected), 0);
    must(rt__shm_dir_use(&d, dir, run, 3, 1));
    assert_string_equal(d.path, elsewhere);
    rt__shm_dir_leave(&d);
    assert_int_equal(unlink(expected), 0);

    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(chmod(elsewhere, 0755), 0);
    assert_int_equal(rt__shm_dir_use(&d, "/dev/null", run, 3, 1), RT_E_ARG);
    assert_non_null(strstr(rt_error(), elsewhere));
    rt_error_clear();
    assert_null(d.path);
    rt__shm_dir_leave(&d);
    assert_int_equal(rmdir(elsewhere), 0);
}

/* 12 MiB have room for two ranks but not for three. */
static void another_place_is_taken_if_this_one_is_full(void **state)
{
    (void)state;
    rt__shm_dir d;
    if (mount("tmpfs", dir, "tmpfs", 0, "size=12m") != 0) {
        print_message("a small file system cannot be mounted here (%s): not tried\n",
                      strerror(errno));
        return;
    }
    must(rt__shm_dir_use(&d, dir, run, 3, 2));
    assert_string_equal(d.path, expected);
    rt__shm_dir_leave(&d);
    must(rt__shm_dir_use(&d, dir, run, 3, 3));
    assert_string_equal(d.path, elsewhere);
    assert_string_equal(getenv(VARIABLE), elsewhere);
    rt__shm_dir_leave(&d);
    assert_false(rt_path_exists(elsewhere));
    assert_int_equal(umount(dir), 0);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(run, sizeof run, "test%d", (int)getpid());
    snprintf(expected, sizeof expected, "%s/ringtorch-%s-g3-mpi", dir, run);
    snprintf(elsewhere, sizeof elsewhere, "/tmp/ringtorch-%s-g3-mpi", run);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    umount2(dir, MNT_DETACH); /* only there if a test has failed */
    rt_remove_tree(elsewhere);
    return rt_remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_to_leave_removes_it),
        cmocka_unit_test(remains_of_a_killed_rank_are_removed),
        cmocka_unit_test(a_rank_that_fails_leaves_nothing),
        cmocka_unit_test(another_place_is_taken_if_this_one_is_open_to_others),
        cmocka_unit_test(another_place_is_taken_if_this_one_is_full),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
