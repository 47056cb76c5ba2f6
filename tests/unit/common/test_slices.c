/* Properties of slices of random sizes, checked against a tree that is built node by node. */
#include "common/base/slices.h"
#include "tests/unit/common/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDS = 2000 };

static uint64_t rng;

/* Returns a number in [1, most], small ones often. */
static int64_t some(int64_t most)
{
    int64_t cap = 1 + random_below(&rng, 4) * most / 8;
    return 1 + random_below(&rng, cap < most ? cap : most);
}

/* The definition of exactness: T[lo,hi) = T[lo,m) + T[m,hi) in float32, m - lo the largest power of two < hi - lo. */
static float naive_sum(const float *g, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return g[lo];
    int64_t m = 1;
    while (2 * m < hi - lo)
        m *= 2;
    return naive_sum(g, lo, lo + m) + naive_sum(g, lo + m, hi);
}

/* Returns whether [lo,hi) is a node of the naive tree over [0,slices). */
static bool is_node(int64_t slices, int64_t lo, int64_t hi)
{
    int64_t a = 0, b = slices;
    while (a != lo || b != hi) {
        if (b - a <= 1)
            return false;
        int64_t m = 1;
        while (2 * m < b - a)
            m *= 2;
        m += a;
        if (hi <= m)
            b = m;
        else if (lo >= m)
            a = m;
        else
            return false;
    }
    return true;
}

/* Sums T[0,slices) from the sums of some nodes that cover it. */
static float sum_of_nodes(const rt_range *nodes, const float *sums, int n, int64_t lo, int64_t hi)
{
    for (int i = 0; i < n; i++)
        if (nodes[i].begin == lo && nodes[i].end == hi)
            return sums[i];
    int64_t m = rt_tree_split(lo, hi);
    return sum_of_nodes(nodes, sums, n, lo, m) + sum_of_nodes(nodes, sums, n, m, hi);
}

static void the_split_is_the_largest_power_of_two_below(void **state)
{
    (void)state;
    const int64_t expected[][2] = {{2, 1}, {3, 2},  {4, 2},  {5, 4},   {7, 4},        {8, 4},
                                   {9, 8}, {12, 8}, {16, 8}, {17, 16}, {65536, 32768}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(rt_tree_split(0, expected[i][0]), expected[i][1]);
        assert_int_equal(rt_tree_split(100, 100 + expected[i][0]), 100 + expected[i][1]);
    }
}

static void nodes_cover_a_range_with_the_fewest_nodes(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t slices = some(RT_SLICES_MAX), begin = random_below(&rng, slices);
        int64_t end = begin + random_below(&rng, slices - begin + 1), at = begin;
        rt_range nodes[RT_TREE_NODES_MAX];
        int n = rt_tree_nodes(slices, begin, end, nodes);
        for (int i = 0; i < n; i++) {
            assert_int_equal(nodes[i].begin, at); /* in order, without holes */
            assert_true(nodes[i].end > at);
            assert_true(is_node(slices, nodes[i].begin, nodes[i].end));
            at = nodes[i].end;
        }
        assert_int_equal(at, end);
        for (int i = 0; i + 1 < n; i++) /* maximal: no two make a larger node */
            assert_false(is_node(slices, nodes[i].begin, nodes[i + 1].end));
        assert_true(n <= RT_TREE_NODES_MAX);
    }
}

/* Any split of the slices over ranks gives the bits of the naive sum. */
static void any_partition_sums_to_the_same_bits(void **state)
{
    (void)state;
    enum { MOST = 300 };
    for (int round = 0; round < ROUNDS; round++) {
        float g[MOST], sums[MOST];
        rt_range nodes[MOST];
        int64_t slices = some(MOST);
        int n = 0;
        for (int64_t s = 0; s < slices; s++)
            g[s] = (float)random_below(&rng, 1 << 24) * (random_below(&rng, 2) ? 1e-3f : 1e4f);
        for (int64_t begin = 0;
             begin < slices;) { /* ranges of random size, not only the planner's */
            int64_t end = begin + some(slices - begin);
            rt_range found[RT_TREE_NODES_MAX];
            int k = rt_tree_nodes(slices, begin, end, found);
            for (int i = 0; i < k; i++, n++) {
                nodes[n] = found[i];
                sums[n] = naive_sum(g, found[i].begin, found[i].end);
            }
            begin = end;
        }
        float expected = naive_sum(g, 0, slices), got = sum_of_nodes(nodes, sums, n, 0, slices);
        assert_memory_equal(&expected, &got, sizeof got);
    }
}

typedef struct counter {
    float sum[RT_TREE_NODES_MAX];
    int most; /* nodes at any time */
} counter;

static void add_sums(void *ctx, int low)
{
    counter *c = ctx;
    c->sum[low] += c->sum[low + 1];
}

/* Whatever its first slice is, the nodes after each slice are the fewest that cover the range, with the bits of the naive sum; and there
 * are never more than ringtorch/comm.h promises. */
static void slices_one_by_one_carry_like_a_counter(void **state)
{
    (void)state;
    for (int64_t slices = 1; slices <= 70; slices++) {
        float g[70];
        int64_t levels = 0;
        while ((int64_t)1 << levels < slices)
            levels++;
        for (int64_t s = 0; s < slices; s++)
            g[s] = (float)random_below(&rng, 1 << 24) * (random_below(&rng, 2) ? 1e-3f : 1e4f);
        for (int64_t begin = 0; begin < slices; begin++) {
            rt_range nodes[RT_TREE_NODES_MAX], expected[RT_TREE_NODES_MAX];
            counter c = {0};
            for (int64_t s = begin, n = 0; s < slices; s++) {
                c.sum[n] = g[s];
                c.most = n + 1 > c.most ? (int)n + 1 : c.most;
                n = rt_tree_push(slices, nodes, (int)n, s, add_sums, &c);
                assert_int_equal(n, rt_tree_nodes(slices, begin, s + 1, expected));
                assert_memory_equal(nodes, expected, (size_t)n * sizeof *nodes);
                for (int64_t i = 0; i < n; i++)
                    assert_true(c.sum[i] == naive_sum(g, nodes[i].begin, nodes[i].end));
            }
            assert_true(c.most <= 2 * levels + 1);
            if (begin == 0 && slices == (int64_t)1 << levels)
                assert_int_equal(c.most, levels + 1);
        }
    }
}

