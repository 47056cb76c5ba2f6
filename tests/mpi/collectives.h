/* Tests of the collectives, run by every rank; the same for ranks that are threads (tests/unit/comm) and for ranks that
 * are MPI processes (tests/mpi).
 *
 *     rt_status status = test_exact_sum(c, seed);      // on every rank; the reason for a failure
 * is in the error slot
 *
 * All ranks draw the same random numbers, so each knows all inputs and computes the expected result by itself. */
#ifndef RINGTORCH_TESTS_MPI_COLLECTIVES_H
#define RINGTORCH_TESTS_MPI_COLLECTIVES_H

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"
#include <stdlib.h>
#include <string.h>

/* TEST(name): rt_status test_<name>(rt_comm *c, uint64_t seed) */
#define COLLECTIVE_TESTS(TEST)                                                                     \
    TEST(exact_sum)                                                                                \
    TEST(ring_order)                                                                               \
    TEST(gather)                                                                                   \
    TEST(all_reduce)                                                                               \
    TEST(broadcast)                                                                                \
    TEST(exchange)                                                                                 \
    TEST(costs)                                                                                    \
    TEST(pieces)                                                                                   \
    TEST(no_allocation)                                                                            \
    TEST(bad_arguments)                                                                            \
    TEST(abort_flag)

#define CHECK(condition, format, ...)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return RT_FAIL(INTERNAL, "%s: " format, #condition, ##__VA_ARGS__);                    \
    } while (0)

enum { WORLD_MAX = 8, SLICES_MAX = 40, PARTIALS_MAX = 16 };

static inline rt_buf floats(float *x, int64_t count)
{
    return (rt_buf){.data = x, .count = count};
}

static inline rt_buf bytes_at(void *x, int64_t count)
{
    return (rt_buf){.data = x, .count = count, .dtype = RT_U8};
}

