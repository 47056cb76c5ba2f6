/* Shards: every slice and every element has exactly one owner, whatever the sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ringtorch/optim.h>
#include "common/error.h"
#include "worker/shard.h"

static uint64_t seed = 20261122;

static int64_t draw(int64_t least, int64_t most)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return least + (int64_t)((seed >> 33) % (uint64_t)(most - least + 1));
}

/* Adds 1 to counts[i / unit] for every i in the range. */
static void cover(uint8_t *counts, rt_range r)
{
    for (int64_t i = r.begin; i < r.end; i++)
        counts[i]++;
}

static void expect_all_once(const uint8_t *counts, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (counts[i] != 1)
            fail_msg("element %lld of %lld has %d owners", (long long)i, (long long)n, counts[i]);
}

/* small: elements between the parameters and the tail. */
static void check_one(int world, int64_t slices, int64_t count, int64_t small)
{
    const rt_flat flat = {
        .count = count, .tail = count + small, .length = count + small + RT_FLAT_SCALARS};
    const int64_t scalar[] = {flat.tail + RT_SCALAR_LOSS, flat.tail + RT_SCALAR_WEIGHT};
    int64_t length = flat.length, blocks = (count + RT_BLOCK - 1) / RT_BLOCK;
    int64_t begin[65];
    uint8_t *of_slices = calloc(1, (size_t)slices), *of_elements = calloc(1, (size_t)length);
    uint8_t *of_sums = calloc(1, (size_t)blocks + 2);
    for (int r = 0; r <= world; r++)
        begin[r] = r < world ? rt_slices_of_rank(slices, world, r).begin : slices;
    for (int r = 0; r < world; r++) {
        rt__shard s;
        assert_int_equal(rt__shard_init(&s, world, r, slices, begin, length), RT_OK);
        cover(of_slices, s.slices);
        cover(of_elements, s.owned[r]);
        rt_range o = s.owned[r], sums = rt__sums_of(&flat, o);
        cover(of_sums, sums);
        for (int64_t b = sums.begin; b < sums.end; b++) { /* mine to compute */
            int64_t first = b < blocks ? b * RT_BLOCK : scalar[b - blocks];
            assert_true(o.begin <= first && first < o.end);
        }
        rt__shard_release(&s);
    }
    expect_all_once(of_slices, slices);
    expect_all_once(of_elements, length);
    expect_all_once(of_sums, blocks + 2);
    free(of_slices);
    free(of_elements);
    free(of_sums);
}

static void everything_has_one_owner(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 200; i++) {
        int world = (int)draw(1, 12);
        int64_t slices = draw(world, 40), count = draw(1, 20 * RT_BLOCK);
        check_one(world, slices, count, 0);
        check_one(world, slices, count, draw(0, 3 * RT_BLOCK));
    }
    for (int spill = -1; spill <= RT_FLAT_SCALARS; spill++) /* the tail around a block border */
        for (int small = 0; small < 3; small++)
            check_one(4, 4, 3 * RT_BLOCK - spill - small, small);
}

static void a_plan_that_does_not_tile_is_refused(void **state)
{
    (void)state;
    rt__shard s;
    const int64_t idle[] = {0, 2, 2, 4}, shifted[] = {1, 2, 3, 4}, cut_short[] = {0, 1, 2, 3};
    assert_int_equal(rt__shard_init(&s, 3, 0, 4, idle, 1000), RT_E_PROTOCOL);
    assert_non_null(strstr(rt_error(), "rank 1"));
    rt_error_clear();
    assert_int_equal(rt__shard_init(&s, 3, 0, 4, shifted, 1000), RT_E_PROTOCOL);
    rt_error_clear();
    assert_int_equal(rt__shard_init(&s, 3, 0, 4, cut_short, 1000), RT_E_PROTOCOL);
    rt_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_one_owner),
        cmocka_unit_test(a_plan_that_does_not_tile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
