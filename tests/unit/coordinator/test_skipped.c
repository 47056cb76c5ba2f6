/* Steps that are skipped because they are not finite: they are counted and limited, and a run whose last steps were all skipped fails. */
#include "machine.h"

static json_t *journal;

static rt_status write_record_down(void *ctx, const json_t *record)
{
    (void)ctx;
    return json_array_append_new(journal, json_deep_copy(record)) == 0 ? RT_OK : RT_E_NOMEM;
}

static void start(machine *m, const char *set, bool again)
{
    rt__history history;
    size_t i;
    json_t *record;
    machine_configure(m, 2);
    assert_int_equal(rt_config_set(&m->cfg, "run.nan_loss=skip"), RT_OK);
    if (set)
        assert_int_equal(rt_config_set(&m->cfg, set), RT_OK);
    m->effects.journal = write_record_down;
    assert_int_equal(rt__history_init(&history), RT_OK);
    json_array_foreach(journal, i, record)
        assert_int_equal(rt__history_apply_json(&history, record), RT_OK);
    machine_begin(m, history, again);
}

/* Feeds events, separated by commas. "skip 5-8" reports that these steps were skipped (the first step is 1); at "!" another coordinator takes
 * over. */
static void feed(machine *m, const char *set, const char *events)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", events);
    for (char *event; (event = strsep(&rest, ","));) {
        long long first, last;
        event += strspn(event, " ");
        if (*event == '!') {
            machine_release(m);
            start(m, set, true);
            continue;
        }
        if (sscanf(event, "skip %lld-%lld", &first, &last) != 2) {
            machine_feed(m, 5, event);
            continue;
        }
        for (; first <= last; first++) {
            char one[40];
            snprintf(one, sizeof one, "skipped %lld", first - 1);
            machine_feed(m, 5, one);
        }
    }
}

#define BEGIN "launcher 0, recovered 0, hello 0, hello 1, layout, report 10, "
#define END                                                                                        \
    "report 100, piece 0 100, piece 1 100, committed 100, finished 0 100, finished 1 100, "        \
    "exited 1 0 0 -1"

static void skipped_steps_are_counted_and_limited(void **state)
{
    (void)state;
    static const struct {
        const char *set, *events;
        int exit_code;       /* -1: the run goes on */
        const char *message; /* NULL: none */
        size_t skipped;
    } cases[] = {
        {NULL, BEGIN END, 0, NULL, 0},
        {NULL, BEGIN "skip 11-11, " END, 0, NULL, 1},
        {NULL, BEGIN "skip 11-19, skip 30-38, " END, 0, NULL, 18},
        {NULL, BEGIN "skip 11-20, exited 1 143 15 -1", 1,
         "the last 10 steps up to step 20 were left out", 10},
        {"run.nan_skip_limit=3", BEGIN "skip 11-12, skip 14-15", -1, NULL, 4},
        {"run.nan_skip_limit=3", BEGIN "skip 11-13, exited 1 143 15 -1", 1, "(run.nan_skip_limit)",
         3},
        {"run.nan_skip_limit=1", BEGIN "skip 11-11, exited 1 143 15 -1", 1, "lower optimizer.lr",
         1},
        {"run.nan_skip_limit=0", BEGIN "skip 11-60, " END, 0, NULL, 50},
        /* Sent again, to the same coordinator or the next one. */
        {NULL, BEGIN "skip 11-14, skip 13-14, skip 11-14", -1, NULL, 4},
        {"run.nan_skip_limit=5",
         BEGIN "skip 11-14, !, launcher 1, recovered 0, hello 0 14 1, hello 1 14 1, skip 13-14", -1,
         NULL, 4},
        {"run.nan_skip_limit=5",
         BEGIN "skip 11-14, !, launcher 1, recovered 0, hello 0 14 1, hello 1 14 1, skip 15-15, "
               "exited 1 143 15 -1",
         1, "the last 5 steps", 5},
        /* Made again from an earlier state. */
        {"run.nan_skip_limit=5",
         BEGIN "skip 9-12, exited 1 137 9 1, recovered 10, hello 0, hello 1, skip 11-12", -1, NULL,
         4},
        {"run.nan_skip_limit=5",
         BEGIN "skip 9-12, exited 1 137 9 1, recovered 10, hello 0, hello 1", -1, NULL, 2},
        /* The last loss is that of steps 91 to 100. */
        {"run.nan_skip_limit=0", BEGIN "skip 91-100, " END, 1,
         "the training loss at the end is not a number, and 10 steps", 10},
        {"run.nan_skip_limit=0", BEGIN "skip 92-100, " END, 0, NULL, 9},
        {"run.nan_skip_limit=0", BEGIN "skip 1-100, " END, 1, "100 steps were left out", 100},
        {NULL, BEGIN "evaluated 100 6 -1, " END, 1, "the test loss at the end is not a number", 0},
        {NULL, BEGIN "evaluated 50 6 -1, " END, 0, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        machine m;
        journal = json_array();
        start(&m, cases[i].set, false);
        feed(&m, cases[i].set, cases[i].events);
        if (m.exit_code != cases[i].exit_code)
            fail_msg("case %zu: exit code %d, %s", i, (int)m.exit_code, m.message);
        if (cases[i].message ? !strstr(m.message, cases[i].message) : m.message[0] != '\0')
            fail_msg("case %zu: '%s'", i, m.message);
        if (cases[i].exit_code == 1) /* a resumed run would fail again */
            assert_int_equal(m.run.next, RT_NEXT_OTHER_RATE);
        assert_int_equal(json_array_size(m.run.history.skipped), cases[i].skipped);
        if (m.summary) {
            const char *next = json_string_value(json_object_get(m.summary, "next"));
            assert_int_equal(summary_int(&m, "skipped_steps"), cases[i].skipped);
            assert_true(summary_int(&m, "steps") >= rt__history_last_skipped(&m.run.history));
            assert_string_equal(next ? next : "none", m.exit_code ? "other rate" : "none");
        }
        machine_release(&m);
        json_decref(journal);
    }
}

/* The next launch knows which steps this run has skipped, also from a compacted journal. */
static void skipped_steps_are_known_to_the_next_launch(void **state)
{
    (void)state;
    machine m;
    journal = json_array();
    start(&m, NULL, false);
    feed(&m, NULL, BEGIN "skip 11-14");
    json_t *shorter = rt__history_records(&m.run.history);
    machine_release(&m);
    json_decref(journal);
    journal = shorter;
    json_array_append_new(journal, json_pack("{s:s}", "kind", "launch"));
    start(&m, NULL, false);
    assert_int_equal(rt__history_last_skipped(&m.run.history), 14);
    assert_int_equal(rt__history_skipped_in_row(&m.run.history, 14), 4);
    machine_release(&m);
    json_decref(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skipped_steps_are_counted_and_limited),
        cmocka_unit_test(skipped_steps_are_known_to_the_next_launch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