static void samples_are_dealt_without_rest(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t slices = some(1000), batch = slices + random_below(&rng, 5000), at = 0;
        for (int64_t s = 0; s < slices; s++) {
            rt_range r = rt_slice_samples(batch, slices, s);
            assert_int_equal(r.begin, at);
            assert_in_range(r.end - r.begin, batch / slices,
                            batch / slices + (batch % slices != 0));
            at = r.end;
        }
        assert_int_equal(at, batch);
    }
    rt_range huge = rt_slice_samples(INT64_MAX, 65536, 65535); /* no overflow */
    assert_int_equal(huge.end, INT64_MAX);
}

static void ranks_share_the_slices(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t slices = some(4096), at = 0;
        int world = (int)some(slices);
        bool single_nodes = slices % world == 0 && rt_is_power_of_two(slices / world);
        for (int rank = 0; rank < world; rank++) {
            rt_range r = rt_slices_of_rank(slices, world, rank), nodes[RT_TREE_NODES_MAX];
            assert_int_equal(r.begin, at);
            assert_true(r.end > r.begin);
            if (single_nodes)
                assert_int_equal(rt_tree_nodes(slices, r.begin, r.end, nodes), 1);
            assert_in_range(r.end - r.begin, slices / world,
                            slices / world + (slices % world != 0));
            at = r.end;
        }
        assert_int_equal(at, slices);
    }
    for (int world = 1; world <= 64; world *= 2) /* powers of two all round: equal shares */
        for (int rank = 0; rank < world; rank++) {
            rt_range r = rt_slices_of_rank(64, world, rank);
            assert_int_equal(r.begin, 64 / world * rank);
            assert_int_equal(r.end, 64 / world * (rank + 1));
        }
}

static void every_element_has_one_owner(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS / 10; round++) {
        int world = (int)some(64);
        int64_t count = random_below(&rng, 200 * (int64_t)RT_BLOCK), owned = 0;
        if (random_below(&rng, 4) == 0)
            count = count / RT_BLOCK * RT_BLOCK;
        rt_range all[64];
        for (int rank = 0; rank < world; rank++) {
            rt_range r = all[rank] = rt_owned_by_rank(count, world, rank);
            assert_true(0 <= r.begin && r.begin <= r.end && r.end <= count);
            assert_true(r.begin == r.end || r.begin % RT_BLOCK == 0);
            assert_true(r.begin == r.end || r.end % RT_BLOCK == 0 || r.end == count);
            owned += r.end - r.begin;
        }
        assert_int_equal(owned, count);
        for (int a = 0; a < world; a++)
            for (int b = 0; b < a; b++)
                assert_true(all[a].begin >= all[b].end || all[b].begin >= all[a].end);
    }
}

/* Ownership is what recursive halving leaves: at distance 1, 2, 4, ... the lower rank of a pair keeps the lower part. */
static void ownership_follows_recursive_halving(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS / 10; round++) {
        int world = 1 << random_below(&rng, 6);
        int64_t count = random_below(&rng, 100 * (int64_t)RT_BLOCK);
        for (int rank = 0; rank < world; rank++) {
            int64_t lo = 0, hi = world; /* places still held */
            for (int distance = 1; distance < world; distance *= 2) {
                int64_t middle = (lo + hi) / 2;
                if (rank & distance)
                    lo = middle;
                else
                    hi = middle;
            }
            rt_range own = rt_owned_by_rank(count, world, rank);
            int64_t before = 0; /* elements owned at lower places */
            for (int other = 0; other < world; other++) {
                rt_range r = rt_owned_by_rank(count, world, other);
                int64_t place = 0;
                for (int bit = 1; bit < world; bit *= 2)
                    place = 2 * place + ((other & bit) != 0);
                if (place < lo)
                    before += r.end - r.begin;
            }
            assert_true(own.begin == own.end || own.begin == before);
        }
    }
}

static void auto_is_the_next_power_of_two(void **state)
{
    (void)state;
    const int64_t expected[] = {1, 2, 4, 4, 8, 8, 8, 8, 16};
    for (int world = 1; world <= 9; world++)
        assert_int_equal(rt_slices_auto(world), expected[world - 1]);
    assert_int_equal(rt_slices_auto(65536), 65536);
    assert_true(rt_is_power_of_two(1) && rt_is_power_of_two(1LL << 40));
    assert_false(rt_is_power_of_two(0) || rt_is_power_of_two(-4) || rt_is_power_of_two(6));
}

int main(void)
{
    rng = random_seed("test_slices");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_split_is_the_largest_power_of_two_below),
        cmocka_unit_test(nodes_cover_a_range_with_the_fewest_nodes),
        cmocka_unit_test(any_partition_sums_to_the_same_bits),
        cmocka_unit_test(slices_one_by_one_carry_like_a_counter),
        cmocka_unit_test(samples_are_dealt_without_rest),
        cmocka_unit_test(ranks_share_the_slices),
        cmocka_unit_test(every_element_has_one_owner),
        cmocka_unit_test(ownership_follows_recursive_halving),
        cmocka_unit_test(auto_is_the_next_power_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
