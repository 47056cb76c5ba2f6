/* The collectives and groups over MPI: run under mpirun with any number of ranks up to 8. */
#include "tests/mpi/groups.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static rt_comm *comm;

static void run(rt_status (*body)(rt_comm *, uint64_t), uint64_t seed)
{
    rt_error_clear();
    if (body(comm, seed) != RT_OK)
        fail_msg("rank %d, seed %llu: %s (%s)", rt_comm_rank(comm), (unsigned long long)seed,
                 rt_error(), rt_error_place());
}

#define TEST(name)                                                                                 \
    static void mpi_##name(void **state)                                                           \
    {                                                                                              \
        (void)state;                                                                               \
        run(test_##name, 20261122);                                                                \
    }
COLLECTIVE_TESTS(TEST)
GROUP_TESTS(TEST)
#undef TEST

static void second_start_is_refused(void **state)
{
    rt_comm *again;
    (void)state;
    assert_int_equal(rt_comm_mpi(&again), RT_E_EXISTS);
    assert_null(again);
    rt_error_clear();
}

int main(void)
{
#define TEST(name) cmocka_unit_test(mpi_##name),
    const struct CMUnitTest tests[] = {COLLECTIVE_TESTS(TEST) GROUP_TESTS(TEST)
                                           cmocka_unit_test(second_start_is_refused)};
#undef TEST
    if (rt_comm_mpi(&comm) != RT_OK) {
        fprintf(stderr, "%s\n", rt_error());
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_comm_free(comm);
    return failed;
}
