/* Tests of groups, element types, all_to_all and messages, run by every rank; the same for threads and for MPI
 * processes, as in collectives.h. */
#ifndef RINGTORCH_TESTS_MPI_GROUPS_H
#define RINGTORCH_TESTS_MPI_GROUPS_H

#include "tests/mpi/collectives.h"
#include "worker/comm/internal.h"

/* TEST(name): rt_status test_<name>(rt_comm *c, uint64_t seed) */
#define GROUP_TESTS(TEST)                                                                          \
    TEST(typed_sums)                                                                               \
    TEST(all_to_all)                                                                               \
    TEST(all_to_all_costs)                                                                         \
    TEST(messages)                                                                                 \
    TEST(long_message)                                                                             \
    TEST(bad_buffers)                                                                              \
    TEST(bad_groups)                                                                               \
    TEST(random_groups)                                                                            \
    TEST(groups_at_once)                                                                           \
    TEST(nested_groups)                                                                            \
    TEST(split)                                                                                    \
    TEST(contexts)                                                                                 \
    TEST(group_costs)                                                                              \
    TEST(groups_keep_their_memory)

/* ---- sums of every type ---- */

static const rt_dtype SUMMED[] = {RT_F32, RT_F64, RT_I32, RT_I64};

/* Writes element i of rank r's buffer; integers are large, so that their sums wrap. */
static void put(void *at, rt_dtype dtype, uint64_t seed, int r, int64_t i)
{
    const uint64_t bits = mix(seed ^ mix((uint64_t)r << 40 ^ (uint64_t)i));
    if (dtype == RT_F32)
        *(float *)at = value(seed, r, i);
    else if (dtype == RT_F64)
        *(double *)at = (double)value(seed, r, i) * (1 + (double)(bits >> 40) * 0x1p-50);
    else if (dtype == RT_I32)
        *(uint32_t *)at = (uint32_t)bits;
    else
        *(uint64_t *)at = bits;
}

static void add(void *sum, const void *x, rt_dtype dtype)
{
    if (dtype == RT_F32)
        *(float *)sum += *(const float *)x;
    else if (dtype == RT_F64)
        *(double *)sum += *(const double *)x;
    else if (dtype == RT_I32)
        *(uint32_t *)sum += *(const uint32_t *)x;
    else
        *(uint64_t *)sum += *(const uint64_t *)x;
}

/* T[lo,hi) of element i, by its definition. */
static uint64_t typed_tree(rt_dtype dtype, uint64_t seed, int lo, int hi, int64_t i)
{
    uint64_t left = 0, right;
    if (hi - lo == 1) {
        put(&left, dtype, seed, lo, i);
        return left;
    }
    int half = 1;
    while (2 * half < hi - lo)
        half *= 2;
    left = typed_tree(dtype, seed, lo, lo + half, i);
    right = typed_tree(dtype, seed, lo + half, hi, i);
    add(&left, &right, dtype);
    return left;
}

static rt_status typed_trial(rt_comm *c, uint64_t seed, rt_dtype dtype, int64_t count, rt_algo algo)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    const size_t size = rt_dtype_size(dtype);
    char *x = rt_calloc((size_t)count + 1, size);
    CHECK(x, "memory");
    for (int64_t i = 0; i < count; i++)
        put(x + (size_t)i * size, dtype, seed, rank, i);
    rt_status status =
        rt_comm_all_reduce(c, (rt_buf){.data = x, .count = count, .dtype = dtype}, algo);
    for (int64_t i = 0; status == RT_OK && i < count; i++) {
        const uint64_t want = typed_tree(dtype, seed, 0, world, i);
        if (memcmp(x + (size_t)i * size, &want, size) != 0)
            status =
                RT_FAIL(INTERNAL, "%s, W=%d, algorithm %d: element %lld of %lld is wrong",
                        rt_dtype_name(dtype), world, (int)algo, (long long)i, (long long)count);
    }
    rt_mem_free(x);
    return status;
}

