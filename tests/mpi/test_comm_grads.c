/* The public communicator (ringtorch/comm.h): sums of gradients with the bits of one process, over communicators of the program's own, and
 * what is refused. Run under mpirun with any number of ranks. */
#include <mpi.h>
#include <ringtorch/comm.h>
#include <ringtorch/ringtorch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
    SLICES = 11,
    IN = 300,
    OUT = 257
}; /* more than one block of parameters, and neither is a power of two */

static rt_comm *world;

/* MPI's profiling interface: what the library asks of MPI comes here first. */
static int duplicates;    /* made minus freed; other communicators that are freed count, too */
static bool split_breaks; /* the next calls fail */

int MPI_Comm_dup(MPI_Comm of, MPI_Comm *out)
{
    duplicates++;
    return PMPI_Comm_dup(of, out);
}

int MPI_Comm_free(MPI_Comm *c)
{
    duplicates--;
    return PMPI_Comm_free(c);
}

int MPI_Comm_split_type(MPI_Comm of, int type, int key, MPI_Info info, MPI_Comm *out)
{
    return split_breaks ? MPI_ERR_INTERN : PMPI_Comm_split_type(of, type, key, info, out);
}

static void expect_refused(rt_status status, rt_status expected, const char *says)
{
    if (status != expected || !strstr(rt_error(), says))
        fail_msg("status %d, expected %d and '%s': %s", (int)status, (int)expected, says,
                 rt_error());
    rt_error_clear();
}

static rt_optim *make_optim(rt_module **net)
{
    rt_random_seek(7, 1, 0);
    *net = rt_nn_linear(IN, OUT);
    return rt_optim_adam(*net, .lr = 1e-2);
}

/* The gradients of slice i of a step; every third has none for the bias. */
static void differentiate(rt_module *net, int64_t step, int64_t i)
{
    rt_random_seek(3, (uint64_t)step, (uint32_t)i);
    rt_tensor *x = rt_randn(rt_shape(2, IN));
    rt_tensor *y = rt_linear(x, rt_nn_param_at(net, 0, NULL),
                             .bias = i % 3 ? rt_nn_param_at(net, 1, NULL) : NULL);
    rt_backward(rt_mean(rt_square(y)));
}

/* Makes some steps with the ranks of c and returns all parameters. */
static float *train(rt_comm *c)
{
    rt_comm_grads *g;
    rt_module *net;
    rt_optim *o = make_optim(&net);
    assert_int_equal(rt_comm_broadcast_params(c, o, rt_comm_world(c) - 1), RT_OK);
    assert_int_equal(rt_comm_grads_open(c, o, SLICES, &g), RT_OK);
    for (int64_t step = 0; step < 3; step++) {
        rt_scope s = rt_scope_begin();
        for (int64_t i = rt_comm_grads_begin(g); i < rt_comm_grads_end(g); i++) {
            differentiate(net, step, i);
            assert_int_equal(rt_comm_grads_add(g, i), RT_OK);
        }
        assert_int_equal(rt_comm_grads_sum(g), RT_OK);
        assert_int_equal(rt_optim_step(o), RT_OK);
        rt_scope_end(s);
    }
    rt_comm_grads_free(g);
    const rt_flat *flat = rt_optim_flat(o);
    size_t bytes = (size_t)flat->count * sizeof(float);
    float *all = malloc(bytes);
    assert_non_null(all);
    memcpy(all, flat->param, bytes);
    return all;
}

/* Each rank also trains alone, over a communicator of itself. */
static void sums_have_the_bits_of_one_process(void **state)
{
    (void)state;
    rt_comm *self;
    rt_scope s = rt_scope_begin();
    assert_int_equal(rt_comm_from_mpi(MPI_COMM_SELF, &self), RT_OK);
    float *alone = train(self), *together = train(world);
    assert_memory_equal(alone, together, IN * OUT * sizeof(float));
    free(alone);
    free(together);
    rt_comm_free(self);
    rt_scope_end(s);
}

/* Messages over the duplicate do not meet those of the program, which may free its own communicator. */
static void a_part_of_the_ranks_computes_the_same(void **state)
{
    (void)state;
    MPI_Comm part;
    rt_comm *c;
    int rank = rt_comm_rank(world);
    rt_scope s = rt_scope_begin();
    float *all = train(world);
    MPI_Comm_split(MPI_COMM_WORLD, rank == 0, -rank, &part);
    assert_int_equal(rt_comm_from_mpi(part, &c), RT_OK);
    MPI_Comm_free(&part);
    float *some = train(c);
    assert_memory_equal(all, some, IN * OUT * sizeof(float));
    assert_int_equal(rt_comm_barrier(c), RT_OK);
    free(all);
    free(some);
    rt_comm_free(c);
    rt_scope_end(s);
}

