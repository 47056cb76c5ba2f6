/* How a worker finds its place in a job: in the variables of Open MPI, or in those that a job back end of a plugin names;
 * and that what is missing or makes no sense is refused by the variable's name. */
#include "worker/rank_numbers.h"

#include "common/base/error.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* All variables that any row of this test sets. */
static const char *const all[] = {
    "RINGTORCH_RANKS",
    "RINGTORCH_RANK_FROM",
    "RINGTORCH_WORLD_FROM",
    "RINGTORCH_LOCAL_RANK_FROM",
    "RINGTORCH_LOCAL_WORLD_FROM",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "MY_RANK",
    "MY_WORLD",
    "MY_LOCAL",
};

/* Sets the variables of "A=1 B=2", and no others of the list. */
static void set(const char *assignments)
{
    char copy[600], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", assignments);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        unsetenv(all[i]);
    for (char *a = strtok_r(copy, " ", &rest); a; a = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(a, '=');
        *value = '\0';
        setenv(a, value + 1, 1);
    }
}

#define OPEN_MPI "RINGTORCH_RANKS=4 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_SIZE=2 "
#define OTHERS                                                                                     \
    "RINGTORCH_RANKS=4 RINGTORCH_RANK_FROM=MY_RANK RINGTORCH_WORLD_FROM=MY_WORLD "                 \
    "RINGTORCH_LOCAL_RANK_FROM=MY_LOCAL RINGTORCH_LOCAL_WORLD_FROM= "                              \
    "OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_LOCAL_RANK=0 "                  \
    "OMPI_COMM_WORLD_LOCAL_SIZE=1 "

static void numbers_are_read_from_the_variables_that_hold_them(void **state)
{
    (void)state;
    rt__rank_numbers n;
    set(OPEN_MPI "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1");
    assert_int_equal(rt__rank_numbers_read(&n), RT_OK);
    assert_true(n.rank == 3 && n.world == 4 && n.local_rank == 1 && n.local_world == 2);
    set(OTHERS "MY_RANK=2 MY_WORLD=4 MY_LOCAL=2"); /* and nobody tells how many this host has */
    assert_int_equal(rt__rank_numbers_read(&n), RT_OK);
    assert_true(n.rank == 2 && n.world == 4 && n.local_rank == 2 && n.local_world == 4);
    assert_string_equal(n.rank_from, "MY_RANK");
}

static void what_is_wrong_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *variables, *says;
    } rows[] = {
        {OPEN_MPI "OMPI_COMM_WORLD_LOCAL_RANK=0",
         "OMPI_COMM_WORLD_RANK is not set, which tells a worker its number"},
        {OTHERS "MY_WORLD=4 MY_LOCAL=0", "MY_RANK is not set, which tells a worker its number"},
        {OTHERS "MY_RANK=0 MY_LOCAL=0", "MY_WORLD is not set, which tells a worker how many"},
        {OTHERS "MY_RANK=0 MY_WORLD=4", "MY_LOCAL is not set"},
        {OTHERS "MY_RANK= MY_WORLD=4 MY_LOCAL=0", "MY_RANK=: expected a number of at least 0"},
        {OTHERS "MY_RANK=-1 MY_WORLD=4 MY_LOCAL=0", "MY_RANK=-1: expected a number of at least 0"},
        {OTHERS "MY_RANK=1x MY_WORLD=4 MY_LOCAL=0", "MY_RANK=1x: expected"},
        {OTHERS "MY_RANK=99999999999999999999 MY_WORLD=4 MY_LOCAL=0", "MY_RANK=9999999999"},
        {OTHERS "MY_RANK=4294967296 MY_WORLD=4 MY_LOCAL=0", "MY_RANK=4294967296: expected"},
        {OTHERS "MY_RANK=4 MY_WORLD=4 MY_LOCAL=0", "MY_RANK=4 and MY_WORLD=4: expected a number"},
        {OTHERS "MY_RANK=0 MY_WORLD=4 MY_LOCAL=4", "MY_LOCAL=4 and MY_WORLD=4: expected"},
        {OTHERS "MY_RANK=0 MY_WORLD=3 MY_LOCAL=0",
         "MY_WORLD=3, but 4 workers had been ordered: what starts them must start as many"},
        {OPEN_MPI "OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_LOCAL_RANK=2",
         "OMPI_COMM_WORLD_LOCAL_RANK=2 and OMPI_COMM_WORLD_LOCAL_SIZE=2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__rank_numbers n;
        set(rows[i].variables);
        rt_status status = rt__rank_numbers_read(&n);
        if (status != RT_E_ARG || !strstr(rt_error(), rows[i].says))
            fail_msg("%s: %s \"%s\"", rows[i].variables, rt_status_name(status), rt_error());
        rt_error_clear();
    }
}

static void mpi_must_agree(void **state)
{
    (void)state;
    const rt__rank_numbers n = {.rank = 1, .world = 2, .rank_from = "A", .world_from = "B"};
    assert_int_equal(rt__rank_numbers_check(&n, 1, 2), RT_OK);
    assert_int_equal(rt__rank_numbers_check(&n, 0, 2), RT_E_MISMATCH);
    assert_non_null(strstr(rt_error(), "A=1 and B=2, but MPI has made this process rank 0 of 2"));
    rt_error_clear();
    assert_int_equal(rt__rank_numbers_check(&n, 0, 1), RT_E_MISMATCH);
    rt_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_from_the_variables_that_hold_them),
        cmocka_unit_test(what_is_wrong_is_refused_by_name),
        cmocka_unit_test(mpi_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