static inline uint64_t mix(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline int64_t draw(uint64_t *state, int64_t from, int64_t to) /* from <= result <= to */
{
    *state = mix(*state);
    return from + (int64_t)(*state % (uint64_t)(to - from + 1));
}

/* Returns a float of either sign with a magnitude of 2^-12 .. 2^12, so that sums in another order differ. */
static inline float value(uint64_t seed, int64_t slice, int64_t i)
{
    const uint64_t h = mix(seed ^ mix((uint64_t)slice << 40 ^ (uint64_t)i));
    const float magnitude =
        (1 + (float)(h & 0xffffff) / 0x1000000) * (float)(1 << (h >> 24) % 25) / 4096;
    return h >> 63 ? -magnitude : magnitude;
}

/* T[lo,hi) of one element, by its definition. */
static inline float tree_sum(uint64_t seed, int64_t lo, int64_t hi, int64_t i)
{
    if (hi - lo == 1)
        return value(seed, lo, i);
    int64_t left = 1;
    while (2 * left < hi - lo)
        left *= 2;
    return tree_sum(seed, lo, lo + left, i) + tree_sum(seed, lo + left, hi, i);
}

/* One random sum over all ranks, and buffers to do it with. */
typedef struct trial {
    uint64_t seed;
    int world, rank;
    int64_t slices, count;
    int64_t slice_begin[WORLD_MAX + 1];
    rt_range owned[WORLD_MAX];
    bool usual; /* slices and ranges as in the plan of a run */
    rt_reduce reduce;
    int k;
    rt_partial parts[PARTIALS_MAX];
    /* [k] of [count]: the partials before they are summed */
    float *original[PARTIALS_MAX];
    float *want, *out; /* [count] */
} trial;

static inline void random_slices(trial *t, uint64_t *random)
{
    for (int r = 0; r < t->world; r++)
        t->slice_begin[r] = rt_slices_of_rank(t->slices, t->world, r).begin;
    t->slice_begin[t->world] = t->slices;
    for (int r = 1; !t->usual && r < t->world; r++)
        t->slice_begin[r] = draw(random, t->slice_begin[r - 1] + 1, t->slices - (t->world - r));
}

static inline void random_owners(trial *t, uint64_t *random)
{
    int64_t at = 0;
    for (int r = 0; r < t->world; r++)
        t->owned[r] = rt_owned_by_rank(t->count, t->world, r);
    const int first = (int)draw(random, 0, t->world - 1);
    for (int i = 0; !t->usual && i < t->world;
         i++) { /* gaps, empty ranges and whole buffers all occur */
        rt_range *o = &t->owned[(first + i) % t->world];
        o->begin = draw(random, at, draw(random, at, t->count));
        o->end = at = draw(random, o->begin, t->count);
    }
}

static inline rt_status trial_begin(trial *t, const rt_comm *c, uint64_t seed, int64_t slices,
                                    int64_t count, bool usual)
{
    uint64_t random = mix(seed);
    *t = (trial){.seed = seed, .world = rt_comm_world(c), .rank = rt_comm_rank(c)};
    t->slices = slices;
    t->count = count;
    t->usual = usual;
    random_slices(t, &random);
    random_owners(t, &random);
    t->reduce = (rt_reduce){t->slices, t->slice_begin, t->owned};

    rt_range nodes[RT_TREE_NODES_MAX];
    t->k = rt_tree_nodes(t->slices, t->slice_begin[t->rank], t->slice_begin[t->rank + 1], nodes);
    CHECK(t->k <= PARTIALS_MAX, "%d partials", t->k);
    t->want = rt_malloc((size_t)count * sizeof(float));
    t->out = rt_malloc((size_t)count * sizeof(float));
    for (int p = 0; p < t->k; p++) {
        t->parts[p] = (rt_partial){nodes[p], rt_malloc((size_t)count * sizeof(float))};
        t->original[p] = rt_malloc((size_t)count * sizeof(float));
    }
    if (rt_failed())
        return RT_E_NOMEM;
    for (int p = 0; p < t->k; p++)
        for (int64_t i = 0; i < count; i++)
            t->original[p][i] = tree_sum(seed, nodes[p].begin, nodes[p].end, i);
    for (int64_t i = 0; i < count; i++)
        t->want[i] = tree_sum(seed, 0, slices, i);
    return RT_OK;
}

/* Fills the partials, which a sum may overwrite. */
static inline void trial_fill(trial *t)
{
    for (int p = 0; p < t->k; p++)
        memcpy(t->parts[p].data, t->original[p], (size_t)t->count * sizeof(float));
    for (int64_t i = 0; i < t->count; i++)
        t->out[i] = 12345;
}

static inline void trial_end(trial *t)
{
    for (int p = 0; p < t->k; p++) {
        rt_mem_free(t->parts[p].data);
        rt_mem_free(t->original[p]);
    }
    rt_mem_free(t->want);
    rt_mem_free(t->out);
}

static inline bool same_bits(const float *a, const float *b, int64_t count)
{
    return count == 0 || memcmp(a, b, (size_t)count * sizeof *a) == 0;
}

static inline rt_status check_sum(const trial *t, const float *out, const char *how)
{
    const rt_range o = t->owned[t->rank];
    for (int64_t i = 0; i < t->count; i++) {
        const bool mine = i >= o.begin && i < o.end;
        if (mine)
            CHECK(same_bits(&out[i], &t->want[i], 1),
                  "%s, W=%d S=%lld count=%lld seed=%llu, element %lld: %a, not %a", how, t->world,
                  (long long)t->slices, (long long)t->count, (unsigned long long)t->seed,
                  (long long)i, (double)out[i], (double)t->want[i]);
        else if (out == t->out)
            CHECK(out[i] == 12345, "%s touched element %lld, which rank %d does not own", how,
                  (long long)i, t->rank);
    }
    return RT_OK;
}

static inline rt_status exact_trial(rt_comm *c, trial *t)
{
    static const rt_algo algos[] = {RT_ALGO_DIRECT, RT_ALGO_HALVING, RT_ALGO_AUTO};
    static const char *const names[] = {"direct", "halving", "auto"};
    for (int a = 0; a < 3; a++) {
        trial_fill(t);
        rt_status status = rt_comm_reduce_scatter(c, &t->reduce, t->parts, t->k,
                                                  floats(t->out, t->count), algos[a]);
        if (algos[a] == RT_ALGO_HALVING && status == RT_E_UNSUPPORTED) {
            rt_error_clear();
            CHECK(!t->usual || !rt_is_power_of_two(t->world) || !rt_is_power_of_two(t->slices),
                  "halving refused a plan made for it: W=%d S=%lld", t->world,
                  (long long)t->slices);
            continue;
        }
        RT_TRY(status);
        RT_TRY(check_sum(t, t->out, names[a]));
    }
    for (int i = 0; i < 3; i++) { /* the result may replace any partial */
        float *out = t->parts[i % t->k].data;
        trial_fill(t);
        RT_TRY(rt_comm_reduce_scatter(c, &t->reduce, t->parts, t->k, floats(out, t->count),
                                      RT_ALGO_AUTO));
        RT_TRY(check_sum(t, out, "in place"));
    }
    return RT_OK;
}

/* Runs one trial on fresh buffers. */
static inline rt_status with_trial(rt_comm *c, uint64_t seed, int64_t slices, int64_t count,
                                   bool usual, rt_status (*body)(rt_comm *c, trial *t))
{
    trial t;
    rt_status status = trial_begin(&t, c, seed, slices, count, usual);
    if (status == RT_OK)
        status = body(c, &t);
    trial_end(&t);
    return status;
}

/* Returns the number of elements with which each rank owns three blocks, that is, one and a half chunks. */
static inline int64_t long_count(int world)
{
    return (int64_t)world * 3 * RT_BLOCK;
}

static inline rt_status test_exact_sum(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c);
    uint64_t random = seed;
    for (int i = 0; i < 40; i++) {
        static const int64_t counts[] = {0, 1, 7, 100, 5000};
        const int64_t even = (int64_t)world
                             << draw(&random, 0, 2); /* suits halving if W is a power of two */
        const int64_t slices = i % 2 ? draw(&random, world, SLICES_MAX) : even;
        const int64_t count = draw(&random, 0, counts[i % 5]);
        RT_TRY(with_trial(c, random, slices, count, i % 3 == 0, exact_trial));
    }
    if (world > 4)
        return RT_OK;
    RT_TRY(with_trial(c, random, world, long_count(world), true, exact_trial));
    return with_trial(c, random + 1, world + 1, long_count(world), false, exact_trial);
}

