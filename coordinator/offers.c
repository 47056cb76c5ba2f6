#include "coordinator/offers.h"
#include "common/error.h"
#include "common/mem.h"
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
    if (h->offers_count % RT_OFFER_FIELDS != 0 || h->traces_count % RT_TRACE_FIELDS != 0)
        return RT_FAIL(PROTOCOL,
                       "worker %" PRId64 ": HELLO with %" PRId64 " numbers of offers and %" PRId64
                       " of traces: expected multiples of %d and %d",
                       h->rank, h->offers_count, h->traces_count, RT_OFFER_FIELDS, RT_TRACE_FIELDS);
    for (int64_t i = 0; i < h->offers_count; i += RT_OFFER_FIELDS) {
        const int64_t *n = h->offers + i;
        if (n[2] < 0 || n[3] < 0 || n[4] < n[3])
            return RT_FAIL(PROTOCOL,
                           "worker %" PRId64 " offers elements %" PRId64 " to %" PRId64
                           " of step %" PRId64,
                           h->rank, n[3], n[4], n[2]);
    }
    return RT_OK;
}

/* Makes room for `more` items; NULL, with the old list intact, when memory is out. */
static void *grow(void *list, int64_t count, int64_t more, size_t size)
{
    return rt_realloc(list, (size_t)(count + more + 1) * size);
}

/* None of them is kept if one cannot be. */
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
    rt__offer *offer = grow(o->offer, o->count, h->offers_count / RT_OFFER_FIELDS, sizeof *offer);
    if (!offer)
        return rt_error_code();
    o->offer = offer;
    rt__trace *trace = grow(o->trace, o->traces, h->traces_count / RT_TRACE_FIELDS, sizeof *trace);
    if (!trace)
        return rt_error_code();
    o->trace = trace;
    for (int64_t i = 0; i < h->offers_count; i += RT_OFFER_FIELDS) {
        const int64_t *n = h->offers + i;
        o->offer[o->count++] = (rt__offer){n[0], n[1], n[2], n[3], n[4], h->rank};
    }
    for (int64_t i = 0; i < h->traces_count; i += RT_TRACE_FIELDS) {
        const int64_t *n = h->traces + i;
        o->trace[o->traces++] = (rt__trace){n[0], n[1], n[2], n[3], n[4]};
    }
    return RT_OK;
}

const rt__trace *rt__offers_trace(const rt__offers *o, int64_t generation, int64_t rank)
{
    for (int64_t i = 0; i < o->traces; i++)
        if (o->trace[i].generation == generation && o->trace[i].rank == rank)
            return &o->trace[i];
    return NULL;
}

void rt__doubts_add(rt__doubts *d, rt__doubt doubt)
{
    while (d->count > 0 && d->list[d->count - 1].step >= doubt.step)
        d->count--; /* it leaves out less */
    if (d->count == RT__DOUBTS) {
        d->list[1].step = d->list[0].step;
        memmove(d->list, d->list + 1, (size_t)--d->count * sizeof *d->list);
    }
    d->list[d->count++] = doubt;
}

/* Whether what a generation left of a step is beyond doubt. */
static bool usable(int64_t generation, int64_t step, const rt__doubts *doubts)
{
    for (int i = 0; i < doubts->count; i++)
        if (generation <= doubts->list[i].generation && step > doubts->list[i].step)
            return false;
    return true;
}

const rt__found_evaluation *rt__offers_evaluation(const rt__offers *o, int64_t after, int64_t most,
                                                  const rt__doubts *doubts)
{
    const rt__found_evaluation *first = NULL;
    for (int64_t i = 0; i < o->evaluations; i++) {
        const rt__found_evaluation *e = &o->evaluation[i];
        int64_t step = e->figures.step;
        if (step > after && step <= most && usable(e->generation, step, doubts) &&
            (!first || step < first->figures.step))
            first = e;
    }
    return first;
}

/* Newest step first, then by begin, then the longest. A plan that is sent again must name the same pieces, in whatever order
 * the ranks have come: so no two offers are equal. */
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

/* Covers [0, elements) with the offers [0, n) of one step, sorted; returns how many numbers were
 * written, 0 if something is missing. */
static int64_t cover(const rt__offer *x, int64_t n, int64_t elements, const rt__doubts *doubts,
                     int64_t *pieces)
{
    int64_t at = 0, numbers = 0;
    for (int64_t i = 0; at < elements; numbers += RT_PIECE_FIELDS) {
        const rt__offer *best = NULL;
        for (; i < n && x[i].begin <= at; i++)
            if (usable(x[i].generation, x[i].step, doubts) && x[i].end > at &&
                (!best || x[i].end > best->end))
                best = &x[i];
        if (!best)
            return 0;
        int64_t piece[RT_PIECE_FIELDS] = {at, best->end < elements ? best->end : elements,
                                          best->generation, best->writer, best->holder};
        memcpy(pieces + numbers, piece, sizeof piece);
        at = piece[1];
    }
    return numbers;
}

int64_t rt__offers_newest(const rt__offers *o, int64_t elements, int64_t least,
                          const rt__doubts *doubts, int64_t **pieces, int64_t *count)
{
    *pieces = NULL;
    *count = 0;
    if (o->count == 0 || elements <= 0)
        return -1;
    qsort(o->offer, (size_t)o->count, sizeof *o->offer, by_step_and_begin);
    *pieces = rt_malloc((size_t)o->count * RT_PIECE_FIELDS * sizeof **pieces);
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
