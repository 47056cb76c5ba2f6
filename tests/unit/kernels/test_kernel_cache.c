/* Tests of compiled kernels on disk: a stored one is loaded; a damaged, incomplete or missing one counts as absent, without an
 * error. */
#include "common/base/file.h"
#include "kernels/gpu/cache.h"
#include "tests/support/folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const text[] = {"first part", "second", NULL};
static const char *const about[] = {"-options", "driver 1", NULL};
static char folder[FOLDER_MAX], path[200];

static void key_of(const char *const *parts, const char *const *maker, char key[65])
{
    assert_true(rt__kernel_cache_key(parts, maker, key));
}

static int set_up(void **state)
{
    (void)state;
    char key[65];
    key_of(text, about, key);
    snprintf(path, sizeof path, "%s/%s", folder, key);
    rt__kernel_cache_store(key, "a compiled kernel", 18);
    return 0;
}

static bool loads(const char *const *parts, const char *const *maker)
{
    char key[65];
    rt_bytes b = {0};
    key_of(parts, maker, key);
    bool found = rt__kernel_cache_load(key, &b);
    assert_true(!found || (b.len == 18 && memcmp(b.data, "a compiled kernel", 18) == 0));
    assert_false(rt_failed());
    rt_bytes_release(&b);
    return found;
}

static void test_another_text_or_driver_is_not_found(void **state)
{
    (void)state;
    const char *const other_text[] = {"first part", "third", NULL};
    const char *const other_driver[] = {"-options", "driver 2", NULL};
    assert_true(loads(text, about));
    assert_false(loads(other_text, about));
    assert_false(loads(text, other_driver));
}

static void test_damaged_file_is_not_used(void **state)
{
    (void)state;
    for (long at = 0; at < 34; at++) {
        set_up(NULL);
        FILE *f = fopen(path, "r+b");
        assert_non_null(f);
        fseek(f, at, SEEK_SET);
        int byte = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(byte ^ 1, f);
        fclose(f);
        assert_false(loads(text, about));
    }
}

static void test_cut_file_is_not_used(void **state)
{
    (void)state;
    for (long length = 0; length < 34; length++) {
        set_up(NULL);
        assert_int_equal(truncate(path, length), 0);
        assert_false(loads(text, about));
    }
    unlink(path);
    assert_false(loads(text, about));
}

static void test_folder_that_cannot_be(void **state)
{
    (void)state;
    char key[65];
    setenv("RINGTORCH_KERNEL_CACHE", "/dev/null/cache", 1);
    key_of(text, about, key);
    rt__kernel_cache_store(key, "a compiled kernel", 18);
    assert_false(loads(text, about));
    setenv("RINGTORCH_KERNEL_CACHE", "", 1);
    assert_false(rt__kernel_cache_key(text, about, key));
    setenv("RINGTORCH_KERNEL_CACHE", folder, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_another_text_or_driver_is_not_found, set_up),
        cmocka_unit_test_setup(test_damaged_file_is_not_used, set_up),
        cmocka_unit_test_setup(test_cut_file_is_not_used, set_up),
        cmocka_unit_test(test_folder_that_cannot_be),
    };
    if (!folder_make(folder, "kernel-cache"))
        return 1;
    setenv("RINGTORCH_KERNEL_CACHE", folder, 1);
    int failed = cmocka_run_group_tests_name("kernel cache", tests, NULL, NULL);
    rt_remove_tree(folder);
    return failed;
}
