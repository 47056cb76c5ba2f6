/* Shards: every slice and every element has exactly one owner, whatever the sizes. */
#include "common/base/error.h"
#include "plans.h"
#include "worker/shard.h"
#include <ringtorch/optim.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

/* `small` is the number of elements between the parameters and the tail. */
static void check_one(int world, int64_t slices, int64_t count, int64_t small)
{
    const rt_flat flat = {
        .count = count, .tail = count + small, .length = count + small + RT_FLAT_SCALARS};
    const int64_t scalar[] = {flat.tail + RT_SCALAR_LOSS, flat.tail + RT_SCALAR_WEIGHT};
    int64_t length = flat.length, blocks = (count + RT_BLOCK - 1) / RT_BLOCK;
    rt_msg_plan plan = {};
    plan_room room;
    uint8_t *of_slices = calloc(1, (size_t)slices), *of_elements = calloc(1, (size_t)length);
    uint8_t *of_sums = calloc(1, (size_t)blocks + 2);
    plan_deal(&plan, &room, world, slices, length);
    for (int r = 0; r < world; r++) {
        rt__shard s;
        assert_int_equal(rt__shard_init(&s, &plan, world, r, length), RT_OK);
        cover(of_slices, s.slices);
        cover(of_elements, s.owned[r]);
        rt_range o = s.owned[r], sums = rt__sums_of(&flat, o);
        cover(of_sums, sums);
        for (int64_t b = sums.begin; b < sums.end; b++) { /* this rank's */
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

/* ---- plans that are refused ---- */

enum { WORLD = 3, LENGTH = 5 * RT_BLOCK };

/* A wrong plan for three ranks and five blocks. */
typedef struct bad_plan {
    const char *says; /* in the message */
    rt_status status;
    int64_t begin[4], begins; /* slices */
    const char *axes[9];
    int64_t sizes[9], axis_count, size_count;
    int64_t owned[8], owned_count;
} bad_plan;

#define SLICES .begin = {0, 1, 2, 4}, .begins = 4
#define DATA   .axes = {"data"}, .sizes = {3}, .axis_count = 1, .size_count = 1
#define OWNED  .owned = {0, 1, 1, 3, 3, 5}, .owned_count = 6

static const bad_plan bad_plans[] = {
    {"rank 1 has slices [2,2)", RT_E_PROTOCOL, {0, 2, 2, 4}, 4, DATA, OWNED},
    {"go from 1 to 4, expected 0 to 4", RT_E_PROTOCOL, {1, 2, 3, 4}, 4, DATA, OWNED},
    {"go from 0 to 3, expected 0 to 4", RT_E_PROTOCOL, {0, 1, 2, 3}, 4, DATA, OWNED},
    {"3 numbers say who has slices, expected 4", RT_E_PROTOCOL, {0, 1, 2}, 3, DATA, OWNED},
    {"0 axes", RT_E_PROTOCOL, SLICES, OWNED},
    {"9 axes of which 9 have a size, expected 1 to 8", RT_E_PROTOCOL, SLICES,
     .axes = {"a", "b", "c", "d", "e", "f", "g", "h", "i"}, .sizes = {3, 1, 1, 1, 1, 1, 1, 1, 1},
     .axis_count = 9, .size_count = 9, OWNED},
    {"2 axes of which 1 have a size", RT_E_PROTOCOL, SLICES, .axes = {"data", "tensor"},
     .sizes = {3}, .axis_count = 2, .size_count = 1, OWNED},
    {"axis 1 is called \"\"", RT_E_PROTOCOL, SLICES, .axes = {"data", ""}, .sizes = {3, 1},
     .axis_count = 2, .size_count = 2, OWNED},
    {"there are two axes data", RT_E_PROTOCOL, SLICES, .axes = {"data", "data"}, .sizes = {3, 1},
     .axis_count = 2, .size_count = 2, OWNED},
    {"no axis data", RT_E_PROTOCOL, SLICES, .axes = {"tensor"}, .sizes = {3}, .axis_count = 1,
     .size_count = 1, OWNED},
    {"axis tensor has size 3: this version", RT_E_UNSUPPORTED, SLICES, .axes = {"data", "tensor"},
     .sizes = {1, 3}, .axis_count = 2, .size_count = 2, .owned = {0, 5, 0, 1, 1, 3, 3, 5},
     .owned_count = 8},
    {"a mesh of 2 ranks, this world has 3", RT_E_PROTOCOL, SLICES, .axes = {"data"}, .sizes = {2},
     .axis_count = 1, .size_count = 1, OWNED},
    {"axis tensor has size 2: the axes up to it do not fit", RT_E_PROTOCOL, SLICES,
     .axes = {"data", "tensor"}, .sizes = {3, 2}, .axis_count = 2, .size_count = 2, OWNED},
    {"axis tensor has size 4611686018427387904", RT_E_PROTOCOL, SLICES, .axes = {"data", "tensor"},
     .sizes = {3, INT64_C(1) << 62}, .axis_count = 2, .size_count = 2, OWNED},
    {"axis data has size 0", RT_E_PROTOCOL, SLICES, .axes = {"data"}, .sizes = {0}, .axis_count = 1,
     .size_count = 1, OWNED},
    {"owners of blocks at 2 places, the axes have 3", RT_E_PROTOCOL, SLICES, DATA,
     .owned = {0, 1, 1, 5}, .owned_count = 4},
    {"axis data: block 2 has no owner", RT_E_PROTOCOL, SLICES, DATA, .owned = {3, 5, 0, 2, 0, 0},
     .owned_count = 6},
    {"axis data: block 1 has two owners", RT_E_PROTOCOL, SLICES, DATA, .owned = {0, 2, 1, 3, 3, 5},
     .owned_count = 6},
    {"axis data: block 4 has no owner", RT_E_PROTOCOL, SLICES, DATA, .owned = {0, 2, 2, 4, 4, 4},
     .owned_count = 6},
    {"blocks 3 to 6 have an owner, expected a range within 5", RT_E_PROTOCOL, SLICES, DATA,
     .owned = {0, 1, 1, 3, 3, 6}, .owned_count = 6},
    {"blocks -1 to 1 have an owner", RT_E_PROTOCOL, SLICES, DATA, .owned = {-1, 1, 1, 3, 3, 5},
     .owned_count = 6},
    {"blocks 3 to 1 have an owner", RT_E_PROTOCOL, SLICES, DATA, .owned = {0, 1, 3, 1, 3, 5},
     .owned_count = 6},
};

static void plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_plans / sizeof *bad_plans; i++) {
        const bad_plan *b = &bad_plans[i];
        rt_msg_blocks owned[4];
        for (int k = 0; k < 4; k++)
            owned[k] = (rt_msg_blocks){.begin = b->owned[2 * k], .end = b->owned[2 * k + 1]};
        const rt_msg_plan plan = {.world = WORLD,
                                  .slices = 4,
                                  .slice_begin = b->begin,
                                  .slice_begin_count = b->begins,
                                  .axes = b->axes,
                                  .axes_count = b->axis_count,
                                  .axis_sizes = b->sizes,
                                  .axis_sizes_count = b->size_count,
                                  .owned = owned,
                                  .owned_count = b->owned_count / 2};
        rt__shard s;
        const rt_status status = rt__shard_init(&s, &plan, WORLD, 0, LENGTH);
        if (status != b->status || !strstr(rt_error(), b->says))
            fail_msg("row %zu: %s, \"%s\": expected \"%s\"", i, rt_status_name(status), rt_error(),
                     b->says);
        rt_error_clear();
    }
}

/* Owners may come in any order, and an axis with one place is allowed. */
static void owners_lie_where_the_plan_says(void **state)
{
    (void)state;
    const char *const axes[] = {"pipeline", "data"};
    const int64_t sizes[] = {1, 3}, begin[] = {0, 1, 2, 4};
    const rt_msg_blocks owned[] = {
        {.begin = 0, .end = 5}, {.begin = 3, .end = 5}, {}, {.begin = 0, .end = 3}};
    const rt_msg_plan plan = {.slices = 4,
                              .slice_begin = begin,
                              .slice_begin_count = 4,
                              .axes = axes,
                              .axes_count = 2,
                              .axis_sizes = sizes,
                              .axis_sizes_count = 2,
                              .owned = owned,
                              .owned_count = 4};
    rt__shard s;
    assert_int_equal(rt__shard_init(&s, &plan, WORLD, 1, LENGTH - 7), RT_OK);
    assert_int_equal(s.owned[0].begin, 3 * RT_BLOCK);
    assert_int_equal(s.owned[0].end, LENGTH - 7);
    assert_int_equal(s.owned[1].begin, s.owned[1].end);
    assert_int_equal(s.owned[2].end, 3 * RT_BLOCK);
    assert_int_equal(s.rank, 1);
    assert_int_equal(s.world, WORLD);
    rt__shard_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_has_one_owner),
        cmocka_unit_test(plans_that_do_not_fit_are_refused),
        cmocka_unit_test(owners_lie_where_the_plan_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
