/* Tests Philox4x32-10 with the known answers of its authors (Random123, kat_vectors), the numbers made of its words, and
 * that an element depends only on its place. */
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

typedef struct answer {
    uint32_t counter[4], key[2], out[4];
} answer;

static const answer answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void for_levels(void (*f)(const rt_kernels *k))
{
    char levels[64], *rest = NULL;
    snprintf(levels, sizeof levels, "%s", rt_kernels_levels());
    for (char *l = strtok_r(levels, " ", &rest); l; l = strtok_r(NULL, " ", &rest))
        f(rt_kernels_level(l));
}

/* uniform in [0, 2^24) shows the upper 24 bits of each word. */
static void check_known(const rt_kernels *k)
{
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const answer *a = &answers[i];
        rt_rng r = {(uint64_t)a->key[1] << 32 | a->key[0], a->counter[0], a->counter[1],
                    a->counter[2], a->counter[3]};
        float y[4];
        k->uniform[RT_F32](rt_exec_cpu(), r, 4, 0, 0x1p24, y);
        for (int j = 0; j < 4; j++)
            assert_true(y[j] == (float)(a->out[j] >> 8));
    }
}

static void test_known_answers(void **state)
{
    (void)state;
    for_levels(check_known);
}

enum { N = 1 << 17 };
static float y[N], part[N];

/* A shorter run is the beginning of a longer one, one that skips elements is its rest, and other places give other
 * numbers. */
static void check_places(const rt_kernels *k)
{
    rt_rng r = {42, 1, 2, 3, 0};
    k->normal[RT_F32](rt_exec_cpu(), r, N, 0, 1, y);
    for (int64_t n = 0; n < 200; n += 7) {
        k->normal[RT_F32](rt_exec_cpu(), r, n, 0, 1, part);
        assert_memory_equal(part, y, (size_t)n * sizeof *y);
    }
    r.skip = 25000;
    k->normal[RT_F32](rt_exec_cpu(), r, N - 100000, 0, 1, part);
    assert_memory_equal(part, y + 100000, (N - 100000) * sizeof *y);
    rt_rng others[] = {{43, 1, 2, 3, 0},
                       {42, 2, 2, 3, 0},
                       {42, 1, 3, 3, 0},
                       {42, 1, 2, 4, 0},
                       {42 + (1ull << 32), 1, 2, 3, 0}};
    for (int i = 0; i < 5; i++) {
        k->normal[RT_F32](rt_exec_cpu(), others[i], 4, 0, 1, part);
        assert_memory_not_equal(part, y, 4 * sizeof *y);
    }
}

static void test_places(void **state)
{
    (void)state;
    for_levels(check_places);
}

/* The counter holds the lower half of an element's number, so the key changes every 2^32 counters. Across that border
 * each run must still be the rest of a longer one, for any width of vectors. */
static void check_border(const rt_kernels *k)
{
    enum { BEFORE = 21 }; /* counters */
    rt_rng r = {42, 1, 2, 3, (1ull << 32) - BEFORE};
    k->uniform[RT_F32](rt_exec_cpu(), r, 400, 0, 0x1p24, y);
    for (uint64_t skip = 0; skip < 60; skip++) {
        rt_rng later = r;
        later.skip += skip;
        k->uniform[RT_F32](rt_exec_cpu(), later, 400 - 4 * (int64_t)skip, 0, 0x1p24, part);
        assert_memory_equal(part, y + 4 * skip, (400 - 4 * skip) * sizeof *y);
    }
    rt_rng first = {42, 1, 2, 3, 0};
    k->uniform[RT_F32](rt_exec_cpu(), first, 64, 0, 0x1p24, part);
    assert_memory_not_equal(part, y + 4 * BEFORE, 64 * sizeof *y); /* the numbers do not repeat */
    rt_kernels_level("ref")->uniform[RT_F32](rt_exec_cpu(), r, 400, 0, 0x1p24, part);
    assert_memory_equal(part, y, 400 * sizeof *y);
}

static void test_border(void **state)
{
    (void)state;
    for_levels(check_border);
}

/* Rounding could reach the upper end of such ranges: of eight numbers in this one, every sixteenth would. */
static void check_half_open(const rt_kernels *k)
{
    rt_rng r = {7, 0, 0, 0, 0};
    k->uniform[RT_F32](rt_exec_cpu(), r, N, 1e8, 1e8 + 8, y);
    for (int i = 0; i < N; i++)
        assert_true(y[i] == 1e8f);
    k->uniform[RT_F32](rt_exec_cpu(), r, N, 0, 0x1.000002p-126, y);
    for (int i = 0; i < N; i++)
        assert_true(y[i] >= 0 && y[i] < 0x1.000002p-126f);
    k->uniform[RT_F32](rt_exec_cpu(), r, N, 3, 3, y);
    assert_true(y[0] == 3 && y[N - 1] == 3);
}

static void test_half_open(void **state)
{
    (void)state;
    for_levels(check_half_open);
}

static double moment(const float *x, double about, int power)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += pow(x[i] - about, power);
    return sum / N;
}

/* Moments must be within 5 standard deviations of their expected values. */
static void check_moments(const rt_kernels *k)
{
    rt_rng r = {7, 0, 0, 0, 0};
    double root = sqrt(N);
    k->uniform[RT_F32](rt_exec_cpu(), r, N, -1, 3, y);
    assert_true(fabs(moment(y, 0, 1) - 1) < 5 * sqrt(16.0 / 12) / root);
    for (int i = 0; i < N; i++)
        assert_true(y[i] >= -1 && y[i] <= 3);
    k->normal[RT_F32](rt_exec_cpu(), r, N, 2, 3, y);
    assert_true(fabs(moment(y, 0, 1) - 2) < 5 * 3 / root);
    assert_true(fabs(moment(y, 2, 2) - 9) < 5 * 9 * sqrt(2) / root);
    assert_true(fabs(moment(y, 2, 4) / 81 - 3) < 5 * sqrt(96) / root);
    k->dropout_mask[RT_F32](rt_exec_cpu(), r, N, 0.25, y);
    int64_t dropped = 0;
    for (int i = 0; i < N; i++) {
        assert_true(y[i] == 0 || y[i] == (float)(1 / 0.75));
        dropped += y[i] == 0;
    }
    assert_true(fabs((double)dropped / N - 0.25) < 5 * sqrt(0.25 * 0.75) / root);
}

static void test_moments(void **state)
{
    (void)state;
    for_levels(check_moments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers),
                                       cmocka_unit_test(test_places), cmocka_unit_test(test_border),
                                       cmocka_unit_test(test_half_open),
                                       cmocka_unit_test(test_moments)};
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
