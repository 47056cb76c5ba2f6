/* Times the sum of a buffer over all ranks: each of our algorithms, and the MPI library's own.
 *
 *     mpirun -n 2 bench_collectives [BYTES...]        # default: 1700000 120000000
 *
 * Ours is what a training step does: reduce_scatter to the owners of whole blocks, then all_gather.
 * The baseline is MPI_Allreduce in place. All take turns in one run, so that other load on the
 * machine affects them equally. Prints the least and the median time of rank 0, and the ratio of
 * each to the baseline's (below 1: faster). */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALGORITHMS = 4, LIBRARY = 3, WARM_UP = 3, REPEATS_MAX = 401 };
static const rt_algo ALGORITHM[ALGORITHMS] = {RT_ALGO_DIRECT, RT_ALGO_HALVING, RT_ALGO_RING,
                                              RT_ALGO_LIBRARY};
static const char *const NAME[ALGORITHMS] = {"direct", "halving", "ring", "MPI_Allreduce"};

typedef struct problem {
    rt_reduce reduce;
    rt_partial mine;
    rt_buf buf;
} problem;

static rt_status run_once(rt_comm *c, const problem *p, rt_algo algo)
{
    if (algo == RT_ALGO_LIBRARY)
        return rt_comm_all_reduce(c, p->buf, algo);
    RT_TRY(rt_comm_reduce_scatter(c, &p->reduce, &p->mine, 1, p->buf, algo));
    return rt_comm_all_gather(c, p->buf, p->reduce.owned, algo);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static rt_status measure(rt_comm *c, const problem *p, int repeats,
                         double seconds[ALGORITHMS][REPEATS_MAX])
{
    for (int i = -WARM_UP; i < repeats; i++)
        for (int a = 0; a < ALGORITHMS; a++) {
            if (ALGORITHM[a] == RT_ALGO_HALVING && !rt_is_power_of_two(rt_comm_world(c)))
                continue;
            RT_TRY(rt_comm_barrier(c));
            const double start = rt_clock();
            RT_TRY(run_once(c, p, ALGORITHM[a]));
            if (i >= 0)
                seconds[a][i] = rt_clock() - start;
        }
    for (int a = 0; a < ALGORITHMS; a++)
        qsort(seconds[a], (size_t)repeats, sizeof seconds[a][0], ascending);
    return RT_OK;
}

static void print(int64_t bytes, int repeats, double seconds[ALGORITHMS][REPEATS_MAX])
{
    const double *base = seconds[LIBRARY];
    printf("%.1f MB, %d repeats\n%16s %12s %12s %10s %10s\n", (double)bytes / 1e6, repeats, "",
           "least ms", "median ms", "least", "median");
    for (int a = 0; a < ALGORITHMS; a++)
        printf("%16s %12.3f %12.3f %9.2fx %9.2fx\n", NAME[a], seconds[a][0] * 1e3,
               seconds[a][repeats / 2] * 1e3, seconds[a][0] / base[0],
               seconds[a][repeats / 2] / base[repeats / 2]);
}

static rt_status bench(rt_comm *c, int64_t bytes, double seconds[ALGORITHMS][REPEATS_MAX])
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    const int64_t count = bytes / (int64_t)sizeof(float);
    const int repeats = bytes > 20000000 ? 21 : REPEATS_MAX;
    rt_status status = RT_E_NOMEM;
    float *buf = rt_malloc_aligned(64, (size_t)count * sizeof *buf);
    rt_range *owned = rt_calloc((size_t)world, sizeof *owned);
    int64_t *slice_begin = rt_calloc((size_t)world + 1, sizeof *slice_begin);
    if (!buf || !owned || !slice_begin)
        goto done;
    memset(buf, 0, (size_t)count * sizeof *buf);
    for (int i = 0; i < world; i++) {
        owned[i] = rt_owned_by_rank(count, world, i);
        slice_begin[i + 1] = i + 1;
    }
    const problem p = {
        .reduce = {.slices = world, .slice_begin = slice_begin, .owned = owned},
        .mine = {.node = {rank, rank + 1}, .data = buf},
        .buf = {.data = buf, .count = count},
    };
    RT_TRY_GOTO(measure(c, &p, repeats, seconds), done);
    if (rank == 0)
        print(bytes, repeats, seconds);
done:
    rt_mem_free(slice_begin);
    rt_mem_free(owned);
    rt_mem_free(buf);
    return status;
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {1700000, 120000000};
    static double seconds[ALGORITHMS][REPEATS_MAX];
    rt_comm *c = NULL;
    rt_status status = rt_comm_mpi(&c);
    const int sizes = argc > 1 ? argc - 1 : 2;
    for (int i = 0; status == RT_OK && i < sizes; i++)
        status = bench(c, argc > 1 ? atoll(argv[i + 1]) : usual[i], seconds);
    if (status != RT_OK)
        fprintf(stderr, "bench_collectives: %s\n", rt_error());
    rt_comm_free(c);
    return rt_status_exit_code(status);
}
