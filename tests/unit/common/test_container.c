/* What marks a container, and what its user is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/container.h"
#include "common/base/file.h"

static char root[64];

static int set_up(void **state)
{
    (void)state;
    unsetenv("KUBERNETES_SERVICE_HOST");
    snprintf(root, sizeof root, "/tmp/ringtorch-container-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rt_remove_tree(root) == RT_OK ? 0 : -1;
}

/* Makes a folder, and a file in it if `file` is not NULL. */
static void plant(const char *below, const char *file)
{
    char path[200];
    snprintf(path, sizeof path, "%s%s", root, below);
    assert_int_equal(rt_dir_make(path, 0755), RT_OK);
    size_t used = strlen(path);
    if (file) {
        snprintf(path + used, sizeof path - used, "/%s", file);
        assert_int_equal(rt_file_replace(path, "", 0), RT_OK);
    }
}

static void expect_advice(const char *fragment)
{
    const char *advice = rt_container_shm_advice(root);
    if (!advice || !strstr(advice, fragment))
        fail_msg("'%s' is not in: %s", fragment, advice ? advice : "(no advice)");
}

static void a_machine_is_no_container(void **state)
{
    (void)state;
    assert_null(rt_container_shm_advice(root));
}

static void podman_and_docker_have_an_option(void **state)
{
    (void)state;
    plant("", ".dockerenv");
    expect_advice("--shm-size=1g");
    assert_int_equal(rt_remove_tree(root), RT_OK);
    plant("", NULL);
    plant("/run", ".containerenv");
    expect_advice("--shm-size=1g");
}

static void a_pod_mounts_memory(void **state)
{
    (void)state;
    plant("/run", ".containerenv"); /* as CRI-O does */
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    expect_advice("medium: Memory");
    unsetenv("KUBERNETES_SERVICE_HOST");
    plant("/var", NULL);
    plant("/var/run", NULL);
    plant("/var/run/secrets", NULL);
    plant("/var/run/secrets/kubernetes.io", NULL);
    plant("/var/run/secrets/kubernetes.io/serviceaccount", NULL);
    expect_advice("medium: Memory");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(a_machine_is_no_container),
                                       TEST(podman_and_docker_have_an_option),
                                       TEST(a_pod_mounts_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