static rt_status test_typed_sums(rt_comm *c, uint64_t seed)
{
    static const int64_t counts[] = {0, 1, 2, 777};
    const bool halves = rt_is_power_of_two(rt_comm_world(c));
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < 4; i++) {
            const uint64_t s = seed + (uint64_t)(4 * t + i);
            RT_TRY(typed_trial(c, s, SUMMED[t], counts[i], RT_ALGO_DIRECT));
            if (halves)
                RT_TRY(typed_trial(c, s, SUMMED[t], counts[i], RT_ALGO_HALVING));
            if (SUMMED[t] == RT_I32 || SUMMED[t] == RT_I64) /* exact in any order */
                RT_TRY(typed_trial(c, s, SUMMED[t], counts[i], RT_ALGO_RING));
        }
    /* Two chunks per rank, for the wider types too. */
    if (rt_comm_world(c) > 3)
        return RT_OK;
    const int64_t many = (int64_t)rt_comm_world(c) * (RT_COMM_CHUNK / 4 + 99);
    RT_TRY(typed_trial(c, seed, RT_F64, many, RT_ALGO_DIRECT));
    return typed_trial(c, seed, RT_I64, many, RT_ALGO_RING);
}

/* ---- all to all ---- */

/* Returns how many elements `from` sends to `to`: none, one, or many. */
static int64_t share(uint64_t seed, int from, int to)
{
    const uint64_t h = mix(seed ^ mix((uint64_t)from * 64 + (uint64_t)to));
    return h % 4 == 0 ? 0 : h % 4 == 1 ? 1 : (int64_t)(h >> 8) % 2000;
}

static uint8_t share_byte(uint64_t seed, int from, int to, int64_t i)
{
    return (uint8_t)mix(seed + (uint64_t)i * 977 + (uint64_t)(from * 64 + to));
}

/* Lays out the ranges of one side, the last rank first; returns the elements they span. */
static int64_t lay_out(const rt_comm *c, uint64_t seed, bool sending, rt_range *ranges)
{
    int64_t at = 0;
    for (int peer = rt_comm_world(c) - 1; peer >= 0; peer--) {
        const int me = rt_comm_rank(c);
        const int64_t n = sending ? share(seed, me, peer) : share(seed, peer, me);
        ranges[peer] = (rt_range){at, at + n};
        at += n + 1; /* and a gap */
    }
    return at;
}

static rt_status all_to_all_trial(rt_comm *c, uint64_t seed, rt_dtype dtype)
{
    const int64_t size = (int64_t)rt_dtype_size(dtype);
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    rt_range to[WORLD_MAX], from[WORLD_MAX];
    rt_buf send = {.count = lay_out(c, seed, true, to), .dtype = dtype};
    rt_buf receive = {.count = lay_out(c, seed, false, from), .dtype = dtype};
    uint8_t *sent = send.data = rt_calloc((size_t)send.count, (size_t)size);
    uint8_t *got = receive.data = rt_calloc((size_t)receive.count, (size_t)size);
    rt_status status = sent && got ? RT_OK : RT_E_NOMEM;
    for (int r = 0; status == RT_OK && r < world; r++)
        for (int64_t i = to[r].begin * size; i < to[r].end * size; i++)
            sent[i] = share_byte(seed, rank, r, i - to[r].begin * size);
    if (status == RT_OK)
        status = rt_comm_all_to_all(c, send, to, receive, from);
    for (int r = 0; status == RT_OK && r < world; r++)
        for (int64_t i = from[r].begin * size; i < (from[r].end + 1) * size; i++) {
            const bool gap = i >= from[r].end * size;
            const uint8_t want = gap ? 0 : share_byte(seed, r, rank, i - from[r].begin * size);
            if (got[i] != want)
                status = RT_FAIL(INTERNAL, "byte %lld from rank %d", (long long)i, r);
        }
    rt_mem_free(sent);
    rt_mem_free(got);
    return status;
}

static rt_status test_all_to_all(rt_comm *c, uint64_t seed)
{
    static const rt_dtype dtypes[] = {RT_U8, RT_F16, RT_F32, RT_I64};
    for (int i = 0; i < 12; i++)
        RT_TRY(all_to_all_trial(c, seed + (uint64_t)i, dtypes[i % 4]));
    return RT_OK;
}