static inline rt_status ring_trial(rt_comm *c, trial *t)
{
    for (int in_place = 0; in_place < 2; in_place++) {
        float *out = in_place ? t->parts[0].data : t->out;
        trial_fill(t);
        RT_TRY(rt_comm_reduce_scatter(c, &t->reduce, t->parts, 1, floats(out, t->count),
                                      RT_ALGO_RING));
        RT_TRY(check_sum(t, out, "ring"));
    }
    return RT_OK;
}

/* x[r+1] + x[r+2] + ... + x[r] from left to right, for the range of rank r. */
static inline rt_status ring_order(rt_comm *c, trial *t)
{
    for (int r = 0; r < t->world; r++)
        for (int64_t i = t->owned[r].begin; i < t->owned[r].end; i++) {
            float sum = value(t->seed, (r + 1) % t->world, i);
            for (int step = 2; step <= t->world; step++)
                sum += value(t->seed, (r + step) % t->world, i);
            t->want[i] = sum;
        }
    return ring_trial(c, t);
}

static inline rt_status test_ring_order(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c);
    uint64_t random = seed;
    for (int i = 0; i < 20; i++) {
        const int64_t count = draw(&random, 0, i % 2 ? 10 : 6000);
        RT_TRY(with_trial(c, random, world, count, i % 2, ring_order));
    }
    if (world <= 4)
        RT_TRY(with_trial(c, random, world, long_count(world), true, ring_order));
    /* A ring must refuse a rank with two partials. */
    if (world == 1)
        return RT_OK;
    const rt_range all = {0, 1};
    rt_range owned[WORLD_MAX] = {all};
    int64_t begin[WORLD_MAX + 1] = {0, 3};
    for (int r = 2; r <= world; r++)
        begin[r] = r + 2;
    float x[2] = {0};
    const rt_reduce reduce = {world + 2, begin, owned};
    const int64_t mine = begin[rt_comm_rank(c)];
    rt_range nodes[RT_TREE_NODES_MAX];
    const int k = rt_tree_nodes(world + 2, mine, begin[rt_comm_rank(c) + 1], nodes);
    rt_partial parts[2] = {{nodes[0], &x[0]}, {nodes[1], &x[1]}};
    const rt_status status =
        rt_comm_reduce_scatter(c, &reduce, parts, k, floats(x, 1), RT_ALGO_RING);
    CHECK(status == RT_E_UNSUPPORTED, "%s", rt_status_name(status));
    rt_error_clear();
    return RT_OK;
}

static const rt_algo GATHERS[] = {RT_ALGO_DIRECT, RT_ALGO_RING, RT_ALGO_HALVING, RT_ALGO_AUTO};

