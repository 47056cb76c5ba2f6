/* The coordinator and the workers' link in a simulated world: twenty thousand faults must break no rule of tests/sim/rules.h, and each
 * rule must catch the mistakes that it is there for.
 *
 *     test_sim --all     a hundred thousand faults
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/log.h"
#include "tests/sim/runs.h"

/* The number of faults in total, and of runs with large worlds; fewer under sanitizers, which are ten times slower. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static int64_t faults = 2000;
static uint64_t large = 0;
#else
static int64_t faults = 20000;
static uint64_t large = 3;
#endif

static void no_rule_is_broken(void **state)
{
    (void)state;
    sim_totals t = {0};
    for (uint64_t seed = 1; t.faults < faults; seed++)
        if (!sim_run(&(sim_order){.seed = seed}, &t))
            fail_msg("seed %llu: %s", (unsigned long long)seed, t.what);
    sim_totals_print(&t, stdout);
    /* Every kind has happened, the rarest once in two thousand faults. */
    for (int f = 0; f < SIM_FAULTS; f++)
        if (t.of_kind[f] < faults / 2000)
            fail_msg("%s: only %lld times", sim_fault_text((sim_fault)f), (long long)t.of_kind[f]);
    assert_true(t.from_nothing > faults / 100 && t.from_checkpoint > faults / 100);
    assert_true(t.from_snapshot > faults / 100 && t.commits > faults / 100);
    assert_true(t.takeovers > faults / 100);
}

/* Seeds that once broke a rule. */
static void no_rule_is_broken_by_earlier_failures(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {
        48118122, /* rows that had been moved away did not come back with the state that they led to */
        48000854, /* the same */
        48011853, /* rule 4 protected a state that only the memory of processes held */
        47143211, /* messages that a stopped worker had sent while its host was cut off made it seem well when they arrived */
        47159695, /* a worker that was behind hid one that was stopped */
        200125295, /* more workers than at the beginning: what is bounded by their number may grow with it */
        47027505, /* workers that had outlived their job overwrote snapshots that they had left, and all newer ones were doubted */
        10131413, /* a worker that evaluated was named because the coordinator's machine had stood still */
        20025062, /* a tool that asked for a checkpoint got no answer in time, because a write took ten minutes */
        20053254, /* a worker without a plan was named while its job was being ended */
        20090687, /* a flipped bit was committed, because checksums of steps without a coordinator were lost */
        45095117, /* rule 10 expected rows of steps that a generation had made out of reach of the coordinator */
        45100498, /* a tool waited for the answer of a coordinator that had left */
        45035118, /* the result of a search for checkpoints was taken for the answer to a later search */
        44042839, /* each rank kept a message for every step that a stopped coordinator had not confirmed */
        43000236, /* a bit flipped in a job that had lost its launcher, where nobody could detect it */
        41108035, /* a coordinator that was stopped twice counted as awake after the shorter time */
        41071305, /* a silent rank was named as the cause of a loss, because mpirun reported another one's death too late */
        40005662, /* a rank that had left was named as the cause of a loss, because a full disk kept the journal from knowing */
    };
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        sim_totals t = {0};
        if (!sim_run(&(sim_order){.seed = seeds[i]}, &t))
            fail_msg("seed %llu: %s", (unsigned long long)seeds[i], t.what);
    }
}

static void nor_in_large_worlds(void **state)
{
    (void)state;
    sim_totals t = {0};
    for (uint64_t seed = 1; seed <= large; seed++)
        if (!sim_run(&(sim_order){.seed = seed, .size = SIM_LARGE}, &t))
            fail_msg("seed %llu: %s", (unsigned long long)seed, t.what);
    sim_totals_print(&t, stdout);
}

static void equal_seeds_give_equal_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sim_totals a = {0}, b = {0};
        assert_true(sim_run(&(sim_order){.seed = seed}, &a));
        assert_true(sim_run(&(sim_order){.seed = seed}, &b));
        assert_int_equal(a.events, b.events);
        assert_true(a.signature == b.signature);
    }
}

/* Sabotage that no rule catches within this many runs would never be caught. */
static void planted_mistakes_are_caught(void **state)
{
    (void)state;
    enum { RUNS = 200 };
    static const struct {
        sim_sabotage what;
        const char *rule, *text;
    } rows[] = {
#define SABOTAGE(constant, rule, text) {SIM_##constant, rule, text},
        SIM_SABOTAGE_LIST(SABOTAGE)
#undef SABOTAGE
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim_totals t = {0};
        bool seen = false;
        for (uint64_t seed = 1; seed <= RUNS && !seen; seed++)
            if (!sim_run(&(sim_order){.seed = seed, .sabotage = rows[i].what}, &t))
                seen = strncmp(t.what, rows[i].rule, strlen(rows[i].rule)) == 0;
        if (!seen)
            fail_msg("%s: %s was not broken in %d runs, but: %s", rows[i].text, rows[i].rule, RUNS,
                     t.what);
        printf("%s: %s\n", rows[i].text, t.what);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--all")) {
        faults = 100000;
        large = 4;
    }
    rt_log_open("sim", "/dev/null", false); /* the workers' log would fill the screen */
    rt_log_set_level(RT_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_seeds_give_equal_runs),
        cmocka_unit_test(planted_mistakes_are_caught),
        cmocka_unit_test(no_rule_is_broken),
        cmocka_unit_test(no_rule_is_broken_by_earlier_failures),
        cmocka_unit_test(nor_in_large_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