static rt_status test_all_to_all_costs(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    int64_t x[3 * WORLD_MAX], y[3 * WORLD_MAX];
    for (int i = 0; i < 3 * world; i++)
        x[i] = (int64_t)seed + rank * 1000 + i;
    const rt_buf send = {.data = x, .count = 3 * world, .dtype = RT_I64};
    const rt_buf receive = {.data = y, .count = 3 * world, .dtype = RT_I64};
    rt_comm_stats mark = rt_comm_stats_of(c), cost;
    RT_TRY(rt_comm_all_to_all(c, send, NULL, receive, NULL));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == (world - 1) * 24, "%lld messages",
          (long long)cost.messages_sent);
    for (int r = 0; r < world; r++)
        for (int i = 0; i < 3; i++)
            CHECK(y[3 * r + i] == (int64_t)seed + r * 1000 + 3 * rank + i, "from rank %d", r);
    const rt_buf none = {.dtype = RT_I64};
    RT_TRY(rt_comm_all_to_all(c, none, NULL, none, NULL));
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == 0, "%lld messages of nothing",
          (long long)cost.messages_sent);
    return RT_OK;
}

/* ---- messages ---- */

/* Rank 0 sends to each other rank, which answers; a collective comes in between. */
static rt_status test_messages(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    double x[2];
    rt_comm_stats mark = rt_comm_stats_of(c);
    for (int round = 0; round < 3; round++) {
        const rt_buf buf = {.data = x, .count = round, .dtype = RT_F64}; /* none, one, two */
        for (int r = 1; r < world; r++) {
            x[0] = x[1] = (double)(seed % 1000) + r + 100 * round;
            if (rank == 0)
                RT_TRY(rt_comm_send(c, buf, r));
            if (rank == r) {
                x[0] = x[1] = 0;
                RT_TRY(rt_comm_recv(c, buf, 0));
                for (int i = 0; i < round; i++)
                    x[i]++;
                RT_TRY(rt_comm_send(c, buf, 0));
            }
            if (rank == 0) {
                RT_TRY(rt_comm_recv(c, buf, r));
                for (int i = 0; i < round; i++)
                    CHECK(x[i] == (double)(seed % 1000) + r + 100 * round + 1, "%g", x[i]);
            }
        }
    }
    const rt_comm_stats cost = since(c, &mark);
    CHECK(cost.messages_sent == 3 * (rank == 0 ? world - 1 : 1), "%lld messages",
          (long long)cost.messages_sent);
    CHECK(cost.bytes_sent == 24 * (rank == 0 ? world - 1 : 1), "%lld bytes",
          (long long)cost.bytes_sent);
    return rt_comm_barrier(c);
}

static rt_status test_long_message(rt_comm *c, uint64_t seed)
{
    const int64_t count = (int64_t)RT_COMM_MESSAGE / 8 + 3;
    if (rt_comm_world(c) != 2)
        return RT_OK;
    uint64_t *x = rt_calloc((size_t)count, sizeof *x);
    CHECK(x, "memory");
    const rt_buf buf = {.data = x, .count = count, .dtype = RT_I64};
    for (int64_t i = 0; rt_comm_rank(c) == 0 && i < count; i++)
        x[i] = seed + (uint64_t)i;
    rt_comm_stats mark = rt_comm_stats_of(c);
    rt_status status = rt_comm_rank(c) == 0 ? rt_comm_send(c, buf, 1) : rt_comm_recv(c, buf, 0);
    const rt_comm_stats cost = since(c, &mark);
    for (int64_t i = 0; status == RT_OK && i < count; i++)
        if (x[i] != seed + (uint64_t)i)
            status = RT_FAIL(INTERNAL, "element %lld is wrong", (long long)i);
    rt_mem_free(x);
    RT_TRY(status);
    CHECK(cost.messages_sent == (rt_comm_rank(c) == 0 ? 2 : 0), "%lld messages",
          (long long)cost.messages_sent);
    return RT_OK;
}

/* ---- refusals ---- */

/* Like refused(), but also checks a part of the message. */
static rt_status says(rt_status status, rt_status expected, const char *part)
{
    CHECK(status == expected && strstr(rt_error(), part), "expected \"%s\": %s, \"%s\"", part,
          rt_status_name(status), rt_error());
    rt_error_clear();
    return RT_OK;
}