static inline rt_status gather_trial(rt_comm *c, trial *t)
{
    static const rt_dtype dtypes[] = {RT_U8, RT_BF16, RT_F32, RT_I64};
    for (int a = 0; a < 4; a++) {
        const rt_dtype dtype = dtypes[t->seed >> a & 3];
        const size_t size = rt_dtype_size(dtype), bytes = (size_t)t->count * size;
        uint8_t *buf = rt_calloc(bytes + 1, 1);
        CHECK(buf, "memory");
        const rt_range o = t->owned[t->rank];
        for (size_t i = (size_t)o.begin * size; i < (size_t)o.end * size; i++)
            buf[i] = (uint8_t)(mix(t->seed + i) | 1);
        const rt_buf all = {.data = buf, .count = t->count, .dtype = dtype};
        rt_status status = rt_comm_all_gather(c, all, t->owned, GATHERS[a]);
        if (status == RT_E_UNSUPPORTED && GATHERS[a] == RT_ALGO_HALVING &&
            !(t->usual && rt_is_power_of_two(t->world))) {
            rt_error_clear();
            status = RT_OK;
        } else {
            for (int r = 0; status == RT_OK && r < t->world; r++)
                for (size_t i = (size_t)t->owned[r].begin * size;
                     i < (size_t)t->owned[r].end * size; i++)
                    if (buf[i] != (uint8_t)(mix(t->seed + i) | 1))
                        status = RT_FAIL(INTERNAL, "algorithm %d, %s: byte %zu of rank %d is wrong",
                                         GATHERS[a], rt_dtype_name(dtype), i, r);
        }
        rt_mem_free(buf);
        RT_TRY(status);
    }
    return RT_OK;
}

static inline rt_status test_gather(rt_comm *c, uint64_t seed)
{
    uint64_t random = seed;
    for (int i = 0; i < 30; i++) {
        const int64_t count = draw(&random, 0, i % 3 ? 3000 : 4);
        RT_TRY(with_trial(c, random, rt_comm_world(c), count, i % 2, gather_trial));
    }
    return with_trial(c, random, rt_comm_world(c), RT_BLOCK + 5, true, gather_trial);
}

static inline rt_status all_reduce_trial(rt_comm *c, trial *t)
{
    static const rt_algo algos[] = {RT_ALGO_AUTO, RT_ALGO_DIRECT, RT_ALGO_HALVING};
    for (int a = 0; a < 3; a++) {
        if (algos[a] == RT_ALGO_HALVING && !rt_is_power_of_two(t->world))
            continue;
        trial_fill(t);
        RT_TRY(rt_comm_all_reduce(c, floats(t->parts[0].data, t->count), algos[a]));
        CHECK(same_bits(t->parts[0].data, t->want, t->count), "algorithm %d, W=%d, %lld elements",
              algos[a], t->world, (long long)t->count);
    }
    return RT_OK;
}

static inline rt_status test_all_reduce(rt_comm *c, uint64_t seed)
{
    static const int64_t counts[] = {0, 1, 2, 3, 17, 1000, RT_BLOCK + 1};
    const int world = rt_comm_world(c);
    for (int i = 0; i < 7; i++)
        RT_TRY(with_trial(c, seed + (uint64_t)i, world, counts[i], true, all_reduce_trial));

    /* Sums of whole numbers are exact in any order. */
    float x[1000];
    for (int library = 0; library < 2; library++) {
        for (int i = 0; i < 1000; i++)
            x[i] = (float)(i + rt_comm_rank(c));
        rt_status status =
            rt_comm_all_reduce(c, floats(x, 1000), library ? RT_ALGO_LIBRARY : RT_ALGO_RING);
        if (library && status == RT_E_UNSUPPORTED) { /* loopback and groups have none */
            rt_error_clear();
            continue;
        }
        RT_TRY(status);
        for (int i = 0; i < 1000; i++)
            CHECK(x[i] == (float)(i * world + world * (world - 1) / 2), "element %d is %g", i,
                  (double)x[i]);
    }
    return RT_OK;
}

static inline int log2_up(int world)
{
    int rounds = 0;
    while (1 << rounds < world)
        rounds++;
    return rounds;
}

