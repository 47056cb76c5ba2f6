#include "coordinator/machine/offers.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void rt__offers_release(rt__offers *o)
{
    rt_mem_free(o->offer);
    rt_mem_free(o->trace);
    rt_mem_free(o->evaluation);
    *o = (rt__offers){0};
}

static rt_status check(const rt_msg_hello *h)
{
    for (int64_t i = 0; i < h->offers_count; i++) {
        const rt_msg_offer *x = &h->offers[i];
        if (x->step < 0 || x->begin < 0 || x->end < x->begin)
            return RT_FAIL(PROTOCOL,
                           "worker %" PRId64 " offers elements %" PRId64 " to %" PRId64
                           " of step %" PRId64,
                           h->rank, x->begin, x->end, x->step);
    }
    return RT_OK;
}

/* Makes room for `more` items. Returns NULL, with the old list intact, if memory runs out. */
static void *grow(void *list, int64_t count, int64_t more, size_t size)
{
    return rt_realloc(list, (size_t)(count + more + 1) * size);
}

/* Keeps either all evaluations of a HELLO or none. */
static rt_status add_evaluations(rt__offers *o, const rt_msg_hello *h)
{
    int64_t more = h->evaluations_count;
    rt__found_evaluation *list = grow(o->evaluation, o->evaluations, more, sizeof *list);
    if (!list)
        return rt_error_code();
    o->evaluation = list;
    for (int64_t i = 0; i < more; i++) {
        rt__found_evaluation *e = &list[o->evaluations + i];
        RT_TRY(rt_evaluated_parse(h->evaluations[i], &e->generation, &e->figures));
    }
    o->evaluations += more;
    return RT_OK;
}

rt_status rt__offers_add(rt__offers *o, const rt_msg_hello *h)
{
    RT_TRY(check(h));
    RT_TRY(add_evaluations(o, h));
    rt__offer *offer = grow(o->offer, o->count, h->offers_count, sizeof *offer);
    if (!offer)
        return rt_error_code();
    o->offer = offer;
    rt_msg_trace *trace = grow(o->trace, o->traces, h->traces_count, sizeof *trace);
    if (!trace)
        return rt_error_code();
    o->trace = trace;
    for (int64_t i = 0; i < h->offers_count; i++) {
        const rt_msg_offer *x = &h->offers[i];
        o->offer[o->count++] = (rt__offer){.generation = x->generation,
                                           .writer = x->rank,
                                           .step = x->step,
                                           .begin = x->begin,
                                           .end = x->end,
                                           .holder = h->rank};
    }
    for (int64_t i = 0; i < h->traces_count; i++)
        o->trace[o->traces++] = h->traces[i];
    return RT_OK;
}

const rt_msg_trace *rt__offers_find_trace(const rt__offers *o, int64_t generation, int64_t rank)
{
    for (int64_t i = 0; i < o->traces; i++)
        if (o->trace[i].generation == generation && o->trace[i].rank == rank)
            return &o->trace[i];
    return NULL;
}

const rt__found_evaluation *rt__offers_evaluation(const rt__offers *o, int64_t after, int64_t most,
                                                  const rt__doubts *doubts)
{
    const rt__found_evaluation *first = NULL;
    for (int64_t i = 0; i < o->evaluations; i++) {
        const rt__found_evaluation *e = &o->evaluation[i];
        int64_t step = e->figures.step;
        if (step > after && step <= most && !rt__doubts_include(doubts, e->generation, step) &&
            (!first || step < first->figures.step))
            first = e;
    }
    return first;
}

/* Sorts the newest step first, then by begin, then the longest first. Two offers never compare equal, because a plan that is sent again must
 * name the same pieces, in whatever order the ranks have joined. */
static int by_step_and_begin(const void *a, const void *b)
{
    const rt__offer *x = a, *y = b;
    if (x->step != y->step)
        return x->step > y->step ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    if (x->generation != y->generation)
        return x->generation < y->generation ? -1 : 1;
    if (x->writer != y->writer)
        return x->writer < y->writer ? -1 : 1;
    return (x->holder > y->holder) - (x->holder < y->holder);
}

/* Covers [0, elements) with the n sorted offers of one step. Returns how many pieces were written, or 0 if there is a gap. */
static int64_t cover(const rt__offer *x, int64_t n, int64_t elements, const rt__doubts *doubts,
                     rt_msg_piece *pieces)
{
    int64_t at = 0, count = 0;
    for (int64_t i = 0; at < elements; count++) {
        const rt__offer *best = NULL;
        for (; i < n && x[i].begin <= at; i++)
            if (x[i].end > at && !rt__doubts_include(doubts, x[i].generation, x[i].step) &&
                (!best || x[i].end > best->end))
                best = &x[i];
        if (!best)
            return 0;
        pieces[count] = (rt_msg_piece){.begin = at,
                                       .end = best->end < elements ? best->end : elements,
                                       .generation = best->generation,
                                       .rank = best->writer,
                                       .holder = best->holder};
        at = pieces[count].end;
    }
    return count;
}

int64_t rt__offers_newest(const rt__offers *o, int64_t elements, int64_t least,
                          const rt__doubts *doubts, rt_msg_piece **pieces, int64_t *count)
{
    *pieces = NULL;
    *count = 0;
    if (o->count == 0 || elements <= 0)
        return -1;
    qsort(o->offer, (size_t)o->count, sizeof *o->offer, by_step_and_begin);
    *pieces = rt_malloc((size_t)o->count * sizeof **pieces);
    for (int64_t i = 0, n; *pieces && i < o->count && o->offer[i].step >= least; i += n) {
        for (n = 1; i + n < o->count && o->offer[i + n].step == o->offer[i].step;)
            n++;
        *count = cover(o->offer + i, n, elements, doubts, *pieces);
        if (*count > 0)
            return o->offer[i].step;
    }
    rt_mem_free(*pieces);
    *pieces = NULL;
    return -1;
}
