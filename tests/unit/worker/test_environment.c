/* setenv, unsetenv and putenv of the worker: what POSIX says of them, and readers in other threads that lose nothing. */
#include "common/base/error.h"
#include "tests/support/outcome.h"
#include "worker/environment.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void variables_are_set_replaced_and_removed(void **state)
{
    (void)state;
    static char put[] = "RT_TEST_PUT=one";
    must(rt__environment_protect());
    assert_int_equal(setenv("RT_TEST_A", "1", 0), 0);
    assert_int_equal(setenv("RT_TEST_AB", "other", 1), 0);
    assert_string_equal(getenv("RT_TEST_A"), "1");
    assert_int_equal(setenv("RT_TEST_A", "2", 0), 0);
    assert_string_equal(getenv("RT_TEST_A"), "1");
    const char *before = getenv("RT_TEST_A");
    assert_int_equal(setenv("RT_TEST_A", "", 1), 0);
    assert_string_equal(getenv("RT_TEST_A"), "");
    assert_string_equal(before, "1"); /* who holds it may still read it */
    assert_string_equal(getenv("RT_TEST_AB"), "other");

    assert_int_equal(putenv(put), 0);
    memcpy(put + strlen("RT_TEST_PUT="), "two", 3);
    assert_string_equal(getenv("RT_TEST_PUT"), "two"); /* the caller's own text, not a copy */
    static char name_only[] = "RT_TEST_PUT";
    assert_int_equal(putenv(name_only), 0);
    assert_null(getenv("RT_TEST_PUT"));

    assert_int_equal(unsetenv("RT_TEST_A"), 0);
    assert_null(getenv("RT_TEST_A"));
    assert_string_equal(getenv("RT_TEST_AB"), "other");
    assert_int_equal(unsetenv("RT_TEST_A"), 0); /* not there is no failure */
    assert_int_equal(unsetenv("RT_TEST_AB"), 0);
}

static void a_name_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", "A=B"};
    for (int i = 0; i < 2; i++) {
        errno = 0;
        assert_int_equal(setenv(names[i], "1", 1), -1);
        assert_int_equal(errno, EINVAL);
        errno = 0;
        assert_int_equal(unsetenv(names[i]), -1);
        assert_int_equal(errno, EINVAL);
    }
}

/* A program may give itself another array, or none. */
static void another_environment_is_added_to(void **state)
{
    (void)state;
    char own[] = "RT_TEST_OWN=1", *list[] = {own, NULL}, **usual = environ;
    environ = list;
    assert_int_equal(setenv("RT_TEST_A", "1", 1), 0);
    assert_string_equal(getenv("RT_TEST_OWN"), "1");
    assert_string_equal(getenv("RT_TEST_A"), "1");
    assert_null(list[1]);
    environ = NULL;
    assert_int_equal(unsetenv("RT_TEST_A"), 0);
    assert_int_equal(setenv("RT_TEST_A", "2", 1), 0);
    assert_string_equal(getenv("RT_TEST_A"), "2");
    environ = usual;
}

/* ---- readers ---- */

enum { READERS = 2, VARIABLES = 3000 };

static atomic_bool over;
static atomic_int missed;

static void *read_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        const char *first = getenv("RT_TEST_FIRST"), *last = getenv("RT_TEST_LAST");
        if (!first || strcmp(first, "here") != 0 || !last || strncmp(last, "value", 5) != 0)
            atomic_fetch_add(&missed, 1);
    }
    return NULL;
}

/* With the C library's setenv the readers run into freed memory. */
static void readers_see_all_while_variables_come_and_go(void **state)
{
    (void)state;
    pthread_t reader[READERS];
    char name[32], value[32];
    setenv("RT_TEST_FIRST", "here", 1);
    setenv("RT_TEST_LAST", "value", 1);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_on, NULL), 0);
    for (int i = 0; i < VARIABLES; i++) {
        snprintf(name, sizeof name, "RT_TEST_%d", i);
        snprintf(value, sizeof value, "value%d", i);
        assert_int_equal(setenv(name, value, 1), 0);
        assert_int_equal(setenv("RT_TEST_LAST", value, 1), 0);
        if (i % 16 == 15)
            assert_int_equal(unsetenv(name), 0);
    }
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(reader[i], NULL);
    assert_int_equal(atomic_load(&missed), 0);
    for (int i = 0; i < VARIABLES; i++) {
        snprintf(name, sizeof name, "RT_TEST_%d", i);
        snprintf(value, sizeof value, "value%d", i);
        if (i % 16 == 15)
            assert_null(getenv(name));
        else
            assert_string_equal(getenv(name), value);
    }
}

/* Shared libraries call these, too: MPI among them. */
static void shared_libraries_use_them(void **state)
{
    (void)state;
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "setenv"), (void *)(uintptr_t)setenv);
    assert_ptr_not_equal(dlsym(RTLD_DEFAULT, "setenv"), dlsym(RTLD_NEXT, "setenv"));
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (libc) {
        assert_ptr_not_equal(dlsym(libc, "setenv"), (void *)(uintptr_t)setenv);
        dlclose(libc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_set_replaced_and_removed),
        cmocka_unit_test(a_name_that_is_none_is_refused),
        cmocka_unit_test(another_environment_is_added_to),
        cmocka_unit_test(readers_see_all_while_variables_come_and_go),
        cmocka_unit_test(shared_libraries_use_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