/* Returns what this rank has sent since *mark, and updates *mark. */
static inline rt_comm_stats since(const rt_comm *c, rt_comm_stats *mark)
{
    const rt_comm_stats now = rt_comm_stats_of(c);
    const rt_comm_stats spent = {now.messages_sent - mark->messages_sent,
                                 now.bytes_sent - mark->bytes_sent};
    *mark = now;
    return spent;
}

static inline rt_status broadcast_from(rt_comm *c, int root, int64_t bytes, uint64_t seed)
{
    uint8_t *buf = rt_calloc((size_t)bytes + 1, 1);
    CHECK(buf, "memory");
    for (int64_t i = 0; rt_comm_rank(c) == root && i < bytes; i++)
        buf[i] = (uint8_t)mix(seed + (uint64_t)i);
    rt_comm_stats mark = rt_comm_stats_of(c);
    rt_status status = rt_comm_broadcast(c, bytes_at(buf, bytes), root);
    const int64_t sent = since(c, &mark).messages_sent;
    for (int64_t i = 0; status == RT_OK && i < bytes; i++)
        if (buf[i] != (uint8_t)mix(seed + (uint64_t)i))
            status = RT_FAIL(INTERNAL, "%lld bytes from rank %d: byte %lld is wrong",
                             (long long)bytes, root, (long long)i);
    rt_mem_free(buf);
    RT_TRY(status);
    const int64_t pieces = bytes / RT_COMM_CHUNK + 1; /* the last one is never full */
    if (rt_comm_rank(c) == root)
        CHECK(sent == pieces * log2_up(rt_comm_world(c)), "root sent %lld", (long long)sent);
    float all = (float)sent;
    RT_TRY(rt_comm_all_reduce(c, floats(&all, 1), RT_ALGO_AUTO));
    CHECK(all == (float)(pieces * (rt_comm_world(c) - 1)), "all sent %g", (double)all);
    return RT_OK;
}

static inline rt_status test_broadcast(rt_comm *c, uint64_t seed)
{
    static const int64_t sizes[] = {0, 1, 1000, RT_COMM_CHUNK, 2 * RT_COMM_CHUNK + 3};
    for (int root = 0; root < rt_comm_world(c); root++)
        for (int i = 0; i < 5; i++)
            RT_TRY(broadcast_from(c, root, sizes[i], seed + (uint64_t)i));
    return RT_OK;
}

/* Returns how many bytes rank `from` sends to rank `to` in transfer `k`; some pairs send nothing, some twice. */
static inline int64_t exchange_size(uint64_t seed, int from, int to, int k)
{
    const uint64_t h = mix(seed ^ mix((uint64_t)from * 64 + (uint64_t)to * 2 + (uint64_t)k));
    return from == to || h % 3 == 0 ? 0 : (int64_t)(h >> 8) % 100000;
}

static inline uint8_t exchange_byte(uint64_t seed, int from, int to, int k, int64_t i)
{
    return (uint8_t)mix(seed + (uint64_t)i * 977 + (uint64_t)(from * 64 + to * 2 + k));
}

/* Lays out this rank's sends (or receives) in `data`; returns the number of transfers. */
static inline int exchange_list(const rt_comm *c, uint64_t seed, bool send, uint8_t *data,
                                rt_comm_transfer *t)
{
    const int rank = rt_comm_rank(c), world = rt_comm_world(c);
    int n = 0;
    for (int peer = 0; peer < world; peer++)
        for (int k = 0; k < 2; k++) {
            const int from = send ? rank : peer, to = send ? peer : rank;
            const int64_t bytes = exchange_size(seed, from, to, k);
            if (peer == rank)
                continue;
            for (int64_t i = 0; send && i < bytes; i++)
                data[i] = exchange_byte(seed, from, to, k, i);
            t[n++] = (rt_comm_transfer){peer, bytes_at(data, bytes)};
            data += bytes;
        }
    return n;
}

static inline rt_status exchange_trial(rt_comm *c, uint64_t seed, uint8_t *sent, uint8_t *got)
{
    rt_comm_transfer sends[2 * WORLD_MAX], receives[2 * WORLD_MAX];
    const int rank = rt_comm_rank(c);
    const int n = exchange_list(c, seed, true, sent, sends);
    const int m = exchange_list(c, seed, false, got, receives);
    rt_comm_stats mark = rt_comm_stats_of(c);
    RT_TRY(rt_comm_exchange(c, sends, n, receives, m));
    CHECK(since(c, &mark).messages_sent == n, "expected %d", n); /* one for an empty buffer, too */
    for (int r = 0; r < m; r++)
        for (int64_t i = 0; i < receives[r].buf.count; i++)
            CHECK(((uint8_t *)receives[r].buf.data)[i] ==
                      exchange_byte(seed, receives[r].peer, rank, r % 2, i),
                  "byte %lld from rank %d", (long long)i, receives[r].peer);
    return RT_OK;
}