static void parameters_are_those_of_the_root(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_random_seek(100 + (uint64_t)rt_comm_rank(world), 0, 0);
    rt_module *net = rt_nn_linear(3, 2);
    rt_optim *o = rt_optim_sgd(net, .lr = 1);
    assert_int_equal(rt_comm_broadcast_params(world, o, 1), RT_OK);
    rt_random_seek(101, 0, 0);
    rt_module *roots = rt_nn_linear(3, 2);
    assert_memory_equal(rt_f32(rt_nn_param_at(net, 0, NULL)),
                        rt_f32(rt_nn_param_at(roots, 0, NULL)), 6 * sizeof(float));
    rt_scope_end(s);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    rt_comm *c;
    rt_comm_grads *g;
    rt_module *net;
    rt_scope s = rt_scope_begin();
    rt_optim *o = make_optim(&net);
    expect_refused(rt_comm_from_mpi(MPI_COMM_WORLD, NULL), RT_E_ARG,
                   "place for the result is NULL");
    expect_refused(rt_comm_from_mpi(MPI_COMM_NULL, &c), RT_E_ARG, "not a communicator");
    expect_refused(rt_comm_barrier(NULL), RT_E_ARG, "comm_barrier: the communicator is NULL");
    expect_refused(rt_comm_broadcast_params(NULL, o, 0), RT_E_ARG, "the communicator is NULL");
    expect_refused(rt_comm_broadcast_params(world, NULL, 0), RT_E_ARG, "comm_broadcast_params: ");
    expect_refused(rt_comm_broadcast_params(world, o, 99), RT_E_RANGE,
                   "rank 99, expected one below");
    expect_refused(rt_comm_grads_open(world, o, 0, &g), RT_E_RANGE, "0 slices, expected ");
    expect_refused(rt_comm_grads_open(world, o, 65537, &g), RT_E_RANGE, "to 65536");
    expect_refused(rt_comm_grads_open(world, (rt_optim *)net, 8, &g), RT_E_ARG,
                   "comm_grads_open: ");
    assert_null(g);
    expect_refused(rt_comm_grads_open(world, o, 8, NULL), RT_E_ARG, "comm_grads_open: ");
    expect_refused(rt_comm_grads_add(NULL, 0), RT_E_ARG, "comm_grads_add: ");
    expect_refused(rt_comm_grads_sum(NULL), RT_E_ARG, "comm_grads_sum: ");
    assert_int_equal(rt_comm_rank(NULL), -1);
    assert_int_equal(rt_comm_world(NULL), 0);
    assert_int_equal(rt_comm_grads_begin(NULL), 0);
    assert_int_equal(rt_comm_grads_end(NULL), 0);
    rt_comm_grads_free(NULL);
    rt_comm_free(NULL);
    rt_scope_end(s);
}

static void a_duplicate_that_cannot_be_used_is_freed(void **state)
{
    (void)state;
    rt_comm *c;
    int before = duplicates;
    split_breaks = true;
    rt_status status = rt_comm_from_mpi(MPI_COMM_WORLD, &c);
    split_breaks = false;
    expect_refused(status, RT_E_NET, "find the ranks of this host");
    assert_null(c);
    assert_int_equal(duplicates, before);
    assert_int_equal(rt_comm_from_mpi(MPI_COMM_WORLD, &c), RT_OK);
    rt_comm_free(c);
}

static void slices_come_in_order(void **state)
{
    (void)state;
    char due[80];
    rt_comm_grads *g;
    rt_module *net;
    rt_scope s = rt_scope_begin();
    rt_optim *o = make_optim(&net);
    assert_int_equal(rt_comm_grads_open(world, o, SLICES, &g), RT_OK);
    int64_t first = rt_comm_grads_begin(g), end = rt_comm_grads_end(g);
    snprintf(due, sizeof due, "slice %d, but %d of slices ", (int)first + 1, (int)first);
    expect_refused(rt_comm_grads_add(g, first + 1), RT_E_ARG, due);
    snprintf(due, sizeof due, "comm_grads_sum: slice %d of this rank is missing", (int)first);
    expect_refused(rt_comm_grads_sum(g), RT_E_ARG, due);
    for (int64_t i = first; i < end; i++)
        assert_int_equal(rt_comm_grads_add(g, i), RT_OK);
    expect_refused(rt_comm_grads_add(g, end), RT_E_ARG, "none: call rt_comm_grads_sum");
    assert_int_equal(rt_comm_grads_sum(g), RT_OK);
    assert_true(rt_item(rt_sum(rt_abs(rt_grad_of(rt_nn_param_at(net, 0, NULL))))) == 0);
    rt_comm_grads_free(g);
    rt_scope_end(s);
}

int main(void)
{
    int level;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_bits_of_one_process),
        cmocka_unit_test(a_part_of_the_ranks_computes_the_same),
        cmocka_unit_test(parameters_are_those_of_the_root),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(a_duplicate_that_cannot_be_used_is_freed),
        cmocka_unit_test(slices_come_in_order),
    };
    rt_init("cpu", .seed = 1);
    expect_refused(rt_comm_from_fortran(0, &world), RT_E_ARG, "MPI is not running");
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (rt_comm_from_mpi(MPI_COMM_WORLD, &world) != RT_OK)
        return rt_shutdown();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    bool alone = rt_comm_world(world) == 1; /* then there is no message that could fail */
    if (!alone &&
        (rt_comm_barrier(world) != RT_E_ARG || !strstr(rt_error(), "called MPI_Finalize")))
        failed++;
    rt_error_clear();
    rt_comm_free(world);
    return rt_shutdown() + failed;
}
