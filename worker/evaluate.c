#include "worker/evaluate.h"

#include "common/error.h"
#include "common/mem.h"

/* What one chunk gave; gathered as pairs of float64, which hold any count exactly. */
typedef struct chunk_result {
    double loss_sum, correct;
} chunk_result;

typedef struct gathering {
    chunk_result *results; /* [chunks] */
    rt_range *ranges;      /* [world] in float64 elements */
} gathering;

static rt_status gather_job(rt_comm *c, void *arg)
{
    gathering *g = arg;
    return rt_comm_all_gather(c, g->results, g->ranges, RT_F64, RT_ALGO_DIRECT);
}

static rt_range chunks_of(int64_t chunks, int world, int rank)
{
    return (rt_range){chunks * rank / world, chunks * (rank + 1) / world};
}

static rt_status evaluate_mine(rt_run *run, rt_range mine, chunk_result *results)
{
    for (int64_t c = mine.begin; c < mine.end; c++) {
        int64_t correct;
        RT_TRY(rt_run_eval_chunk(run, c, &results[c].loss_sum, &correct));
        results[c].correct = (double)correct;
    }
    return RT_OK;
}

static rt_status exchange(rt__commthread *comm, int world, int64_t chunks, chunk_result *results)
{
    gathering g = {results, rt_calloc((size_t)world, sizeof(rt_range))};
    if (!g.ranges)
        return RT_E_NOMEM;
    for (int r = 0; r < world; r++) {
        rt_range c = chunks_of(chunks, world, r);
        g.ranges[r] = (rt_range){2 * c.begin, 2 * c.end};
    }
    rt_status status = rt__commthread_run(comm, gather_job, &g);
    rt_mem_free(g.ranges);
    return status;
}

rt_status rt__evaluate(rt_run *run, rt__commthread *comm, int rank, int world, rt_evaluation *out)
{
    rt_status status;
    int64_t chunks = rt_run_eval_chunks(run);
    chunk_result *results = rt_calloc((size_t)chunks, sizeof *results);
    if (!results)
        return RT_E_NOMEM;
    RT_TRY_GOTO(evaluate_mine(run, chunks_of(chunks, world, rank), results), done);
    if (world > 1)
        RT_TRY_GOTO(exchange(comm, world, chunks, results), done);

    double loss = 0, correct = 0;
    for (int64_t c = 0; c < chunks; c++) {
        loss += results[c].loss_sum;
        correct += results[c].correct;
    }
    int64_t count = rt_run_eval_samples(run);
    *out = (rt_evaluation){count, (int64_t)correct, loss / (double)count};
done:
    rt_mem_free(results);
    return status;
}
