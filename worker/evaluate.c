#include "worker/evaluate.h"

#include "common/base/error.h"
#include "common/base/mem.h"

/* Sums of chunks on their way to all ranks; float64 holds any count exactly. */
typedef struct gathering {
    double *sums; /* [chunks * sums of each] */
    int64_t count;
    rt_range *ranges; /* [world] of these */
} gathering;

static rt_status gather_job(rt_comm *c, void *arg)
{
    gathering *g = arg;
    const rt_buf sums = {.data = g->sums, .count = g->count, .dtype = RT_F64};
    return rt_comm_all_gather(c, sums, g->ranges, RT_ALGO_DIRECT);
}

static rt_range chunks_of(int64_t chunks, int world, int rank)
{
    return (rt_range){chunks * rank / world, chunks * (rank + 1) / world};
}

static rt_status exchange(rt_run *run, rt__commthread *comm, int world, double *sums)
{
    int64_t chunks = rt_run_eval_chunks(run), n = rt_run_eval_sums(run);
    gathering g = {sums, chunks * n, rt_calloc((size_t)world, sizeof(rt_range))};
    if (!g.ranges)
        return RT_E_NOMEM;
    for (int r = 0; r < world; r++) {
        rt_range c = chunks_of(chunks, world, r);
        g.ranges[r] = (rt_range){n * c.begin, n * c.end};
    }
    rt_status status = rt__commthread_run(comm, gather_job, &g);
    rt_mem_free(g.ranges);
    return status;
}

rt_status rt__evaluate(rt_run *run, rt__commthread *comm, int rank, int world, rt_evaluation *out)
{
    rt_status status = RT_OK;
    int64_t chunks = rt_run_eval_chunks(run), n = rt_run_eval_sums(run);
    double *sums = rt_calloc((size_t)(chunks * n), sizeof *sums);
    if (!sums)
        return RT_E_NOMEM;
    rt_range mine = chunks_of(chunks, world, rank);
    for (int64_t c = mine.begin; c < mine.end; c++)
        RT_TRY_GOTO(rt_run_eval_chunk(run, c, sums + c * n), done);
    if (world > 1)
        RT_TRY_GOTO(exchange(run, comm, world, sums), done);
    status = rt_run_eval_finish(run, sums, out);
done:
    rt_mem_free(sums);
    return status;
}