static inline rt_status test_exchange(rt_comm *c, uint64_t seed)
{
    uint8_t *sent = rt_calloc(2 * WORLD_MAX, 100000), *got = rt_calloc(2 * WORLD_MAX, 100000);
    rt_status status = sent && got ? RT_OK : RT_E_NOMEM;
    for (uint64_t i = 0; status == RT_OK && i < 10; i++)
        status = exchange_trial(c, seed + i, sent, got);
    rt_mem_free(sent);
    rt_mem_free(got);
    return status == RT_OK ? rt_comm_exchange(c, NULL, 0, NULL, 0) : status;
}

enum { SHARE = 1000 };

/* mine: [2 * SHARE * WORLD_MAX] */
static inline rt_status costs_trial(rt_comm *c, float *mine)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c), rounds = log2_up(world);
    const int64_t bytes = (int64_t)SHARE * world * 4, ring_bytes = bytes / world * (world - 1);
    int64_t one_each[WORLD_MAX + 1], two_each[WORLD_MAX + 1];
    rt_range owned[WORLD_MAX];
    const rt_buf buf = floats(mine, (int64_t)SHARE * world);
    for (int r = 0; r <= world; r++) {
        one_each[r] = r;
        two_each[r] =
            r == 0 ? 0
                   : 2 * r + 1; /* 3, 2, 2, ... slices: an odd start makes two nodes of each pair */
        int64_t place = 0;
        for (int bit = 1; bit < world && r < world; bit <<= 1)
            place = place << 1 | ((r & bit) != 0);
        if (r < world)
            owned[r] = rt_is_power_of_two(world)
                           ? (rt_range){place * SHARE, (place + 1) * SHARE}
                           : (rt_range){(int64_t)r * SHARE, (r + 1) * (int64_t)SHARE};
    }
    rt_comm_stats mark = rt_comm_stats_of(c), cost;
    const rt_reduce reduce = {world, one_each, owned};
    const rt_partial part = {{rank, rank + 1}, mine};

    RT_TRY(rt_comm_reduce_scatter(c, &reduce, &part, 1, buf, RT_ALGO_DIRECT));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == ring_bytes, "direct");
    RT_TRY(rt_comm_reduce_scatter(c, &reduce, &part, 1, buf, RT_ALGO_RING));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == ring_bytes, "ring");
    RT_TRY(rt_comm_all_gather(c, buf, owned, RT_ALGO_RING));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == ring_bytes, "ring gather");
    RT_TRY(rt_comm_all_gather(c, buf, owned, RT_ALGO_DIRECT));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == ring_bytes, "direct gather");
    if (rt_is_power_of_two(world)) {
        RT_TRY(rt_comm_reduce_scatter(c, &reduce, &part, 1, buf, RT_ALGO_HALVING));
        cost = since(c, &mark);
        CHECK(cost.messages_sent == rounds && cost.bytes_sent == ring_bytes, "halving");
        RT_TRY(rt_comm_all_gather(c, buf, owned, RT_ALGO_HALVING));
        cost = since(c, &mark);
        CHECK(cost.messages_sent == rounds && cost.bytes_sent == ring_bytes, "doubling");
    }
    RT_TRY(rt_comm_all_reduce(c, buf, RT_ALGO_AUTO));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == 2 * (rt_is_power_of_two(world) ? rounds : world - 1) &&
              cost.bytes_sent == 2 * ring_bytes,
          "all_reduce: %lld messages", (long long)cost.messages_sent);
    RT_TRY(rt_comm_barrier(c));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == rounds && cost.bytes_sent == 0, "barrier");

    rt_range nodes[RT_TREE_NODES_MAX];
    const rt_reduce split = {2 * world + 1, two_each, owned};
    const int k = rt_tree_nodes(split.slices, two_each[rank], two_each[rank + 1], nodes);
    CHECK(world == 1 || rank == world - 1 || k == 2, "%d partials", k);
    const rt_partial parts[2] = {{nodes[0], mine}, {nodes[k - 1], mine + SHARE * WORLD_MAX}};
    RT_TRY(rt_comm_reduce_scatter(c, &split, parts, k, buf, RT_ALGO_AUTO));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == k * (world - 1) && cost.bytes_sent == k * ring_bytes,
          "direct, k=%d", k);
    return RT_OK;
}