static rt_status test_bad_buffers(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    float x[WORLD_MAX + 1] = {(float)seed};
    rt_buf far = floats(x, 1), half = {.data = x, .count = 1, .dtype = RT_BF16};
    const rt_buf odd = {.data = x, .count = 1, .dtype = RT_DTYPES}, lost = floats(NULL, 1);
    const rt_buf ok = floats(x, world), longer = floats(x, world + 1), none = floats(x, 0);
    const rt_range all[WORLD_MAX] = {{0, 1}};
    const rt_comm_transfer gone = {(rank + 1) % world, lost};
    static const char *const moves = "device opencl:0: comm moves host memory";
    far.device = (rt_device){RT_OPENCL, 0};

    RT_TRY(says(rt_comm_all_gather(c, far, all, RT_ALGO_AUTO), RT_E_DEVICE, moves));
    RT_TRY(says(rt_comm_all_reduce(c, far, RT_ALGO_AUTO), RT_E_DEVICE, moves));
    RT_TRY(says(rt_comm_broadcast(c, far, 0), RT_E_DEVICE, moves));
    RT_TRY(says(rt_comm_send(c, far, (rank + 1) % world), RT_E_DEVICE, moves));
    RT_TRY(says(rt_comm_all_to_all(c, ok, NULL, far, NULL), RT_E_DEVICE, moves));
    RT_TRY(
        says(rt_comm_all_reduce(c, half, RT_ALGO_AUTO), RT_E_DTYPE, "bfloat16 cannot be summed"));
    RT_TRY(says(rt_comm_broadcast(c, odd, 0), RT_E_DTYPE, "not an element type"));
    RT_TRY(says(rt_comm_exchange(c, &gone, 1, NULL, 0), RT_E_ARG, "no address"));
    RT_TRY(says(rt_comm_all_gather(c, none, all, RT_ALGO_AUTO), RT_E_ARG, "within 0"));
    RT_TRY(says(rt_comm_send(c, ok, rank), RT_E_ARG, "another rank"));
    RT_TRY(says(rt_comm_recv(c, ok, world), RT_E_ARG, "another rank"));
    half.count = world;
    RT_TRY(says(rt_comm_all_to_all(c, ok, NULL, half, NULL), RT_E_DTYPE, "one element type"));
    RT_TRY(says(rt_comm_all_to_all(c, ok, NULL, longer, NULL), RT_E_ARG, "as many on both sides"));
    RT_TRY(says(rt_comm_all_to_all(c, ok, all, ok, NULL), RT_E_ARG, "one side only"));
    rt_range to[WORLD_MAX] = {{0}}, from[WORLD_MAX] = {{0}};
    from[rank].end = 1;
    RT_TRY(says(rt_comm_all_to_all(c, ok, to, ok, from), RT_E_ARG, "sends itself 0 elements"));
    to[0].end = world + 1;
    RT_TRY(says(rt_comm_all_to_all(c, ok, to, ok, from), RT_E_ARG, "within"));
    return rt_comm_barrier(c); /* nothing was begun, so all is well */
}

static rt_status test_bad_groups(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c), other = (rank + 1) % world;
    const int twice[] = {rank, rank}, nobody[] = {rank, world}, before[] = {-1, rank};
    rt_comm *g = c;
    (void)seed;
    RT_TRY(says(rt_comm_group(c, twice, 0, &g), RT_E_ARG, "group of 0 ranks"));
    RT_TRY(says(rt_comm_group(c, twice, world + 1, &g), RT_E_ARG, "ranks, expected 1 to"));
    CHECK(!g, "something came back");
    if (world == 1)
        return RT_OK;
    RT_TRY(says(rt_comm_group(c, twice, 2, &g), RT_E_ARG, "expected another one below"));
    RT_TRY(says(rt_comm_group(c, nobody, 2, &g), RT_E_ARG, "expected another one below"));
    RT_TRY(says(rt_comm_group(c, before, 2, &g), RT_E_ARG, "member 0 is rank -1"));
    RT_TRY(says(rt_comm_group(c, &other, 1, &g), RT_E_ARG, "only members make a group"));
    return rt_comm_barrier(c);
}

/* ---- groups ---- */

/* Draws some of `world` ranks, at least one, in any order; returns how many. */
static int draw_ranks(uint64_t *random, int world, int ranks[WORLD_MAX])
{
    const int count = (int)draw(random, 1, world);
    for (int i = 0; i < world; i++)
        ranks[i] = i;
    for (int i = 0; i < count; i++) {
        const int k = (int)draw(random, i, world - 1), first = ranks[i];
        ranks[i] = ranks[k];
        ranks[k] = first;
    }
    return count;
}

