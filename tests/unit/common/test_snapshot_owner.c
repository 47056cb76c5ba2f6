/* Whose a snapshot is: the run directory that it names decides, not the run id. */
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "tests/support/folder.h"
#include "tests/support/outcome.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[FOLDER_MAX];

/* A run directory that was copied has the run id of the original. */
static void a_copy_of_a_run_directory_leaves_what_is_the_originals(void **state)
{
    (void)state;
    int fd;
    char original[FOLDER_MAX + 16], copy[FOLDER_MAX + 16], moved[FOLDER_MAX + 16];
    const rt_snapshot_name name = {.run = "c", .generation = 1, .rank = 0};
    rt_snapshot_about a = {.run = "c", .generation = 1, .count = 1, .kinds = 1, .kind = {"param"}};
    snprintf(original, sizeof original, "%s/original", dir);
    snprintf(copy, sizeof copy, "%s/copy", dir);
    snprintf(moved, sizeof moved, "%s/moved", dir);
    assert_int_equal(mkdir(original, 0700), 0);
    assert_int_equal(mkdir(copy, 0700), 0);
    char *path = rt_snapshot_path(dir, &name);
    snprintf(a.run_dir, sizeof a.run_dir, "%s", original);
    must(rt_snapshot_create(path, &a, &fd));
    close(fd); /* its worker has died, so only the name of the directory protects it */
    must(rt_snapshot_forget(dir, "c", copy, INT64_MAX));
    assert_true(rt_path_exists(path));
    assert_null(rt_snapshot_find(dir, &name, copy));
    assert_int_equal(rt_error_code(), RT_E_NOTFOUND);
    rt_error_clear();
    char *found = rt_snapshot_find(dir, &name, original);
    assert_string_equal(found, path);
    rt_mem_free(found);

    /* A directory that was renamed keeps its snapshots, unless somebody is still using them. */
    assert_int_equal(rename(original, moved), 0);
    fd = open(path, O_RDONLY);
    assert_int_equal(flock(fd, LOCK_SH), 0);
    must(rt_snapshot_forget(dir, "c", moved, INT64_MAX));
    assert_true(rt_path_exists(path));
    close(fd);
    must(rt_snapshot_forget(dir, "c", moved, INT64_MAX));
    assert_false(rt_path_exists(path));

    /* Another name of the same directory is no other directory. */
    must(rt_snapshot_create(path, &a, &fd));
    close(fd);
    assert_int_equal(symlink(moved, original), 0);
    must(rt_snapshot_forget(dir, "c", moved, INT64_MAX));
    assert_false(rt_path_exists(path));
    rt_mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_a_run_directory_leaves_what_is_the_originals),
    };
    if (!folder_make(dir, "owner"))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_remove_tree(dir);
    return failed;
}
