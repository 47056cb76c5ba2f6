#include "worker/engine/train/lockstep.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/base/fiber.h"
#include "worker/engine/train/exchange.h"
#include <math.h>
#include <string.h>

/* A slice being computed. */
typedef struct lane {
    rt__exchange exchange;
    rt__lockstep *of;
    rt__fiber *fiber;
    int64_t step;
    rt_phase phase;
    bool paused;
    rt__place place; /* the first lane's is the run's own and not owned */
    rt_node **
        /* [entries]: leaves for its backward passes; NULL in the first lane, which uses the parameters' own */
        leaf;
} lane;

struct rt__lockstep {
    rt_run *run;
    const rt_peers *peers;
    rt_range slices;
    lane **lane; /* [lanes]; the first ones are those of `slices` */
    int64_t lanes;
    lane *running;        /* NULL: none */
    rt__request *request; /* [lanes]: the request of each paused lane */
    rt__answers answers;
};

/* ---- lanes ---- */

static void free_lane(lane *n, int32_t entries)
{
    if (!n)
        return;
    rt__fiber_free(n->fiber);
    if (n->leaf)
        rt__place_release(&n->place);
    for (int32_t i = 0; n->leaf && i < entries; i++)
        rt__object_drop(n->leaf[i]);
    rt_mem_free(n->leaf);
    rt_mem_free(n);
}

static rt_status ask(rt__exchange *self, const rt__request *q)
{
    lane *n = (lane *)self;
    rt__lockstep *l = n->of;
    l->request[n->exchange.slice - l->slices.begin] = *q;
    rt__fiber_pause(n->fiber);
    return rt_error_code();
}

static rt_status fill_lane(rt__lockstep *l, lane *n, bool first)
{
    const rt_flat *flat = rt_run_flat(l->run);
    n->of = l;
    n->exchange.ask = ask;
    n->fiber = rt__fiber_new();
    if (!n->fiber)
        return rt_error_code();
    if (first) {
        n->place = l->run->place[0];
        return RT_OK;
    }
    n->leaf = rt_calloc((size_t)flat->entries, sizeof *n->leaf);
    return n->leaf ? rt__place_init(&n->place, flat) : rt_error_code();
}

static rt_status grow(rt__lockstep *l, int64_t lanes)
{
    lane **more = rt_realloc(l->lane, (size_t)lanes * sizeof *more);
    if (!more)
        return rt_error_code();
    l->lane = more;
    rt__request *request = rt_realloc(l->request, (size_t)lanes * sizeof *request);
    if (!request)
        return rt_error_code();
    l->request = request;
    while (l->lanes < lanes) {
        lane *n = rt_calloc(1, sizeof *n);
        if (!n || fill_lane(l, n, l->lanes == 0) != RT_OK) {
            free_lane(n, rt_run_flat(l->run)->entries);
            return rt_error_code();
        }
        l->lane[l->lanes++] = n;
    }
    return RT_OK;
}

/* Prepares for these slices, once per range. */
static rt_status settle(rt__lockstep *l, rt_range slices)
{
    if (l->answers.summand && slices.begin == l->slices.begin && slices.end == l->slices.end)
        return RT_OK;
    rt__answers_release(&l->answers);
    l->slices = slices;
    RT_TRY(grow(l, slices.end - slices.begin));
    return rt__answers_init(&l->answers, l->run->slices, slices, l->peers);
}

rt_status rt__lockstep_new(rt_run *r, rt__lockstep **out)
{
    *out = rt_calloc(1, sizeof **out);
    if (!*out)
        return rt_error_code();
    (*out)->run = r;
    return RT_OK;
}

void rt__lockstep_free(rt__lockstep *l)
{
    if (!l)
        return;
    for (int64_t i = 0; i < l->lanes; i++)
        free_lane(l->lane[i], rt_run_flat(l->run)->entries);
    rt__answers_release(&l->answers);
    rt_mem_free(l->lane);
    rt_mem_free(l->request);
    rt_mem_free(l);
}

void rt__lockstep_set_peers(rt__lockstep *l, const rt_peers *peers)
{
    rt__answers_release(&l->answers);
    l->peers = peers && peers->world > 1 ? peers : NULL;
}

const rt__place *rt__lockstep_place(const rt__lockstep *l, int64_t slice)
{
    return &l->lane[slice - l->slices.begin]->place;
}

void rt__lockstep_set_phase(rt__lockstep *l, rt_phase phase)
{
    if (l->running)
        l->running->phase = phase;
}

/* ---- a step ---- */

static void body(void *arg)
{
    lane *n = arg;
    rt__thread.exchange = &n->exchange;
    if (!rt_failed()) /* an earlier lane may have failed */
        rt__run_compute_slice(n->of->run, n->step, n->exchange.slice, &n->place);
    rt__thread.exchange = NULL;
}

