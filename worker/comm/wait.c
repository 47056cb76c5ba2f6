/* Posting, waiting and exchanging: the loop in which all communication time is spent. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "worker/comm/internal.h"
#include <sched.h>

/* While nothing arrives: poll for a while, because the peer is usually only a little behind; then sleep a sixteenth of
 * the time waited so far, so that a late wake-up costs little and a long wait uses no processor time. Yield the
 * processor between polls only if other ranks need it: yielding to an unrelated program that computes costs a whole
 * time slice, several milliseconds. */
enum { BLIND_POLLS = 256 }; /* before reading the clock */
static const double PATIENCE_SECONDS = 300e-6, SLEEP_MAX_SECONDS = 500e-6;

/* rt__end.waiting holds everything that another thread may want to know in one atomic word, so that reading needs no
 * lock: op (4 bits), peer (20 bits), microseconds since `created` (40 bits, 12 days, then it wraps). */
enum { SINCE_BITS = 40, PEER_BITS = 20, OP_BITS = 4 };
_Static_assert(RT__OP_VALUES <= 1 << OP_BITS, "every op has a number in the word");
static const uint64_t SINCE_MASK = (UINT64_C(1) << SINCE_BITS) - 1;

static uint64_t microseconds(const rt__end *end, double now)
{
    return (uint64_t)((now - end->created) * 1e6) & SINCE_MASK;
}

bool rt_comm_waiting(const rt_comm *c, rt_comm_wait *out)
{
    static const char *const names[] = {
#define OP(constant, name) [RT__##constant] = name,
        RT__OPS(OP)
#undef OP
    };
    uint64_t word = atomic_load_explicit(&c->end->waiting, memory_order_relaxed);
    if (word == 0)
        return false;
    double now = rt_clock();
    uint64_t waited = (microseconds(c->end, now) - word) & SINCE_MASK;
    *out = (rt_comm_wait){
        .op = names[word >> (SINCE_BITS + PEER_BITS)],
        .peer = (int)(word >> SINCE_BITS & ((1u << PEER_BITS) - 1)),
        .since = now - (double)waited * 1e-6,
    };
    return true;
}

static int peer_of(const rt_comm *c, const rt_request *r)
{
    return r->from == c->end->transport->rank ? r->to : r->from;
}

static void announce(rt_comm *c, const rt_request *r, double since)
{
    uint64_t word = (uint64_t)c->op << (SINCE_BITS + PEER_BITS) |
                    (uint64_t)peer_of(c, r) << SINCE_BITS | microseconds(c->end, since);
    atomic_store_explicit(&c->end->waiting, word, memory_order_relaxed);
}

static void rest(const rt_comm *c, double waited)
{
    if (waited >= PATIENCE_SECONDS)
        rt_clock_sleep(waited / 16 < SLEEP_MAX_SECONDS ? waited / 16 : SLEEP_MAX_SECONDS);
    else if (c->end->oversubscribed)
        sched_yield();
}

static rt_status poll_once(rt_comm *c, const rt_request *r)
{
    if (c->abort_flag && atomic_load_explicit(c->abort_flag, memory_order_acquire))
        return RT_FAIL(ABORTED, "rank %d stopped waiting for rank %d: the run was aborted",
                       c->end->transport->rank, peer_of(c, r));
    return c->end->transport->ops->progress(c->end->transport);
}

rt_status rt__comm_break(rt_comm *c, rt_status status)
{
    rt__end *end = c->end;
    if (!end->broken)
        end->transport->ops->cancel(end->transport);
    end->broken = end->broken ? end->broken : status;
    return status;
}

rt_status rt__comm_wait(rt_comm *c, rt_request *r)
{
    rt_status status = RT_OK;
    double since = 0;
    int polls = 0, state;
    while ((state = atomic_load_explicit(&r->state, memory_order_acquire)) == RT_REQUEST_ACTIVE) {
        RT_TRY_GOTO(poll_once(c, r), done);
        if (++polls < BLIND_POLLS)
            continue;
        double now = rt_clock();
        if (polls == BLIND_POLLS) {
            since = now;
            announce(c, r, since);
        }
        rest(c, now - since);
    }
    if (state == RT_REQUEST_REFUSED)
        status =
            RT_FAIL(PROTOCOL, "rank %d expected another size than the %zu bytes that rank %d sent",
                    r->to, r->bytes, r->from);
done:
    if (polls >= BLIND_POLLS)
        atomic_store_explicit(&c->end->waiting, 0, memory_order_relaxed);
    return status == RT_OK ? RT_OK : rt__comm_break(c, status);
}

