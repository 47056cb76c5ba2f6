/* Exact sums of gradients in a program that has MPI and a training loop of its own: the same bits on any
 * number of ranks.
 *
 *     #include <mpi.h>
 *     enum { SLICES = 8, BATCH = 64 };               // a step's samples are cut into SLICES parts
 *     int level;
 *     MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
 *     rt_module *net = rt_nn_linear(4, 1);
 *     rt_optim *opt = rt_optim_sgd(net, .lr = 0.1);
 *     rt_comm *comm;
 *     rt_comm_grads *grads;
 *     if (rt_comm_from_mpi(MPI_COMM_WORLD, &comm) != RT_OK || rt_comm_broadcast_params(comm, opt, 0) != RT_OK ||
 *         rt_comm_grads_open(comm, opt, SLICES, &grads) != RT_OK)
 *         return rt_shutdown();
 *     for (int step = 0; step < 10 && !rt_failed(); step++) {
 *         rt_scope s = rt_scope_begin();
 *         for (int64_t i = rt_comm_grads_begin(grads); i < rt_comm_grads_end(grads); i++) {
 *             rt_random_seek(1, (uint64_t)step, (uint32_t)i);             // the samples of slice i, on whatever rank
 *             rt_tensor *x = rt_randn(rt_shape(BATCH / SLICES, 4)), *y = rt_sum(x, rt_shape(1), .keep_dim = true);
 *             rt_tensor *loss = rt_sum(rt_square(rt_sub(rt_forward(net, x), y)));
 *             rt_backward(rt_mul_scalar(loss, 1.0 / BATCH));              // its share of the mean
 *             rt_comm_grads_add(grads, i);
 *         }
 *         rt_comm_grads_sum(grads);                  // now each rank has the gradients of the whole batch
 *         rt_optim_step(opt);
 *         rt_scope_end(s);
 *     }
 *     printf("%d updates\n", (int)rt_optim_updates(opt));                 // 10 updates
 *     rt_comm_grads_free(grads);
 *     rt_comm_free(comm);
 *     MPI_Finalize();
 *
 * Horovod's DistributedOptimizer adds gradients in an order that depends on the number of ranks. Here a step has
 * a fixed number of slices, at least as many as there are ranks, each of which computes the gradients of its
 * own, and the additions follow one binary tree over the slices, wherever they take place. So the number of
 * ranks changes no bit, as long as what a slice computes depends on its number, the step, and the parameters.
 * examples/program/spirals_mpi.c is a whole program.
 *
 * Build with `mpicc` and `pkg-config --cflags --libs ringtorch-worker`. This header needs no mpi.h; only
 * rt_comm_from_mpi does.
 *
 * Collective: rt_comm_from_mpi, rt_comm_broadcast_params, rt_comm_grads_sum, rt_comm_barrier and rt_comm_free
 * are called by all ranks of the communicator, in the same order. The others wait for a rank that does not
 * call, without a limit. A call that fails on one rank may leave others waiting: end the job (MPI_Abort).
 *
 * Threads: one thread uses a communicator and all that was made with it, and MPI is called on that thread
 * only and only during these functions. MPI must be started with MPI_THREAD_FUNNELED or more, since the
 * engine has threads of its own; with MPI_THREAD_FUNNELED the thread is the one that started MPI.
 *
 * Types and devices: gradients are float32, in host memory. A net on another device is refused.
 *
 * Lifetime: you start and end MPI. A communicator is a duplicate of yours, so its messages do not meet
 * yours, and you may free yours. Free what you open, before MPI_Finalize; rt_comm_free after it releases
 * memory only, and other calls fail. */
#ifndef RINGTORCH_COMM_H
#define RINGTORCH_COMM_H

#include <ringtorch/export.h>
#include <ringtorch/status.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* ---- communicators ---- */

/* Ranks that compute together. */
typedef struct rt_comm rt_comm;

/* Makes *out of an MPI_Comm, which the program has: rt_comm_from_mpi(MPI_COMM_WORLD, &comm). It is a macro, so
 * that this header needs no mpi.h; the function takes the communicator as Fortran has it. */
#define rt_comm_from_mpi(mpi_comm, out) rt_comm_from_fortran(MPI_Comm_c2f(mpi_comm), out)
/* Duplicates the communicator with that Fortran handle, which is collective. Fails with ARG if MPI is not
 * running, if it is no communicator of one group of ranks, or if another thread than the one that MPI allows
 * calls; with UNSUPPORTED if MPI was started with a lower level than MPI_THREAD_FUNNELED. On failure *out is
 * NULL. Free it with rt_comm_free. */
RT_API rt_status rt_comm_from_fortran(int mpi_comm, rt_comm **out);
/* Frees a communicator; NULL is allowed. Collective. */
RT_API void rt_comm_free(rt_comm *c);
/* Returns this rank's number, from 0; -1 for NULL. */
RT_API int rt_comm_rank(const rt_comm *c);
/* Returns how many ranks there are; 0 for NULL. */
RT_API int rt_comm_world(const rt_comm *c);
/* Returns when all ranks have called it. */
RT_API rt_status rt_comm_barrier(rt_comm *c);

/* ---- parameters and gradients ---- */

struct rt_optim;

/* Gives the parameters and persistent buffers of rank `root` to all ranks. The optimisers must be of the same
 * net, with parameters in the same order: fails with PROTOCOL on ranks that find another number of elements,
 * and with UNSUPPORTED if the net is not in host memory. */
RT_API rt_status rt_comm_broadcast_params(rt_comm *c, struct rt_optim *o, int root);

/* The gradients of one step, being added. */
typedef struct rt_comm_grads rt_comm_grads;
/* Prepares sums of the gradients of an optimiser's net over that many slices: 1 to 65,536, and no fewer than
 * there are ranks. It borrows the communicator, keeps the optimiser, and takes memory for at most
 * 2 * log2(slices) + 1 copies of the gradients (log2 rounded up), or log2(slices / ranks) + 1 if both numbers
 * are powers of two. Not collective. On failure *out is NULL. Free it with
 * rt_comm_grads_free before the communicator. */
RT_API rt_status rt_comm_grads_open(rt_comm *c, struct rt_optim *o, int64_t slices,
                                    rt_comm_grads **out);
/* Frees it; NULL is allowed. Not collective. */
RT_API void rt_comm_grads_free(rt_comm_grads *g);
/* Returns the first slice of this rank. */
RT_API int64_t rt_comm_grads_begin(const rt_comm_grads *g);
/* Returns the slice after the last one of this rank. */
RT_API int64_t rt_comm_grads_end(const rt_comm_grads *g);
/* Takes the gradients that backward left in the net as those of a slice, and clears them. A parameter without a
 * gradient counts as 0. The slices of this rank must come in order, each once: fails with ARG, naming the one
 * that is due. Not collective. */
RT_API rt_status rt_comm_grads_add(rt_comm_grads *g, int64_t slice);
/* Adds the gradients of all slices of all ranks and puts the sum into the net, as if one backward had left
 * it: rt_optim_step updates all parameters that are not frozen. Then the first slice is due again. Fails
 * with ARG if slices of this rank are missing. The buffers of modules, such as running means, are not summed.
 *
 * Each rank sends and receives about twice the size of the gradients, and log2(slices) times that at most if
 * slices and ranks are not powers of two. */
RT_API rt_status rt_comm_grads_sum(rt_comm_grads *g);

RT_END_DECLS

#endif