static int place_in(const int *ranks, int count, int rank)
{
    for (int i = 0; i < count; i++)
        if (ranks[i] == rank)
            return i;
    return -1;
}

/* Uses everything that a communicator can do, briefly. */
static rt_status use_group(rt_comm *g, uint64_t seed)
{
    RT_TRY(with_trial(g, seed, rt_comm_world(g) + 3, 500, false, exact_trial));
    RT_TRY(with_trial(g, seed + 1, rt_comm_world(g), 300, true, gather_trial));
    RT_TRY(typed_trial(g, seed + 2, RT_I64, 50, RT_ALGO_AUTO));
    RT_TRY(all_to_all_trial(g, seed + 3, RT_F32));
    RT_TRY(broadcast_from(g, (int)(seed % (uint64_t)rt_comm_world(g)), 100, seed));
    return test_messages(g, seed);
}

static rt_status test_random_groups(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    uint64_t random = mix(seed);
    for (int i = 0; i < 12; i++) {
        int ranks[WORLD_MAX];
        rt_comm *g;
        const int count = draw_ranks(&random, world, ranks);
        const int place = place_in(ranks, count, rank);
        if (place < 0)
            continue;
        RT_TRY(rt_comm_group(c, ranks, count, &g));
        rt_status status = rt_comm_rank(g) == place && rt_comm_world(g) == count
                               ? use_group(g, random)
                               : RT_FAIL(INTERNAL, "rank %d of %d, expected %d of %d",
                                         rt_comm_rank(g), rt_comm_world(g), place, count);
        rt_comm_free(g);
        RT_TRY(status);
    }
    return rt_comm_barrier(c);
}

/* Rows and columns of a grid: while some ranks communicate in their row, others do in their column, or still in the
 * world. */
static rt_status test_groups_at_once(rt_comm *c, uint64_t seed)
{
    const int rank = rt_comm_rank(c), wide = rt_comm_world(c) > 2 ? 2 : 1;
    rt_comm *row = NULL, *column = NULL;
    RT_TRY(rt_comm_split(c, rank / wide, 0, &row));
    RT_TRY(rt_comm_split(c, rank % wide, 0, &column));
    rt_status status = RT_OK;
    for (int i = 0; i < 5 && status == RT_OK; i++) {
        for (int k = 0; k <= rank / wide % 3 && status == RT_OK; k++)
            status = use_group(row, seed + (uint64_t)(10 * i + k));
        if (status == RT_OK)
            status = use_group(column, seed + (uint64_t)(100 + i));
        if (status == RT_OK && i % 2)
            status = rt_comm_barrier(c);
    }
    rt_comm_free(row);
    rt_comm_free(column);
    return status;
}

static rt_status test_nested_groups(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    int ranks[WORLD_MAX];
    rt_comm *outer = NULL, *inner = NULL;
    for (int i = 0; i < world; i++) /* all of them, backwards */
        ranks[i] = world - 1 - i;
    RT_TRY(rt_comm_group(c, ranks, world, &outer));
    const int half = (world + 1) / 2, me = rt_comm_rank(outer);
    rt_status status = RT_OK;
    if (me < half) { /* the first half of those, backwards again */
        for (int i = 0; i < half; i++)
            ranks[i] = half - 1 - i;
        status = rt_comm_group(outer, ranks, half, &inner);
    }
    if (status == RT_OK && inner)
        status = rt_comm_rank(inner) == rank - (world - half)
                     ? use_group(inner, seed)
                     : RT_FAIL(INTERNAL, "rank %d is %d", rank, rt_comm_rank(inner));
    if (status == RT_OK)
        status = use_group(outer, seed);
    rt_comm_free(outer);
    if (status == RT_OK && inner) /* it outlives the group it was made from */
        status = use_group(inner, seed + 1);
    rt_comm_free(inner);
    return status;
}

