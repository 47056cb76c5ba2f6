/* Trains the net of spirals.h in an MPI program of our own: the loop of spirals_alone.c, whose batches are cut into slices. Any number
 * of ranks up to SLICES computes the same bits.
 *
 *     mpicc -std=gnu17 -O2 -ffp-contract=off spirals_mpi.c -o spirals_mpi $(pkg-config --cflags --libs ringtorch-worker)
 *     mpirun -n 4 ./spirals_mpi */
#include "spirals.h"
#include <mpi.h>
#include <ringtorch/comm.h>
#include <stdio.h>

enum { STEPS = 300, BATCH = 64, SLICES = 8, SEED = 1337 };

/* Computes the gradients of this rank's slices of a batch, and adds those of all ranks. */
static rt_status find_gradients(rt_module *net, const rt_batch *b, rt_comm_grads *grads)
{
    enum { N = BATCH / SLICES }; /* samples of a slice */
    for (int64_t i = rt_comm_grads_begin(grads); i < rt_comm_grads_end(grads); i++) {
        rt_tensor *x = rt_narrow(rt_batch_field(b, "x"), 0, i * N, N);
        rt_tensor *side = rt_narrow(rt_batch_field(b, "side"), 0, i * N, N);
        rt_backward(rt_mul_scalar(spiral_loss(rt_forward(net, x), side), 1.0 / BATCH));
        rt_comm_grads_add(grads, i);
    }
    return rt_comm_grads_sum(grads);
}

static rt_status train(rt_comm *comm, rt_module *net, rt_optim *opt)
{
    rt_comm_grads *grads;
    rt_loader *data =
        rt_data_loader(spiral_points(512, 1.5, true), .batch = BATCH, .shuffle = true);
    rt_status status = rt_comm_broadcast_params(comm, opt, 0);
    if (status != RT_OK || rt_comm_grads_open(comm, opt, SLICES, &grads) != RT_OK)
        return rt_error_code();
    rt_batch b;
    for (int step = 1; step <= STEPS && status == RT_OK; step++) {
        rt_scope s = rt_scope_begin();
        if (!rt_data_next(data, &b)) /* the end of an epoch: the next one begins */
            rt_data_next(data, &b);
        status = find_gradients(net, &b, grads);
        if (status == RT_OK)
            status = rt_optim_step(opt);
        rt_scope_end(s);
    }
    rt_comm_grads_free(grads);
    return status;
}

int main(int argc, char **argv)
{
    int level;
    rt_comm *comm = NULL;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    rt_init("cpu", .seed = SEED);
    rt_random_seek(SEED, UINT32_MAX, 0); /* a run draws its initial weights here */
    rt_module *net = spiral_net_new();
    rt_optim *opt = rt_optim_adam(net, .lr = 1e-3);
    if (rt_comm_from_mpi(MPI_COMM_WORLD, &comm) != RT_OK || train(comm, net, opt) != RT_OK) {
        rt_shutdown(); /* prints the error */
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    if (rt_comm_rank(comm) == 0)
        rt_nn_save(net, argc > 1 ? argv[1] : "spirals.safetensors");
    rt_comm_free(comm);
    int code = rt_shutdown();
    MPI_Finalize();
    return code;
}