/* Checks the cost formulas of comm.h on a buffer that divides evenly. */
static inline rt_status test_costs(rt_comm *c, uint64_t seed)
{
    (void)seed;
    float *mine = rt_calloc(2 * SHARE * WORLD_MAX, sizeof *mine);
    const rt_status status = mine ? costs_trial(c, mine) : RT_E_NOMEM;
    rt_mem_free(mine);
    return status;
}

/* A range longer than the longest message is sent as two messages and arrives whole. */
static inline rt_status test_pieces(rt_comm *c, uint64_t seed)
{
    const int64_t bytes = (int64_t)RT_COMM_MESSAGE + 1001;
    const int world = rt_comm_world(c);
    if (world != 2)
        return RT_OK;
    uint32_t *buf = rt_calloc((size_t)bytes / 4, 4);
    CHECK(buf, "memory");
    const rt_range owned[2] = {{0, bytes / 4}, {bytes / 4, bytes / 4}};
    for (int64_t i = 0; rt_comm_rank(c) == 0 && i < bytes / 4; i++)
        buf[i] = (uint32_t)((uint64_t)i * 2654435761u + seed);
    rt_comm_stats mark = rt_comm_stats_of(c);
    rt_status status = rt_comm_all_gather(
        c, (rt_buf){.data = buf, .count = bytes / 4, .dtype = RT_I32}, owned, RT_ALGO_RING);
    const rt_comm_stats cost = since(c, &mark);
    for (int64_t i = 0; status == RT_OK && i < bytes / 4; i++)
        if (buf[i] != (uint32_t)((uint64_t)i * 2654435761u + seed))
            status = RT_FAIL(INTERNAL, "element %lld is wrong", (long long)i);
    rt_mem_free(buf);
    RT_TRY(status);
    CHECK(cost.messages_sent == (rt_comm_rank(c) == 0 ? 2 : 0), "%lld messages",
          (long long)cost.messages_sent);
    return RT_OK;
}

static inline rt_status every_collective(rt_comm *c, trial *t)
{
    const rt_buf out = floats(t->out, t->count);
    RT_TRY(rt_comm_reduce_scatter(c, &t->reduce, t->parts, t->k, out, RT_ALGO_DIRECT));
    RT_TRY(rt_comm_reduce_scatter(c, &t->reduce, t->parts, t->k, out, RT_ALGO_AUTO));
    RT_TRY(rt_comm_all_gather(c, out, t->owned, RT_ALGO_AUTO));
    RT_TRY(rt_comm_all_gather(c, out, t->owned, RT_ALGO_RING));
    RT_TRY(rt_comm_all_reduce(c, out, RT_ALGO_AUTO));
    RT_TRY(rt_comm_broadcast(c, out, 0));
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    float to_next = 1, from_last = 0;
    const rt_comm_transfer send = {(rank + 1) % world, floats(&to_next, 1)},
                           receive = {(rank + world - 1) % world, floats(&from_last, 1)};
    RT_TRY(rt_comm_exchange(c, &send, world > 1, &receive, world > 1));
    RT_TRY(
        rt_comm_all_to_all(c, floats(t->parts[0].data, world), NULL, floats(t->out, world), NULL));
    if (rank < 2 && world > 1)
        RT_TRY(rank == 0 ? rt_comm_send(c, out, 1) : rt_comm_recv(c, out, 0));
    return rt_comm_barrier(c);
}

static inline rt_status allocation_trial(rt_comm *c, trial *t)
{
    trial_fill(t);
    RT_TRY(every_collective(c, t));
    RT_TRY(rt_comm_barrier(c));
    const int64_t before = rt_mem_total();
    for (int i = 0; i < 5; i++)
        RT_TRY(every_collective(c, t));
    const int64_t made = rt_mem_total() - before;
    RT_TRY(rt_comm_barrier(c)); /* no rank may free or allocate its next trial meanwhile */
    CHECK(made == 0, "%lld allocations in later steps", (long long)made);
    return RT_OK;
}

