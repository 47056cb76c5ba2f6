/* What batch systems say about the hosts of a job: what is read from their variables and files, and what is refused. And what the first task
 * of somebody's mpirun makes of its host and its run directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "launch/cmd/outer_task.h"
#include "launch/jobs/allocation.h"
#include "launch/jobs/outer.h"
#include "launch/jobs/own_address.h"
#include "launch/jobs/slurm_list.h"
#include "tests/support/folder.h"
#include "tests/unit/common/random.h"

static const char *const variables[] = {
    "SLURM_JOB_ID",
    "SLURM_JOBID",
    "SLURM_JOB_NODELIST",
    "SLURM_NODELIST",
    "SLURM_TASKS_PER_NODE",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_NTASKS",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_CPUS_PER_TASK",
    "SLURMD_NODENAME",
    "PBS_JOBID",
    "PBS_NODEFILE",
    "JOB_ID",
    "PE_HOSTFILE",
    "LSB_JOBID",
    "LSB_DJOB_HOSTFILE",
    "LSB_MCPU_HOSTS",
    "LSB_HOSTS",
    "OAR_JOB_ID",
    "OAR_NODEFILE",
};

static void set_variables(const char *const *assignment)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    for (; *assignment; assignment++) {
        char name[64];
        size_t n = strcspn(*assignment, "=");
        snprintf(name, sizeof name, "%.*s", (int)n, *assignment);
        setenv(name, *assignment + n + 1, 1);
    }
}

/* ---- lists ---- */

static void host_expressions_are_expanded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hosts;
    } rows[] = {
        {"n1", "n1"},
        {"n1,n2", "n1,n2"},
        {"n[1-3]", "n1,n2,n3"},
        {"n[08-11,3],gpu7", "n08,n09,n10,n11,n3,gpu7"},
        {"r[1-2]n[01-02]-ib", "r1n01-ib,r1n02-ib,r2n01-ib,r2n02-ib"},
        {"[1-2]x,a.b.c", "1x,2x,a.b.c"},
        {"n[5]", "n5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__host_list h = {0};
        assert_int_equal(rt__slurm_hosts(rows[i].text, &h), RT_OK);
        char *joined = rt__host_list_join(&h, false);
        assert_string_equal(joined, rows[i].hosts);
        rt_mem_free(joined);
        rt__host_list_release(&h);
    }
}

static void hostile_expressions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "'' is not a host name"},
        {"a,,b", "'' is not a host name"},
        {"n[1-", "a bracket is not closed"},
        {"n[", "a bracket is not closed"},
        {"n]", "'n]' is not a host name"},
        {"n[]", "'' is no range of numbers"},
        {"n[1,]", "'' is no range of numbers"},
        {"n[3-1]", "'3-1' is no range of numbers"},
        {"n[1-2-3]", "'1-2-3' is no range of numbers"},
        {"n[a-b]", "'a-b' is no range of numbers"},
        {"n[[1]]", "'[1' is no range of numbers"},
        {"n[1-99999999999999999999]", "is no range of numbers"},
        {"n[0-999999999]", "more than 4096 hosts"},
        {"n[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", "more than 4096 hosts"},
        {"-oProxyCommand=x", "'-oProxyCommand=x' is not a host name"},
        {"a b", "'a b' is not a host name"},
        {"$(x)", "'$(x)' is not a host name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__host_list h = {0};
        assert_int_not_equal(rt__slurm_hosts(rows[i].text, &h), RT_OK);
        if (!strstr(rt_error(), rows[i].message))
            fail_msg("%s: %s", rows[i].text, rt_error());
        rt_error_clear();
        rt__host_list_release(&h);
    }
}

static void counts_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "x",        "2(x",       "2(x)",   "2(x0)",
                                      "0",    "2,",       "2(x3)y",    "2 (x3)", "-1",
                                      "1,,2", "2(x3),1(", "9999999999"};
    int64_t count[6] = {0}, total;
    assert_int_equal(rt__slurm_counts("2(x3),1,7(x999999999)", count, 6, &total), RT_OK);
    assert_int_equal(total, 1000000003);
    const int64_t expected[] = {2, 2, 2, 1, 7, 7};
    assert_memory_equal(count, expected, sizeof expected);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (rt__slurm_counts(bad[i], count, 6, &total) == RT_OK)
            fail_msg("'%s' is accepted", bad[i]);
        rt_error_clear();
    }
}