static rt_status test_split(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rank = rt_comm_rank(c);
    uint64_t random = mix(seed);
    for (int i = 0; i < 8; i++) {
        int color[WORLD_MAX], key[WORLD_MAX], place = 0, count = 0;
        for (int r = 0; r < world; r++) {
            color[r] = (int)draw(&random, -1, 1);
            key[r] = (int)draw(&random, -1, 1);
        }
        for (int r = 0; r < world; r++) {
            count += color[r] == color[rank];
            place += color[r] == color[rank] &&
                     (key[r] < key[rank] || (key[r] == key[rank] && r < rank));
        }
        rt_comm *g = c;
        RT_TRY(rt_comm_split(c, color[rank], key[rank], &g));
        CHECK(!g == (color[rank] < 0), "colour %d", color[rank]);
        if (!g)
            continue;
        rt_status status = rt_comm_rank(g) == place && rt_comm_world(g) == count
                               ? use_group(g, random)
                               : RT_FAIL(INTERNAL, "rank %d of %d, expected %d of %d",
                                         rt_comm_rank(g), rt_comm_world(g), place, count);
        rt_comm_free(g);
        RT_TRY(status);
    }
    return RT_OK;
}

/* Two groups of the same ranks: a message in one must not match a receive in the other. */
static rt_status swap_order(rt_comm *one, rt_comm *two)
{
    const int first = 1111, second = 2222;
    int x = 0, y = 0;
    rt_request a, b;
    if (rt_comm_rank(one) == 0) {
        RT_TRY(rt__comm_send(one, &a, 1, &first, sizeof first));
        RT_TRY(rt__comm_send(two, &b, 1, &second, sizeof second));
        RT_TRY(rt__comm_wait(one, &a));
        return rt__comm_wait(two, &b);
    }
    RT_TRY(rt__comm_receive(two, &b, 0, &y, sizeof y));
    RT_TRY(rt__comm_wait(two, &b));
    RT_TRY(rt__comm_receive(one, &a, 0, &x, sizeof x));
    RT_TRY(rt__comm_wait(one, &a));
    CHECK(x == first && y == second, "%d, %d", x, y);
    return RT_OK;
}

static rt_status test_contexts(rt_comm *c, uint64_t seed)
{
    const int ranks[] = {0, 1};
    rt_comm *one = NULL, *two = NULL;
    (void)seed;
    if (rt_comm_world(c) < 2 || rt_comm_rank(c) > 1)
        return RT_OK;
    RT_TRY(rt_comm_group(c, ranks, 2, &one));
    rt_status status = rt_comm_group(c, ranks, 2, &two);
    if (status == RT_OK)
        status = swap_order(one, two);
    rt_comm_free(one);
    rt_comm_free(two);
    return status;
}

static rt_status test_group_costs(rt_comm *c, uint64_t seed)
{
    const int world = rt_comm_world(c), rounds = log2_up(world);
    int ranks[WORLD_MAX];
    rt_comm *g;
    (void)seed;
    for (int i = 0; i < world; i++)
        ranks[i] = i;
    rt_comm_stats mark = rt_comm_stats_of(c), cost, none = {0};
    RT_TRY(rt_comm_group(c, ranks, world, &g));
    cost = since(g, &none);
    rt_comm_free(g);
    CHECK(cost.messages_sent == rounds && cost.bytes_sent == 16 * rounds, "%lld messages",
          (long long)cost.messages_sent);
    cost = since(c, &mark);
    CHECK(cost.messages_sent == 0, "%lld in the world", (long long)cost.messages_sent);
    RT_TRY(rt_comm_split(c, 7, 0, &g));
    rt_comm_free(g);
    cost = since(c, &mark);
    CHECK(cost.messages_sent == world - 1 && cost.bytes_sent == 16 * (world - 1), "split: %lld",
          (long long)cost.messages_sent);
    RT_TRY(rt_comm_group(c, (int[]){rt_comm_rank(c)}, 1, &g));
    cost = rt_comm_stats_of(g);
    CHECK(cost.messages_sent == 0, "alone: %lld", (long long)cost.messages_sent);
    rt_status status = use_group(g, seed);
    rt_comm_free(g);
    return status;
}

static rt_status test_groups_keep_their_memory(rt_comm *c, uint64_t seed)
{
    rt_comm *g;
    RT_TRY(rt_comm_split(c, 0, -rt_comm_rank(c), &g));
    const rt_status status =
        with_trial(g, seed, rt_comm_world(g) + 3, RT_BLOCK, false, allocation_trial);
    rt_comm_free(g);
    return status;
}

#endif