static inline rt_status test_no_allocation(rt_comm *c, uint64_t seed)
{
    return with_trial(c, seed, rt_comm_world(c) + 3, RT_BLOCK, false, allocation_trial);
}

static inline rt_status refused(rt_status status, rt_status expected, const char *what)
{
    const rt_status found = status;
    CHECK(found == expected && strlen(rt_error()) > 10, "%s: %s, \"%s\"", what,
          rt_status_name(found), rt_error());
    rt_error_clear();
    return RT_OK;
}

static inline rt_status bad_trial(rt_comm *c, trial *t)
{
    rt_range owned[WORLD_MAX];
    int64_t begin[WORLD_MAX + 1];
    rt_partial other = t->parts[0];
    rt_reduce bad = t->reduce;
    const rt_buf out = floats(t->out, t->count);
    memcpy(owned, t->owned, sizeof owned);
    memcpy(begin, t->slice_begin, sizeof begin);

    other.node.end++;
    RT_TRY(refused(rt_comm_reduce_scatter(c, &bad, &other, t->k, out, RT_ALGO_AUTO), RT_E_ARG,
                   "wrong node"));
    RT_TRY(refused(rt_comm_reduce_scatter(c, &bad, t->parts, t->k + 1, out, RT_ALGO_AUTO), RT_E_ARG,
                   "k"));
    bad.owned = owned;
    owned[t->world - 1].end = t->count + 1;
    RT_TRY(refused(rt_comm_reduce_scatter(c, &bad, t->parts, t->k, out, RT_ALGO_AUTO), RT_E_ARG,
                   "range"));
    owned[t->world - 1] = (rt_range){-1, 0};
    RT_TRY(refused(rt_comm_all_gather(c, out, owned, RT_ALGO_AUTO), RT_E_ARG, "negative range"));
    bad = t->reduce;
    bad.slice_begin = begin;
    begin[t->world]++;
    RT_TRY(refused(rt_comm_reduce_scatter(c, &bad, t->parts, t->k, out, RT_ALGO_AUTO), RT_E_ARG,
                   "slices"));
    begin[t->world] = begin[t->world - 1];
    RT_TRY(refused(rt_comm_reduce_scatter(c, &bad, t->parts, t->k, out, RT_ALGO_AUTO), RT_E_ARG,
                   "no slice"));
    RT_TRY(refused(rt_comm_all_gather(c, out, t->owned, RT_ALGO_LIBRARY), RT_E_UNSUPPORTED,
                   "library"));
    RT_TRY(refused(rt_comm_broadcast(c, out, t->world), RT_E_ARG, "root"));
    RT_TRY(refused(rt_comm_broadcast(c, floats(t->out, -1), 0), RT_E_ARG, "size"));
    const rt_comm_transfer to_nobody = {t->world, out}, to_me = {rt_comm_rank(c), out};
    RT_TRY(refused(rt_comm_exchange(c, &to_nobody, 1, NULL, 0), RT_E_ARG, "peer"));
    RT_TRY(refused(rt_comm_exchange(c, NULL, 0, &to_me, 1), RT_E_ARG, "myself"));
    RT_TRY(refused(rt_comm_all_reduce(c, floats(t->out, -1), RT_ALGO_AUTO), RT_E_ARG, "count"));
    if (!rt_is_power_of_two(t->world))
        RT_TRY(refused(rt_comm_all_reduce(c, floats(t->out, 1), RT_ALGO_HALVING), RT_E_UNSUPPORTED,
                       "halving"));
    return exact_trial(c, t); /* nothing was begun, so the communicator still works */
}

static inline rt_status test_bad_arguments(rt_comm *c, uint64_t seed)
{
    return with_trial(c, seed, rt_comm_world(c), 50, true, bad_trial);
}

/* If the flag is set before the call, nothing is sent. */
static inline rt_status test_abort_flag(rt_comm *c, uint64_t seed)
{
    atomic_int flag = 1;
    float x = 1;
    (void)seed;
    rt_comm_set_abort_flag(c, &flag);
    const rt_status reduce = rt_comm_all_reduce(c, floats(&x, 1), RT_ALGO_AUTO);
    const rt_status barrier = rt_comm_barrier(c);
    rt_comm_set_abort_flag(c, NULL);
    rt_error_clear();
    CHECK(reduce == RT_E_ABORTED && barrier == RT_E_ABORTED, "%d, %d", reduce, barrier);
    return rt_comm_barrier(c);
}

#endif
