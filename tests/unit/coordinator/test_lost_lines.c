/* Lines of events.jsonl and metrics.jsonl that cannot be written: the run goes on, the user is told once, and an event counts them once
 * lines can be written again. */
#include "script.h"

#include "coordinator/machine/record.h"

enum { LOST_AT_END = 3 };

static int64_t last_lost[2];

static rt_status count_lost(void *ctx, rt__line where, const json_t *object)
{
    if (strcmp(rt__field_text(object, "event"), "lines_lost") == 0) {
        last_lost[0] = rt__field_int(object, "events", -1);
        last_lost[1] = rt__field_int(object, "rows", -1);
    }
    return machine_line(ctx, where, object);
}

static void play_rows(machine *m, const row *rows, size_t count)
{
    play(m, &(script){.rows = rows, .count = count});
}
#define PLAY(m, rows) play_rows(m, rows, sizeof(rows) / sizeof *(rows))

static void start(machine *m)
{
    static const row rows[] = {START};
    machine_init(m, 2);
    PLAY(m, rows);
}

static void lost_lines_are_counted(void **state)
{
    (void)state;
    static const row full[] = {
        {"report 5", RT__RUN, "journal:first_step metrics"},
        {"linesfull", RT__RUN, ""},
        {"report 10", RT__RUN, "lost lost"}, /* the row, and the event that says so */
        {"report 20", RT__RUN, "lost"},
        {"tick", RT__RUN, ""},
    };
    static const row again[] = {
        {"linesroom", RT__RUN, ""},
        {"tick", RT__RUN, ""},
        {"report 30", RT__RUN, "metrics event:lines_lost"},
        {"report 40", RT__RUN, "metrics"},
    };
    static const row second[] = {
        {"linesfull", RT__RUN, ""},
        {"report 50", RT__RUN, "lost lost"},
        {"linesroom", RT__RUN, ""},
        {"report 60", RT__RUN, "metrics event:lines_lost"},
    };
    machine m;
    start(&m);
    m.effects.line = count_lost;
    PLAY(&m, full);
    assert_string_equal(m.text, "events.jsonl: cannot append: no space left on device");
    m.text[0] = '\0';
    PLAY(&m, again);
    assert_int_equal(last_lost[0], 1);
    assert_int_equal(last_lost[1], 2);
    assert_string_equal(m.text, ""); /* once */
    PLAY(&m, second);
    assert_int_equal(last_lost[0], 1);
    assert_int_equal(last_lost[1], 1);
    assert_string_equal(m.text, "events.jsonl: cannot append: no space left on device");
    machine_release(&m);
}

/* The message at the end of a run whose disk is full names no file that says nothing. */
static void no_message_points_to_lost_lines(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        machine m;
        start(&m);
        const char *const events[] = {"progress 1 42",
                                      "interrupt 2",
                                      "piece 0 44",
                                      "piece 1 44",
                                      full ? "linesfull" : "linesroom",
                                      "finished 0 44",
                                      "finished 1 44",
                                      "exited 1 137 9 1",
                                      "tick",
                                      "uncommitted 44",
                                      NULL};
        for (int i = 0; events[i]; i++)
            machine_feed(&m, i, events[i]);
        assert_int_equal(m.run.phase, RT__FAILED);
        assert_int_equal(strstr(m.message, "events.jsonl says why") == NULL, full);
        assert_non_null(strstr(m.message, "could not be written to disk"));
        /* How many are lost is shown before the end: no later coordinator will know it. */
        assert_int_equal(m.lost_told, full ? LOST_AT_END : 0);
        machine_release(&m);
    }
}

static int64_t events_told;

static rt_status refuse_rows(void *ctx, rt__line where, const json_t *object)
{
    events_told += strncmp(rt__field_text(object, "event"), "lines_", 6) == 0;
    return where == RT__LINE_METRICS ? RT_FAIL(NOSPACE, "metrics.jsonl: full")
                                     : machine_line(ctx, where, object);
}

/* An event fits into a block that its file has already: that says nothing of the rows. */
static void rows_that_do_not_fit_are_told_of_once(void **state)
{
    (void)state;
    static const row rows[] = {
        {"report 5", RT__RUN, "journal:first_step event:lines_fail"},
        {"report 10", RT__RUN, ""},
        {"report 20", RT__RUN, ""},
        {"tick", RT__RUN, ""},
    };
    machine m;
    start(&m);
    m.effects.line = refuse_rows;
    PLAY(&m, rows);
    assert_int_equal(events_told, 1);
    machine_release(&m);
}

/* A summary is no line: nothing is counted for it. */
static void a_lost_summary_is_no_lost_line(void **state)
{
    (void)state;
    machine m;
    start(&m);
    m.run.lost.shown = m.run.lost.work_again = true;
    snprintf(m.run.lost.reason, sizeof m.run.lost.reason, "summary.json: cannot write");
    m.lost_told = -1;
    rt__record_lost_lines_at_end(&m.run, 50);
    assert_int_equal(m.lost_told, -1);
    assert_string_equal(m.run.lost.reason, "");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_lines_are_counted),
        cmocka_unit_test(no_message_points_to_lost_lines),
        cmocka_unit_test(rows_that_do_not_fit_are_told_of_once),
        cmocka_unit_test(a_lost_summary_is_no_lost_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