rt_status rt__comm_wait_all(rt_comm *c, rt_request r[], int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        RT_TRY(rt__comm_wait(c, &r[i]));
    return RT_OK;
}

static rt_status post(rt_comm *c, rt_request *r, int from, int to, void *data, size_t bytes)
{
    *r = (rt_request){.from = c->members[from],
                      .to = c->members[to],
                      .tag = c->context * RT__CONTEXT_TAGS + c->tag,
                      .data = data,
                      .bytes = bytes};
    const rt_status status = c->end->transport->ops->post(c->end->transport, r);
    return status == RT_OK ? RT_OK : rt__comm_break(c, status);
}

rt_status rt__comm_send(rt_comm *c, rt_request *r, int to, const void *data, size_t bytes)
{
    c->stats.messages_sent++;
    c->stats.bytes_sent += (int64_t)bytes;
    return post(c, r, c->rank, to, (void *)data, bytes);
}

rt_status rt__comm_receive(rt_comm *c, rt_request *r, int from, void *data, size_t bytes)
{
    return post(c, r, from, c->rank, data, bytes);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Adds the piece [at, at+bytes), which was received into `arrived`. */
static void add_piece(const rt__exchange *x, size_t at, size_t bytes, const char *arrived)
{
    const char *mine = (const char *)x->mine + at;
    rt__comm_sum_of(x->dtype)((char *)x->receive + at, x->mine_first ? mine : arrived,
                              x->mine_first ? arrived : mine,
                              (int64_t)(bytes / rt_dtype_size(x->dtype)));
}

int64_t rt__comm_pieces(size_t bytes, size_t piece, bool closed)
{
    return (int64_t)(closed ? bytes / piece + 1 : (bytes + piece - 1) / piece);
}

/* Piece i of a range. */
typedef struct part {
    size_t at, bytes;
} part;

static part part_of(size_t bytes, size_t piece, int64_t i)
{
    const size_t at = (size_t)i * piece;
    return (part){at, least(piece, bytes - at)};
}

/* Returns the address of a part, or NULL if it is empty, because the range may be NULL then. */
static char *address(const void *range, part p)
{
    return p.bytes > 0 ? (char *)range + p.at : NULL;
}

rt_status rt__comm_exchange(rt_comm *c, const rt__exchange *x)
{
    const size_t piece = x->mine ? RT_COMM_CHUNK : RT_COMM_MESSAGE;
    const int64_t sends = rt__comm_pieces(x->send_bytes, piece, x->close_send);
    const int64_t receives = rt__comm_pieces(x->receive_bytes, piece, x->close_receive);
    const int64_t most = sends > receives ? sends : receives;
    rt_request in[RT__DEPTH], out[RT__DEPTH];
    char *arrived = NULL;
    if (x->mine && !(arrived = rt__comm_scratch(c, RT__SCRATCH_INCOMING, RT__DEPTH * piece)))
        return RT_E_NOMEM;

    /* Stage i starts piece i and finishes piece i - (RT__DEPTH - 1), whose buffer the next piece uses. */
    for (int64_t i = 0; i < most + RT__DEPTH - 1; i++) {
        const int64_t slot = i % RT__DEPTH, due = i - (RT__DEPTH - 1), place = due % RT__DEPTH;
        if (i < receives) {
            const part p = part_of(x->receive_bytes, piece, i);
            char *to = x->mine ? arrived + (size_t)slot * piece : address(x->receive, p);
            RT_TRY(rt__comm_receive(c, &in[slot], x->from, to, p.bytes));
        }
        if (i < sends) {
            const part p = part_of(x->send_bytes, piece, i);
            RT_TRY(rt__comm_send(c, &out[slot], x->to, address(x->send, p), p.bytes));
        }
        if (due < 0)
            continue;
        if (due < receives) {
            const part p = part_of(x->receive_bytes, piece, due);
            RT_TRY(rt__comm_wait(c, &in[place]));
            if (x->mine)
                add_piece(x, p.at, p.bytes, arrived + (size_t)place * piece);
        }
        if (due < sends)
            RT_TRY(rt__comm_wait(c, &out[place]));
    }
    return RT_OK;
}