static rt_status start(lane *n, int64_t step, int64_t slice)
{
    const rt_flat *flat = rt_run_flat(n->of->run);
    n->exchange.slices = n->of->run->slices;
    n->exchange.slice = slice;
    n->step = step;
    n->phase = RT_PHASE_LOAD;
    for (int32_t i = 0; n->leaf && i < flat->entries; i++)
        RT_TRY(rt__leaf_twin(flat->entry[i].param, &n->leaf[i]));
    return RT_OK;
}

/* Swaps in the lane's leaves while it runs, and back afterwards. */
static void swap_leaves(const lane *n)
{
    const rt_flat *flat = rt_run_flat(n->of->run);
    for (int32_t i = 0; n->leaf && i < flat->entries; i++)
        rt__leaf_swap(flat->entry[i].param, &n->leaf[i]);
}

static void resume(lane *n)
{
    rt__lockstep *l = n->of;
    l->running = n;
    if (n->paused)
        rt__run_phase(l->run, n->phase, n->exchange.slice);
    swap_leaves(n);
    n->paused = rt__fiber_resume(n->fiber);
    swap_leaves(n);
    l->running = NULL;
}

/* Resumes each lane once; returns how many of them wait for an answer. */
static int64_t resume_all(rt__lockstep *l, int64_t lanes)
{
    int64_t waiting = 0;
    for (int64_t i = 0; i < lanes; i++) {
        resume(l->lane[i]);
        waiting += l->lane[i]->paused;
    }
    return waiting;
}

static const char *name_of(const rt__request *q)
{
    static const char *const names[] = {
        [RT__ASK_SUM] = "sum", [RT__ASK_GATHER] = "gather", [RT__ASK_ALL_TO_ALL] = "all_to_all"};
    return names[q->kind];
}

/* Fails unless all local slices make the same request. */
static rt_status check_requests(const rt__lockstep *l, int64_t lanes, int64_t waiting)
{
    int64_t first = l->slices.begin;
    for (int64_t i = 0; i < lanes && waiting < lanes; i++)
        if (!l->lane[i]->paused)
            return RT_FAIL(INTERNAL,
                           "exchange: slice %lld has ended while another slice still makes "
                           "requests: what a net requests must not depend on its samples",
                           (long long)(first + i));
    const rt__request *q = &l->request[0];
    for (int64_t i = 1; i < lanes; i++) {
        const rt__request *other = &l->request[i];
        if (other->kind != q->kind || other->dtype != q->dtype || other->n != q->n)
            return RT_FAIL(INTERNAL,
                           "exchange: slice %lld requests %s of %lld %s but slice %lld %s of %lld "
                           "%s: what a net requests must not depend on its samples",
                           (long long)first, name_of(q), (long long)q->n, rt_dtype_name(q->dtype),
                           (long long)(first + i), name_of(other), (long long)other->n,
                           rt_dtype_name(other->dtype));
    }
    return RT_OK;
}

/* ---- values that are not finite ---- */

static bool is_finite(const rt__request *q, const void *x)
{
    for (int64_t i = 0; i < q->n; i++)
        if (!isfinite(q->dtype == RT_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i]))
            return false;
    return true;
}

/* A sum spreads a value that is not finite from one slice to all. So the first slice that contributes one is to blame; later
 * contributions and losses are no evidence any more. */
static void find_blame(const rt__lockstep *l, int64_t lanes)
{
    for (int64_t i = 0; i < lanes && !l->run->tainted; i++)
        if (l->request[i].kind == RT__ASK_SUM && !is_finite(&l->request[i], l->request[i].in)) {
            l->run->bad_slice = l->slices.begin + i;
            l->run->bad_loss = NAN;
            l->run->tainted = true;
        }
}

static rt_status answer(rt__lockstep *l, int64_t lanes)
{
    find_blame(l, lanes);
    if (l->peers)
        rt__run_phase(l->run, RT_PHASE_REDUCE, -1);
    RT_TRY(rt__answers_fill(&l->answers, l->request));
    const rt__request *q = &l->request[0];
    l->run->tainted |= q->kind == RT__ASK_SUM && !is_finite(q, q->out);
    return RT_OK;
}

rt_status rt__lockstep_compute(rt__lockstep *l, int64_t step, rt_range slices)
{
    int64_t lanes = slices.end - slices.begin, waiting;
    RT_TRY(settle(l, slices));
    for (int64_t i = 0; i < lanes; i++)
        RT_TRY(start(l->lane[i], step, slices.begin + i));
    for (int64_t i = 0; i < lanes; i++)
        rt__fiber_start(l->lane[i]->fiber, body, l->lane[i]);
    while ((waiting = resume_all(l, lanes)) >
           0) /* after a failure, runs until all lanes have ended */
        if (!rt_failed() && check_requests(l, lanes, waiting) == RT_OK)
            answer(l, lanes);
    return rt_error_code();
}
