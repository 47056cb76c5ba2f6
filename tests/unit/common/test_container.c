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

/* Expects advice for 369 MB: two snapshots of 90 MB, twice, and what MPI needs. */
static void expect_advice(const char *fragment)
{
    char advice[RT_CONTAINER_ADVICE];
    bool given = rt_container_shm_advice(root, 369e6, advice);
    if (!given || !strstr(advice, fragment))
        fail_msg("'%s' is not in: %s", fragment, given ? advice : "(no advice)");
}

static void a_size_is_large_enough(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } rows[] = {{0, "64m"},          {1, "64m"},        {65 << 20, "128m"},
                {512 << 20, "512m"}, {513 << 20, "1g"}, {(1LL << 30) + 1.0, "2g"},
                {369e6, "512m"},     {1.5e12, "2048g"}};
    char size[RT_CONTAINER_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(rt_container_size(rows[i].bytes, size), rows[i].text);
}

static void a_machine_is_no_container(void **state)
{
    (void)state;
    char advice[RT_CONTAINER_ADVICE];
    assert_false(rt_container_shm_advice(root, 1e9, advice));
}

static void podman_and_docker_have_an_option(void **state)
{
    (void)state;
    plant("", ".dockerenv");
    expect_advice("--shm-size=512m");
    assert_int_equal(rt_remove_tree(root), RT_OK);
    plant("", NULL);
    plant("/run", ".containerenv");
    expect_advice("--shm-size=512m");
}

static void a_pod_mounts_memory(void **state)
{
    (void)state;
    plant("/run", ".containerenv"); /* as CRI-O does */
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    expect_advice("an emptyDir with medium: Memory, sizeLimit: 512Mi at /dev/shm");
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
                                       TEST(a_pod_mounts_memory), TEST(a_size_is_large_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
