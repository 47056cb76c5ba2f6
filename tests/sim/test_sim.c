/* The coordinator and the workers' link in a simulated world: twenty thousand faults, and no rule of tests/sim/rules.h is
 * broken. And each rule sees what it is there for.
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

#include "common/log.h"
#include "tests/sim/runs.h"

/* Faults in all, and runs with large worlds; fewer under sanitizers, which are slower by a factor of ten. */
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
    /* Everything has been seen, the rarest once in two thousand faults. */
    for (int f = 0; f < SIM_FAULTS; f++)
        if (t.of_kind[f] < faults / 2000)
            fail_msg("%s: only %lld times", sim_fault_text((sim_fault)f), (long long)t.of_kind[f]);
    assert_true(t.from_nothing > faults / 100 && t.from_checkpoint > faults / 100);
    assert_true(t.from_snapshot > faults / 100 && t.commits > faults / 100);
    assert_true(t.takeovers > faults / 100);
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

/* Sabotage that no rule sees within so many runs would go unseen for good. */
static void planted_mistakes_are_seen(void **state)
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
    rt_log_open("sim", "/dev/null", false); /* what workers have to say would fill the screen */
    rt_log_set_level(RT_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_seeds_give_equal_runs),
        cmocka_unit_test(planted_mistakes_are_seen),
        cmocka_unit_test(no_rule_is_broken),
        cmocka_unit_test(nor_in_large_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