/* No text makes the parsers crash, hang or accept more hosts than there may be. */
static void any_text_is_survived(void **state)
{
    (void)state;
    static const char letters[] = "n019[[]],,--(x)a. ";
    uint64_t r = random_seed("test_allocation");
    for (int i = 0; i < 20000; i++) {
        char text[40];
        size_t len = (size_t)random_below(&r, sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = letters[random_below(&r, sizeof letters - 1)];
        text[len] = '\0';
        rt__host_list h = {0};
        int64_t count[4], total;
        if (rt__slurm_hosts(text, &h) == RT_OK)
            assert_in_range(h.count, 1, 4096);
        rt_error_clear();
        rt__host_list_release(&h);
        rt__slurm_counts(text, count, 4, &total);
        rt_error_clear();
    }
}

/* ---- surroundings ---- */

static void check_allocation(int64_t threads, const char *const *set, const char *hosts,
                             int64_t tasks, const char *from)
{
    rt__host_list h;
    set_variables(set);
    if (rt__allocation_find(threads, &h) != RT_OK)
        fail_msg("%s: %s", set[0], rt_error());
    char *joined = rt__host_list_join(&h, true);
    if (strcmp(joined ? joined : "", hosts) != 0 || h.tasks != tasks || strcmp(h.from, from) != 0)
        fail_msg("%s: %s, %d tasks, %s", set[0], joined, (int)h.tasks, h.from);
    rt_mem_free(joined);
    rt__host_list_release(&h);
}

#define SLURM    "SLURM_JOB_ID=77", "SLURM_JOB_NODELIST=n[1-2]"
#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

static void slots_are_what_a_user_of_slurm_expects(void **state)
{
    (void)state;
    static const char from[] = "Slurm's allocation (job 77)";
    /* tasks, if the user has asked for some */
    check_allocation(1, SET(SLURM, "SLURM_NTASKS=3", "SLURM_TASKS_PER_NODE=2,1"), "n1:2,n2:1", 3,
                     from);
    check_allocation(4, SET(SLURM, "SLURM_NTASKS=4", "SLURM_TASKS_PER_NODE=2(x2)"), "n1:2,n2:2", 4,
                     from);
    /* whole nodes: CPUs */
    check_allocation(2, SET(SLURM, "SLURM_TASKS_PER_NODE=8(x2)", "SLURM_JOB_CPUS_PER_NODE=8(x2)"),
                     "n1:4,n2:4", 8, from);
    check_allocation(1,
                     SET(SLURM, "SLURM_TASKS_PER_NODE=2(x2)", "SLURM_JOB_CPUS_PER_NODE=8,3",
                         "SLURM_CPUS_PER_TASK=4"),
                     "n1:2,n2:1", 3, from);
    /* srun -n 1 within the job has replaced the job's tasks */
    check_allocation(1,
                     SET(SLURM, "SLURM_NTASKS=1", "SLURM_STEP_NUM_TASKS=1",
                         "SLURM_TASKS_PER_NODE=1", "SLURM_JOB_CPUS_PER_NODE=3,1"),
                     "n1:3,n2:1", 4, from);
    check_allocation(1, SET(SLURM, "SLURM_NTASKS=5"), "n1:3,n2:3", 6, from);
    check_allocation(1, SET("SLURM_NODELIST=n1"), "n1:1", 1, "Slurm's allocation");
}

static void this_host_alone_needs_no_list(void **state)
{
    (void)state;
    char list[300], here[256] = "";
    gethostname(here, sizeof here - 1);
    snprintf(list, sizeof list, "SLURM_JOB_NODELIST=%s", here);
    check_allocation(1, SET(list, "SLURM_NTASKS=4", "SLURM_TASKS_PER_NODE=4"), "", 4,
                     "Slurm's allocation");
    check_allocation(1, SET(list, "SLURM_TASKS_PER_NODE=64", "SLURM_JOB_CPUS_PER_NODE=64"), "", 0,
                     "Slurm's allocation");
    /* a node whose name in Slurm differs from its own */
    snprintf(list, sizeof list, "%s:1,n2:1", here);
    check_allocation(1, SET(SLURM, "SLURMD_NODENAME=n1"), list, 2, "Slurm's allocation (job 77)");
    check_allocation(1, SET("PATH_OF_NOTHING=1"), "", 0, "");
}

static void files_and_lists_of_other_systems(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *list, *hosts, *from;
        int64_t tasks;
        bool file;
    } rows[] = {
        {"PBS_NODEFILE", "h1\nh1\nh2\nh2\nh3\n", "h1:2,h2:2,h3:1", "PBS's allocation", 5, true},
        {"PBS_NODEFILE", "\n", "", "", 0, true},
        {"PBS_NODEFILE", "/nonexistent/nodes", "", "", 0, false},
        {"PBS_NODEFILE", "/dev/zero", "", "", 0, false},
        {"PE_HOSTFILE", "h1 4 all.q@h1 UNDEFINED\nh2 2 all.q@h2 <NULL>\n", "h1:4,h2:2",
         "Grid Engine's allocation", 6, true},
        {"LSB_DJOB_HOSTFILE", "h1\nh2\nh2\n", "h1:1,h2:2", "LSF's allocation", 3, true},
        {"LSB_MCPU_HOSTS", "h1 4 h2 2 ", "h1:4,h2:2", "LSF's allocation", 6, false},
        {"LSB_HOSTS", "h1 h1 h2", "h1:2,h2:1", "LSF's allocation", 3, false},
        {"OAR_NODEFILE", "h1\nh2\n", "h1:1,h2:1", "OAR's allocation", 2, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char file[] = "/tmp/rt-nodes-XXXXXX", set[128];
        int fd = mkstemp(file);
        assert_int_equal(write(fd, rows[i].list, strlen(rows[i].list)), strlen(rows[i].list));
        close(fd);
        snprintf(set, sizeof set, "%s=%s", rows[i].variable, rows[i].file ? file : rows[i].list);
        check_allocation(1, SET(set), rows[i].hosts, rows[i].tasks, rows[i].from);
        unlink(file);
    }
}

static void nonsense_is_refused_by_the_variables_name(void **state)
{
    (void)state;
    static const struct {
        const char *set[3], *message;
    } rows[] = {
        {{"SLURM_JOB_NODELIST=n[1-"}, "SLURM_JOB_NODELIST 'n[1-': a bracket is not closed"},
        {{"SLURM_JOB_NODELIST=n1", "SLURM_TASKS_PER_NODE=2(x"},
         "SLURM_TASKS_PER_NODE '2(x': expected numbers such as 2(x3),1"},
        {{"LSB_MCPU_HOSTS=h1 many"}, "LSB_MCPU_HOSTS 'h1 many': 'h1': expected a number of slots"},
        {{"LSB_MCPU_HOSTS=h1"}, "expected a number of slots after the host"},
        {{"LSB_MCPU_HOSTS=h1 -4"}, "host h1 has -4 slots: expected 1 to 65536"},
        {{"LSB_MCPU_HOSTS=h1 99999999999999999999"}, "expected a number of slots"},
        {{"LSB_HOSTS=h1 -x"}, "'-x' is not a host name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__host_list h;
        set_variables(rows[i].set);
        assert_int_not_equal(rt__allocation_find(1, &h), RT_OK);
        if (!strstr(rt_error(), rows[i].message))
            fail_msg("%s: %s", rows[i].set[0], rt_error());
        rt_error_clear();
    }
    set_variables(SET("PE_HOSTFILE=x"));
    char text[128];
    assert_string_equal(rt__allocation_advice(8, text), "qsub -pe NAME 8");
}

/* An allocation is no list that the user could take a host out of. */
static void a_host_that_is_of_no_use_can_be_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *set, *names, *advice;
    } rows[] = {
        {"SLURM_JOB_NODELIST=n[1-3]", "n2", "ask for a job without it: sbatch --exclude=n2"},
        {"SLURM_NODELIST=n[1-3]", "n2,n3", "ask for a job without them: sbatch --exclude=n2,n3"},
        {"PBS_NODEFILE=x", "n2", "name the other hosts in a file for --hostfile"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_text t = {0};
        set_variables(SET(rows[i].set));
        rt__allocation_leave_out(rows[i].names, &t);
        assert_string_equal(t.data, rows[i].advice);
        rt_mem_free(t.data);
    }
    set_variables(SET("PATH_OF_NOTHING=1"));
}

/* ---- where the ranks of an outer job may reach us ---- */

/* Addresses of bridges, which every host may have, come after those that other hosts may know. */
static void addresses_are_tried_in_a_sensible_order(void **state)
{
    (void)state;
    static const struct {
        rt__route own[5];
        int n;
        const char *list;
    } rows[] = {
        {{{"10.0.0.1", "eth0"}}, 1, "10.0.0.1"},
        {{{"172.17.0.1", "docker0"}, {"10.0.0.1", "eth0"}}, 2, "10.0.0.1,172.17.0.1"},
        {{{"192.168.122.1", "virbr0"},
          {"169.254.7.7", "enp5s0"},
          {"10.88.0.1", "cni-podman0"},
          {"10.1.0.1", "ib0"},
          {"10.0.0.1", "bond0.12"}},
         5,
         "10.1.0.1,10.0.0.1,192.168.122.1,10.88.0.1,169.254.7.7"},
        {{{"172.18.0.1", "br-1a2b3c"}, {"10.0.0.1", "br0"}}, 2, "10.0.0.1,172.18.0.1"},
        {{{"172.17.0.1", "docker0"}}, 1, "172.17.0.1"}, /* the only one may be the right one */
        {{{"10.0.0.1", "eth0"}, {"10.0.0.1", "eth0:1"}}, 2, "10.0.0.1"},
        {{{"", ""}}, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__route chosen[RT__ROUTES_MOST];
        char list[RT_ADDRESSES];
        rt__routes_list(chosen, rt__routes_choose(rows[i].own, rows[i].n, chosen), list);
        assert_string_equal(list, rows[i].list);
    }
}

/* A host of containers has so many bridges that not all addresses can be tried: those of its networks are among those that are. */
static void bridges_do_not_crowd_out_a_network(void **state)
{
    (void)state;
    enum { BRIDGES = 40 };
    rt__route all[BRIDGES + 1] = {[BRIDGES] = {"192.168.200.100", "bond0"}};
    rt__route chosen[RT__ROUTES_MOST];
    char list[RT_ADDRESSES];
    for (int i = 0; i < BRIDGES; i++) {
        snprintf(all[i].address, sizeof all[i].address, "192.168.100.%d", 100 + i);
        snprintf(all[i].interface, sizeof all[i].interface, "br-%d", i);
    }
    assert_int_equal(rt__routes_choose(all, BRIDGES + 1, chosen), RT__ROUTES_MOST);
    rt__routes_list(chosen, RT__ROUTES_MOST, list); /* as many as there may be fit */
    assert_memory_equal(list, "192.168.200.100,192.168.100.100,", 32);
    assert_string_equal(strrchr(list, ','), ",192.168.100.114");
}

/* A host of its own may have no address that others could reach: then control.bind is asked for, which says as much. */
static void the_coordinator_listens_everywhere_unless_told_where(void **state)
{
    (void)state;
    static const struct {
        const char *bind, *here; /* how many of the 2 ranks are on this host */
        bool open;
    } rows[] = {
        {"auto", "1", true},       {"\"*\"", "1", true}, {"0.0.0.0", "1", true},
        {"127.0.0.1", "1", false}, {"eth0", "1", false}, {"auto", "2", false},
    };
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt_config cfg;
        char set[64], addresses[RT_ADDRESSES] = "x";
        snprintf(set, sizeof set, "control.bind=%s", rows[i].bind);
        assert_int_equal(rt_config_default(&cfg), RT_OK);
        assert_int_equal(rt_config_set(&cfg, set), RT_OK);
        assert_int_equal(rt_config_set(&cfg, "parallel.workers=2"), RT_OK);
        setenv("OMPI_COMM_WORLD_LOCAL_SIZE", rows[i].here, 1);
        rt_status status = rt__outer_task_check(&cfg, addresses);
        if (status != RT_OK)
            assert_non_null(strstr(rt_error(), "set control.bind to one"));
        assert_int_equal(status != RT_OK || addresses[0], rows[i].open);
        rt_error_clear();
        rt_config_release(&cfg);
    }
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("OMPI_COMM_WORLD_LOCAL_SIZE");
}

/* mpirun kills ranks that wait, so that they cannot remove their notes. */
static void notes_of_killed_ranks_are_removed(void **state)
{
    (void)state;
    static const char *const files[] = {"logs/.come-0123456789abcdef-1", "logs/.come-4711-0",
                                        "logs/coordinator.log"};
    static char folder[FOLDER_MAX];
    char path[200];
    assert_true(folder_make(folder, "notes"));
    rt__outer_remove_notes(folder); /* a new run has no logs yet */
    assert_false(rt_failed());
    snprintf(path, sizeof path, "%s/logs", folder);
    assert_int_equal(rt_dir_make(path, 0755), RT_OK);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        assert_int_equal(rt_file_replace(path, "n1", 2), RT_OK);
    }
    rt__outer_remove_notes(folder);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        assert_int_equal(rt_path_exists(path), i == 2);
    }
    assert_int_equal(rt_remove_tree(folder), RT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_expressions_are_expanded),
        cmocka_unit_test(hostile_expressions_are_refused),
        cmocka_unit_test(counts_are_read),
        cmocka_unit_test(any_text_is_survived),
        cmocka_unit_test(slots_are_what_a_user_of_slurm_expects),
        cmocka_unit_test(this_host_alone_needs_no_list),
        cmocka_unit_test(files_and_lists_of_other_systems),
        cmocka_unit_test(nonsense_is_refused_by_the_variables_name),
        cmocka_unit_test(a_host_that_is_of_no_use_can_be_left_out),
        cmocka_unit_test(addresses_are_tried_in_a_sensible_order),
        cmocka_unit_test(bridges_do_not_crowd_out_a_network),
        cmocka_unit_test(the_coordinator_listens_everywhere_unless_told_where),
        cmocka_unit_test(notes_of_killed_ranks_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
