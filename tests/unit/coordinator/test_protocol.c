/* The table of phases and inputs (coordinator/machine/protocol.def): it is complete, violations are detected, and docs/PROTOCOL.md shows it.
 *
 *     test_protocol --print      prints what docs/PROTOCOL.md must contain */
#include "common/base/log.h"
#include "coordinator/machine/phase.h"
#include "machine.h"
#include <ctype.h>

enum { LIVE = (1 << RT__DONE) - 1 };

static const struct {
    const char *name, *from, *text;
} inputs[] = {
#define MESSAGE(name, sender, text) {#name, #sender, text},
#define INPUT(name, from, text)     {#name, from, text},
#include "coordinator/machine/protocol.def"
};

static const struct {
    const char *name, *shown, *jobs, *text;
} phases[] = {
#define PHASE(name, shown, jobs, text) {#name, shown, #jobs, text},
#include "coordinator/machine/phases.def"
#undef PHASE
};

/* ---- is it complete? ---- */

static void every_input_has_one_row_for_every_phase(void **state)
{
    (void)state;
    int count;
    const rt__rule *rules = rt__run_rules(&count);
    for (int input = 0; input < RT__INPUTS; input++) {
        uint32_t covered = 0;
        for (int i = 0; i < count; i++) {
            if ((int)rules[i].input != input)
                continue;
            if (covered & rules[i].phases)
                fail_msg("%s: two rows for one phase, the second is: %s", inputs[input].name,
                         rules[i].text);
            covered |= rules[i].phases;
        }
        if (covered != LIVE)
            fail_msg("%s: rows cover the phases %#x of %#x", inputs[input].name, covered, LIVE);
    }
}

/* Phases that can be reached from `from` within the rows. */
static uint32_t reachable(uint32_t from)
{
    int count;
    const rt__rule *rules = rt__run_rules(&count);
    for (uint32_t before = 0; before != from;) {
        before = from;
        for (int i = 0; i < count; i++)
            if (rules[i].phases & from)
                from |= rules[i].next;
    }
    return from;
}

static void every_phase_is_reached_and_left(void **state)
{
    (void)state;
    assert_int_equal(reachable(RT__IN(BOOT)), (1 << RT__PHASES) - 1);
    for (int p = 0; p < RT__DONE; p++) {
        uint32_t end = reachable(UINT32_C(1) << p);
        if (!(end & RT__IN(DONE)) && p != RT__FAILING)
            fail_msg("%s: no way to DONE", phases[p].name);
        if (!(end & RT__IN(FAILED)))
            fail_msg("%s: no way to FAILED", phases[p].name);
    }
}

/* ---- is it followed? ---- */

static void violations_of_the_table_are_detected(void **state)
{
    (void)state;
    machine m;
    rt_log_open("test", "/dev/null", false);
    machine_init(&m, 2);
    machine_feed(&m, 0, "launcher");
    rt__run_enter(&m.run, 0, RT__DRAIN); /* no row allows it outside of an input */
    assert_string_equal(m.run.violation,
                        "phase DRAIN follows RECOVER, which protocol.def does not have");
    assert_int_equal(m.run.phase, RT__DRAIN); /* the run goes on all the same */
    machine_release(&m);

    machine_init(&m, 2);
    machine_feed(&m, 0, "launcher");
    m.run.job = RT__JOB_ALIVE;
    rt__run_step(&m.run, 1, &(rt__event){.kind = RT__EVENT_TICK});
    assert_string_equal(m.run.violation, "the job is in state 2 in phase RECOVER");
    m.run.job = RT__JOB_NONE;
    machine_release(&m);
}

/* ---- is it documented? ---- */

/* "RUN, DRAIN", or "all but RUN". */
static void print_phases(FILE *to, uint32_t set)
{
    bool rest = __builtin_popcount(set) > RT__DONE / 2;
    uint32_t named = rest ? LIVE & ~set : set;
    const char *between = "";
    if (rest)
        fputs(named ? "all but " : "all", to);
    else if (!named)
        fputs("-", to);
    for (int p = 0; p < RT__PHASES; p++)
        if (named >> p & 1) {
            fprintf(to, "%s%s", between, phases[p].name);
            between = ", ";
        }
}

static void print_page(FILE *to)
{
    int count;
    const rt__rule *rules = rt__run_rules(&count);
    fputs("| phase | shown as | job | |\n|---|---|---|---|\n", to);
    for (int p = 0; p < RT__PHASES; p++) {
        fprintf(to, "| %s | %s | ", phases[p].name, phases[p].shown);
        for (const char *c = phases[p].jobs; *c; c++)
            fputc(*c == '|' ? '/' : *c, to);
        fprintf(to, " | %s |\n", phases[p].text);
    }
    fputs("\n| input | in | | may enter |\n|---|---|---|---|\n", to);
    for (int input = 0; input < RT__INPUTS; input++) {
        fprintf(to, "| **%s** (", inputs[input].name);
        for (const char *c = inputs[input].from; *c; c++)
            fputc(tolower(*c), to);
        fprintf(to, ") | | %s | |\n", inputs[input].text);
        for (int i = 0; i < count; i++) {
            if ((int)rules[i].input != input)
                continue;
            fputs("| | ", to);
            print_phases(to, rules[i].phases);
            fprintf(to, " | %s%s | ", rules[i].handler ? "" : "ignored: ", rules[i].text);
            print_phases(to, rules[i].next);
            fputs(" |\n", to);
        }
    }
}

/* If the page does not show the table, the test prints what belongs there. */
static void the_page_shows_the_table(void **state)
{
    (void)state;
    char *table = NULL, page[65536];
    size_t len = 0;
    FILE *to = open_memstream(&table, &len),
         *from = fopen(RT_TEST_SOURCE_DIR "/docs/PROTOCOL.md", "r");
    assert_true(to && from);
    print_page(to);
    fclose(to);
    page[fread(page, 1, sizeof page - 1, from)] = 0;
    fclose(from);
    if (!strstr(page, table)) {
        fputs(table, stderr); /* too long for cmocka's message */
        fail_msg("docs/PROTOCOL.md lacks what is above");
    }
    free(table);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        print_page(stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_input_has_one_row_for_every_phase),
        cmocka_unit_test(every_phase_is_reached_and_left),
        cmocka_unit_test(violations_of_the_table_are_detected),
        cmocka_unit_test(the_page_shows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
